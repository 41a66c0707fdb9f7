package manifest

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strings"
)

// equal compares two values as Python does: numbers by value, true as 1, objects without order. Nil is null.
func equal(a, b json.RawMessage) bool {
	return bytes.Equal(a, b) || same(decoded(a), decoded(b))
}

// decoded is a value of JSON, with numbers as they are written; nil for what is none.
func decoded(raw json.RawMessage) any {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil
	}
	return v
}

// truth is Python's bool() of a value.
func truth(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	n := number(v)
	return n == nil || n.Sign() != 0
}

func same(a, b any) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case string:
		text, ok := b.(string)
		return ok && a == text
	case []any:
		list, ok := b.([]any)
		if !ok || len(a) != len(list) {
			return false
		}
		for i := range a {
			if !same(a[i], list[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		return sameMembers(a, b)
	}
	left, right := number(a), number(b)
	return left != nil && right != nil && left.Cmp(right) == 0
}

func sameMembers(a map[string]any, b any) bool {
	object, ok := b.(map[string]any)
	if !ok || len(a) != len(object) {
		return false
	}
	for key, value := range a {
		other, there := object[key]
		if !there || !same(value, other) {
			return false
		}
	}
	return true
}

// number is the value of a number or of a truth value, nil for others and for what Python refuses. Whole numbers are of
// any size, others a float64, which is infinite where it is too large.
func number(v any) *big.Float {
	switch v := v.(type) {
	case bool:
		if v {
			return big.NewFloat(1)
		}
		return big.NewFloat(0)
	case json.Number:
		const digits = 4300 // more are refused by Python
		if len(v) > digits {
			return nil
		}
		if whole, ok := new(big.Int).SetString(v.String(), 10); ok && !strings.ContainsAny(v.String(), ".eE") {
			return new(big.Float).SetInt(whole)
		}
		f, _ := v.Float64()
		return big.NewFloat(f)
	}
	return nil
}
