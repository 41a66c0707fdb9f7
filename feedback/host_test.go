package feedback_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/feedback"
	"github.com/slimci/dbtcloud/report"
)

func TestCommentIsMadeThenEdited(t *testing.T) {
	t.Parallel()
	eachHost(t, func(t *testing.T, f *fakeHost) {
		h, mark := f.open(t), f.host.mark("ci")
		f.write("somebody", mark+"a forged one", "ci")
		f.write("me", f.host.mark("other-key")+"of another key", "other-key")
		f.write("somebody", "> "+mark+"a quote", "")
		for _, text := range []string{"first", "second"} {
			if err := h.Comment(t.Context(), f.pullRequest(), "ci", text); err != nil {
				t.Fatal(err)
			}
			want := []string{"somebody: " + mark + "a forged one", "me: " + f.host.mark("other-key") + "of another key", "somebody: > " + mark + "a quote", "me: " + mark + text}
			if diff := cmp.Diff(want, f.texts()); diff != "" {
				t.Errorf("after %s (-want +got):\n%s", text, diff)
			}
		}
		for _, auth := range f.auth {
			if auth != f.host.auth {
				t.Errorf("Authorization: %q, want %q", auth, f.host.auth)
			}
		}
	})
}

func TestOldestCommentIsEdited(t *testing.T) {
	t.Parallel()
	eachHost(t, func(t *testing.T, f *fakeHost) {
		h, mark := f.open(t), f.host.mark("ci")
		for range 150 { // more than a page
			f.write("somebody", "talk", "")
		}
		f.write("me", mark+"one", "ci")
		f.write("me", mark+"two", "ci")
		if err := h.Comment(t.Context(), f.pullRequest(), "ci", "new"); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"me: " + mark + "new", "me: " + mark + "two"}, f.texts()[150:]); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestStatus(t *testing.T) {
	t.Parallel()
	const link = "https://cloud.getdbt.com/deploy/1/projects/2/runs/77/"
	const text = "dbt run 77: %s, 2 built, 1 passed, 1 failed, 1 errors, 0 warnings, 0 skipped"
	words := map[string][4]string{ // of Error, Success, Cancelled, Running
		"github": {"failure", "success", "error", "pending"}, "gitlab": {"failed", "success", "canceled", "running"},
		"azure": {"failed", "succeeded", "error", "pending"}, "bitbucket": {"FAILED", "SUCCESSFUL", "STOPPED", "INPROGRESS"},
	}
	bodies := map[string]func(state, description string) object{
		"github": func(state, description string) object {
			return object{"context": "dbtcloud", "state": state, "target_url": link, "description": description}
		},
		"gitlab": func(state, description string) object {
			return object{"name": "dbtcloud", "state": state, "target_url": link, "description": description, "pipeline_id": "998"}
		},
		"azure": func(state, description string) object {
			return object{"context": object{"name": "dbtcloud"}, "state": state, "targetUrl": link, "description": description, "iterationId": 2.0, "path": "/pullRequests/42/statuses"}
		},
		"bitbucket": func(state, description string) object {
			return object{"key": "dbtcloud", "name": "dbtcloud", "state": state, "url": link, "description": description}
		},
	}
	for name := range gitHosts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeHost(t, name)
			d := &report.Digest{
				Run:    report.RunSummary{ID: 77, SHA: hostSHA, URL: link},
				Counts: report.Counts{Nodes: 5, Built: 2, Passed: 1, Failed: 1, Errors: 1},
			}
			var want []map[string]any
			for i, status := range []string{"Error", "Success", "Cancelled", "Running"} {
				d.Run.Status = status
				if err := f.open(t).SetStatus(t.Context(), feedback.StatusOf(d)); err != nil {
					t.Fatal(err)
				}
				want = append(want, bodies[name](words[name][i], fmt.Sprintf(text, status)))
			}
			if diff := cmp.Diff(want, f.statuses); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			d.Run.Status = "Running" // again: GitLab says that it is so already
			if err := f.open(t).SetStatus(t.Context(), feedback.StatusOf(d)); err != nil {
				t.Errorf("the same state again: %v", err)
			}
		})
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	eachHost(t, func(t *testing.T, f *fakeHost) {
		h := f.open(t)
		ask := dbtcloud.AutoscaleCI{Head: h.Head}.Head
		if got, err := ask(t.Context(), f.pullRequest()); err != nil || got != hostSHA {
			t.Errorf("Head = %q, %v", got, err)
		}
		_, err := ask(t.Context(), dbtcloud.PullRequest{Host: f.host.kind, Number: 43})
		if e, ok := errors.AsType[*feedback.HostError](err); !ok || e.StatusCode != http.StatusNotFound {
			t.Errorf("of a pull request that is not there: %v", err)
		}
	})
}

func TestRefusedBeforeAnyRequest(t *testing.T) {
	t.Parallel()
	eachHost(t, func(t *testing.T, f *fakeHost) {
		h, pr := f.open(t), f.pullRequest()
		status := feedback.Status{SHA: hostSHA, State: feedback.StateSuccess}
		with := func(change func(*feedback.Status)) error {
			s := status
			change(&s)
			return h.SetStatus(t.Context(), s)
		}
		for name, err := range map[string]error{
			"short sha":     with(func(s *feedback.Status) { s.SHA = "8f2c4e6" }),
			"path in a sha": with(func(s *feedback.Status) { s.SHA = "../../" + hostSHA[:34] }),
			"state":         with(func(s *feedback.Status) { s.State = "green" }),
			"name":          with(func(s *feedback.Status) { s.Name = "two\nlines" }),
			"long name":     with(func(s *feedback.Status) { s.Name = strings.Repeat("n", 101) }),
			"link":          with(func(s *feedback.Status) { s.URL = "javascript:alert(1)" }),
			"password":      with(func(s *feedback.Status) { s.URL = "https://u:p@example.com/" }),
			"no key":        h.Comment(t.Context(), pr, "", "text"),
			"end of a mark": h.Comment(t.Context(), pr, "a-->", "text"),
			"dashes":        h.Comment(t.Context(), pr, "a--b", "text"),
			"no text":       h.Comment(t.Context(), pr, "ci", " \n"),
			"number":        h.Comment(t.Context(), dbtcloud.PullRequest{Host: pr.Host}, "ci", "text"),
			"other host":    h.Comment(t.Context(), dbtcloud.PullRequest{Host: "gitea", Number: 1}, "ci", "text"),
		} {
			if !errors.Is(err, dbtcloud.ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if len(f.requests) > 0 {
			t.Errorf("asked %q", f.requests)
		}
	})
}

func TestTokenStaysHidden(t *testing.T) {
	t.Parallel()
	eachHost(t, func(t *testing.T, f *fakeHost) {
		h := f.open(t)
		f.fail = func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"message": "%s is bad", "error": {"message": "%s is bad"}}`, f.host.auth, hostToken)
			return true
		}
		err := h.SetStatus(t.Context(), feedback.Status{SHA: hostSHA, State: feedback.StateSuccess})
		if err == nil || !strings.Contains(err.Error(), "400 Bad Request: [redacted] is bad") {
			t.Errorf("error: %v", err)
		}
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			for _, text := range []string{fmt.Sprintf(format, h), fmt.Sprintf(format, *h), fmt.Sprintf(format, err)} {
				if strings.Contains(text, hostToken) {
					t.Errorf("%s shows the token: %s", format, text)
				}
			}
		}
	})
}

func TestTokenOfAnApp(t *testing.T) {
	t.Parallel()
	f := newFakeHost(t, "github")
	f.app = true
	mark := f.host.mark("ci")
	f.write("somebody", mark+"forged", "")
	f.write("me", mark+"old", "")
	if err := f.open(t).Comment(t.Context(), f.pullRequest(), "ci", "new"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"somebody: " + mark + "forged", "me: " + mark + "new"}, f.texts()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
