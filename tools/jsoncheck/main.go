// Command jsoncheck reads standard input and fails unless it is one or more complete JSON values.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

func main() {
	n, err := count(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, "jsoncheck:", err)
		os.Exit(1)
	}
	fmt.Println("JSON values:", n)
}

// count returns how many JSON values r holds.
func count(r io.Reader) (int, error) {
	decoder := json.NewDecoder(r)
	for n := 0; ; n++ {
		var value json.RawMessage
		err := decoder.Decode(&value)
		switch {
		case errors.Is(err, io.EOF) && n == 0:
			return 0, errors.New("standard input holds no JSON value")
		case errors.Is(err, io.EOF):
			return n, nil
		case err != nil:
			return n, fmt.Errorf("after %d values: %w", n, err)
		}
	}
}
