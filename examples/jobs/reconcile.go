package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/slimci/dbtcloud"
)

// step is what has to be done for one job.
type step struct {
	want    dbtcloud.JobRequest
	job     *dbtcloud.Job // as it is; nil: it has to be created
	changes []string      // fields that differ; none: nothing has to be done
}

// reconcile makes the jobs what they should be and says what it does; without apply, what it would do. It stops at the
// first error. To run it again is safe, also after a create of which nobody knows whether it happened.
func reconcile(ctx context.Context, client *dbtcloud.Client, wanted []dbtcloud.JobRequest, apply bool, out io.Writer) error {
	var open int
	for _, want := range wanted {
		s, err := look(ctx, client, want)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintln(out, s)
		switch {
		case !s.needed():
		case !apply:
			open++
		default:
			job, err := s.do(ctx, client)
			if err != nil {
				return fmt.Errorf("%q: %w", want.Name, err)
			}
			_, _ = fmt.Fprintf(out, "  done, job %d\n", job.ID)
		}
	}
	if open > 0 {
		_, _ = fmt.Fprintln(out, "Nothing was changed. To do it, add -apply.")
	}
	return nil
}

// look finds the job by its name, which has to be unique in the project, and compares it with what is wanted.
func look(ctx context.Context, client *dbtcloud.Client, want dbtcloud.JobRequest) (step, error) {
	s := step{want: want}
	for job, err := range client.Jobs.All(ctx, dbtcloud.JobFilter{ProjectID: want.ProjectID, NameContains: want.Name}) {
		switch {
		case err != nil:
			return step{}, err
		case job.Name != want.Name:
		case s.job != nil:
			return step{}, fmt.Errorf("jobs %d and %d are both named %q: rename one of them", s.job.ID, job.ID, job.Name)
		default:
			s.job = job
		}
	}
	if s.job != nil {
		s.changes = differences("", fields(s.job.Raw()), asked(want))
	}
	return s, nil
}

// asked is what a request asks for, by the API's names. Of a deprecated trigger nothing is wanted.
func asked(want dbtcloud.JobRequest) map[string]any {
	object := fields(encode(want))
	if triggers, ok := object["triggers"].(map[string]any); ok {
		delete(triggers, "custom_branch_only")
	}
	return object
}

func (s step) needed() bool { return s.job == nil || len(s.changes) > 0 }

// do creates or updates the job.
func (s step) do(ctx context.Context, client *dbtcloud.Client) (*dbtcloud.Job, error) {
	if s.job == nil {
		return client.Jobs.Create(ctx, s.want)
	}
	return client.Jobs.Update(ctx, s.job.ID, s.want)
}

// String is the step as people read it.
func (s step) String() string {
	switch {
	case s.job == nil:
		return fmt.Sprintf("create %q\n  %s", s.want.Name, strings.Join(differences("", nil, asked(s.want)), "\n  "))
	case len(s.changes) > 0:
		return fmt.Sprintf("update %q (job %d)\n  %s", s.want.Name, s.job.ID, strings.Join(s.changes, "\n  "))
	default:
		return fmt.Sprintf("keep   %q (job %d)", s.want.Name, s.job.ID)
	}
}

// differences lists the fields, by their names in the API, that are not as wanted. What nothing is wanted of may be as it is.
func differences(path string, have, want map[string]any) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if inner, ok := want[name].(map[string]any); ok {
			there, _ := have[name].(map[string]any)
			out = append(out, differences(path+name+".", there, inner)...)
			continue
		}
		switch there := have[name]; {
		case reflect.DeepEqual(there, want[name]) || there == nil && want[name] == false:
		case there == nil:
			out = append(out, fmt.Sprintf("%s%s: %s", path, name, encode(want[name])))
		default:
			out = append(out, fmt.Sprintf("%s%s: %s -> %s", path, name, encode(there), encode(want[name])))
		}
	}
	return out
}

// fields are those of a JSON object. Numbers stay as they are written: ids are large.
func fields(object []byte) map[string]any {
	var m map[string]any
	d := json.NewDecoder(bytes.NewReader(object))
	d.UseNumber()
	_ = d.Decode(&m) // it was encoded here, or decoded before
	return m
}

func encode(v any) []byte {
	b, _ := json.Marshal(v) // of what came from JSON, or of a request, which is plain data
	return b
}
