package manifest

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/slimci/dbtcloud/internal/testenv"
)

func TestPattern(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true},
		{"", "a", false},
		{"orders", "orders", true},
		{"orders", "Orders", false},
		{"*", "", true},
		{"m*s", "marts.finance/orders", true}, // across dots and slashes
		{"*a*b*c", "xaybzc", true},
		{"*a*b*c", "xaybz", false},
		{"?", "ü", true},
		{"?", "", false},
		{"a?c", "a\nc", true},
		{"[abc]", "b", true},
		{"[!abc]", "b", false},
		{"[!abc]", "!", true},
		{"[^a]", "^", true}, // not a negation
		{"[a-c]x", "bx", true},
		{"[c-a]", "b", false}, // an empty range
		{"[c-a]", "c", false},
		{"[!c-a]", "b", true},
		{"[b-a!x]", "y", true},   // a negation after all
		{"[b-a!-c]", "-", false}, // and a hyphen that makes no range any more
		{"[b-a!-c]", "c", false},
		{"[b-a!-c]", "b", true},
		{"[b-a!x]", "x", false},
		{"[a-c-e]", "-", true},
		{"[a-c-e]", "d", false},
		{"[a-]", "-", true},
		{"[-a]", "-", true},
		{"[]]", "]", true},
		{"[!]]", "]", false},
		{"[]", "[]", true}, // never closes
		{"[a", "[a", true},
		{"[!", "[!", true},
		{`\*`, `\x`, true}, // no escape
		{`[\]`, `\`, true},
		{"{a,b}", "a", false},
	}
	for _, test := range tests {
		if got := newPattern(test.pattern).match(test.text); got != test.want {
			t.Errorf("%q takes %q: %v, want %v", test.pattern, test.text, got, test.want)
		}
	}
}

// Python's own fnmatch agrees on random patterns, made of what means something in them.
func TestPatternIsPythons(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		testenv.Skip(t, "no python3 to ask: %v", err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	word := func(letters string, most int) string {
		var b strings.Builder
		for range random.IntN(most + 1) {
			b.WriteByte(letters[random.IntN(len(letters))])
		}
		return b.String()
	}
	var pairs [][2]string
	for range testenv.Count(20_000, 100_000, 1_000_000) {
		pairs = append(pairs, [2]string{word("ab-!*?[]c^&|~\\.", 8), word("abc-!]^\\.", 5)})
	}
	input, err := json.Marshal(pairs)
	if err != nil {
		t.Fatal(err)
	}
	script := `import fnmatch, json, sys, warnings
warnings.simplefilter("ignore")
json.dump([fnmatch.fnmatchcase(text, pattern) for pattern, text in json.load(sys.stdin)], sys.stdout)`
	command := exec.CommandContext(t.Context(), python, "-c", script)
	command.Stdin = bytes.NewReader(input)
	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	var want []bool
	if err := json.Unmarshal(output, &want); err != nil || len(want) != len(pairs) {
		t.Fatalf("%d answers to %d questions, %v", len(want), len(pairs), err)
	}
	taken := 0
	for i, pair := range pairs {
		if got := newPattern(pair[0]).match(pair[1]); got != want[i] {
			t.Errorf("%q takes %q: %v, Python says %v", pair[0], pair[1], got, want[i])
		}
		if want[i] {
			taken++
		}
	}
	if taken < len(pairs)/50 {
		t.Errorf("only %d of %d patterns take anything", taken, len(pairs))
	}
}

// FuzzPattern makes sure that any pattern is read, and that stars around it only take more.
func FuzzPattern(f *testing.F) {
	f.Add("m[a-c]*?[!x-]", "ma.b")
	f.Add("[z-a-c]]", "]")
	f.Add("*[!]-a]*[", "\xff[")
	f.Add("[b-a!-c]", "]")
	f.Fuzz(func(t *testing.T, text, against string) {
		takes := newPattern(text).match(against)
		if plain := !strings.ContainsAny(text, "*?["); plain && takes != (text == against) {
			t.Errorf("%q takes %q: %v", text, against, takes)
		}
		if wide := newPattern("*" + text + "**"); takes && (!wide.match(against) || !wide.match("x"+against+"y")) {
			t.Errorf("%q takes %q, but not with stars around", text, against)
		}
	})
}

// FuzzConfig makes sure that what is found in a configuration is what decoding it finds.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(`{"a": {"b": [1, "x", {"c": null}]}, "é\"": true}`), "a", "b")
	f.Add([]byte(` { "a" : 1 , "a" : "}" } `), "a", "")
	f.Fuzz(func(t *testing.T, raw []byte, first, second string) {
		config := Config{Raw: raw}
		found := config.at(first)
		var want map[string]json.RawMessage
		if err := json.Unmarshal(raw, &want); err != nil {
			return // nothing is promised of what is no JSON, but that it ends
		}
		if got := string(want[first]); got != string(found) {
			t.Errorf("%s at %q: %q, want %q", raw, first, found, got)
		}
		if deeper := config.at(first, second); deeper != nil && !json.Valid(deeper) {
			t.Errorf("%s at %q, %q: %q", raw, first, second, deeper)
		}
	})
}
