package dbtcloudtest

import (
	"maps"
	"slices"
)

// maxJobPage is the largest page of a list of a job. Without first, such a list is whole.
const maxJobPage = 100

// job is the metadata of one run of a job: the nodes of its environment, as that run has left them. Before it is known there are none.
func (x *execution) job(args map[string]any) (any, error) {
	j := x.w.openJob(integer(args["id"]))
	if j == nil {
		return nil, nil
	}
	r, known := x.runOf(j, args["runId"])
	if r == nil && args["runId"] != nil {
		return nil, nil
	}
	p := &place{w: x.w, layer: &layer{}, job: r}
	if known {
		e := x.w.environments[r.environmentID]
		m, err := x.metadata(r.environmentID)
		if e == nil || err != nil {
			return nil, err
		}
		p = x.w.lookAt(e, m.layer(stateApplied), x.c.now)
		p.job, p.latest = r, r
	}
	fields := map[string]resolver{"id": constant(j.id)}
	if r != nil {
		fields["runId"] = constant(r.id)
	}
	for _, kind := range nodeKinds() {
		fields[kind.list] = func(args map[string]any) (any, error) { return p.jobList(kind.name, args) }
		fields[lower(kind.name)] = func(args map[string]any) (any, error) { return p.first(kind.name, args) }
	}
	return scope{w: x.w, name: "job", args: args, fields: fields}, nil
}

// runOf is the run of the job that is asked for, or the latest whose metadata is known, and whether it is.
func (x *execution) runOf(j *job, asked any) (*run, bool) {
	for _, r := range slices.Backward(j.runs) {
		known := x.w.known(r, x.c.now)
		if asked == nil && known || asked != nil && r.id == integer(asked) {
			return r, known
		}
	}
	return nil, false
}

// jobList is a page of the nodes of one kind. It has no edges: every node carries the cursor of its place.
func (p *place) jobList(kind string, args map[string]any) (any, error) {
	filter := maps.Clone(args)
	delete(filter, "first")
	delete(filter, "after")
	rows, err := p.filtered(p.layer.byKind[kind], filter)
	if err != nil {
		return nil, err
	}
	from, to, err := window(len(rows), args, len(rows), maxJobPage)
	if err != nil {
		return nil, err
	}
	out := []any{}
	for i, row := range rows[from:to] {
		if v, ok := row.(view); ok {
			v.cursor = cursorOf(from + i + 1)
			out = append(out, v)
		}
	}
	return out, nil
}

// first is the one node of a kind that the arguments name; nil when there is none.
func (p *place) first(kind string, filter map[string]any) (any, error) {
	rows, err := p.filtered(p.layer.byKind[kind], filter)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0], nil
}

// history is what became of one model in the latest runs of the environment, the latest first: what the node tells of it, or else what
// the runs do.
func (p *place) history(args map[string]any) (any, error) {
	row, err := p.first("Model", map[string]any{"uniqueId": args["uniqueId"], "identifier": args["identifier"]})
	v, ok := row.(view)
	if err != nil || !ok {
		return []any{}, err
	}
	out := []any{}
	add := func(at *place, over map[string]any) {
		if args["withCatalog"] != true {
			over["catalog"] = nil
		}
		out = append(out, view{place: at, node: v.node, over: over})
	}
	for _, entry := range v.node.history {
		if told, ok := entry.(map[string]any); ok {
			add(p, maps.Clone(told))
		}
	}
	for _, r := range p.runs {
		if v.node.history != nil {
			break
		}
		at := *p
		at.job, at.latest = r, r
		over := map[string]any{}
		if r != p.latest { // what the node was given is the outcome of the latest
			over["executionInfo"] = view{place: &at, node: v.node}.executionInfo()
		}
		add(&at, over)
	}
	if asked, ok := args["lastRunCount"].(int64); ok {
		out = out[:min(len(out), int(max(asked, 0)))]
	}
	return out, nil
}
