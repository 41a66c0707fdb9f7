package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// halves gives what it reads in pieces of a few bytes, so that every value straddles an edge of the window somewhere.
func halves(r *rapid.T, data []byte) io.Reader {
	var parts []io.Reader
	for len(data) > 0 {
		n := min(rapid.IntRange(1, 9).Draw(r, "piece"), len(data))
		parts = append(parts, bytes.NewReader(data[:n]))
		data = data[n:]
	}
	return io.MultiReader(parts...)
}

// anyJSON draws values of JSON.
func anyJSON(depth int) *rapid.Generator[any] {
	leaves := []*rapid.Generator[any]{
		rapid.Just[any](nil), rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.SampledFrom([]json.Number{"0", "-0", "1", "1.0", "1e0", "10e-1", "2", "1E+2", "100", "0.5", "5e-1"}), func(n json.Number) any { return n }),
		rapid.Map(rapid.StringOf(rapid.RuneFrom([]rune("ab\"\\\n\x01é😀\u2028<"))), func(s string) any { return s }),
	}
	if depth == 0 {
		return rapid.OneOf(leaves...)
	}
	inner := anyJSON(depth - 1)
	list := rapid.Map(rapid.SliceOfN(inner, 0, 4), func(l []any) any { return l })
	object := rapid.Map(rapid.MapOfN(rapid.StringOf(rapid.RuneFrom([]rune("ab\"\\é"))), inner, 0, 4), func(m map[string]any) any { return m })
	return rapid.OneOf(append(leaves, list, object)...)
}

func drawJSON(r *rapid.T, label string) (any, []byte) {
	value := anyJSON(3).Draw(r, label)
	raw, err := json.Marshal(value)
	if err != nil {
		r.Fatal(err)
	}
	if rapid.Bool().Draw(r, "indented") {
		var out bytes.Buffer
		if err := json.Indent(&out, raw, " \t", "\r\n"); err != nil {
			r.Fatal(err)
		}
		raw = out.Bytes()
	}
	return value, raw
}

// Values are taken whole, wherever the edges of the window are, and what is valid is what encoding/json holds for valid.
func TestScannerTakesValues(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		_, raw := drawJSON(r, "value")
		if len(raw) > 0 && rapid.IntRange(0, 2).Draw(r, "broken") == 0 {
			i := rapid.IntRange(0, len(raw)-1).Draw(r, "where")
			raw[i] = rapid.SampledFrom([]byte(`{}[]",:0-.eE\ntfu1`+"\x00 \x80")).Draw(r, "what")
		}
		s := newScanner(halves(r, append(append([]byte("["), raw...), "] "...)))
		s.buf = s.buf[:4]
		var got []byte
		err := s.list(func(i int) error {
			value, err := s.value()
			if i == 0 {
				got = bytes.Clone(value)
			}
			return err
		})
		_, end := s.peek()
		valid := err == nil && errors.Is(end, io.ErrUnexpectedEOF)
		if want := json.Valid(append(append([]byte("["), raw...), ']')); valid != want {
			r.Fatalf("%q: taken %t (%v, %v), valid %t", raw, valid, err, end, want)
		}
		if one := json.Valid(raw); one && !bytes.Equal(got, bytes.TrimSpace(raw)) {
			r.Fatalf("%q was taken as %q", raw, got)
		}
	})
}

// Texts say what encoding/json says that they say.
func TestScannerTakesTexts(t *testing.T) {
	t.Parallel()
	pieces := []string{`a`, `é`, `\n`, `\"`, `\\`, `\/`, `\b\f\r\t`, `\u0041`, `\u00e9`, `\ud83d\ude00`, `\ud83d`, `\ude00`, `\uD83Dx`, "\xff", "\xed\xa0\x80", "😀", `\u2028`}
	rapid.Check(t, func(r *rapid.T) {
		raw := `"` + strings.Join(rapid.SliceOf(rapid.SampledFrom(pieces)).Draw(r, "pieces"), "") + `"`
		var want string
		if err := json.Unmarshal([]byte(raw), &want); err != nil {
			r.Fatal(err)
		}
		got, err := newScanner(halves(r, []byte(raw+","))).text()
		if err != nil || string(got) != want {
			r.Fatalf("%q: %q, %v, want %q", raw, got, err, want)
		}
	})
}

func TestPlain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.SliceOf(rapid.SampledFrom([]byte("aaaaaaaaaaaa !\"#\\[]\x1f\x20\x00\x7f\x80\xff\xa2"))).Draw(r, "text")
		want := 0
		for want < len(text) && text[want] >= ' ' && text[want] != '"' && text[want] != '\\' {
			want++
		}
		if got := plain(text); got != want {
			r.Fatalf("plain(%q) = %d, want %d", text, got, want)
		}
	})
}

func TestScannerIsBounded(t *testing.T) {
	t.Parallel()
	deep := newScanner(strings.NewReader(strings.Repeat(`[`, maxDepth) + strings.Repeat(`]`, maxDepth) + " "))
	if err := deep.skip(0); err != nil {
		t.Errorf("%d deep: %v", maxDepth, err)
	}
	for _, bracket := range []string{`[`, `{"":`} {
		s := newScanner(strings.NewReader(strings.Repeat(bracket, maxDepth+1)))
		if err := s.skip(0); !errors.Is(err, errTooDeep) {
			t.Errorf("%d times %s: %v, want %v", maxDepth+1, bracket, err, errTooDeep)
		}
	}
	if _, err := newScanner(idle{}).peek(); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that gives nothing: %v, want %v", err, io.ErrNoProgress)
	}
	broken := errors.New("broken")
	s := newScanner(iotest.ErrReader(broken))
	if _, err := s.peek(); !errors.Is(err, broken) || !errors.Is(s.broken, broken) {
		t.Errorf("a broken reader: %v, want %v", err, broken)
	}
}

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

// canonical writes a value so that equal ones, as Python has it, are equal texts: a second opinion on same.
func canonical(v any) any {
	switch v := v.(type) {
	case bool:
		if v {
			return 1.0
		}
		return 0.0
	case json.Number:
		f, _ := v.Float64()
		return f + 0 // there is no -0
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = canonical(v[i])
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for key, value := range v {
			out[key] = canonical(value)
		}
		return out
	}
	return v
}

func TestEqualIsPythons(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		a, rawA := drawJSON(r, "a")
		b, rawB := drawJSON(r, "b")
		if got, want := equal(rawA, rawB), cmp.Equal(canonical(a), canonical(b)); got != want {
			r.Fatalf("equal(%s, %s) = %t, want %t", rawA, rawB, got, want)
		}
	})
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"1", "1.0", true},
		{"true", "1", true},
		{"false", "0.0", true},
		{"0", "-0", true},
		{"null", "false", false},
		{`"1"`, "1", false},
		{"1", `"1"`, false},
		{`{"a":1,"b":[2]}`, `{"b":[2e0],"a":true}`, true},
		{"[1,2]", "[2,1]", false},
		{`{"a":null}`, `{}`, false},
		{`{"a":null}`, `{"b":null}`, false},
		{"9007199254740993", "9007199254740993.0", false}, // a float64 has no such number
		{"9007199254740993", "9007199254740992", false},
		{"10000000000000000000000000000000000000000", "1e40", false},
		{"1e999", "2e999", true}, // both are infinite
		{"1e999", "-1e999", false},
		{"[" + strings.Repeat("9", 4300) + "]", "[ " + strings.Repeat("9", 4300) + "]", true},
		{"[" + strings.Repeat("9", 4301) + "]", "[ " + strings.Repeat("9", 4301) + "]", false}, // Python refuses it
		{strings.Repeat("9", 5000), strings.Repeat("9", 5000) + ".0", false},
	} {
		if got := equal([]byte(tt.a), []byte(tt.b)); got != tt.want || equal([]byte(tt.b), []byte(tt.a)) != got {
			t.Errorf("equal(%.40s, %.40s) = %t, want %t", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestTruth(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]bool{
		"null": false, "false": false, "0": false, "0.0": false, `""`: false, "[]": false, "{}": false,
		"true": true, "1": true, "-0.5": true, `"false"`: true, "[0]": true, `{"a":0}`: true, strings.Repeat("1", 5000): true,
	} {
		if got := truth(decoded([]byte(raw))); got != want {
			t.Errorf("truth(%.20s) = %t, want %t", raw, got, want)
		}
	}
}
