package feedback_test

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"

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
		f.write("me", "> "+mark+"a quote", "")
		for _, text := range []string{"first", "second"} {
			if err := h.Comment(t.Context(), f.pullRequest(), "ci", text); err != nil {
				t.Fatal(err)
			}
			want := []string{"somebody: " + mark + "a forged one", "me: " + f.host.mark("other-key") + "of another key", "me: > " + mark + "a quote", "me: " + mark + text}
			if diff := gocmp.Diff(want, f.texts()); diff != "" {
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
		if diff := gocmp.Diff([]string{"me: " + mark + "new", "me: " + mark + "two"}, f.texts()[150:]); diff != "" {
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
			if diff := gocmp.Diff(want, f.statuses); diff != "" {
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
		h, pr, empty := f.open(t), f.pullRequest(), &feedback.Host{}
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
			"empty":         empty.SetStatus(t.Context(), status),
			"empty comment": empty.Comment(t.Context(), pr, "ci", strings.Repeat("x", 1+empty.CommentLimit())),
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
			_, _ = fmt.Fprintf(w, `{"message": "%s is bad: %s", "error": {"message": "%s is bad: %[2]s"}}`, f.host.auth, strings.Fields(f.host.auth)[1], hostToken)
			return true
		}
		err := h.SetStatus(t.Context(), feedback.Status{SHA: hostSHA, State: feedback.StateSuccess})
		if err == nil || !strings.Contains(err.Error(), "400 Bad Request: [redacted] is bad: [redacted]") {
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

// Whose comments are ours is not guessed when the host only fails to say.
func TestHostThatDoesNotSayWhoItIs(t *testing.T) {
	t.Parallel()
	eachHost(t, func(t *testing.T, f *fakeHost) {
		f.write("somebody", f.host.mark("ci")+"forged", "ci")
		f.fail = func(w http.ResponseWriter, r *http.Request) bool {
			if r.UserAgent() != "dbtcloud" {
				t.Errorf("the user agent is %q", r.UserAgent())
			}
			if !strings.HasSuffix(r.URL.Path, "/user") && !strings.HasSuffix(r.URL.Path, "/connectionData") {
				return false
			}
			w.WriteHeader(http.StatusNotImplemented)
			return true
		}
		err := f.open(t).Comment(t.Context(), f.pullRequest(), "ci", "new")
		if e, ok := errors.AsType[*feedback.HostError](err); !ok || e.StatusCode != http.StatusNotImplemented || len(f.comments) != 1 {
			t.Errorf("%v: %q", err, f.texts())
		}
	})
}

func TestTokenThatMayNotAskWhoItIs(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"github", "bitbucket"} {
		f := newFakeHost(t, name)
		f.app = true
		mark := f.host.mark("ci")
		f.write("somebody", mark+"forged", "")
		f.write("me", mark+"old", "")
		if err := f.open(t).Comment(t.Context(), f.pullRequest(), "ci", "new"); err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff([]string{"somebody: " + mark + "forged", "me: " + mark + "new"}, f.texts()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// The start of a text that is too long is kept, up to the end of a line, and no block of code stays open.
func TestLongCommentsAreCut(t *testing.T) {
	t.Parallel()
	eachHost(t, func(t *testing.T, f *fakeHost) {
		h := f.open(t)
		line := strings.Repeat("ä", 100) + "\n"
		text := "## Summary\n\n````text\n" + strings.Repeat(line, h.CommentLimit()/len(line)+2) + "````\n"
		if err := h.Comment(t.Context(), f.pullRequest(), "ci", text); err != nil {
			t.Fatal(err)
		}
		got := strings.TrimPrefix(f.comments[0].text, f.host.mark("ci"))
		kept, note, ok := strings.Cut(got, "\n````\n\n")
		if !ok || note != "The rest is cut: there is no more room in a comment.\n" || !strings.HasPrefix(text, kept+"\n") || len(kept) < h.CommentLimit()-1500 || len(got) > h.CommentLimit() {
			t.Errorf("%d of %d bytes are kept, which end in %q", len(kept), len(text), got[max(len(got)-200, 0):])
		}
		if err := h.Comment(t.Context(), f.pullRequest(), "ci", strings.Repeat("\xff", 1<<20)); err != nil { // no line, no text
			t.Fatal(err)
		}
		if got := f.comments[0].text; len(got) > h.CommentLimit()+100 || !utf8.ValidString(got) {
			t.Errorf("%d bytes, valid %t", len(got), utf8.ValidString(got))
		}
	})
}

// The digest of hostile texts neither calls people nor commands the host.
func TestCommentsAreQuiet(t *testing.T) {
	t.Parallel()
	const message = "@octocat @everyone @<6F168ADB> @{557058:x}\n```\n/merge\n  /close\n\r/approve\nsee /x"
	d := &report.Digest{Run: report.RunSummary{ID: 7, Status: "Error", Branch: "@{1} @<2>"}, Failures: []report.Failure{{Kind: "model", Name: "a", Message: message}}}
	wrong := map[string]string{"github": "^$", "gitlab": `(?m)^\s*/`, "azure": "@<", "bitbucket": "@{"}
	eachHost(t, func(t *testing.T, f *fakeHost) {
		h := f.open(t)
		if err := h.Comment(t.Context(), f.pullRequest(), "ci", d.Markdown(h.CommentLimit())); err != nil {
			t.Fatal(err)
		}
		name := t.Name()[strings.LastIndexByte(t.Name(), '/')+1:]
		text := f.comments[0].text
		if found := regexp.MustCompile(wrong[name]).FindString(text); found != "" || !strings.Contains(text, "octocat") {
			t.Errorf("%q is in %q", found, text)
		}
	})
}

// On a pull request with more comments than are read, none of which is ours, no pipeline adds one.
func TestCommentsAreBounded(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"github", "gitlab", "bitbucket"} { // Azure Repos has no pages
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeHost(t, name)
			for range 2001 {
				f.write("somebody", "talk", "")
			}
			h := f.open(t)
			if err := h.Comment(t.Context(), f.pullRequest(), "ci", "text"); err == nil || !strings.Contains(err.Error(), "more than 2000 comments") {
				t.Errorf("error: %v", err)
			}
			f.comments[1999] = fakeComment{id: 2999, author: "me", text: f.host.mark("ci") + "old"}
			if err := h.Comment(t.Context(), f.pullRequest(), "ci", "text"); err != nil || f.comments[1999].text != f.host.mark("ci")+"text" {
				t.Errorf("the one in the last place: %v, %q", err, f.comments[1999].text)
			}
			if len(f.comments) != 2001 {
				t.Errorf("%d comments", len(f.comments))
			}
		})
	}
}

func TestCommentsThatAreGone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]fakeComment{"azure": {gone: true}, "azure ": {shut: true}, "bitbucket": {gone: true}} { // the others do not list them
		f := newFakeHost(t, strings.TrimSpace(name))
		c.id, c.author, c.text, c.property = 7, "me", f.host.mark("ci")+"gone", "ci"
		f.comments = []fakeComment{c}
		if err := f.open(t).Comment(t.Context(), f.pullRequest(), "ci", "text"); err != nil || len(f.comments) != 2 {
			t.Errorf("%s: %v, %q", name, err, f.texts())
		}
	}
}

func TestStatusOf(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{"https://x.example/7": "https://x.example/7", "javascript:alert(1)": "", "https://u:p@x.example/": "", "/7": "", "": ""} {
		got := feedback.StatusOf(&report.Digest{Run: report.RunSummary{ID: 7, Status: "Queued", SHA: hostSHA, URL: address}})
		if diff := gocmp.Diff(feedback.Status{SHA: hostSHA, State: feedback.StatePending, Description: "dbt run 7: Queued", URL: want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", address, diff)
		}
	}
}

func TestStatusesOfTheHosts(t *testing.T) {
	t.Parallel()
	other := strings.Repeat("1", 40)
	long := strings.Repeat("é", 300)
	tests := []struct {
		name, host string
		event      func(*dbtcloud.Event, map[string]string)
		status     feedback.Status
		want       map[string]any // the fields to look at
	}{
		{"GitHub cuts", "github", nil, feedback.Status{Name: "dbt / PROD", Description: long + "\nx"}, object{"context": "dbt / PROD", "description": strings.Repeat("é", 137) + "...", "target_url": nil}},
		{"GitLab merges results", "gitlab", func(_ *dbtcloud.Event, env map[string]string) { env["CI_COMMIT_SHA"] = other }, feedback.Status{}, object{"pipeline_id": nil, "ref": "feature/orders"}},
		{"GitLab on Jenkins", "gitlab", func(_ *dbtcloud.Event, env map[string]string) { delete(env, "CI_PIPELINE_ID") }, feedback.Status{}, object{"pipeline_id": nil, "ref": "feature/orders"}},
		{"GitLab without a branch", "gitlab", func(e *dbtcloud.Event, env map[string]string) { e.Branch, env["CI_COMMIT_SHA"] = "", other }, feedback.Status{Description: long}, object{"ref": nil, "description": strings.Repeat("é", 252) + "..."}},
		{"Azure of a push", "azure", func(e *dbtcloud.Event, _ map[string]string) { e.PullRequest.Number = 0 }, feedback.Status{}, object{"path": "/commits/" + hostSHA + "/statuses", "iterationId": nil, "targetUrl": nil}},
		{"Azure of another commit", "azure", nil, feedback.Status{SHA: strings.Repeat("2", 40)}, object{"path": "/commits/" + strings.Repeat("2", 40) + "/statuses"}},
		{"Azure of the first iteration", "azure", nil, feedback.Status{SHA: other}, object{"path": "/pullRequests/42/statuses", "iterationId": 1.0}},
		{"Bitbucket has a link and a short key", "bitbucket", nil, feedback.Status{Name: strings.Repeat("n", 41)}, object{"url": "https://ci.example.com/7", "name": strings.Repeat("n", 41), "key": "dbtcloud-174f14032620d864fe862d575c4ea43"}},
		{"Bitbucket without a pipeline", "bitbucket", func(e *dbtcloud.Event, _ map[string]string) { e.PipelineURL = "" }, feedback.Status{Name: strings.Repeat("n", 40)}, object{"url": "https://bitbucket.org/acme/analytics", "key": strings.Repeat("n", 40)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFakeHost(t, tt.host)
			env, event := f.variables(), f.event()
			if tt.event != nil {
				tt.event(event, env)
			}
			h, err := feedback.HostFromEnv(func(name string) string { return env[name] }, event)
			if err != nil {
				t.Fatal(err)
			}
			tt.status.State, tt.status.SHA = feedback.StateSuccess, cmp.Or(tt.status.SHA, hostSHA)
			if err := h.SetStatus(t.Context(), tt.status); err != nil {
				t.Fatal(err)
			}
			got := map[string]any{}
			for field := range tt.want {
				got[field] = f.statuses[0][field]
			}
			if diff := gocmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
