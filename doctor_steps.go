package dbtcloud

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// dbtStep is what can be understood of a job's command without dbt.
type dbtStep struct {
	words     []string
	unclosed  bool     // a quotation mark is never closed
	verb      string   // what selects nodes, such as build; empty: nothing of the kind
	selects   []string // single criteria as they are written: state:modified+, 1+tag:x
	excludes  []string // likewise
	selectors []string // names of YAML selectors
}

// selectingVerbs are the commands that build or read nodes, all of them unless told otherwise.
func selectingVerbs() []string {
	return []string{"build", "run", "test", "snapshot", "seed", "compile", "clone", "ls", "list", "show"}
}

// readStep takes a command apart as a shell would.
func readStep(command string) dbtStep {
	var s dbtStep
	s.words, s.unclosed = splitWords(command)
	var target *[]string
	for _, word := range s.words {
		flag, value, given := strings.Cut(word, "=")
		switch {
		case strings.HasPrefix(word, "-"):
			if target = s.option(flag); target != nil && given {
				*target = append(*target, atoms(value)...)
				target = nil
			}
		case target != nil:
			*target = append(*target, atoms(word)...)
		case s.verb == "" && slices.Contains(selectingVerbs(), word):
			s.verb = word
		}
	}
	return s
}

// option is where the values of a flag go; nil for one that selects nothing.
func (s *dbtStep) option(flag string) *[]string {
	switch flag {
	case "-s", "--select", "-m", "--model", "--models":
		return &s.selects
	case "--exclude":
		return &s.excludes
	case "--selector":
		return &s.selectors
	}
	return nil
}

// splitWords splits at spaces outside of quotes, and takes the quotes away.
func splitWords(command string) (words []string, unclosed bool) {
	var word strings.Builder
	var quote rune
	inside := false
	for _, r := range command + " " {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			quote, inside = r, true
		case unicode.IsSpace(r):
			if inside {
				words = append(words, word.String())
			}
			word.Reset()
			inside = false
		default:
			word.WriteRune(r)
			inside = true
		}
	}
	return words, quote != 0
}

// atoms are the single criteria of a selection: a space is a union, a comma an intersection.
func atoms(selection string) []string {
	return strings.FieldsFunc(selection, func(r rune) bool { return unicode.IsSpace(r) || r == ',' })
}

var graphOperators = regexp.MustCompile(`(?s)^(@|[0-9]*\+)?(.*?)(\+[0-9]*)?$`)

// stateOf is what a criterion says after state:, without graph operators; false for another method.
func stateOf(atom string) (string, bool) {
	return strings.CutPrefix(graphOperators.FindStringSubmatch(atom)[2], "state:")
}

// knownState tells whether dbt has this value of the method state.
func knownState(value string) bool {
	return slices.Contains([]string{"new", "old", "unmodified", "modified", "modified.body", "modified.configs", "modified.relation",
		"modified.persisted_descriptions", "modified.macros", "modified.contract"}, value)
}

// byState is the good criteria of the method state that a step selects by.
func (s dbtStep) byState() []string {
	return slices.DeleteFunc(slices.Clone(s.selects), func(atom string) bool {
		value, ok := stateOf(atom)
		return !ok || !knownState(value)
	})
}

var (
	misspeltState = regexp.MustCompile(`(?i)^[@+0-9]*state[:.=]`)
	longOption    = regexp.MustCompile(`^-(select|models?|exclude|selector|state|defer|target|vars)(=|$)`)
	typographic   = regexp.MustCompile(`[\x{2010}-\x{2015}\x{2018}-\x{201f}]`)
	shellOperator = regexp.MustCompile(`^(&&?|\|\|?|;|>>?)$|;$`)
)

// traps are the ways in which a step does not do what it looks like. They name no more of the step than they must: it may hold secrets.
func (s dbtStep) traps() []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if s.unclosed {
		add("a quotation mark is not closed")
	}
	for _, word := range s.words {
		switch {
		case shellOperator.MatchString(word):
			add("no shell reads it, so %s joins nothing: make it two commands", shellOperator.FindString(word))
		case typographic.MatchString(word):
			add("a dash or quotation mark is a typographic one, as word processors make it: type - and \"")
		case longOption.MatchString(word):
			flag, _, _ := strings.Cut(word, "=")
			add("%s has one dash where two belong", flag)
		case word == "--no-defer":
			add("--no-defer turns deferral off")
		case word == "--state" || strings.HasPrefix(word, "--state="):
			add("it names a --state of its own: dbt Cloud takes the state from what the job defers to")
		}
	}
	for _, atom := range slices.Concat(s.selects, s.excludes) {
		if text := stateTrap(atom); text != "" {
			add("%s", text)
		}
	}
	for _, atom := range s.excludes {
		if value, ok := stateOf(atom); ok && strings.HasPrefix(value, "modified") {
			add("--exclude %s leaves out what a pull request changes", atom)
		}
	}
	return out
}

// stateTrap says what is wrong with a criterion that is meant to be one of the method state; empty if nothing is.
func stateTrap(atom string) string {
	value, ok := stateOf(atom)
	switch {
	case !ok && misspeltState.MatchString(atom):
		return fmt.Sprintf("%q is no state selector: write state:modified", atom)
	case !ok || knownState(value):
		return ""
	case value == "":
		return "nothing stands directly after state: (a space does not belong there)"
	case strings.ContainsAny(value, "+@"):
		return fmt.Sprintf("%q selects nothing: graph operators stand at the ends, as in state:modified+ and +state:modified", atom)
	}
	return fmt.Sprintf("dbt knows no state %q: it has new, old, modified, unmodified and parts of modified such as modified.body", value)
}

// notes are what a step does that may well be meant so.
func (s dbtStep) notes(others []dbtStep) []string {
	var out []string
	if len(s.words) > 0 && s.words[0] != "dbt" {
		out = append(out, "it does not begin with dbt, and dbt Cloud runs dbt commands only")
	}
	builds := s.verb != "" && s.verb != "seed" && s.verb != "ls" && s.verb != "list" && s.verb != "show"
	elsewhere := slices.ContainsFunc(others, func(o dbtStep) bool { return len(o.byState()) > 0 })
	if builds && len(s.selects)+len(s.selectors) == 0 && elsewhere {
		out = append(out, fmt.Sprintf("dbt %s without a selection takes the whole project", s.verb))
	}
	return out
}
