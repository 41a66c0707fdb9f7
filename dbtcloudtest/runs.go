package dbtcloudtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

func runRoutes() []route {
	const runs = "/api/v2/accounts/{account}/runs/"
	include := []string{"include_related"}
	return []route{
		{"GET", runs, []string{
			"created_at__range", "dbt_version", "dbt_version__in", "deferring_run_id", "environment_id", "finished_at__range",
			"has_docs_generated", "has_sources_generated", "id__gt", "include_related", "job_definition_id", "limit", "offset",
			"order_by", "pk", "pk__in", "project_id", "project_id__in", "state", "status", "status__in",
		}, (*world).listRuns},
		{"GET", runs + "{id}/", include, (*world).getRun},
		{"POST", runs + "{id}/cancel/", nil, (*world).cancelRun},
		{"POST", runs + "{id}/retry/", nil, (*world).retryRun},
		{"GET", runs + "{id}/retry/", include, (*world).failureDetails},
		{"GET", runs + "{id}/artifacts/", include, (*world).listArtifacts},
		{"GET", runs + "{id}/artifacts/{remainder...}", []string{"include_related", "step"}, (*world).getArtifact},
		{"GET", "/api/v2/accounts/{account}/steps/{id}/", include, (*world).getStep},
	}
}

// triggerJob makes a run. Its answer shows the run as it is queued, also when it starts at once.
func (w *world) triggerJob(c *call) answer {
	j := w.openJob(c.id("id"))
	if j == nil {
		return w.notFound()
	}
	body, ok := c.object()
	if !ok {
		return jsonAnswer(http.StatusInternalServerError, `{"detail":"`+serverErrorText+`"}`)
	}
	known := triggerSchema()
	tree := known.check(body, w.cfg.writes)
	if w.cfg.writes == Strict && tree == nil && countPRs(body) > 1 {
		tree = map[string]any{"_model": "Only one pull request can be given"}
	}
	if tree != nil {
		return w.invalid(tree)
	}
	if text(body["cause"]) == "" {
		return jsonAnswer(http.StatusInternalServerError, `{"detail":"`+serverErrorText+`"}`)
	}
	maps.DeleteFunc(body, func(key string, _ any) bool { _, ok := known[key]; return !ok })
	t := newTrigger(body)
	t.category = "api"
	return w.accept(c, j, t, 0)
}

func countPRs(body map[string]any) int {
	n := 0
	for _, host := range gitHosts() {
		if body[host.field()] != nil {
			n++
		}
	}
	return n
}

func newTrigger(body map[string]any) trigger {
	t := trigger{
		cause: text(body["cause"]), sha: text(body["git_sha"]), branch: text(body["git_branch"]),
		schema: text(body["schema_override"]), fields: body,
	}
	for _, host := range gitHosts() {
		if n := integer(body[host.field()]); n > 0 {
			t.pullRequest = PullRequest{host, n}
			break
		}
	}
	return t
}

// accept queues a run, or refuses it for the state of the account or the job.
func (w *world) accept(c *call, j *job, t trigger, retryOf int64) answer {
	for _, obstacle := range []struct {
		stands bool
		reason Refusal
	}{
		{w.locked, RefuseLocked},
		{j.versions.last().deactivated, RefuseDeactivated},
		{w.cfg.queueLimit > 0 && w.queued() >= w.cfg.queueLimit, RefuseQueueFull},
	} {
		if refused := w.cfg.refusals[obstacle.reason]; obstacle.stands && refused.status != 0 {
			return w.fail(refused.status, refused.message, nil)
		}
	}
	r := w.enqueue(j, t, "api", retryOf, c.now)
	return w.ok(w.runJSON(r, r.versions.last(), c.now, includes{"trigger": true}))
}

// rerunJob retries the last run if it failed, and triggers a new one otherwise.
func (w *world) rerunJob(c *call) answer {
	j := w.openJob(c.id("id"))
	if j == nil {
		return w.notFound()
	}
	t, retryOf := trigger{cause: "Rerun through the API", category: "rerun"}, int64(0)
	if len(j.runs) > 0 {
		last := j.runs[len(j.runs)-1]
		if w.retryObstacle(last) == "" {
			retryOf = last.id
		}
		t.sha, t.branch, t.schema, t.pullRequest, t.fields = last.trigger.sha, last.trigger.branch, last.trigger.schema, last.trigger.pullRequest, last.trigger.fields
	}
	return w.accept(c, j, t, retryOf)
}

// retryObstacle is the service's reason not to retry the run, "" for none.
func (w *world) retryObstacle(r *run) string {
	runs := w.jobs[r.jobID].runs
	switch {
	case r.versions.last().status != Error:
		return "RETRY_NOT_FAILED_RUN"
	case runs[len(runs)-1] != r:
		return "RETRY_NOT_LATEST_RUN"
	}
	return ""
}

func (w *world) retryRun(c *call) answer {
	r := w.visibleRun(c.id("id"))
	if r == nil || w.openJob(r.jobID) == nil {
		return w.notFound()
	}
	if obstacle := w.retryObstacle(r); obstacle != "" {
		return w.fail(http.StatusBadRequest, "The run cannot be retried: "+obstacle, nil)
	}
	t := r.trigger
	t.category, t.cause = "rerun", fmt.Sprintf("Retry of run %d", r.id)
	return w.accept(c, w.jobs[r.jobID], t, r.id)
}

// failureDetails tells where a run failed; what one that did not fail is answered is an assumption.
func (w *world) failureDetails(c *call) answer {
	r := w.visibleRun(c.id("id"))
	if r == nil {
		return w.notFound()
	}
	if r.versions.last().status != Error {
		return w.fail(http.StatusBadRequest, "The run has not failed: "+w.retryObstacle(r), nil)
	}
	steps := w.stepNames(r)
	failed := len(steps) - 1
	for i, step := range r.outcome.Steps {
		if step.Status == Error {
			failed = i
			break
		}
	}
	return w.ok(map[string]any{"failed_step": steps[failed], "skipped_steps": append([]string{}, steps[failed+1:]...)})
}

func (w *world) listRuns(c *call) answer {
	q := newListQuery(w, c)
	t := c.now.Add(-w.delay(w.cfg.listLag))
	keep := w.runFilter(q)
	type row struct {
		run   *run
		state runState
	}
	var rows []row
	for _, r := range w.runOrder {
		if state, existed := r.versions.asOf(t); existed && w.visible(r.projectID) && keep(r, state) {
			rows = append(rows, row{r, state})
		}
	}
	if q.tree != nil {
		return w.invalid(q.tree)
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		switch strings.TrimPrefix(q.orderBy, "-") {
		case "created_at":
			return q.direction(cmp.Or(a.run.created.Compare(b.run.created), cmp.Compare(a.run.id, b.run.id)))
		case "finished_at":
			return q.direction(cmp.Or(compareEnds(a.state, b.state), cmp.Compare(a.run.id, b.run.id)))
		}
		return q.direction(cmp.Compare(a.run.id, b.run.id))
	})
	include := newIncludes(c)
	out := []any{}
	for _, r := range page(q, rows) {
		out = append(out, w.runJSON(r.run, r.state, t, include))
	}
	return w.okExtra(out, q.extra(w, len(out), len(rows)))
}

// compareEnds puts unfinished runs last, as the service's database does with nulls.
func compareEnds(a, b runState) int {
	if a.finished.IsZero() || b.finished.IsZero() {
		return cmp.Compare(zeroRank(a), zeroRank(b))
	}
	return a.finished.Compare(b.finished)
}

func zeroRank(s runState) int {
	if s.finished.IsZero() {
		return 1
	}
	return 0
}

func (w *world) runFilter(q *listQuery) func(*run, runState) bool {
	environment, project, job := q.ids("environment_id"), q.ids("project_id", "project_id__in"), q.ids("job_definition_id")
	status, pk, after := q.ids("status", "status__in"), q.ids("pk", "pk__in"), q.number("id__gt")
	created, finished := q.between("created_at__range"), q.between("finished_at__range")
	docs, sources := q.flag("has_docs_generated"), q.flag("has_sources_generated")
	versions, deferring := q.list("dbt_version", "dbt_version__in"), q.ids("deferring_run_id")
	deleted := q.text("state") == "deleted" || q.text("state") == "2"
	return func(r *run, s runState) bool {
		made := s.status == Success
		return r.id > after && !deleted && created(r.created) && finished(s.finished) && deferring.has(0) &&
			environment.has(r.environmentID) && project.has(r.projectID) && job.has(r.jobID) && status.has(int64(s.status)) && pk.has(r.id) &&
			docs(r.docs && made) && sources(r.sources && made) && (len(versions) == 0 || slices.Contains(versions, r.dbtVersion))
	}
}

// getRun answers 404 while the run is too young to be read.
func (w *world) getRun(c *call) answer {
	r := w.visibleRun(c.id("id"))
	if r == nil || c.now.Sub(r.created) < w.cfg.readLag {
		return w.notFound()
	}
	if r.misses < w.cfg.readMisses {
		r.misses++
		return w.notFound()
	}
	return w.ok(w.runJSON(r, r.versions.last(), c.now, newIncludes(c)))
}

func (w *world) cancelRun(c *call) answer {
	r := w.visibleRun(c.id("id"))
	if r == nil {
		return w.notFound()
	}
	ended := r.versions.last().status.Terminal()
	w.cancel(r, c.now, "api", cancelledByUser)
	data := w.runJSON(r, r.versions.last(), c.now, includes{})
	if ended && w.cfg.nestedCancel {
		return w.ok(map[string]any{"data": data})
	}
	return w.ok(data)
}

// triggerJSON is the run's trigger: every field that a trigger can have, null where it was not given.
func (r *run) triggerJSON() json.RawMessage {
	if r.shownTrigger != nil {
		return r.shownTrigger
	}
	out := map[string]any{}
	for key := range triggerSchema() {
		out[key] = nil
	}
	maps.Copy(out, r.trigger.fields)
	maps.Copy(out, map[string]any{
		"id": r.triggerID, "cause": r.trigger.cause, "cause_category": r.trigger.category, "cause_humanized": r.trigger.cause,
		"job_definition_id": r.jobID, "created_at": runTime(r.created),
	})
	r.shownTrigger = raw(out)
	return r.shownTrigger
}
