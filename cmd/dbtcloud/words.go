package main

import (
	"errors"
	"strings"

	"github.com/spf13/pflag"
)

// word is a flag for a text, or for one of the words that the API has for something, in
// upper or lower case.
type word[E ~string] struct {
	value *E
	known []E // empty: any text
}

// oneOf defines a flag for one of the words, or for any text.
func oneOf[E ~string](fs *pflag.FlagSet, value *E, name, usage string, known ...E) {
	fs.Var(word[E]{value, known}, name, usage+listing(known))
}

// Set takes one of the words.
func (w word[E]) Set(s string) error {
	if len(w.known) == 0 {
		var t text
		err := t.Set(s)
		*w.value = E(t.value)
		return err
	}
	given := strings.ToLower(strings.TrimSpace(s))
	for _, known := range w.known {
		full := strings.ToLower(string(known))
		if given == full || given != "" && strings.HasPrefix(full, given+"_") { // generic is GENERIC_DATA_TEST
			*w.value = known
			return nil
		}
	}
	return errors.New("must be one of " + join(w.known))
}

// Type is the placeholder in the help.
func (w word[E]) Type() string {
	if len(w.known) == 0 {
		return "text"
	}
	return "word"
}

func (w word[E]) String() string {
	if w.value == nil {
		return ""
	}
	return string(*w.value)
}

// words is a flag for what word takes, with commas between them, or given again.
type words[E ~string] struct {
	values *[]E
	known  []E // empty: any text
}

// someOf defines a flag for some of the words, or for any texts.
func someOf[E ~string](fs *pflag.FlagSet, values *[]E, name, usage string, known ...E) {
	fs.Var(words[E]{values, known}, name, usage+listing(known))
}

// Set adds one or several.
func (w words[E]) Set(s string) error {
	for part := range strings.SplitSeq(s, ",") {
		var one E
		if err := (word[E]{&one, w.known}).Set(part); err != nil && len(w.known) > 0 {
			return errors.New("must be some of " + join(w.known))
		} else if err != nil {
			return errors.New("is empty, or has an empty part: is the variable set that it comes from?")
		}
		*w.values = append(*w.values, E(strings.TrimSpace(string(one))))
	}
	return nil
}

// Type is the placeholder in the help.
func (w words[E]) Type() string { return "list" }

func (w words[E]) String() string {
	if w.values == nil {
		return ""
	}
	return join(*w.values)
}

// listing is the end of the usage of a flag that takes one of a few words.
func listing[E ~string](known []E) string {
	if len(known) == 0 {
		return ""
	}
	return ": " + join(known)
}

func join[E ~string](known []E) string {
	all := make([]string, len(known))
	for i, k := range known {
		all[i] = string(k)
	}
	return strings.Join(all, ", ")
}
