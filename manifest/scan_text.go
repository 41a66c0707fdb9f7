package manifest

import (
	"bytes"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// appendUnquoted appends what the inner part of a JSON string says, whose form has been checked.
func appendUnquoted(out, raw []byte) []byte {
	for {
		n := bytes.IndexByte(raw, '\\')
		if n < 0 {
			return append(out, raw...)
		}
		out = append(out, raw[:n]...)
		if raw[n+1] == 'n' { // most by far
			out, raw = append(out, '\n'), raw[n+2:]
			continue
		}
		var r rune
		r, raw = unescape(raw[n:])
		out = utf8.AppendRune(out, r)
	}
}

// unescape takes the escape sequence that raw begins with. Halves of surrogate pairs that stand alone are U+FFFD.
func unescape(raw []byte) (rune, []byte) {
	switch raw[1] {
	case 'b':
		return '\b', raw[2:]
	case 'f':
		return '\f', raw[2:]
	case 'n':
		return '\n', raw[2:]
	case 'r':
		return '\r', raw[2:]
	case 't':
		return '\t', raw[2:]
	case 'u':
		r, _ := hexDigits(raw[2:6])
		raw = raw[6:]
		if utf16.IsSurrogate(r) {
			if len(raw) >= 6 && raw[0] == '\\' && raw[1] == 'u' {
				low, _ := hexDigits(raw[2:6])
				if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
					return pair, raw[6:]
				}
			}
			return utf8.RuneError, raw
		}
		return r, raw
	}
	return rune(raw[1]), raw[2:]
}

// hexDigits is the value of hexadecimal digits, and whether they are all that.
func hexDigits(digits []byte) (rune, bool) {
	var r rune
	for _, c := range digits {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// cmpErr is err, or else an error of its own.
func cmpErr(err error, format string, args ...any) error {
	if err != nil {
		return err
	}
	return fmt.Errorf(format, args...)
}
