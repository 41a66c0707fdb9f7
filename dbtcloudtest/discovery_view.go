package dbtcloudtest

import (
	"slices"
	"time"
)

// place is where nodes are looked at: in one state of an environment, after a run.
type place struct {
	w           *world
	environment *resource
	layer       *layer
	lineage     bool
	latest      *run   // whose outcome an executionInfo tells that a node does not have; nil for none
	succeeded   *run   // the latest that succeeded
	runs        []*run // all that are known, the latest first
	job         *run   // of which the metadata is asked; nil outside a job
}

// place is the environment as its latest finished run has left it.
func (w *world) lookAt(e *resource, l *layer, now time.Time) *place {
	p := &place{w: w, environment: e, layer: l}
	for _, r := range slices.Backward(w.runOrder) {
		if r.environmentID != e.id || !w.known(r, now) {
			continue
		}
		p.runs = append(p.runs, r)
		if p.succeeded == nil && r.versions.last().status == Success {
			p.succeeded = r
		}
	}
	if len(p.runs) > 0 {
		p.latest = p.runs[0]
	}
	return p
}

// known says whether the metadata of a run is there: the run has ended, and long enough ago.
func (w *world) known(r *run, now time.Time) bool {
	finished := r.versions.last().finished
	return !finished.IsZero() && now.Sub(finished) >= w.cfg.metadataLag
}

// view is a node at a place.
type view struct {
	*place

	node   *node
	over   map[string]any // what is different in this view
	cursor string         // of a row of a list that has no edges
}

func (v view) kind() string { return v.node.kind.name }

// value is what the view knows better, else what the node was given, else what follows from other nodes, other fields or runs.
func (v view) value(field string, args map[string]any) (any, error) {
	if value, ok := v.over[field]; ok {
		return value, nil
	}
	if value, ok := v.ofPlace(field); ok {
		return value, nil
	}
	if value, ok := v.node.fields[field]; ok {
		return value, nil
	}
	if path := v.otherName(field); path != nil {
		return v.at(path...), nil
	}
	return v.derived(field, args), nil
}

// at follows a path of fields without arguments; through a list it is a list.
func (v view) at(path ...string) any {
	value, _ := v.value(path[0], nil)
	return dig(value, path[1:])
}

func dig(value any, path []string) any {
	if len(path) == 0 {
		return value
	}
	switch value := value.(type) {
	case map[string]any:
		return dig(value[path[0]], path[1:])
	case record:
		return dig(value[path[0]], path[1:])
	case []any:
		out := []any{}
		for _, item := range value {
			out = append(out, dig(item, path))
		}
		return out
	}
	return nil
}

// kindField is how a filter asks for the kind of a node; it is in no schema.
const kindField = "__kind"

// ofPlace is what depends on where the node is looked at, whatever it was given.
func (v view) ofPlace(field string) (any, bool) {
	switch {
	case field == "resourceType" && v.lineage:
		return v.node.kind.name, true
	case field == kindField:
		return v.node.kind.name, true
	case field == "paginationCursor":
		return v.cursor, true
	case v.job == nil:
		return nil, false
	case field == "runId":
		return v.job.id, true
	case field == "jobId":
		return v.job.jobID, true
	case field == "schema" && v.job.trigger.schema != "" && v.node.fields["schema"] != nil:
		return v.job.trigger.schema, true
	}
	return nil, false
}

// otherName is the path of a field that says the same as this one; nil when there is none.
func (v view) otherName(field string) []string {
	switch field {
	case "materializationType":
		return []string{"materializedType"}
	case "dbtCoreProject":
		return []string{"packageName"}
	case "dbtGroup":
		return []string{"group"}
	case "compiledSql":
		return []string{"compiledCode"}
	case "rawSql":
		return []string{"rawCode"}
	case "thread_id":
		return []string{"threadId"}
	case "columns", "comment", "owner", "stats", "type":
		return []string{"catalog", field}
	case "criteria", "freshnessChecked", "maxLoadedAt", "maxLoadedAtTimeAgoInS", "snapshottedAt":
		return []string{"freshness", field}
	case "state":
		return []string{"freshness", "freshnessStatus"}
	case "status", "lastRunStatus", "lastKnownResult":
		return []string{"executionInfo", "lastRunStatus"}
	case "error":
		return []string{"executionInfo", "lastRunError"}
	case "compileStartedAt", "compileCompletedAt", "executeStartedAt", "executeCompletedAt", "executionTime", "runElapsedTime", "runGeneratedAt":
		return []string{"executionInfo", field}
	case "runId":
		return []string{"executionInfo", "lastRunId"}
	case "jobDefinitionId":
		return []string{"executionInfo", "lastJobDefinitionId"}
	}
	return nil
}

// derived is what follows from the edges, the environment and its runs.
func (v view) derived(field string, args map[string]any) any {
	l := v.layer
	switch field {
	case "parents":
		return v.views(l.parents(v.node))
	case "children":
		return v.views(l.children[v.node.id])
	case "ancestors":
		return v.views(v.ancestors(args["types"]))
	case "tests":
		return v.views(ofKinds(l.children[v.node.id], []any{"Test"}))
	case "parentsModels":
		return v.views(ofKinds(l.parents(v.node), []any{"Model"}))
	case "parentsSources":
		return v.views(ofKinds(l.parents(v.node), []any{"Source"}))
	case "childrenL1":
		return ids(l.children[v.node.id])
	case "publicParentIds":
		return ids(publicOnly(l.parents(v.node)))
	case "publicAncestors":
		return v.views(publicOnly(v.ancestors([]any{"Model", "ExternalModel"})))
	case "models", "modelCount":
		return v.group(field)
	case "worstTestStatus":
		return v.worstTest()
	case "testStatuses":
		return v.testStatuses()
	}
	return v.fromRest(field)
}

// fromRest is what follows from the environment, its runs, or the node itself.
func (v view) fromRest(field string) any {
	switch field {
	case "accountId":
		return v.w.cfg.account
	case "environmentId":
		return v.environment.id
	case "environmentName":
		return v.environment.name()
	case "projectId":
		return v.environment.projectID()
	case "environmentDeploymentType":
		return v.environment.fields["deployment_type"]
	case "isDefaultEnv":
		return v.environment.fields["deployment_type"] == "production"
	case "executionInfo":
		return v.executionInfo()
	case "runResults":
		return []any{v}
	case "columnCount":
		if columns, ok := v.at("catalog", "columns").([]any); ok {
			return len(columns)
		}
	case "testedNodeUniqueId":
		if v.kind() == "Test" && len(v.node.parents) > 0 {
			return v.node.parents[0]
		}
	case "model": // of a metric; a test names it, if anybody does
		if models := ofKinds(v.layer.parents(v.node), []any{"Model"}); v.kind() == "Metric" && len(models) > 0 {
			return v.views(models)[0]
		}
	}
	return nil
}

// ancestors are those of these kinds.
func (v view) ancestors(kinds any) []*node {
	all := v.layer.ancestors(v.node)
	v.w.looked += len(all)
	return ofKinds(all, kinds)
}

func (v view) views(nodes []*node) []any {
	out := make([]any, len(nodes))
	for i, n := range nodes {
		out[i] = view{place: v.place, node: n}
	}
	return out
}

func ids(nodes []*node) []any {
	out := make([]any, len(nodes))
	for i, n := range nodes {
		out[i] = n.id
	}
	return out
}

// ofKinds keeps the nodes of these kinds; all when none are named.
func ofKinds(nodes []*node, kinds any) []*node {
	wanted, ok := kinds.([]any)
	if !ok {
		return nodes
	}
	var out []*node
	for _, n := range nodes {
		if slices.Contains(wanted, any(n.kind.name)) {
			out = append(out, n)
		}
	}
	return out
}

// group is the models that name this group, or how many they are.
func (v view) group(field string) any {
	var models []*node
	for _, n := range v.layer.byKind["Model"] {
		if text(n.fields["group"]) == text(v.node.fields["name"]) {
			models = append(models, n)
		}
	}
	if field == "modelCount" {
		return len(models)
	}
	return v.views(models)
}

// worstTest is the worst status of the node's tests; nil when it has none that has run.
func (v view) worstTest() any {
	statuses := v.testStatuses()
	for _, status := range []string{"error", "fail", "warn", "pass", "skipped"} {
		if statuses[status] != nil {
			return status
		}
	}
	return nil
}

// testStatuses counts the statuses of the node's tests.
func (v view) testStatuses() map[string]any {
	out := map[string]any{}
	for _, test := range ofKinds(v.layer.children[v.node.id], []any{"Test"}) {
		if status := text(view{place: v.place, node: test}.at("executionInfo", "lastRunStatus")); status != "" {
			out[status] = integer(out[status]) + 1
		}
	}
	return out
}

// executionInfo tells the outcome of the latest run; nil when there is none.
func (v view) executionInfo() any {
	r := v.latest
	if r == nil {
		return nil
	}
	state := r.versions.last()
	out := map[string]any{
		"lastRunId": r.id, "lastJobDefinitionId": r.jobID, "lastRunStatus": nodeStatus(v.kind(), state.status),
		"lastRunGeneratedAt": moment(state.finished), "runGeneratedAt": moment(state.finished),
		"executeStartedAt": moment(state.started), "executeCompletedAt": moment(state.finished),
		"compileStartedAt": moment(state.started), "compileCompletedAt": moment(state.started),
	}
	if !state.started.IsZero() {
		seconds := state.finished.Sub(state.started).Seconds()
		out["executionTime"], out["runElapsedTime"] = seconds, seconds
	}
	if state.status == Error && state.message != "" {
		out["lastRunError"] = state.message
	}
	if v.succeeded != nil {
		out["lastSuccessRunId"], out["lastSuccessJobDefinitionId"] = v.succeeded.id, v.succeeded.jobID
	}
	return out
}

// nodeStatus is the status of a node in a run that ended so.
func nodeStatus(kind string, status RunStatus) string {
	test := kind == "Test"
	switch {
	case status == Success && test:
		return "pass"
	case status == Success:
		return "success"
	case status == Error && test:
		return "fail"
	case status == Error:
		return "error"
	}
	return "skipped"
}

// moment is a time as the Discovery API writes it; nil for the zero time.
func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
