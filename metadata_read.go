package dbtcloud

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/slimci/dbtcloud/internal/discovery"
)

// maxObjects bounds what an answer may become in memory: a small object in JSON can be
// a large struct.
const maxObjects = 1 << 19

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

// object reads an object and hands each member that has a function to it. A null is an
// object without members.
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
		if member := members[name]; member != nil {
			err = member()
		} else {
			_, err = r.skip()
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
	if err := boundObjects(body); err != nil {
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

// down follows the path and calls at where it ends.
func (out *graphqlReply) down(r *reader, path []string, at func(*reader) error) error {
	if len(path) == 0 {
		return at(r)
	}
	return r.object(map[string]func() error{path[0]: func() error {
		if r.next() == 'n' {
			_, err := r.skip()
			return err
		}
		out.depth++
		return out.down(r, path[1:], at)
	}})
}

// boundObjects refuses an answer of more objects than any page has.
func boundObjects(body []byte) error {
	if bytes.Count(body, []byte("{")) <= maxObjects {
		return nil
	}
	objects, text := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case !text && c == '{':
			objects++
		}
	}
	if objects > maxObjects {
		return fmt.Errorf("the answer holds more than %d objects: ask for smaller pages", maxObjects)
	}
	return nil
}

// decodeNumbers is json.Unmarshal that takes a BigInt as a number and as a string of digits.
func decodeNumbers(raw []byte, out any) error {
	return decodeMending(raw, out, func(key string) bool { return isID(key) || bigInts()[key] })
}

// bigInts are the names that stand for a BigInt wherever they stand in the schema.
var bigInts = sync.OnceValue(func() map[string]bool {
	names, others := map[string]bool{}, map[string]bool{}
	for _, typ := range discovery.Beta().Types {
		for _, field := range typ.Fields {
			if field.Type.Name() == "BigInt" {
				names[field.Name] = true
			} else {
				others[field.Name] = true
			}
		}
	}
	for name := range others {
		delete(names, name)
	}
	return names
})

// unalias gives the fields of fragments the names that they have in the schema.
func (s *selection) unalias(raw json.RawMessage) (json.RawMessage, error) {
	if !s.aliased() {
		return raw, nil
	}
	raw = bytes.TrimSpace(raw)
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
	if err := json.Unmarshal(raw, &members); err != nil || members == nil {
		return raw, err
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
