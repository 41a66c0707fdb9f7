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

// seconds is a flag for a length of time: with a unit as in 90s or 5m, or in seconds without one.
type seconds struct{ value time.Duration }

// Set reads a positive length of time.
func (d *seconds) Set(s string) error {
	v, err := time.ParseDuration(s)
	if n, nerr := strconv.ParseUint(s, 10, 31); nerr == nil {
		v, err = time.Duration(n)*time.Second, nil
	}
	if err != nil || v <= 0 {
		return errors.New("must be a length of time above 0, such as 90s, 5m or 1h")
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
