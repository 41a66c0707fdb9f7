package manifest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// find returns the nodes that the method of a term takes, without what its operators add.
func (s *selecting) find(t *term) (set, error) {
	switch t.method {
	case "config":
		return s.graph.where(t.matchConfig), nil
	case "state", "result", "source_status", "selector":
		return s.findElsewhere(t)
	}
	value, err := t.text()
	if err != nil {
		return nil, err
	}
	takes, err := s.matcher(t, value)
	if err != nil {
		return nil, err
	}
	return s.graph.where(takes), nil
}

// text is the value of a term of any method but config; dbt fails on anything but a text.
func (t *term) text() (string, error) {
	text, ok := t.value.(string)
	if !ok {
		return "", &SelectorError{Selector: t.raw, Reason: fmt.Sprintf("the value of %s must be a text, and is %q", t.method, fmt.Sprint(t.value))}
	}
	return text, nil
}

// matcher returns what a method that looks at single nodes takes.
func (s *selecting) matcher(t *term, value string) (func(*Node) bool, error) {
	p := newPattern(value)
	switch t.method {
	case "fqn":
		return newName(value).match, nil
	case "tag":
		return func(n *Node) bool { return slices.ContainsFunc(n.tags(), p.match) }, nil
	case "group":
		return p.matchGroup, nil
	case "access":
		return func(n *Node) bool { return n.ResourceType == "model" && n.Access == value }, nil
	case "package":
		if value == "this" && s.manifest.Metadata.ProjectName != "" {
			p = newPattern(s.manifest.Metadata.ProjectName)
		}
		return func(n *Node) bool { return p.match(n.PackageName) }, nil
	case "file":
		return p.matchFile, nil
	case "path":
		return s.matchPath(t, value)
	case "source":
		return t.matchSource(value)
	case "exposure", "metric", "semantic_model", "saved_query", "unit_test":
		return t.matchNamed(value)
	case "test_name":
		return p.matchTestName, nil
	case "test_type":
		return t.matchTestType(value)
	case "resource_type":
		return t.matchResourceType(value)
	default: // the parser knows no other method than version
		return t.matchVersion(value)
	}
}

// tags are those that dbt looks at: unit tests have theirs in the configuration alone.
func (n *Node) tags() []string {
	if n.ResourceType == "unit_test" {
		return texts(n.Config.at("tags"))
	}
	return n.Tags
}

func (p *pattern) matchGroup(n *Node) bool {
	if !n.inNodes() && n.ResourceType != "metric" {
		return false
	}
	group := texts(n.Config.at("group"))
	return len(group) == 1 && group[0] != "" && p.match(group[0])
}

// matchFile takes the name of a file, with or without what follows the last dot.
func (p *pattern) matchFile(n *Node) bool {
	path := slashed(n.OriginalFilePath)
	name := path[strings.LastIndex(path, "/")+1:]
	stem := name
	if dot := strings.LastIndex(name, "."); dot > 0 {
		stem = name[:dot]
	}
	return p.match(name) || p.match(stem)
}

func (p *pattern) matchTestName(n *Node) bool {
	if n.ResourceType == "unit_test" {
		return p.match(n.Name)
	}
	return n.ResourceType == "test" && n.TestMetadata != nil && p.match(n.TestMetadata.Name)
}

// matchSource takes SOURCE, SOURCE.TABLE or PACKAGE.SOURCE.TABLE.
func (t *term) matchSource(value string) (func(*Node) bool, error) {
	parts := strings.Split(value, ".")
	switch len(parts) {
	case 1:
		parts = []string{"*", parts[0], "*"}
	case 2:
		parts = []string{"*", parts[0], parts[1]}
	case 3:
	default:
		return nil, &SelectorError{Selector: t.raw, Reason: "a source is SOURCE, SOURCE.TABLE or PACKAGE.SOURCE.TABLE"}
	}
	project, source, table := newPattern(parts[0]), newPattern(parts[1]), newPattern(parts[2])
	return func(n *Node) bool {
		return n.ResourceType == "source" && project.match(n.PackageName) && source.match(n.SourceName) && table.match(n.Name)
	}, nil
}

// matchNamed takes NAME or PACKAGE.NAME of the type of resource that the method is named after.
func (t *term) matchNamed(value string) (func(*Node) bool, error) {
	parts := strings.Split(value, ".")
	if len(parts) == 1 {
		parts = []string{"*", parts[0]}
	}
	if len(parts) != 2 {
		return nil, &SelectorError{Selector: t.raw, Reason: fmt.Sprintf("the value of %s is NAME or PACKAGE.NAME", t.method)}
	}
	project, name := newPattern(parts[0]), newPattern(parts[1])
	return func(n *Node) bool {
		return n.ResourceType == t.method && project.match(n.PackageName) && name.match(n.Name)
	}, nil
}

// matchTestType takes what dbt takes: also parts of the words data, singular and unit.
func (t *term) matchTestType(value string) (func(*Node) bool, error) {
	generic := func(n *Node) bool { return n.ResourceType == "test" && n.TestMetadata != nil }
	switch {
	case value == "generic", value == "schema":
		return generic, nil
	case strings.Contains("data", value):
		return func(n *Node) bool { return n.ResourceType == "test" }, nil
	case strings.Contains("singular", value):
		return func(n *Node) bool { return n.ResourceType == "test" && !generic(n) }, nil
	case strings.Contains("unit", value):
		return func(n *Node) bool { return n.ResourceType == "unit_test" }, nil
	}
	return nil, t.unknown(value, "type of test", []string{"generic", "singular", "unit", "data"})
}

func (t *term) matchResourceType(value string) (func(*Node) bool, error) {
	known := []string{
		"model", "analysis", "test", "snapshot", "operation", "seed", "rpc", "sql_operation", "doc", "source", "macro", "exposure",
		"metric", "group", "saved_query", "semantic_model", "unit_test", "fixture", "function",
	}
	if !slices.Contains(known, value) {
		return nil, t.unknown(value, "type of resource", known)
	}
	return func(n *Node) bool { return n.ResourceType == value }, nil
}

func (t *term) matchVersion(value string) (func(*Node) bool, error) {
	var takes func(n *Node) bool
	switch value {
	case "latest":
		takes = func(n *Node) bool { return n.Version != "" && n.Version == n.LatestVersion }
	case "prerelease":
		takes = func(n *Node) bool { return n.hasVersions() && older(n.LatestVersion, n.Version) }
	case "old":
		takes = func(n *Node) bool { return n.hasVersions() && older(n.Version, n.LatestVersion) }
	case "none":
		takes = func(n *Node) bool { return n.Version == "" }
	default:
		return nil, t.unknown(value, "kind of version", []string{"latest", "prerelease", "old", "none"})
	}
	return func(n *Node) bool { return n.ResourceType == "model" && takes(n) }, nil
}

func (n *Node) hasVersions() bool { return n.Version != "" && n.LatestVersion != "" }

// older compares versions as numbers if both are, and as texts otherwise.
func older(a, b string) bool {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	if errX == nil && errY == nil {
		return x < y
	}
	return a < b
}

// unknown says that a value is none of those that the method has.
func (t *term) unknown(value, what string, known []string) error {
	e := &SelectorError{Selector: t.raw, Reason: fmt.Sprintf("%q is no %s, there are %s", value, what, strings.Join(known, ", "))}
	if right := t.misplaced(); right != "" {
		e.Suggestions = append(e.Suggestions, right)
		return e
	}
	e.Suggestions = suggest(value, known, func(name string) string { return strings.Replace(t.raw, value, name, 1) })
	return e
}

// name is the value of the method fqn: the last part of a name, or the first ones, with or without the package.
type name struct {
	text  string
	parts []string
	rest  *pattern // of the first part with a wildcard and what follows; nil without
	fixed int      // how many parts there are before
}

func newName(text string) *name {
	out := &name{text: text, parts: strings.Split(text, ".")}
	out.fixed = slices.IndexFunc(out.parts, func(part string) bool { return strings.ContainsAny(part, "*?[]") })
	if out.fixed < 0 {
		out.fixed = len(out.parts)
	} else {
		out.rest = newPattern(strings.Join(out.parts[out.fixed:], "."))
	}
	return out
}

func (m *name) match(n *Node) bool {
	versioned := n.ResourceType == "model" && n.Version != ""
	if n.ResourceType == "source" || len(n.FQN) == 0 {
		return false
	}
	return m.matches(n.FQN, versioned) || m.matches(n.FQN[1:], versioned)
}

func (m *name) matches(fqn []string, versioned bool) bool {
	switch {
	case len(fqn) == 0:
		return false
	case versioned && len(fqn) > 1:
		tail := m.parts[max(0, len(m.parts)-2):]
		if fqn[len(fqn)-2] == m.text || strings.Join(fqn[len(fqn)-2:], "_") == strings.Join(tail, "_") {
			return true
		}
	case fqn[len(fqn)-1] == m.text:
		return true
	}
	flat := fqn
	if slices.ContainsFunc(fqn, func(part string) bool { return strings.Contains(part, ".") }) {
		flat = strings.Split(strings.Join(fqn, "."), ".")
	}
	if len(flat) < len(m.parts) || !slices.Equal(flat[:m.fixed], m.parts[:m.fixed]) {
		return false
	}
	return m.rest == nil || m.rest.match(strings.Join(flat[m.fixed:], "."))
}
