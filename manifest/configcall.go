package manifest

import "bytes"

// configCall finds the arguments of the first config() call in a template.
func configCall(text []byte) []byte {
	if !bytes.Contains(text, []byte("config(")) {
		return nil
	}
	return nil
}
