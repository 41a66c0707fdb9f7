package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// maxNumber is the largest number that JSON keeps exactly.
const maxNumber = 1<<53 - 1

// number is a flag whose value is a whole number of at least min.
type number struct{ value, min int64 }

// Set reads a decimal number.
func (n *number) Set(s string) error {
	if strings.TrimSpace(s) == "" {
		return errors.New("is empty: is the variable set that it comes from?")
	}
	v, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil || v < n.min || v > maxNumber {
		return fmt.Errorf("must be a whole number of at least %d", n.min)
	}
	n.value = v
	return nil
}

// Type is the placeholder in the help.
func (n *number) Type() string { return "N" }

func (n *number) String() string { return strconv.FormatInt(n.value, 10) }

// choice is a flag whose value is one of a few words.
type choice struct {
	value   string
	allowed []string
}

// Set takes one of the words.
func (c *choice) Set(s string) error {
	if !slices.Contains(c.allowed, s) {
		return errors.New("must be one of " + strings.Join(c.allowed, ", "))
	}
	c.value = s
	return nil
}

// Type is the placeholder in the help.
func (c *choice) Type() string { return "word" }

func (c *choice) String() string { return c.value }

// text is a flag whose value is not blank.
type text struct{ value string }

// Set takes the text as it is.
func (t *text) Set(s string) error {
	if strings.TrimSpace(s) == "" {
		return errors.New("is empty: is the variable set that it comes from?")
	}
	t.value = s
	return nil
}

// Type is the placeholder in the help.
func (t *text) Type() string { return "text" }

func (t *text) String() string { return t.value }

// several is a flag for values with commas between them, or given again.
type several[E any] struct {
	values []E
	parse  func(word string) ([]E, bool)
	want   string // what the words must be
}

// Set reads one or several.
func (l *several[E]) Set(s string) error {
	for word := range strings.SplitSeq(s, ",") {
		values, ok := l.parse(strings.ToLower(strings.TrimSpace(word)))
		if !ok {
			return errors.New("must be " + l.want)
		}
		l.values = append(l.values, values...)
	}
	return nil
}

// Type is the placeholder in the help.
func (l *several[E]) Type() string { return "list" }

func (l *several[E]) String() string {
	if len(l.values) == 0 {
		return ""
	}
	return fmt.Sprint(l.values)
}

// leastPoll is the shortest time between two looks: an eighth of what the API allows an account.
const leastPoll = 100 * time.Millisecond

// modes are the words of --mode, wherever a command has it.
func modes() choice {
	return choice{value: "auto", allowed: []string{"auto", "native", "clone", "queue"}}
}

// seconds is a flag for a length of time: with a unit as in 90s or 5m, or in seconds without one.
type seconds struct{ value, min time.Duration }

// Set reads a positive length of time.
func (d *seconds) Set(s string) error {
	v, err := time.ParseDuration(s)
	if n, nerr := strconv.ParseUint(s, 10, 31); nerr == nil {
		v, err = time.Duration(n)*time.Second, nil
	}
	if err != nil || v <= 0 {
		return errors.New("must be a length of time above 0, such as 90s, 5m or 1h")
	}
	if v < d.min {
		return fmt.Errorf("must be at least %s", d.min)
	}
	d.value = v
	return nil
}

// Type is the placeholder in the help.
func (d *seconds) Type() string { return "duration" }

func (d *seconds) String() string {
	if d.value == 0 {
		return ""
	}
	return d.value.String()
}

// yes defines a flag that turns something on.
func yes(fs *pflag.FlagSet, target *bool, name, usage string) {
	fs.BoolFunc(name, usage, setBool(target, true))
}

// toggle defines --name and --no-name; the last one given wins.
func toggle(fs *pflag.FlagSet, target *bool, name, usage, noUsage string) {
	fs.BoolFunc(name, usage, setBool(target, true))
	fs.BoolFunc("no-"+name, noUsage, setBool(target, false))
}

// perhaps defines a flag that says yes, or no with =false; without it nothing is said.
func perhaps(fs *pflag.FlagSet, target **bool, name, usage string) {
	fs.BoolFunc(name, usage, func(s string) error {
		*target = new(bool)
		return setBool(*target, true)(s)
	})
}

// set puts a value in the place of another, unless it is the zero value.
func set[V comparable](to *V, v V) {
	if v != *new(V) {
		*to = v
	}
}

// setBool sets target to to when the flag is given, and to the contrary when it is given as false.
func setBool(target *bool, to bool) func(string) error {
	return func(s string) error {
		given, err := strconv.ParseBool(s)
		if err != nil {
			return errors.New("must be true or false")
		}
		*target = given == to
		return nil
	}
}

// option is a flag that excludes others, and whether it was given.
type option struct {
	name  string
	given bool
}

// atMostOne is the names of the flags that were given; several are refused.
func atMostOne(options ...option) ([]string, error) {
	var names []string
	for _, o := range options {
		if o.given {
			names = append(names, o.name)
		}
	}
	if len(names) > 1 {
		return names, errors.New(strings.Join(names, " and ") + ": give only one of them")
	}
	return names, nil
}

// nearest is the known word that a wrong one was probably meant to be; empty if none is near.
func nearest(word string, known []string) string {
	best, least := "", len([]rune(word))/3+2
	for _, k := range known {
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is how many letters must be changed, added or removed to make one word the other.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j := range to {
			change := diagonal
			if from[i] != to[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(to)]
}
