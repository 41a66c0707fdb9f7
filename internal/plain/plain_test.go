package plain

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                      "",
		"as it is: é ☃ 𝄞\n\tb":                  "as it is: é ☃ 𝄞\n\tb",
		"\x1b[31mred\x1b[0m":                    "red",
		"\x1b]0;title\x07a\x1b]8;;x\x1b\\b":     "ab",
		"\x1b]0;no end":                         "",
		"\x1bMup":                               "up",
		"a\r\nb\rc\u2028d\u2029e\u0085f\vg\fh":  "a\nb\nc\nd\ne\nf\ng\nh",
		"\x00a\x7fb\u009b31mc":                  "ab31mc",
		"\u202eleft\u2066":                      "left",
		"\xffa\uFFFEb\uFFFFc":                   "\uFFFDa\uFFFDb\uFFFDc",
		"##vso[task.complete] is text\n::error": "##vso[task.complete] is text\n::error",
	} {
		if diff := cmp.Diff(want, Text(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	if got := Line("a\r\nb\tc\u2028\x1b[1md"); got != "a b c d" {
		t.Errorf("Line = %q", got)
	}
}

func TestInert(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a ##vso[task.complete]b##[error]": "a # #vso[task.complete]b# #[error]",
		"###vso[x] ####[y]":                "## #vso[x] ### #[y]",
		"## head, #[a], ##a b[":            "## head, #[a], ##a b[",
		"::error::x\n::y":                  "::error::x\n::y",
	} {
		if got := Inert(text); got != want {
			t.Errorf("Inert(%q) = %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"::error::x\n \t::y\na::b":                ": :error::x\n \t: :y\na::b",
		"##[::]\n:::":                             "# #[::]\n: ::",
		"--- a\n+++\n~~~\tb\n^^^ +++\n----\n---a": " --- a\n +++\n ~~~\tb\n ^^^ +++\n----\n---a",
	} {
		if got := InertLines(text); got != want {
			t.Errorf("InertLines(%q) = %q, want %q", text, got, want)
		}
	}
}

// foreign draws texts of what means something to a terminal, to a reader of lines or to a CI service.
func foreign() *rapid.Generator[string] {
	parts := []string{
		"#", "##", "##vso[task.complete]", "##[", "[", "::", "::error::x", ":", "---", "+++", "~~~ ", "^^^ +++", "\n", "\r", "\r\n", "\u2028", "\u2029", "\u0085", " ", "\u00a0", "\t", "\x1b", "\x1b[31m", "\x1b]0;t\x07", "\x00", "\x7f", "\u009b31m",
		"\u202e", "\uFFFE", "\xff", "\xed\xa0\x80", "a", "é", "\"", "\\", "<", "&",
	}
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 12).Draw(t, "parts"), "") + rapid.String().Draw(t, "more")
	})
}

func steers(r rune) bool {
	return r != '\n' && r != '\t' && unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
}

func TestNothingButText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := Text(foreign().Draw(t, "text"))
		if strings.ContainsFunc(text, steers) || !utf8.ValidString(text) || Text(text) != text {
			t.Fatalf("Text: %q", text)
		}
		if line := Line(text); strings.ContainsAny(line, "\n\t") {
			t.Fatalf("Line: %q", line)
		}
		lines := InertLines(text)
		if anywhere.MatchString(lines) || lineStart.MatchString(lines) || groups.MatchString(lines) {
			t.Fatalf("InertLines: %q", lines)
		}
	})
}

func TestJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := strings.ToValidUTF8(foreign().Draw(t, "text"), "?")
		for _, indent := range []string{"", "  "} {
			b, err := JSON(map[string]string{"a": text}, indent)
			var back map[string]string
			if err := json.Unmarshal(b, &back); err != nil || back["a"] != text {
				t.Fatalf("%q became %q, %v", text, b, err)
			}
			lines := map[string]int{"": 1, "  ": 3}[indent]
			if got := strings.Count(string(b), "\n") + 1; err != nil || got != lines || strings.ContainsFunc(string(b), steers) || anywhere.Match(b) || lineStart.Match(b) {
				t.Fatalf("%v: %q", err, b)
			}
		}
	})
	if got, err := JSON("<a> & \u2028 ##vso[x]", ""); err != nil || string(got) != `"<a> & \u2028 \u0023#vso[x]"` {
		t.Errorf("JSON = %s, %v", got, err)
	}
	if _, err := JSON(func() {}, ""); err == nil {
		t.Error("a function is encoded")
	}
}
