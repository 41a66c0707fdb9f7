package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// contract is what a model promises.
type contract struct {
	Enforced bool   `json:"enforced"`
	Checksum string `json:"checksum"`
}

func (n *Node) contract() (c contract) {
	_ = json.Unmarshal(n.Fields.Get("contract"), &c) // what is no contract is not enforced
	return c
}

// constrained reports whether the model is built as what constraints can hold for.
func (n *Node) constrained() bool {
	return n.Config.Materialized == "table" || n.Config.Materialized == "incremental"
}

// contract compares what a model promised with what it promises, and notes what is broken.
func (c *comparer) contract(old, new *Node) []Cause {
	if bytes.Equal(old.Fields.Get("contract"), new.Fields.Get("contract")) {
		return nil // the checksum is part of it
	}
	before, after := old.contract(), new.contract()
	switch {
	case !before.Enforced && !after.Enforced, before.Enforced && after.Enforced && before.Checksum == after.Checksum:
		return nil
	case !before.Enforced:
		return []Cause{{Kind: CauseContract, New: "the contract is enforced now"}}
	}
	clauses := c.broken(old, new)
	if len(clauses) == 0 {
		return []Cause{{Kind: CauseContract, New: "the contract changed, and nothing that was promised is broken"}}
	}
	c.Breaking = append(c.Breaking, Breaking{ID: new.UniqueID, Versioned: new.Version != "", Clauses: clauses})
	causes := make([]Cause, len(clauses))
	for i, clause := range clauses {
		causes[i] = Cause{Kind: CauseContract, New: clause}
	}
	return causes
}

// broken lists what a model promised and does not promise any more.
func (c *comparer) broken(old, new *Node) []string {
	var clauses []string
	if !new.contract().Enforced {
		clauses = append(clauses, "the contract is not enforced any more")
	}
	columns := slices.Clone(old.Columns)
	slices.SortFunc(columns, func(a, b Column) int { return strings.Compare(a.Name, b.Name) })
	held := false
	for _, was := range columns {
		held = held || was.Constraints != nil
		i := slices.IndexFunc(new.Columns, func(is Column) bool { return is.Name == was.Name })
		if i < 0 {
			clauses = append(clauses, fmt.Sprintf("the column %s is gone", was.Name))
			continue
		}
		if is := new.Columns[i]; c.dataType(was.DataType) != c.dataType(is.DataType) {
			clauses = append(clauses, fmt.Sprintf("the column %s is %s instead of %s", was.Name, shown(is.DataType), shown(was.DataType)))
		}
		for _, gone := range c.constraintsGone(old, was.Constraints, new.Columns[i].Constraints) {
			clauses = append(clauses, fmt.Sprintf("the constraint %s of the column %s is gone", gone, was.Name))
		}
	}
	constraints := old.Fields.Get("constraints")
	for _, gone := range c.constraintsGone(old, constraints, new.Fields.Get("constraints")) {
		clauses = append(clauses, fmt.Sprintf("the constraint %s of the model is gone", gone))
	}
	held = held || truth(decoded(constraints))
	if held && old.constrained() && !new.constrained() {
		clauses = append(clauses, fmt.Sprintf("it is built as %s, which holds no constraints, instead of as %s", shown(new.Config.Materialized), old.Config.Materialized))
	}
	return clauses
}

// dataType is what counts of the type of a column: since dbt 1.11 not its size.
func (c *comparer) dataType(name string) string {
	if c.Engine.Profile == ProfileCore19 && minor(c.Engine.Version) < 11 {
		return name
	}
	base, _, _ := strings.Cut(name, "(")
	return strings.ToLower(strings.TrimSpace(base))
}

// constraintsGone are the constraints that the warehouse enforced and that are not there any more, by name or type.
func (c *comparer) constraintsGone(old *Node, before, after json.RawMessage) []string {
	if !old.constrained() {
		return nil
	}
	was, _ := decoded(before).([]any)
	is, _ := decoded(after).([]any)
	var gone []string
	for _, one := range was {
		if !slices.ContainsFunc(is, func(other any) bool { return same(constraint(one), constraint(other)) }) {
			object, _ := one.(map[string]any)
			kind, _ := object["type"].(string)
			name, _ := object["name"].(string)
			if enforces(c.New.Metadata.AdapterType, kind) {
				gone = append(gone, strings.TrimSpace(kind+" "+name))
			}
		}
	}
	return gone
}

// constraint is a constraint without what is as it is unless set.
func constraint(v any) any {
	object, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := map[string]any{}
	for key, value := range object {
		list, isList := value.([]any)
		switch {
		case value == nil, isList && len(list) == 0:
		case (key == "warn_unenforced" || key == "warn_unsupported") && value == true:
		default:
			out[key] = value
		}
	}
	return out
}

// enforces reports whether a warehouse enforces a kind of constraint, as the adapters of dbt say.
func enforces(adapter, kind string) bool {
	switch adapter {
	case "postgres", "duckdb":
		return kind != "custom"
	case "spark", "athena":
		return false
	}
	return kind == "not_null"
}

// compareRemoved looks for contracted models that are gone or switched off.
func (c *comparer) compareRemoved() {
	for id, old := range c.Old.Nodes {
		if old.ResourceType != "model" {
			continue
		}
		gone, clause := old, "the model is gone or has another name"
		switch {
		case c.New.Disabled[id] != nil:
			gone, clause = c.New.Disabled[id], "the model is switched off"
		case c.New.Nodes[id] != nil:
			continue
		}
		if date := moment(gone.Fields.Get("deprecation_date")); !gone.contract().Enforced || !date.IsZero() && date.Before(c.Engine.Now) {
			continue
		}
		c.Breaking = append(c.Breaking, Breaking{ID: id, Versioned: gone.Version != "", Removed: true, Clauses: []string{clause}})
	}
}
