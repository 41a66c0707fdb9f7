package manifest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// object is a JSON object whose values are as they are written.
type object map[string]json.RawMessage

// configs compares the configurations as people wrote them: every key must be on both sides, with equal values.
func (c *comparer) configs(old, new *Node) []Cause {
	if c.sameUnrendered(old, new) {
		return nil
	}
	before, after := c.unrendered(old, new)
	return differences(CauseConfig, before, after, func(key string) bool { return c.counts(new.ResourceType, key) })
}

// counts reports whether dbt compares a key of the configuration of such a resource.
func (c *comparer) counts(kind, key string) bool {
	switch kind {
	case "source", "exposure":
		return true
	case "metric":
		return key != "group"
	case "test":
		switch key {
		case "severity", "where", "limit", "fail_calc", "warn_if", "error_if", "store_failures", "store_failures_as":
			return true
		}
		return key == "sql_header" && c.Engine.Profile != ProfileCore19
	}
	return key != "alias" && key != "schema" && key != "database" && key != "tags" && key != "group"
}

// relation compares where a resource is built, as people wrote it.
func (c *comparer) relation(old, new *Node) []Cause {
	if c.sameUnrendered(old, new) {
		return nil
	}
	before, after := c.unrendered(old, new)
	var causes []Cause
	for _, key := range []string{"database", "schema", "alias"} {
		if !equal(before[key], after[key]) {
			causes = append(causes, Cause{Kind: CauseRelation, Key: key, Old: string(before[key]), New: string(after[key])})
		}
	}
	return causes
}

// sourceRelation compares where a source is found: as people wrote it if the project says so, its identifier never.
func (c *comparer) sourceRelation(old, new *Node) []Cause {
	var causes []Cause
	add := func(key, before, after string) {
		if before != after {
			causes = append(causes, Cause{Kind: CauseRelation, Key: key, Old: before, New: after})
		}
	}
	if c.Engine.CompareMoreUnrenderedValues {
		for _, key := range []string{"unrendered_database", "unrendered_schema"} {
			add(key, string(old.Fields.Get(key)), string(new.Fields.Get(key)))
		}
	} else {
		add("database", old.Database, new.Database)
		add("schema", old.Schema, new.Schema)
	}
	add("identifier", old.Identifier, new.Identifier)
	return causes
}

// sameUnrendered reports whether two unrendered configurations are equal without looking closer.
func (c *comparer) sameUnrendered(old, new *Node) bool {
	if c.rewriteOld != c.rewriteNew || c.rewriteNew && old.ConfigCall != new.ConfigCall {
		return false
	}
	return bytes.Equal(old.Fields.Get("unrendered_config"), new.Fields.Get("unrendered_config"))
}

func (c *comparer) unrendered(old, new *Node) (before, after object) {
	return unrendered(old, c.rewriteOld), unrendered(new, c.rewriteNew)
}

func unrendered(n *Node, rewrite bool) object {
	config := members(n.Fields.Get("unrendered_config"))
	if rewrite {
		rewriteConfig(config, n)
	}
	return config
}

// members are those of an object, none of what is no object.
func members(raw json.RawMessage) object {
	out := object{}
	if json.Unmarshal(raw, &out) != nil || out == nil {
		return object{}
	}
	return out
}

// differences are the keys that count and that two objects have not in common, sorted. A null is not like an absent key.
func differences(kind CauseKind, before, after object, counts func(key string) bool) []Cause {
	var causes []Cause
	for key, value := range after {
		old, there := before[key]
		if counts(key) && (!there || !equal(old, value)) {
			causes = append(causes, Cause{Kind: kind, Key: key, Old: string(old), New: string(value)})
		}
	}
	for key, value := range before {
		if _, there := after[key]; counts(key) && !there {
			causes = append(causes, Cause{Kind: kind, Key: key, Old: string(value)})
		}
	}
	slices.SortFunc(causes, func(a, b Cause) int { return strings.Compare(a.Key, b.Key) })
	return causes
}

// rendered compares the configurations that dbt compares as it rendered them. What older versions did not write is like
// what it is unless set.
func rendered(old, new *Node) []Cause {
	if bytes.Equal(old.Config.Raw, new.Config.Raw) {
		return nil
	}
	set := func(raw json.RawMessage) object {
		out := members(raw)
		for key, value := range out {
			if unset := []string{"null", "{}", "[]"}; slices.Contains(unset, string(value)) || key == "enabled" && string(value) == "true" ||
				key == "cache" && alike(value, json.RawMessage(`{"enabled":false}`)) {
				delete(out, key)
			}
		}
		return out
	}
	return differences(CauseConfig, set(old.Config.Raw), set(new.Config.Raw), func(string) bool { return true })
}

// alike compares two values as Python does, where null members of objects are like absent ones.
func alike(a, b json.RawMessage) bool {
	return bytes.Equal(a, b) || same(withoutNulls(decoded(a)), withoutNulls(decoded(b)))
}

func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if value == nil {
				delete(v, key)
				continue
			}
			v[key] = withoutNulls(value)
		}
	case []any:
		for i := range v {
			v[i] = withoutNulls(v[i])
		}
	}
	return v
}

// savedQuery compares the parts of a saved query; of what it exports only the names and how they are configured.
func savedQuery(old, new *Node) []Cause {
	causes := append(text("description", old.Description, new.Description), text("group", old.Group, new.Group)...)
	causes = append(causes, fields(old, new, "label")...)
	before, after := members(old.Fields.Get("query_params")), members(new.Fields.Get("query_params"))
	for _, key := range []string{"metrics", "group_by", "where"} {
		if !alike(before[key], after[key]) {
			causes = append(causes, Cause{Kind: CauseField, Key: key, Old: string(before[key]), New: string(after[key])})
		}
	}
	if !slices.Equal(old.Tags, new.Tags) {
		causes = append(causes, Cause{Kind: CauseField, Key: "tags", Old: listed(old.Tags), New: listed(new.Tags)})
	}
	if a, b := exports(old), exports(new); !slices.EqualFunc(a, b, func(a, b object) bool {
		return len(differences(CauseField, a, b, func(string) bool { return true })) == 0
	}) {
		causes = append(causes, Cause{Kind: CauseField, Key: "exports", Old: string(old.Fields.Get("exports")), New: string(new.Fields.Get("exports"))})
	}
	return causes
}

// exports are what dbt compares of the exports of a saved query.
func exports(n *Node) []object {
	var wire []struct {
		Name       json.RawMessage `json:"name"`
		Unrendered object          `json:"unrendered_config"`
	}
	_ = json.Unmarshal(n.Fields.Get("exports"), &wire) // what is no list exports nothing
	out := make([]object, len(wire))
	for i, export := range wire {
		out[i] = object{"name": export.Name}
		for _, key := range []string{"export_as", "schema", "alias"} {
			if value := export.Unrendered[key]; value != nil && string(value) != "null" {
				out[i][key] = value
			}
		}
	}
	return out
}

func listed(texts []string) string {
	raw, err := json.Marshal(texts)
	if err != nil || texts == nil {
		return ""
	}
	return string(raw)
}
