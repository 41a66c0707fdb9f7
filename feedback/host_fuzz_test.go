package feedback_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/slimci/dbtcloud/feedback"
)

// Whatever a host answers, an error is one short line without the token, and a head is a commit.
func FuzzHostAnswers(f *testing.F) {
	f.Add(200, "application/json", "", `{"id":1,"head":{"sha":"`+hostSHA+`"},"values":[{"id":7,"content":{"raw":"[//]: # (dbtcloud ci)"}}],"next":"http://127.0.0.1:1/2.0/x"}`)
	f.Add(200, "application/json", "", `[{"id":7,"body":"<!-- dbtcloud ci -->","user":{"type":"Bot"}}]`)
	f.Add(200, "application/json", "", `{"value":[{"id":7,"properties":{"dbtcloud":{"$value":"ci"}},"comments":[{}]}],"source":{"commit":{"hash":"8f2c4e6a0b1d"}}}`)
	f.Add(422, "application/json", "3", `{"message":{"a":["b"]},"errors":[{"message":"`+hostToken+`"}]}`)
	f.Add(429, "text/html; charset=utf-8", "Sat, 01 Jan 2000 00:00:09 GMT", "<html>")
	f.Add(403, "\x00", "-1e9", `{"error":"a\nb"}`)
	f.Fuzz(func(t *testing.T, status int, contentType, after, body string) {
		if status < 200 || status > 599 || status == http.StatusSwitchingProtocols {
			t.Skip("no status of an answer")
		}
		synctest.Test(t, func(t *testing.T) {
			for name, host := range gitHosts() {
				fake := &fakeHost{host: host}
				h, err := feedback.HostFromEnv(func(name string) string {
					return strings.Replace(host.variables[name], "%s", "http://127.0.0.1:1", 1)
				}, fake.event())
				if err != nil {
					t.Fatal(err)
				}
				h.HTTPClient = &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
					res := answer(status, body)
					res.Header = http.Header{"Content-Type": {contentType}, "Retry-After": {after}}
					return res, nil
				})}
				sha, headErr := h.Head(t.Context(), fake.pullRequest())
				if headErr == nil && len(sha) != 40 && len(sha) != 64 {
					t.Errorf("%s: head %q", name, sha)
				}
				for _, err := range []error{headErr, h.SetStatus(t.Context(), green), h.Comment(t.Context(), fake.pullRequest(), "ci", "text")} {
					if err != nil && (strings.ContainsAny(err.Error(), "\n\r\x1b") || len(err.Error()) > 2000 || strings.Contains(err.Error(), hostToken)) {
						t.Errorf("%s: %q", name, err)
					}
				}
			}
		})
	})
}

// A comment of any text fits, begins as the text does, and is text.
func TestCommentsOfAnyText(t *testing.T) {
	t.Parallel()
	parts := []string{"```text\n", "````\n", "```\n", "\n", "`", "ä", "☃", "\xff", "\x00", "@{x}", "@<x>", "/merge\n", " /x", "word ", strings.Repeat("long ", 3000), strings.Repeat("a\n", 9000)}
	rapid.Check(t, func(r *rapid.T) {
		f := &fakeHost{host: gitHosts()["bitbucket"]}
		h, err := feedback.HostFromEnv(func(name string) string {
			return strings.Replace(f.host.variables[name], "%s", "http://127.0.0.1:1", 1)
		}, f.event())
		if err != nil {
			r.Fatal(err)
		}
		h.HTTPClient = f.client()
		text := "start " + strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 20).Draw(r, "parts"), "")
		if err := h.Comment(t.Context(), f.pullRequest(), "ci", text); err != nil {
			r.Fatal(err)
		}
		got, ok := strings.CutPrefix(f.comments[0].text, f.host.mark("ci"))
		if !ok || len(got) > h.CommentLimit() || !strings.HasPrefix(got, "start ") || !utf8.ValidString(got) || strings.Contains(got, "\x00") || strings.Contains(got, "@{") {
			r.Fatalf("%d bytes: %.300q", len(got), got)
		}
		if len(text) < h.CommentLimit()/3 && strings.Contains(got, "The rest is cut") {
			r.Fatalf("%d bytes are cut", len(text))
		}
	})
}
