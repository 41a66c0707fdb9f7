package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// violation is one way in which a request or an answer is not what the official document says.
type violation struct {
	where   string // the operation and the part of its request, such as "v2 Create Job body"; of an answer "answer" and its schema
	field   string // dotted, without the indexes of lists
	problem string // unknown, null, missing, type, enum, minLength, format, ...
	value   any    // of the field, when it is unknown
}

func (v violation) String() string { return v.where + ": " + v.field + ": " + v.problem }

// request checks all of a request: path, query, body and authorization.
func (d *documents) request(r *http.Request, body []byte) (*operation, []violation) {
	op, parameters := d.find(r.Method, r.URL.Path)
	if op == nil {
		return nil, []violation{{where: r.Method + " " + r.URL.Path, field: "path", problem: "unknown"}}
	}
	found := slices.Concat(op.checkPath(parameters), op.checkQuery(r.URL.Query()), op.checkBody(r.Header, body))
	if kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); op.Security != nil && (kind != "Token" && kind != "Bearer" || token == "") {
		found = append(found, violation{where: op.name + " header", field: "Authorization", problem: "missing"})
	}
	return op, found
}

func (o *operation) checkPath(parameters map[string]string) []violation {
	var found []violation
	for name, value := range parameters {
		p := o.parameters.GetByInAndName("path", name)
		if p == nil {
			found = append(found, violation{where: o.name + " path", field: name, problem: "unknown"})
			continue
		}
		found = append(found, check(o.name+" path", name, p.Schema.Value, scalar(p.Schema.Value, value))...)
	}
	return found
}

func (o *operation) checkQuery(query url.Values) []violation {
	where := o.name + " query"
	var found []violation
	for name, values := range query {
		if p := o.parameters.GetByInAndName("query", name); p == nil {
			found = append(found, violation{where: where, field: name, problem: "unknown"})
		} else {
			found = append(found, checkParameter(where, p, values)...)
		}
	}
	for _, p := range o.parameters {
		if p.Value.In == "query" && p.Value.Required && !query.Has(p.Value.Name) {
			found = append(found, violation{where: where, field: p.Value.Name, problem: "missing"})
		}
	}
	return found
}

// checkParameter reads a list in the document's form, repeated, or as one JSON list, which is a departure.
func checkParameter(where string, p *openapi3.Parameter, values []string) []violation {
	schema := p.Schema.Value
	if !schema.Type.Is("array") {
		found := check(where, p.Name, schema, scalar(schema, values[0]))
		if len(values) > 1 {
			found = append(found, violation{where: where, field: p.Name, problem: "repeated"})
		}
		if !documentedValue(p, values[0]) {
			found = append(found, violation{where: where, field: p.Name, problem: "enum"})
		}
		return found
	}
	var items []any
	if len(values) == 1 && strings.HasPrefix(values[0], "[") {
		found := []violation{{where: where, field: p.Name, problem: "JSON list"}}
		if decode([]byte(values[0]), &items) != nil {
			return append(found, violation{where: where, field: p.Name, problem: "type"})
		}
		return append(found, check(where, p.Name, schema, items)...)
	}
	for _, value := range values {
		items = append(items, scalar(schema.Items.Value, value))
	}
	return check(where, p.Name, schema, items)
}

// scalar is the text of a path or query parameter as a JSON value of the kind that the schema wants; a text that is no
// such value stays one.
func scalar(schema *openapi3.Schema, text string) any {
	kinds := []*openapi3.Schema{schema}
	for _, alternative := range schema.OneOf {
		kinds = append(kinds, alternative.Value)
	}
	for _, kind := range kinds {
		if kind.Type.Is("integer") {
			if n, err := strconv.ParseInt(text, 10, 64); err == nil {
				return json.Number(strconv.FormatInt(n, 10))
			}
		}
		if kind.Type.Is("boolean") && (text == "true" || text == "false") {
			return text == "true"
		}
	}
	return text
}

var quoted = regexp.MustCompile("`([a-z_]+)`")

// documentedValue checks what the document says in words only: which related objects and which orders there are, and
// that a page has at most 100 items.
func documentedValue(p *openapi3.Parameter, value string) bool {
	if p.Name == "limit" {
		n, err := strconv.Atoi(value)
		return err == nil && n >= 1 && n <= 100
	}
	known := documentedWords(p.Description)
	if len(known) == 0 {
		return true
	}
	for word := range strings.SplitSeq(value, ",") {
		if p.Name == "order_by" {
			word = strings.TrimPrefix(word, "-")
		}
		if !slices.Contains(known, word) {
			return false
		}
	}
	return true
}

// documentedWords are in a sentence of v2, each quoted, or after a colon in v3.
func documentedWords(description string) []string {
	if _, words, ok := strings.Cut(description, "Available: "); ok {
		return strings.Split(strings.TrimSuffix(words, "."), ", ")
	}
	var known []string
	if strings.Contains(description, "Valid values are") || strings.Contains(description, "Options are") {
		for _, word := range quoted.FindAllStringSubmatch(description, -1) {
			known = append(known, word[1])
		}
	}
	return known
}

func (o *operation) checkBody(header http.Header, body []byte) []violation {
	where, schema := o.name+" body", o.requestSchema()
	switch {
	case schema == nil && len(body) == 0:
		return nil
	case schema == nil:
		var value any
		_ = decode(body, &value) // what is no JSON has no shape that a departure could have
		return []violation{{where: where, field: "all", problem: "unknown", value: value}}
	case len(body) == 0:
		return []violation{{where: where, field: "all", problem: "missing"}}
	case header.Get("Content-Type") != "application/json":
		return []violation{{where: where, field: "Content-Type", problem: "enum"}}
	}
	var value any
	if err := decode(body, &value); err != nil {
		return []violation{{where: where, field: "all", problem: "type"}}
	}
	return check(where, "", schema, value)
}

// answer checks the answer to an operation, as far as the document describes it: it describes hardly any error.
func (o *operation) answer(status int, body []byte) []violation {
	described := o.Responses.Status(status) != nil
	if status >= 400 && !described {
		return nil
	}
	if !described {
		return []violation{{where: "answer of " + o.name, field: strconv.Itoa(status), problem: "unknown"}}
	}
	schema, name := o.answerSchema(status)
	if schema == nil {
		if status == http.StatusNoContent && len(body) > 0 {
			return []violation{{where: "answer of " + o.name, field: "all", problem: "unknown"}}
		}
		return nil
	}
	var value any
	if decode(body, &value) != nil {
		return []violation{{where: "answer " + name, field: "all", problem: "type"}}
	}
	var found []violation
	if envelope, ok := value.(map[string]any); ok {
		if inner, ok := envelope["data"].(map[string]any); ok && len(inner) == 1 && inner["data"] != nil {
			envelope["data"] = inner["data"]
			found = append(found, violation{where: "answer " + name, field: "data", problem: "twice"})
		}
	}
	return append(found, check("answer "+name, "", schema, value)...)
}

// check returns what is wrong with a JSON value, whose place is field, by its schema.
func check(where, field string, schema *openapi3.Schema, value any) []violation {
	return violations(where, field, schema.VisitJSON(value, openapi3.MultiErrors()))
}

// violations takes an error apart, by its very type: what it wraps is why an alternative did not match.
func violations(where, field string, err error) []violation {
	switch e := any(err).(type) {
	case nil:
		return nil
	case openapi3.MultiError:
		var found []violation
		for _, err := range e {
			found = append(found, violations(where, field, err)...)
		}
		return found
	case *openapi3.SchemaError:
		return []violation{schemaViolation(where, field, e)}
	}
	return []violation{{where: where, field: field, problem: err.Error()}}
}

func schemaViolation(where, field string, e *openapi3.SchemaError) violation {
	v := violation{where: where, field: field, problem: e.SchemaField}
	for _, key := range e.JSONPointer() {
		if _, err := strconv.Atoi(key); err != nil {
			v.field = join(v.field, key)
		}
	}
	switch {
	case e.Value == nil:
		v.problem = "null"
	case e.SchemaField == "required":
		v.problem = "missing"
	case e.SchemaField == "properties":
		var name string
		if _, err := fmt.Sscanf(e.Reason, "property %q is unsupported", &name); err == nil {
			v.field, v.problem = join(v.field, name), "unknown"
			v.value = e.Value.(map[string]any)[name]
		}
	}
	return v
}

func join(field, key string) string { return strings.TrimPrefix(field+"."+key, ".") }

// decode reads one JSON value with exact numbers, and nothing after it.
func decode(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

// names lists the dotted names of everything that a JSON value holds; a key that the schema leaves free is a star.
func names(field string, schema *openapi3.Schema, value any) []string {
	var out []string
	switch value := value.(type) {
	case map[string]any:
		for key, below := range value {
			key, property := property(schema, key)
			out = append(append(out, join(field, key)), names(join(field, key), property, below)...)
		}
	case []any:
		for _, below := range value {
			out = append(out, names(field, item(schema), below)...)
		}
	}
	return out
}

// property is the schema of what an object has under a key, nil when the schema does not tell, and the name of the key.
func property(schema *openapi3.Schema, key string) (string, *openapi3.Schema) {
	switch {
	case schema == nil:
	case schema.Properties[key] != nil:
		return key, schema.Properties[key].Value
	case schema.AdditionalProperties.Schema != nil:
		return "*", schema.AdditionalProperties.Schema.Value
	}
	return key, nil
}

// item is the schema of what a list holds, nil when the schema does not tell.
func item(schema *openapi3.Schema) *openapi3.Schema {
	if schema == nil || schema.Items == nil {
		return nil
	}
	return schema.Items.Value
}
