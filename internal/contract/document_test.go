package contract

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/slimci/dbtcloud/internal/testenv"
)

// documents is the operations of both official documents.
type documents struct{ operations []*operation }

// operation is one operation of an official document, its object schemas closed: a field that the document does not
// list is a violation, although the document nowhere says additionalProperties: false.
type operation struct {
	name       string // the document's version and name of it, such as "v2 Create Job"
	method     string
	path       string
	pattern    *regexp.Regexp // of a path, the parameters as groups
	parameters openapi3.Parameters
	*openapi3.Operation
}

// load reads both documents. Without them the test is skipped.
func load(tb testing.TB) *documents {
	tb.Helper()
	d, sealed := new(documents), map[*openapi3.Schema]bool{}
	for _, version := range []string{"v2", "v3"} {
		doc, err := openapi3.NewLoader().LoadFromFile(testenv.Shared(tb, "openapi", "openapi-"+version+".yaml"))
		if err != nil {
			tb.Fatalf("the official document of %s: %v", version, err)
		}
		for path, item := range doc.Paths.Map() {
			for method, op := range item.Operations() {
				d.operations = append(d.operations, &operation{
					name: version + " " + op.OperationID, method: method, path: path, pattern: pathPattern(path),
					parameters: append(slices.Clone(item.Parameters), op.Parameters...), Operation: op,
				})
				sealOperation(op, sealed)
			}
		}
	}
	// A path without parameters comes before one with a parameter in its place.
	slices.SortFunc(d.operations, func(a, b *operation) int {
		if n := strings.Count(a.path, "{") - strings.Count(b.path, "{"); n != 0 {
			return n
		}
		return strings.Compare(a.path+a.method, b.path+b.method)
	})
	return d
}

var pathParameter = regexp.MustCompile(`\\\{([a-z_]+)\\\}`)

// placeholder is a parameter of a path, as a document or the fake writes it.
var placeholder = regexp.MustCompile(`\{[a-z_.]+\}`)

// pathPattern matches the paths of a template. Only the remainder of an artifact's path has slashes.
func pathPattern(template string) *regexp.Regexp {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(template), `\{remainder\}`, `(?P<remainder>.+)`)
	return regexp.MustCompile("^" + pathParameter.ReplaceAllString(pattern, `(?P<$1>[^/]+)`) + "$")
}

func sealOperation(op *openapi3.Operation, sealed map[*openapi3.Schema]bool) {
	if op.RequestBody != nil {
		for _, media := range op.RequestBody.Value.Content {
			seal(media.Schema, sealed)
		}
	}
	for _, response := range op.Responses.Map() {
		for _, media := range response.Value.Content {
			seal(media.Schema, sealed)
		}
	}
}

// seal closes an object schema and everything below it. An allOf of one schema, which is how the document adds a
// description to a reference, is replaced by that schema, because closing it would refuse everything.
func seal(ref *openapi3.SchemaRef, sealed map[*openapi3.Schema]bool) {
	if ref == nil {
		return
	}
	for len(ref.Value.AllOf) == 1 {
		ref.Value = ref.Value.AllOf[0].Value
	}
	s := ref.Value
	if sealed[s] {
		return
	}
	sealed[s] = true
	if len(s.Properties) > 0 && s.AdditionalProperties.Has == nil && s.AdditionalProperties.Schema == nil {
		s.AdditionalProperties.Has = new(false)
	}
	for _, property := range s.Properties {
		seal(property, sealed)
	}
	seal(s.Items, sealed)
	seal(s.AdditionalProperties.Schema, sealed)
	for _, part := range slices.Concat(s.OneOf, s.AnyOf, s.AllOf) {
		seal(part, sealed)
	}
}

// find returns the operation of a request and its path parameters; nil when no document has it.
func (d *documents) find(method, path string) (*operation, map[string]string) {
	for _, op := range d.operations {
		if op.method != method {
			continue
		}
		if groups := op.pattern.FindStringSubmatch(path); groups != nil {
			parameters := map[string]string{}
			for i, name := range op.pattern.SubexpNames()[1:] {
				parameters[name] = groups[i+1]
			}
			return op, parameters
		}
	}
	return nil, nil
}

// named returns the operation of that name.
func (d *documents) named(tb testing.TB, name string) *operation {
	tb.Helper()
	for _, op := range d.operations {
		if op.name == name {
			return op
		}
	}
	tb.Fatalf("no official document has the operation %q", name)
	return nil
}

// requestSchema is what the body of the operation must be; nil when it has none.
func (o *operation) requestSchema() *openapi3.Schema {
	if o.RequestBody == nil {
		return nil
	}
	return o.RequestBody.Value.Content["application/json"].Schema.Value
}

// answerSchema is what a JSON answer of that status must be, and its name without the envelope; nil when the document
// describes none.
func (o *operation) answerSchema(status int) (*openapi3.Schema, string) {
	response := o.Responses.Status(status)
	if response == nil || response.Value.Content["application/json"] == nil {
		return nil, ""
	}
	ref := response.Value.Content["application/json"].Schema
	name := ref.Ref[strings.LastIndex(ref.Ref, "/")+1:]
	return ref.Value, strings.TrimSuffix(strings.TrimSuffix(name, "Enveloped"), "List")
}

// fields lists the dotted names of everything that the schema of an object has; a star is any key.
func fields(s *openapi3.Schema) []string {
	var names []string
	add := func(name string, ref *openapi3.SchemaRef) {
		names = append(names, name)
		below := ref.Value
		if inner := item(below); inner != nil {
			below = inner
		}
		for _, field := range fields(below) {
			names = append(names, name+"."+field)
		}
	}
	for name, property := range s.Properties {
		add(name, property)
	}
	if s.AdditionalProperties.Schema != nil {
		add("*", s.AdditionalProperties.Schema)
	}
	slices.Sort(names)
	return names
}
