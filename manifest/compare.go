package manifest

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// Compare compares the manifest of a state, old, with that of a project as it is now, new. The error
// says that a manifest is missing.
func Compare(old, new *Manifest, e Engine) (*Comparison, error) {
	if old == nil || new == nil {
		return nil, errors.New("manifest: compare: two manifests are needed")
	}
	if e.Now.IsZero() {
		e.Now = time.Now()
	}
	e.Profile = cmp.Or(e.Profile, ProfileCore112)
	e.Version = cmp.Or(e.Version, running(e.Profile, new.Metadata.DbtVersion))
	c := &comparer{Comparison: &Comparison{Old: old, New: new, Engine: e, changes: map[string]*Change{}, refused: map[string]error{}}}
	c.rewriteOld, c.rewriteNew = c.rewrites(old), c.rewrites(new)
	c.macros = changedMacros(old, new)
	for id := range new.Nodes {
		if n := new.node(id); n != nil && !n.Config.Disabled {
			c.compareNode(old.node(id), n)
		}
	}
	c.compareRemoved()
	c.finish()
	return c.Comparison, nil
}

// comparer is a comparison while it is made.
type comparer struct {
	*Comparison
	rewriteOld, rewriteNew bool // whether unrendered configurations are read anew from the code
	macros                 macroReach
}

func (c *comparer) compareNode(old, new *Node) {
	change := Change{ID: new.UniqueID, New: old == nil}
	if old == nil {
		change.add(newIn(new.ResourceType), Cause{Kind: CauseNew})
	} else {
		c.compareKind(&change, old, new)
		if c.Engine.Dependencies && new.ResourceType != "exposure" {
			change.add(inModified, dependencies(CauseDependencies, old, new)...)
		}
	}
	if path := c.macros.path(new); path != nil {
		last := path[len(path)-1]
		cause := Cause{Kind: CauseMacros, Key: last, Path: path}
		if m := c.Old.Macros[last]; m != nil {
			cause.OldText, cause.Old = m.SQL, m.SQL.hex()
		}
		if m := c.New.Macros[last]; m != nil {
			cause.NewText, cause.New = m.SQL, m.SQL.hex()
		}
		change.add(inMacros|inModified, cause)
	}
	if len(change.Causes) > 0 {
		kept := change // only what changed is on the heap
		c.changes[change.ID] = &kept
	}
}

// newIn is where a new resource is. Some kinds are not in state:modified.
func newIn(kind string) aspect {
	switch kind {
	case "source":
		return inConfigs | inRelation
	case "exposure", "metric", "semantic_model", "saved_query":
		return inConfigs
	case "unit_test":
		return inModified
	}
	return inModified | inBody | inConfigs | inDescriptions | inRelation | inContract
}

func (c *comparer) compareKind(change *Change, old, new *Node) {
	switch new.ResourceType {
	case "source":
		change.add(inModified|inRelation, c.sourceRelation(old, new)...)
		change.add(inModified|inConfigs, c.configs(old, new)...)
		change.add(inModified, fqn(old, new)...)
		change.add(inModified, fields(old, new, "quoting", "freshness", "loaded_at_field", "external")...)
	case "exposure":
		change.add(inModified|inConfigs, c.configs(old, new)...)
		change.add(inModified, fqn(old, new)...)
		change.add(inModified, text("description", old.Description, new.Description)...)
		change.add(inModified, fields(old, new, "type", "owner", "maturity", "url", "label")...)
		change.add(inModified, dependencies(CauseField, old, new)...)
	case "metric":
		change.add(inModified|inConfigs, c.configs(old, new)...)
		change.add(inModified, text("description", old.Description, new.Description)...)
		change.add(inModified, fields(old, new, "type", "label")...)
	case "semantic_model":
		change.add(inModified|inConfigs, rendered(old, new)...)
		change.add(inModified, text("description", old.Description, new.Description)...)
		change.add(inModified, text("model", old.Model, new.Model)...)
		change.add(inModified, text("group", old.Group, new.Group)...)
		change.add(inModified, fields(old, new, "defaults", "entities", "dimensions", "measures", "primary_entity")...)
	case "saved_query":
		change.add(inModified|inConfigs, rendered(old, new)...)
		change.add(inModified, savedQuery(old, new)...)
	case "unit_test":
		change.add(inModified, fields(old, new, "checksum")...)
	default:
		c.compareParsed(change, old, new)
	}
}

// compareParsed compares what has a body: models, tests, seeds, snapshots, analyses, functions and hooks.
func (c *comparer) compareParsed(change *Change, old, new *Node) {
	content := inModified
	if new.TestMetadata != nil {
		content = 0 // of a generic test only the configuration and the place count: its arguments are in its id
	}
	if new.ResourceType == "seed" {
		change.add(content|inBody, c.seed(old, new)...)
	} else {
		change.add(content|inBody, body(old, new)...)
	}
	change.add(inModified|inConfigs, c.configs(old, new)...)
	change.add(inModified, fqn(old, new)...)
	change.add(content|inRelation, c.relation(old, new)...)
	switch new.ResourceType {
	case "test":
		return
	case "model":
		change.add(inModified, reference(old, new)...)
		change.add(inModified|inContract, c.contract(old, new)...)
	case "function":
		change.add(inModified, fields(old, new, "arguments", "returns", "overloads")...)
	}
	change.add(inModified|inDescriptions, descriptions(old, new)...)
}

func body(old, new *Node) []Cause {
	if old.Code.same(new.Code) {
		return nil
	}
	return []Cause{{Kind: CauseBody, Old: old.Code.hex(), New: new.Code.hex(), OldText: old.Code, NewText: new.Code}}
}

// same reports whether two texts are equal; none is like an empty one.
func (t Text) same(other Text) bool {
	return t.Length == other.Length && (t.Length == 0 || t.Hash == other.Hash)
}

// hex is the hash as people see it; empty for no text.
func (t Text) hex() string {
	if t.Hash == [16]byte{} {
		return ""
	}
	return hex.EncodeToString(t.Hash[:])
}

func fqn(old, new *Node) []Cause {
	if slices.Equal(old.FQN, new.FQN) {
		return nil
	}
	return []Cause{{Kind: CauseFQN, Old: strings.Join(old.FQN, "."), New: strings.Join(new.FQN, ".")}}
}

func text(key, old, new string) []Cause {
	if old == new {
		return nil
	}
	return []Cause{{Kind: CauseField, Key: key, Old: old, New: new}}
}

// fields compares fields by their values, in which null is like absent.
func fields(old, new *Node, keys ...string) []Cause {
	var causes []Cause
	for _, key := range keys {
		before, after := old.Fields.Get(key), new.Fields.Get(key)
		if !alike(before, after) {
			causes = append(causes, Cause{Kind: CauseField, Key: key, Old: string(before), New: string(after)})
		}
	}
	return causes
}

// reference compares what those who refer to a model depend on.
func reference(old, new *Node) []Cause {
	causes := fields(old, new, "latest_version")
	causes = append(causes, text("access", old.Access, new.Access)...)
	if before, after := old.Fields.Get("deprecation_date"), new.Fields.Get("deprecation_date"); !equal(before, after) {
		a, b := moment(before), moment(after)
		if a.IsZero() || !a.Equal(b) {
			causes = append(causes, Cause{Kind: CauseField, Key: "deprecation_date", Old: string(before), New: string(after)})
		}
	}
	return causes
}

// moment is the time that a field tells, zero for none.
func moment(raw json.RawMessage) time.Time {
	var t timestamp
	if len(raw) == 0 || t.UnmarshalJSON(raw) != nil {
		return time.Time{}
	}
	return time.Time(t)
}

// dependencies compares what a resource is built from, as a set.
func dependencies(kind CauseKind, old, new *Node) []Cause {
	if slices.Equal(old.DependsOn.Nodes, new.DependsOn.Nodes) {
		return nil
	}
	before, after := slices.Clone(old.DependsOn.Nodes), slices.Clone(new.DependsOn.Nodes)
	slices.Sort(before)
	slices.Sort(after)
	before, after = slices.Compact(before), slices.Compact(after)
	if slices.Equal(before, after) {
		return nil
	}
	return []Cause{{Kind: kind, Key: "depends_on", Old: strings.Join(before, " "), New: strings.Join(after, " ")}}
}

func descriptions(old, new *Node) []Cause {
	var causes []Cause
	if new.Config.PersistRelation && old.Description != new.Description {
		causes = append(causes, Cause{Kind: CauseDescription, Key: "description", Old: old.Description, New: new.Description})
	}
	if !new.Config.PersistColumns {
		return causes
	}
	before := map[string]string{}
	for _, column := range old.Columns {
		before[column.Name] = column.Description
	}
	for _, column := range new.Columns {
		description, there := before[column.Name]
		if !there || description != column.Description {
			causes = append(causes, Cause{Kind: CauseDescription, Key: "columns." + column.Name, Old: description, New: column.Description})
		}
		delete(before, column.Name)
	}
	for _, column := range old.Columns {
		if description, gone := before[column.Name]; gone {
			causes = append(causes, Cause{Kind: CauseDescription, Key: "columns." + column.Name, Old: description})
		}
	}
	return causes
}

// checksum is how a seed says what it contains: by a hash, or by its path where it is too large to read.
type checksum struct{ Name, Checksum string }

func (c *comparer) seed(old, new *Node) []Cause {
	var before, after checksum
	_ = json.Unmarshal(old.Fields.Get("checksum"), &before) // what is no checksum is equal to none
	_ = json.Unmarshal(new.Fields.Get("checksum"), &after)
	equal := before == after && after.Name != "none" && after.Name != ""
	if after.Name == "path" {
		switch {
		case before.Name != "path":
			c.warn("SeedIncreased", new.UniqueID, "it has become too large for its contents to be compared; it counts as changed")
		case equal:
			c.warn("SeedExceedsLimitSamePath", new.UniqueID, "it is too large for its contents to be compared; it counts as unchanged, because its path is the same")
		default:
			c.warn("SeedExceedsLimitAndPathChanged", new.UniqueID, "it is too large for its contents to be compared; it counts as changed, because its path is another")
		}
	}
	if equal {
		return nil
	}
	return []Cause{{Kind: CauseBody, Old: before.Name + ":" + before.Checksum, New: after.Name + ":" + after.Checksum}}
}

func (c *comparer) warn(event, id, message string) {
	c.Warnings = append(c.Warnings, Warning{Event: event, ID: id, Message: message})
}

// finish puts what was found in order and says which selectors dbt refuses.
func (c *comparer) finish() {
	slices.SortFunc(c.Breaking, func(a, b Breaking) int { return strings.Compare(a.ID, b.ID) })
	var refused []Breaking
	for _, b := range c.Breaking {
		if b.Versioned {
			refused = append(refused, b)
			continue
		}
		c.warn("UnversionedBreakingChange", b.ID, strings.Join(b.Clauses, "; "))
	}
	slices.SortFunc(c.Warnings, func(a, b Warning) int { return cmp.Or(strings.Compare(a.Event, b.Event), strings.Compare(a.ID, b.ID)) })
	if err := c.macros.lostMacro(c.New); err != nil {
		c.refused["modified"], c.refused["unmodified"], c.refused["modified.macros"] = err, err, err
	}
	if len(refused) > 0 {
		err := &ContractError{Breaking: refused}
		c.refused["modified"], c.refused["unmodified"], c.refused["modified.contract"] = err, err, err
	}
}
