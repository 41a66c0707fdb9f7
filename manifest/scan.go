package manifest

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"unicode/utf8"
)

// MaxEntry is how large one entry of an artifact may be, such as one node. The largest nodes known have a few MB, with
// their compiled code.
const MaxEntry = 32 << 20

const (
	maxDepth = 1000    // of nested values: far more than dbt writes, far less than a stack holds
	window   = 1 << 17 // of bytes; it grows to the largest value that is kept
)

var (
	errTooLarge = fmt.Errorf("one entry has more than %d MB", MaxEntry>>20)
	errTooDeep  = fmt.Errorf("values are nested more than %d deep", maxDepth)
)

// scanner reads JSON in one pass, by a window over what comes: what is not kept is checked and passed over, and never
// decoded. Slices of bytes that it returns are valid until the next call.
type scanner struct {
	r        io.Reader
	broken   error // what r failed with
	buf      []byte
	pos, end int   // buf[pos:end] is what has not been read yet
	base     int64 // the offset of buf[0]
	keep     int   // what must stay in the window begins here; -1 for nothing
	entry    int64 // the offset of the entry that is being read
	scratch  []byte
}

func newScanner(r io.Reader) *scanner { return &scanner{r: r, buf: make([]byte, window), keep: -1} }

// offset is how far has been read.
func (s *scanner) offset() int64 { return s.base + int64(s.pos) }

// more gets at least one more byte into the window; at the end of the input the error is io.ErrUnexpectedEOF.
func (s *scanner) more() error {
	if s.base+int64(s.end)-s.entry > MaxEntry {
		return errTooLarge
	}
	from := s.pos
	if s.keep >= 0 {
		from, s.keep = s.keep, 0
	}
	if from > 0 {
		copy(s.buf, s.buf[from:s.end])
		s.pos, s.end, s.base = s.pos-from, s.end-from, s.base+int64(from)
	}
	if s.end == len(s.buf) {
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
	for range 100 { // as often as the standard library asks a reader that gives nothing
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		switch {
		case n > 0:
			return nil
		case errors.Is(err, io.EOF):
			return io.ErrUnexpectedEOF
		case err != nil:
			s.broken = err
			return err
		}
	}
	s.broken = io.ErrNoProgress
	return s.broken
}

// peek returns the next byte that is no white space, and does not take it.
func (s *scanner) peek() (byte, error) {
	for {
		for ; s.pos < s.end; s.pos++ {
			if c := s.buf[s.pos]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
				return c, nil
			}
		}
		if err := s.more(); err != nil {
			return 0, err
		}
	}
}

// take takes the next byte that is no white space, which must be c.
func (s *scanner) take(c byte) error {
	got, err := s.peek()
	if err != nil {
		return err
	}
	if got != c {
		return fmt.Errorf("there is %q where %q should be", got, c)
	}
	s.pos++
	return nil
}

// null takes a null if there is one.
func (s *scanner) null() (bool, error) {
	c, err := s.peek()
	if err != nil || c != 'n' {
		return false, err
	}
	return true, s.word("null")
}

// open takes the bracket, or a null in the place of the whole value.
func (s *scanner) open(bracket byte) (null bool, err error) {
	if null, err := s.null(); null || err != nil {
		return null, err
	}
	return false, s.take(bracket)
}

// first reports, after an opening bracket, whether there is an item, and takes the closing bracket otherwise.
func (s *scanner) first(closing byte) (bool, error) {
	c, err := s.peek()
	if err != nil || c != closing {
		return true, err
	}
	s.pos++
	return false, nil
}

// following reports, after an item, whether there is another one, and takes what comes between or the closing bracket.
func (s *scanner) following(closing byte) (bool, error) {
	c, err := s.peek()
	switch {
	case err != nil:
		return false, err
	case c != ',' && c != closing:
		return false, fmt.Errorf("there is %q after a value", c)
	}
	s.pos++
	return c == ',', nil
}

// object calls the function for every key of an object; it must take the value. A null is an empty object.
func (s *scanner) object(member func(key []byte) error) error {
	if null, err := s.open('{'); null || err != nil {
		return err
	}
	another, err := s.first('}')
	for another && err == nil {
		var key []byte
		if key, err = s.key(); err == nil {
			err = member(key)
		}
		if err == nil {
			another, err = s.following('}')
		}
	}
	return err
}

// list calls the function for every element of a list; it must take the element. A null is an empty list.
func (s *scanner) list(element func(i int) error) error {
	if null, err := s.open('['); null || err != nil {
		return err
	}
	another, err := s.first(']')
	for i := 0; another && err == nil; i++ {
		if err = element(i); err == nil {
			another, err = s.following(']')
		}
	}
	return err
}

// key takes a key and the colon behind it.
func (s *scanner) key() ([]byte, error) {
	if c, err := s.peek(); err != nil || c != '"' {
		return nil, cmpErr(err, "there is %q where a key should be", c)
	}
	s.keep = s.pos
	s.pos++
	err := s.quoted()
	length := s.pos - s.keep
	if err == nil {
		err = s.take(':')
	}
	key := s.buf[s.keep : s.keep+length]
	s.keep = -1
	if err != nil {
		return nil, err
	}
	return s.unquote(key), nil
}

// text takes a string; a null is an empty one.
func (s *scanner) text() ([]byte, error) {
	null, err := s.null()
	if null || err != nil {
		return nil, err
	}
	if s.buf[s.pos] != '"' {
		return nil, fmt.Errorf("there is %q where a text should be", s.buf[s.pos])
	}
	raw, err := s.value()
	if err != nil {
		return nil, err
	}
	return s.unquote(raw), nil
}

// value takes any value and returns it as it is written.
func (s *scanner) value() ([]byte, error) {
	if _, err := s.peek(); err != nil {
		return nil, err
	}
	s.keep = s.pos
	err := s.skip(0)
	raw := s.buf[s.keep:s.pos]
	s.keep = -1
	return raw, err
}

// decode decodes the next value into v by encoding/json.
func (s *scanner) decode(v any) error {
	raw, err := s.value()
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}

// skip passes over the next value.
func (s *scanner) skip(depth int) error {
	c, err := s.peek()
	if err != nil {
		return err
	}
	switch c {
	case '"':
		s.pos++
		return s.quoted()
	case '{', '[':
		return s.skipItems(c, depth+1)
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	}
	return s.number()
}

// skipItems passes over a list or an object.
func (s *scanner) skipItems(bracket byte, depth int) error {
	if depth > maxDepth {
		return errTooDeep
	}
	s.pos++
	closing := bracket + 2 // in ASCII, of both kinds
	another, err := s.first(closing)
	for another && err == nil {
		if bracket == '{' {
			if err = s.take('"'); err == nil {
				err = s.quoted()
			}
			if err == nil {
				err = s.take(':')
			}
		}
		if err == nil {
			err = s.skip(depth)
		}
		if err == nil {
			another, err = s.following(closing)
		}
	}
	return err
}

// word takes what must stand there.
func (s *scanner) word(want string) error {
	for s.end-s.pos < len(want) {
		if err := s.more(); err != nil {
			return err
		}
	}
	if got := s.buf[s.pos : s.pos+len(want)]; string(got) != want {
		return fmt.Errorf("there is %q where a value should be", got)
	}
	s.pos += len(want)
	return nil
}

// number takes a number, which never ends with the input: what is read is an object.
func (s *scanner) number() error {
	inner := s.keep < 0
	if inner {
		s.keep = s.pos
	}
	length := s.pos - s.keep
	for {
		for ; s.pos < s.end; s.pos++ {
			if c := s.buf[s.pos]; (c < '0' || c > '9') && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' {
				number := s.buf[s.keep+length : s.pos]
				if inner {
					s.keep = -1
				}
				if !isNumber(number) {
					return fmt.Errorf("there is %q where a value should be", s.buf[s.pos-len(number):s.pos+1])
				}
				return nil
			}
		}
		if err := s.more(); err != nil {
			return err
		}
	}
}

func isNumber(b []byte) bool {
	digits := func() bool {
		n := 0
		for n < len(b) && b[n] >= '0' && b[n] <= '9' {
			n++
		}
		b = b[n:]
		return n > 0
	}
	b = bytes.TrimPrefix(b, []byte("-"))
	if rest, zero := bytes.CutPrefix(b, []byte("0")); zero {
		b = rest
	} else if !digits() {
		return false
	}
	if rest, point := bytes.CutPrefix(b, []byte(".")); point {
		if b = rest; !digits() {
			return false
		}
	}
	if len(b) > 0 && (b[0] == 'e' || b[0] == 'E') {
		if b = b[1:]; len(b) > 0 && (b[0] == '+' || b[0] == '-') {
			b = b[1:]
		}
		if !digits() {
			return false
		}
	}
	return len(b) == 0
}

// quoted passes over the rest of a string, up to its closing quote.
func (s *scanner) quoted() error {
	for {
		s.pos += plain(s.buf[s.pos:s.end])
		if s.pos == s.end {
			if err := s.more(); err != nil {
				return err
			}
			continue
		}
		switch s.buf[s.pos] {
		case '"':
			s.pos++
			return nil
		case '\\':
			if s.pos+1 < s.end && isShort(s.buf[s.pos+1]) {
				s.pos += 2
			} else if err := s.escape(); err != nil {
				return err
			}
		default:
			return errors.New("there is a control character in a text")
		}
	}
}

// escape passes over one escape sequence.
func (s *scanner) escape() error {
	for length := 2; ; {
		if s.end-s.pos < length {
			if err := s.more(); err != nil {
				return err
			}
			continue
		}
		kind := s.buf[s.pos+1]
		if kind == 'u' && length == 2 {
			length = 6
			continue
		}
		ok := isShort(kind)
		if kind == 'u' {
			_, ok = hexDigits(s.buf[s.pos+2 : s.pos+6])
		}
		if !ok {
			return fmt.Errorf("there is the escape %q in a text", s.buf[s.pos:s.pos+length])
		}
		s.pos += length
		return nil
	}
}

// isShort reports whether a backslash and c are an escape sequence.
func isShort(c byte) bool {
	switch c {
	case 'n', '"', '\\', '/', 'b', 'f', 'r', 't':
		return true
	}
	return false
}

// plain is how many bytes from the start are neither a quote, nor a backslash, nor a control character.
func plain(b []byte) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	n := 0
	for ; len(b)-n >= 8; n += 8 { // eight at once; each term has the top bit of the bytes that are meant, and perhaps of later ones
		w := binary.LittleEndian.Uint64(b[n:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		if found := ((w-ones*0x20)&^w | (quote-ones)&^quote | (slash-ones)&^slash) & tops; found != 0 {
			return n + bits.TrailingZeros64(found)/8
		}
	}
	for ; n < len(b); n++ {
		if c := b[n]; c < 0x20 || c == '"' || c == '\\' {
			break
		}
	}
	return n
}

// unquote is what a string, whose form has been checked, says. Every byte that is not UTF-8 is U+FFFD, as in encoding/json.
func (s *scanner) unquote(raw []byte) []byte {
	raw = raw[1 : len(raw)-1]
	if !utf8.Valid(raw) {
		raw = []byte(string([]rune(string(raw))))
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	s.scratch = appendUnquoted(s.scratch[:0], raw)
	return s.scratch
}
