package manifest

import (
	"fmt"
	"slices"
	"strings"
)

// findElsewhere finds by what does not stand in the manifest: comparisons, earlier results and other selectors.
func (s *selecting) findElsewhere(t *term) (set, error) {
	value, err := t.text()
	if err != nil {
		return nil, err
	}
	switch t.method {
	case "state":
		return s.findState(t, value)
	case "result":
		return s.findResult(t, value)
	case "source_status":
		return s.findSourceStatus(t, value)
	default:
		return s.findSelector(t, value)
	}
}

func (s *selecting) findState(t *term, value string) (set, error) {
	if !slices.Contains(StateSelectors(), value) {
		return nil, t.unknown(value, "state", StateSelectors())
	}
	if s.query.State == nil {
		return nil, t.lacks("a manifest to compare with")
	}
	ids, err := s.query.State.Select(value)
	if err != nil {
		return nil, err
	}
	if !s.warned[value] {
		s.warned[value] = true
		s.warnings = append(s.warnings, s.query.State.WarningsOf(value)...)
	}
	return s.graph.of(ids), nil
}

// of returns the set of some ids; those that are not in the graph are not in it.
func (g *graph) of(ids []string) set {
	out := g.none()
	for _, id := range ids {
		if i, found := g.index[id]; found {
			out.add(i)
		}
	}
	return out
}

// lacks says that a method has nothing to answer from.
func (t *term) lacks(what string) error {
	return &SelectorError{Selector: t.raw, Reason: fmt.Sprintf("%s: needs %s", t.method, what)}
}

func (s *selecting) findResult(t *term, value string) (set, error) {
	if s.query.Results == nil {
		return nil, t.lacks("the run_results.json of the state to compare with")
	}
	var ids []string
	for _, r := range s.query.Results.Results {
		if string(r.Status) == value {
			ids = append(ids, r.UniqueID)
		}
	}
	return s.graph.of(ids), nil
}

// findSourceStatus knows one value, fresher: sources that were loaded since the state was made, or were not asked then.
func (s *selecting) findSourceStatus(t *term, value string) (set, error) {
	before, now := s.query.OldSources, s.query.NewSources
	switch {
	case before == nil:
		return nil, t.lacks("the sources.json of the state to compare with")
	case now == nil:
		return nil, t.lacks("the sources.json of now")
	case value != "fresher":
		return s.graph.none(), nil
	}
	loaded := before.loaded()
	var ids []string
	for id, at := range now.loaded() {
		if then, found := loaded[id]; !found || at.After(then) {
			ids = append(ids, id)
		}
	}
	return s.graph.of(ids), nil
}

// findSelector unites the YAML selectors whose names match, each already narrowed to what the command keeps.
func (s *selecting) findSelector(t *term, value string) (set, error) {
	p, out, found := newPattern(value), s.graph.none(), false
	for _, name := range s.manifest.selectorNames() {
		if !p.match(name) {
			continue
		}
		found = true
		selected, err := s.answer(t, name)
		if err != nil {
			return nil, err
		}
		out.or(selected)
	}
	if !found {
		return nil, &SelectorError{
			Selector: t.raw, Reason: fmt.Sprintf("the manifest has no YAML selector %q", value),
			Suggestions: suggest(value, s.manifest.selectorNames(), func(name string) string { return strings.Replace(t.raw, value, name, 1) }),
		}
	}
	return out, nil
}

// answer returns what a YAML selector selects.
func (s *selecting) answer(t *term, name string) (set, error) {
	if selected, done := s.answered[name]; done {
		return selected, nil
	}
	if slices.Contains(s.asking, name) {
		circle := strings.Join(append(s.asking, name), " -> ")
		return nil, &SelectorError{Selector: t.raw, Reason: fmt.Sprintf("YAML selectors refer to each other in a circle: %q", circle)}
	}
	s.asking = append(s.asking, name)
	parsed, err := s.parseNamed(name)
	if err != nil {
		return nil, err
	}
	selected, err := s.selected(parsed)
	if err != nil {
		return nil, err
	}
	s.asking = s.asking[:len(s.asking)-1]
	s.answered[name] = selected
	return selected, nil
}
