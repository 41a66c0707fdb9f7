package dbtcloud

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/slimci/dbtcloud/internal/discovery"
)

// What an answer may become in memory is bounded: a small object in JSON can be a large
// struct, and two bytes of a list a dozen times as many.
const (
	maxObjects = 1 << 19
	maxValues  = 1 << 22
)

// reader walks the JSON of an answer once. What nobody asks for is passed over.
type reader struct {
	body []byte
	d    *json.Decoder
}

func newReader(body []byte) *reader {
	return &reader{body: body, d: json.NewDecoder(bytes.NewReader(body))}
}

// rest is what comes next, from the first byte of the next value on.
func (r *reader) rest() []byte {
	return bytes.TrimLeft(r.body[r.d.InputOffset():], ":, \t\r\n")
}

// next is the first byte of the next value: it tells what the value is.
func (r *reader) next() byte {
	if rest := r.rest(); len(rest) > 0 {
		return rest[0]
	}
	return 0
}

// skip passes over the next value and returns its JSON.
func (r *reader) skip() (json.RawMessage, error) {
	begin := len(r.body) - len(r.rest())
	var value passed
	if err := r.d.Decode(&value); err != nil {
		return nil, err
	}
	return r.body[begin:r.d.InputOffset()], nil
}

// passed is a value that nobody looks at.
type passed struct{}

func (*passed) UnmarshalJSON([]byte) error { return nil }

// object reads an object and hands each member that has a function to it, which is used
// up by that: of a member that comes twice one would be lost. A null is an object
// without members.
func (r *reader) object(members map[string]func() error) error {
	switch r.next() {
	case 'n':
		_, err := r.skip()
		return err
	case '{':
	default:
		return fmt.Errorf("an object is expected at byte %d", r.d.InputOffset())
	}
	if _, err := r.d.Token(); err != nil {
		return err
	}
	for r.d.More() {
		token, err := r.d.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		switch member, wanted := members[name]; {
		case !wanted:
			_, err = r.skip()
		case member == nil:
			err = fmt.Errorf("%q comes twice", name)
		default:
			members[name] = nil
			err = member()
		}
		if err != nil {
			return err
		}
	}
	_, err := r.d.Token()
	return err
}

// list reads a list and calls each for every item. A null is an empty list.
func (r *reader) list(each func() error) error {
	switch r.next() {
	case 'n':
		_, err := r.skip()
		return err
	case '[':
	default:
		return fmt.Errorf("a list is expected at byte %d", r.d.InputOffset())
	}
	if _, err := r.d.Token(); err != nil {
		return err
	}
	for r.d.More() {
		if err := each(); err != nil {
			return err
		}
	}
	_, err := r.d.Token()
	return err
}

// value decodes the next value into out.
func (r *reader) value(out any) error {
	begin := len(r.body) - len(r.rest())
	err := r.d.Decode(out)
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return decodeNumbers(r.body[begin:r.d.InputOffset()], out)
	}
	return err
}

// graphqlReply is an answer that has been read: what it reports, and how far down the path to
// what was wanted it went.
type graphqlReply struct {
	errors []GraphQLMessage
	data   json.RawMessage // the whole data, nil where there is none or null
	depth  int             // how many steps of the path were there and not null
}

// read reads an answer, and calls at where the path in its data ends.
func read(body []byte, path []string, at func(*reader) error) (*graphqlReply, error) {
	if err := bound(body); err != nil {
		return nil, err
	}
	r, out := newReader(body), new(graphqlReply)
	if r.next() != '{' {
		return nil, errors.New("an object is expected")
	}
	err := r.object(map[string]func() error{
		"errors": func() error { return r.value((*graphqlErrors)(&out.errors)) },
		"data": func() error {
			if r.next() == 'n' {
				_, err := r.skip()
				return err
			}
			begin := len(body) - len(r.rest())
			if err := out.down(r, path, at); err != nil {
				return err
			}
			out.data = body[begin:r.d.InputOffset()]
			return nil
		},
	})
	if err == nil && len(bytes.TrimSpace(body[r.d.InputOffset():])) > 0 {
		err = errors.New("something follows the end")
	}
	if err != nil {
		return readErrors(body, err)
	}
	return out, nil
}

// readErrors reads what an answer reports that could not be read as it should be: its
// errors say more than that.
func readErrors(body []byte, wrong error) (*graphqlReply, error) {
	var parts graphqlAnswer
	if json.Unmarshal(body, &parts) != nil || len(parts.Errors) == 0 {
		return nil, wrong
	}
	return &graphqlReply{errors: parts.Errors, data: parts.Data}, nil
}

// down follows the path and calls at where it ends. A null ends it too; what was asked
// for and is not there at all is no answer.
func (out *graphqlReply) down(r *reader, path []string, at func(*reader) error) error {
	if len(path) == 0 {
		return at(r)
	}
	came, above := false, out.depth
	err := r.object(map[string]func() error{path[0]: func() error {
		came = true
		if r.next() == 'n' {
			_, err := r.skip()
			return err
		}
		out.depth++
		return out.down(r, path[1:], at)
	}})
	if err == nil && !came && above > 0 {
		err = fmt.Errorf("it holds no %s", path[0])
	}
	return err
}

// bound refuses an answer of more values than any page has.
func bound(body []byte) error {
	count := func(c string) int { return bytes.Count(body, []byte(c)) }
	if objects := count("{"); objects <= maxObjects && objects+count("[")+count(",") <= maxValues {
		return nil
	}
	objects, values, text := 0, 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '{':
			objects++
			values++
		case c == '[', c == ',':
			values++
		}
	}
	switch {
	case objects > maxObjects:
		return fmt.Errorf("the answer holds more than %d objects: ask for smaller pages", maxObjects)
	case values > maxValues:
		return fmt.Errorf("the answer holds more than %d values: ask for smaller pages", maxValues)
	}
	return nil
}

// decodeNumbers is json.Unmarshal that takes a BigInt as a number and as a string of
// digits. What a project keeps under names of its own, such as meta, stays as it is.
func decodeNumbers(raw []byte, out any) error {
	return decodeMending(raw, out, numberNames{
		number: func(key string) bool { return bigInts()[key] || isID(key) && key != "status" },
		free:   func(key string) bool { return freeForm()[key] },
	})
}

// bigInts are the names that stand for a BigInt wherever they stand in the schema.
var bigInts = sync.OnceValue(func() map[string]bool {
	names, others := fieldsOfType("BigInt")
	maps.DeleteFunc(names, func(name string, _ bool) bool { return others[name] })
	return names
})

// freeForm are the names that stand for JSON of any form anywhere in the schema.
var freeForm = sync.OnceValue(func() map[string]bool {
	names, _ := fieldsOfType("JSONObject", "AnyScalar")
	return names
})

// fieldsOfType are the names of the fields that are of one of the types, and of those
// that are not. A name may be in both.
func fieldsOfType(types ...string) (names, others map[string]bool) {
	names, others = map[string]bool{}, map[string]bool{}
	for _, typ := range discovery.Beta().Types {
		for _, field := range typ.Fields {
			if slices.Contains(types, field.Type.Name()) {
				names[field.Name] = true
			} else {
				others[field.Name] = true
			}
		}
	}
	return names, others
}

// unalias gives the fields of fragments the names that they have in the schema.
func (s *selection) unalias(raw json.RawMessage) (json.RawMessage, error) {
	if !s.aliased() {
		return raw, nil
	}
	if bytes.HasPrefix(raw, []byte("[")) {
		var items []json.RawMessage
		if err := json.Unmarshal(raw, &items); err != nil {
			return nil, err
		}
		for i := range items {
			var err error
			if items[i], err = s.unalias(items[i]); err != nil {
				return nil, err
			}
		}
		return json.Marshal(items)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, err
	}
	for _, f := range s.fields {
		value, ok := members[f.key()]
		if !ok {
			continue
		}
		if f.sub != nil {
			var err error
			if value, err = f.sub.unalias(value); err != nil {
				return nil, err
			}
		}
		delete(members, f.key())
		members[f.name] = value
	}
	return json.Marshal(members)
}

// aliased tells whether anything in the selection has another name in the answer.
func (s *selection) aliased() bool {
	if s == nil {
		return false
	}
	for _, f := range s.fields {
		if f.alias != "" || f.sub.aliased() {
			return true
		}
	}
	return false
}

// where names a place in the data.
func where(path []string) string { return strings.Join(path, ".") }
