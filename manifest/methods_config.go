package manifest

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// matchConfig takes nodes and sources whose rendered configuration has the value at the place that the term names, alone
// or in a list. Texts match texts; true and false match in any case.
func (t *term) matchConfig(n *Node) bool {
	if !n.inNodes() && n.ResourceType != "source" || len(t.args) == 0 {
		return false
	}
	found := n.Config.at(t.args...)
	if len(found) == 0 { // to dbt, what is not there has no value, below the first key not even that
		return t.value == nil && len(t.args) == 1
	}
	fold := len(t.args) == 1 && t.args[0] == "severity"
	text := strings.ToLower(asText(t.value))
	if found[0] != '[' {
		return equals(t.value, found, fold) || text == string(found) && (text == "true" || text == "false")
	}
	return slices.ContainsFunc(elements(found), func(element json.RawMessage) bool {
		return equals(t.value, element, fold) || text == "true" && equals(true, element, false) || text == "false" && equals(false, element, false)
	})
}

// asText is a text, or the name of a truth value.
func asText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// equals compares as Python does, or without regard to case.
func equals(want any, found json.RawMessage, fold bool) bool {
	got := decoded(found)
	a, wantText := want.(string)
	b, gotText := got.(string)
	if fold && wantText && gotText {
		return strings.EqualFold(a, b)
	}
	return same(want, got)
}

// at returns what stands in a configuration below the keys, or nil. What Python's dictionaries can do hides keys of
// these names from dbt.
func (c *Config) at(keys ...string) json.RawMessage {
	hidden := []string{"clear", "copy", "fromkeys", "get", "items", "keys", "pop", "popitem", "setdefault", "update", "values"}
	value := c.Raw
	for i, key := range keys {
		if i > 0 && slices.Contains(hidden, key) {
			return nil
		}
		value = memberOf(value, key)
	}
	return value
}

// memberOf returns the value of a key of an object, or nil. It walks over the text alone, which is many times faster than
// decoding the object.
func memberOf(raw json.RawMessage, key string) json.RawMessage {
	var found json.RawMessage
	walk(raw, '{', func(name, value json.RawMessage) {
		if plain := string(name[1 : len(name)-1]); plain == key || strings.Contains(plain, `\`) && slices.Equal(texts(name), []string{key}) {
			found = value
		}
	})
	return found
}

func elements(raw json.RawMessage) []json.RawMessage {
	var out []json.RawMessage
	walk(raw, '[', func(_, value json.RawMessage) { out = append(out, value) })
	return out
}

// texts are the texts of a list, or a text alone.
func texts(raw json.RawMessage) []string {
	var one string
	var list []string
	if json.Unmarshal(raw, &one) == nil && len(raw) > 0 && raw[0] == '"' {
		return []string{one}
	}
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	return list
}

// walk calls the function for every member of an object, or element of a list, of valid JSON; for other JSON never.
func walk(raw json.RawMessage, bracket byte, item func(name, value json.RawMessage)) {
	i := skipSpace(raw, 0)
	if i == len(raw) || raw[i] != bracket {
		return
	}
	for {
		var name json.RawMessage
		i = skipSpace(raw, i+1)
		if bracket == '{' && i < len(raw) && raw[i] == '"' {
			end := skipValue(raw, i)
			name = raw[i:end]
			i = skipSpace(raw, skipSpace(raw, end)+1) // the colon
		}
		end := skipValue(raw, i)
		if end == i || bracket == '{' && len(name) < 2 {
			return
		}
		item(name, raw[i:end])
		if i = skipSpace(raw, end); i == len(raw) || raw[i] != ',' {
			return
		}
	}
}

func skipSpace(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\n' || raw[i] == '\t' || raw[i] == '\r') {
		i++
	}
	return min(i, len(raw))
}

// skipValue returns where the value ends that begins at i.
func skipValue(raw []byte, i int) int {
	for depth := 0; i < len(raw); i++ {
		switch c := raw[i]; c {
		case '"':
			for i++; i < len(raw) && raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return min(i+1, len(raw))
			}
		case '{', '[':
			depth++
		case '}', ']', ',':
			switch {
			case depth == 0:
				return i
			case c != ',':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		case ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
		}
	}
	return min(i, len(raw))
}
