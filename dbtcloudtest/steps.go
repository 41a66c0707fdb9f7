package dbtcloudtest

import (
	"strings"
	"time"
)

// Step is one step of a run. The steps of a run share its time evenly. Of Logs and DebugLogs
// the last 1,000 lines are shown, unless debug_logs are asked for.
type Step struct {
	Name      string
	Status    RunStatus // zero: Success, and the run's own status for the last step
	Logs      string
	DebugLogs string
	LineTime  time.Duration // how long it takes to write a line of Logs; zero: all is there at once. The end of the step brings the rest
	LogLag    time.Duration // how late Logs appear, also after the end of the step
}

// planSteps decides the steps of a run that begins, and their ids.
func (w *world) planSteps(r *run) {
	if len(r.outcome.Steps) == 0 {
		for _, name := range w.stepNames(r) {
			r.outcome.Steps = append(r.outcome.Steps, Step{Name: name, Logs: name + "\n", DebugLogs: name + "\n"})
		}
	}
	r.firstStep = w.id + 1
	w.id += int64(len(r.outcome.Steps))
}

// stepNames is the steps that the run has or, before it begins, will have.
func (w *world) stepNames(r *run) []string {
	var names []string
	for _, step := range r.outcome.Steps {
		names = append(names, step.Name)
	}
	if len(names) > 0 {
		return names
	}
	names = []string{"Clone git repository", "Create profile from connection", "Invoke dbt with `dbt deps`"}
	commands, _ := w.jobs[r.jobID].versions.last().fields["execute_steps"].([]any)
	if override, ok := r.trigger.fields["steps_override"].([]any); ok {
		commands = override
	}
	for _, command := range commands {
		names = append(names, "Invoke dbt with `"+text(command)+"`")
	}
	return names
}

// stepsJSON is the steps that have begun by t.
func (w *world) stepsJSON(r *run, s runState, t time.Time, full bool) []any {
	out := []any{}
	for i := range r.outcome.Steps {
		if step := w.stepJSON(r, i, s, t, full); step != nil {
			out = append(out, step)
		}
	}
	return out
}

// stepJSON is one step at t, nil when it has not begun.
func (w *world) stepJSON(r *run, i int, s runState, t time.Time, full bool) map[string]any {
	if s.started.IsZero() {
		return nil
	}
	step, count := r.outcome.Steps[i], time.Duration(len(r.outcome.Steps))
	share := max(r.outcome.Duration, 0) / count
	begun, ended := s.started.Add(share*time.Duration(i)), s.started.Add(share*time.Duration(i+1))
	status := step.Status
	switch last := i == len(r.outcome.Steps)-1; {
	case status != 0:
	case last && s.status.Terminal():
		status = s.status
	default:
		status = Success
	}
	now := t
	if !s.finished.IsZero() {
		now = s.finished
	}
	if begun.After(now) {
		return nil
	}
	if ended.After(now) || r.outcome.Duration < 0 {
		status, ended = Running, s.finished // zero while the run goes on
		if s.status.Terminal() {
			status = s.status
		}
	}
	return w.stepFields(r, i, status, begun, ended, t, full)
}

func (w *world) stepFields(r *run, i int, status RunStatus, begun, ended, t time.Time, full bool) map[string]any {
	step, id := r.outcome.Steps[i], r.firstStep+int64(i)
	length := t.Sub(begun)
	if !ended.IsZero() {
		length = ended.Sub(begun)
	}
	var debug any
	if full {
		debug = step.DebugLogs
	}
	logs := step.written(begun, ended, t)
	if !full {
		logs = lastLines(logs, logLines)
	}
	command := strings.Trim(strings.TrimPrefix(step.Name, "Invoke dbt with "), "`")
	return map[string]any{
		"id": id, "run_id": r.id, "account_id": w.cfg.account, "index": i + 1, "status": status, "name": step.Name,
		"logs": logs, "debug_logs": debug, "truncated_debug_logs": lastLines(step.DebugLogs, logLines),
		"log_path": "", "debug_log_path": "", "started_at": runTime(begun), "finished_at": runTime(ended),
		"created_at": runTime(begun), "updated_at": runTime(begun), "status_color": "#5cb85c", "status_humanized": status.String(),
		"duration": clockDuration(length), "duration_humanized": humanDuration(length),
		"run_step_command":    map[string]any{"run_step_id": id, "dbt_command": command},
		"run_step_invocation": nil,
	}
}

// written is what can be seen at t of the logs of a step with such a beginning and end; a zero
// end is none.
func (s Step) written(begun, ended, t time.Time) string {
	at := t.Add(-max(s.LogLag, 0))
	switch {
	case at.Before(begun):
		return ""
	case s.LineTime <= 0, !ended.IsZero() && !at.Before(ended):
		return s.Logs
	}
	lines := strings.SplitAfter(s.Logs, "\n")
	return strings.Join(lines[:min(int(at.Sub(begun)/s.LineTime), len(lines))], "")
}

func (w *world) getStep(c *call) answer {
	id := c.id("id")
	for _, r := range w.runOrder {
		i := id - r.firstStep
		if r.firstStep == 0 || i < 0 || i >= int64(len(r.outcome.Steps)) || !w.visible(r.projectID) {
			continue
		}
		if step := w.stepJSON(r, int(i), r.versions.last(), c.now, newIncludes(c)["debug_logs"]); step != nil {
			return w.ok(step)
		}
	}
	return w.notFound()
}
