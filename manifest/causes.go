package manifest

import (
	"fmt"
	"strings"
)

// CauseKind is why a resource counts as changed.
type CauseKind string

// Kinds of causes.
const (
	CauseNew         CauseKind = "new"         // there was none with this unique id
	CauseBody        CauseKind = "body"        // what people wrote, or the contents of a seed
	CauseConfig      CauseKind = "config"      // a key of the configuration, as it is written
	CauseDescription CauseKind = "description" // a description that is written to the warehouse
	CauseRelation    CauseKind = "relation"    // the database, schema or alias, as it is written
	CauseContract    CauseKind = "contract"    // a clause of an enforced contract
	CauseMacros      CauseKind = "macros"      // a macro that it uses, however far away
	CauseFQN         CauseKind = "fqn"         // it was moved
	CauseField       CauseKind = "field"       // another field that dbt looks at
	// CauseDependencies is there only if [Engine] asks for it: dbt does not look at what a resource is built from.
	CauseDependencies CauseKind = "depends_on"
)

// Cause is one reason why a resource counts as changed.
type Cause struct {
	Kind CauseKind
	Key  string // of config, relation and field: which one; of description: description or columns.NAME; of macros: the unique id
	// Old and New are the values: of config and field JSON as written, of body hashes, of contract the clause in New;
	// empty where there is none.
	Old, New string
	// Path leads from the resource to the macro that changed, by unique id.
	Path []string
	// OldText and NewText say where the texts of a body or a macro are in the two manifests.
	OldText, NewText Text
}

// String says it in one line.
func (c Cause) String() string {
	switch c.Kind {
	case CauseNew:
		return "new"
	case CauseBody:
		return "body " + clip(c.Old) + " -> " + clip(c.New)
	case CauseMacros:
		names := make([]string, len(c.Path))
		for i, id := range c.Path {
			names[i] = id[strings.LastIndexByte(id, '.')+1:]
		}
		return "macros " + strings.Join(names, " -> ")
	case CauseContract:
		return "contract: " + c.New
	}
	return fmt.Sprintf("%s %s: %s -> %s", c.Kind, c.Key, shown(c.Old), shown(c.New))
}

func shown(value string) string {
	if value == "" {
		return "nothing"
	}
	return clip(value)
}

// Change is what changed of one resource of the new manifest.
type Change struct {
	ID     string
	New    bool
	Causes []Cause
	in     aspect
}

// aspect is a set of selectors.
type aspect uint8

const (
	inModified aspect = 1 << iota
	inBody
	inConfigs
	inDescriptions
	inRelation
	inMacros
	inContract
)

// aspectOf is the aspect of a selector, 0 for what is none.
func aspectOf(selector string) aspect {
	switch selector {
	case "modified":
		return inModified
	case "modified.body":
		return inBody
	case "modified.configs":
		return inConfigs
	case "modified.persisted_descriptions":
		return inDescriptions
	case "modified.relation":
		return inRelation
	case "modified.macros":
		return inMacros
	case "modified.contract":
		return inContract
	}
	return 0
}

// add notes causes, which put the resource into the selectors.
func (c *Change) add(in aspect, causes ...Cause) {
	if len(causes) > 0 {
		c.in |= in
		c.Causes = append(c.Causes, causes...)
	}
}
