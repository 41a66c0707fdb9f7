package contract

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// The writes above are all that there are.
func TestEveryWriteIsTried(t *testing.T) {
	t.Parallel()
	var want, got []string
	for _, op := range load(t).covered() {
		if op.RequestBody != nil {
			want = append(want, op.name)
		}
	}
	for _, d := range requestDepartures() {
		if d.fields == "all" {
			want = append(want, strings.TrimSuffix(d.where, " body"))
		}
	}
	for _, w := range writes() {
		got = append(got, w.operation)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
}

// address is the path of the operation in the fake's account and project.
func (o *operation) address(s *dbtcloudtest.Server, id int64) string {
	path := strings.NewReplacer("{account_id}", strconv.FormatInt(s.AccountID(), 10), "{project_id}", strconv.FormatInt(dbtcloudtest.DefaultProjectID, 10),
		"{remainder}", "manifest.json").Replace(o.path)
	return placeholder.ReplaceAllString(path, strconv.FormatInt(id, 10))
}

// send sends the body, once changed, to a new server. It returns the fields that were refused and why.
func (w write) send(t *testing.T, op *operation, change func(body object)) map[string]string {
	t.Helper()
	s := dbtcloudtest.New()
	client := try(s.Client()).must(t)
	id, body := w.begin(s)
	change(body)
	err := client.Do(t.Context(), op.method, op.address(s, id), body, nil)
	refused, ok := errors.AsType[*dbtcloud.Error](err)
	switch {
	case err == nil:
		return nil
	case ok && refused.StatusCode == http.StatusBadRequest && len(refused.Fields) > 0:
		return refused.Fields
	case ok && refused.StatusCode == http.StatusNotFound: // what the body names is not there, but it is of the right shape
		return nil
	}
	t.Fatalf("%s with %v: %v", w.operation, body, err)
	return nil
}

// nobodys is a field that no object has, unless any key will do.
const nobodys = "field_of_nobody"

// TestFakeTakesWhatTheDocumentAllows sends the fake every field that the document has, in a request or in the answer, or
// that this suite knows, and one in every object that nobody knows: it must take the fields of the official request and
// those that the service is known to take, and refuse the others by their name.
func TestFakeTakesWhatTheDocumentAllows(t *testing.T) {
	t.Parallel()
	d := load(t)
	for _, w := range writes() {
		t.Run(w.operation, func(t *testing.T) {
			t.Parallel()
			op := d.named(t, w.operation)
			want := append(w.official(op), strings.Fields(w.taken)...)
			for i, field := range want {
				want[i] = strings.ReplaceAll(field, "*", nobodys)
			}
			slices.Sort(want)
			var got []string
			for _, field := range candidates(op, want) {
				if w.takes(t, op, field) {
					got = append(got, field)
				}
			}
			if diff := cmp.Diff(slices.Compact(want), got); diff != "" {
				t.Errorf("fields that the fake takes (-want +got):\n%s", diff)
			}
		})
	}
}

// candidates are the known fields, those of the answer, and an unknown one in every object.
func candidates(op *operation, known []string) []string {
	out := append(slices.Clone(known), nobodys)
	if answer, _ := op.answerSchema(http.StatusOK); answer != nil {
		for name := range answer.Properties["data"].Value.Properties {
			out = append(out, name)
		}
	}
	for _, name := range known {
		if i := strings.LastIndex(name, "."); i > 0 {
			out = append(out, name[:i+1]+nobodys)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// takes tells whether the fake takes a body with the field in it.
func (w write) takes(t *testing.T, op *operation, field string) bool {
	t.Helper()
	refused := w.send(t, op, func(body object) {
		if edit, ok := w.edits[field]; ok && body[field] == nil {
			maps.Copy(body, edit)
		} else if parent, name := place(body, field); parent[name] == nil {
			parent[name] = anyOf(at(w.schema(op), field))
		}
	})
	if refused != nil && !cmp.Equal(refused, map[string]string{field: "extra keys not allowed"}) {
		t.Errorf("%s with %s: %v", w.operation, field, refused)
	}
	return refused == nil
}

// place is the object in a body that holds a field, and the field's name in it. Of a list it is the first.
func place(body object, field string) (object, string) {
	parent, rest, nested := strings.Cut(field, ".")
	if !nested {
		return body, field
	}
	below := body[parent]
	if items, ok := below.([]any); ok {
		below = items[0]
	}
	return place(below.(object), rest)
}

// at is the schema of a field, nil when the document does not have it.
func at(schema *openapi3.Schema, field string) *openapi3.Schema {
	for name := range strings.SplitSeq(field, ".") {
		if inner := item(schema); inner != nil {
			schema = inner
		}
		_, schema = property(schema, name)
	}
	return schema
}

// anyOf is some value that the schema allows.
func anyOf(schema *openapi3.Schema) any {
	switch {
	case schema == nil:
	case len(schema.Enum) > 0:
		return schema.Enum[0]
	case schema.Type.Is("integer"):
		return 1
	case schema.Type.Is("boolean"):
		return false
	case schema.Type.Is("array"):
		return []any{anyOf(schema.Items.Value)}
	case schema.Type.Is("object"):
		value := object{}
		for name, property := range schema.Properties {
			value[name] = anyOf(property.Value)
		}
		return value
	case schema.Format == "date-time":
		return "2021-04-14T20:23:00Z"
	}
	return "x"
}

// TestFakeRefusesWhatTheDocumentForbids leaves out one required field after the other, and gives every field values of
// other types, unknown words and empty texts.
func TestFakeRefusesWhatTheDocumentForbids(t *testing.T) {
	t.Parallel()
	d := load(t)
	for _, w := range writes() {
		t.Run(w.operation, func(t *testing.T) {
			t.Parallel()
			op := d.named(t, w.operation)
			schema, taken := w.schema(op), []string(nil)
			for _, field := range fields(schema) {
				if required(schema, field) {
					refused := w.send(t, op, func(body object) { parent, name := place(body, field); delete(parent, name) })
					if want := map[string]string{field: "required key not provided"}; !cmp.Equal(refused, want) {
						t.Errorf("without %s the fake refuses %v", field, refused)
					}
				}
				for _, value := range wrong(at(schema, field)) {
					refused := w.send(t, op, func(body object) { parent, name := place(body, field); parent[name] = value.json })
					if refused == nil {
						taken = append(taken, field+": "+value.text)
					} else if refused[field] == "" {
						t.Errorf("with %s: %s the fake refuses %v", field, value.text, refused)
					}
				}
			}
			want := slices.Clone(w.loose)
			for field := range strings.FieldsSeq(w.nulls) {
				want = append(want, field+": null")
			}
			slices.Sort(want)
			slices.Sort(taken)
			if diff := cmp.Diff(want, taken); diff != "" {
				t.Errorf("forbidden values that the fake takes (-want +got):\n%s", diff)
			}
		})
	}
}

// required tells whether the object that has the field requires it.
func required(schema *openapi3.Schema, field string) bool {
	name := field
	if i := strings.LastIndex(field, "."); i > 0 {
		schema, name = at(schema, field[:i]), field[i+1:]
	}
	if inner := item(schema); inner != nil {
		schema = inner
	}
	return slices.Contains(schema.Required, name)
}

type badValue struct {
	text string
	json any
}

// wrong is values that the schema forbids.
func wrong(schema *openapi3.Schema) []badValue {
	var out []badValue
	add := func(text string, value any) { out = append(out, badValue{text, value}) }
	if !schema.Nullable {
		add("null", nil)
	}
	switch {
	case schema.Type.Is("integer"):
		add(`"x"`, "x")
		add("1.5", 1.5)
	case schema.Type.Is("string"):
		add("7", 7)
		if schema.MinLength > 0 {
			add(`""`, "")
		}
	case schema.Type.Is("array"):
		add(`"x"`, "x")
		for _, item := range wrong(schema.Items.Value) {
			add("["+item.text+"]", []any{item.json})
		}
	default:
		add(`"x"`, "x")
	}
	if len(schema.Enum) > 0 && schema.Type.Is("integer") {
		add("70", 70)
	} else if len(schema.Enum) > 0 {
		add(`"word of nobody"`, "word of nobody")
	}
	return out
}

// TestFakeKnowsTheDocumentsParameters asks every operation for every parameter that any operation has, and for one that
// none has: the fake must know those of the document.
func TestFakeKnowsTheDocumentsParameters(t *testing.T) {
	t.Parallel()
	d := load(t)
	all := url.Values{"parameter_of_nobody": {"1"}}
	for _, op := range d.covered() {
		for _, name := range op.queryNames() {
			all.Set(name, "1")
		}
	}
	for _, op := range d.covered() {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			s := dbtcloudtest.New()
			client := try(s.Client()).must(t)
			_ = client.Do(t.Context(), op.method, op.address(s, 7)+"?"+all.Encode(), nil, nil) // there is nothing with the id 7
			request := s.Requests()[0]
			if want := op.method + " " + op.path; anyNames(request.Operation) != anyNames(want) {
				t.Fatalf("the fake serves %s with %q", want, request.Operation)
			}
			var got []string
			for _, parameter := range slices.Sorted(maps.Keys(all)) {
				if !slices.Contains(request.Unknown, parameter) {
					got = append(got, parameter)
				}
			}
			if diff := cmp.Diff(op.queryNames(), got); diff != "" {
				t.Errorf("parameters that the fake knows (-want +got):\n%s", diff)
			}
		})
	}
}

// anyNames is a path pattern without the names of its parameters.
func anyNames(pattern string) string { return placeholder.ReplaceAllString(pattern, "{}") }
