package main

import (
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// badInput is an invocation that must be refused before anything is done.
type badInput struct {
	name   string
	args   []string                     // after autoscale-ci
	env    map[string]string            // beside that of the cloud; "-" takes a variable away
	set    func(t *testing.T, c *cloud) // what is wrong in the cloud
	status int                          // exit status
	want   string                       // what the error names
	cloud  func() []dbtcloudtest.Option // how the cloud is made
}

func change(args ...string) []string {
	return append([]string{"--github-pull-request=7", "--sha=" + sha1}, args...)
}

func payload(text string) []string { return []string{"--payload=" + text} }

func badFlags() []badInput {
	const sha = `"git_sha":"` + sha1 + `"`
	return []badInput{
		{name: "no job id", args: change(), env: map[string]string{"JOB_ID": "-"}, status: 2, want: "--job-id: is missing: give it, or set JOB_ID or DBT_CLOUD_JOB_ID"},
		{name: "malformed job id", args: change("--job-id=12x"), status: 2, want: `"12x" for "-j, --job-id" flag: must be a whole number of at least 1`},
		{name: "negative job id", args: change("--job-id=-3"), status: 2, want: `--job-id" flag: must be a whole number`},
		{name: "empty job id", args: change("--job-id="), status: 2, want: `--job-id" flag: is empty: is the variable set`},
		{name: "huge job id", args: change("--job-id=9223372036854775808"), status: 2, want: `--job-id" flag: must be a whole number`},
		{name: "malformed job id in the environment", args: change(), env: map[string]string{"JOB_ID": "twelve"}, status: 2, want: "JOB_ID: must be a whole number of at least 1"},
		{name: "pull request 0", args: []string{"--github-pull-request=0", "--sha=" + sha1}, status: 2, want: `--github-pull-request" flag: must be`},
		{name: "merge request -1", args: []string{"--gitlab-merge-request=-1", "--sha=" + sha1}, status: 2, want: `--gitlab-merge-request" flag: must be`},
		{name: "empty pull request", args: []string{"--azure-pull-request", "", "--sha=" + sha1}, status: 2, want: `--azure-pull-request" flag: is empty`},
		{name: "other pull request 0", args: []string{"--pull-request=0", "--sha=" + sha1}, status: 2, want: `--pull-request" flag: must be`},
		{name: "pull request 0 in a payload", args: payload(`{` + sha + `,"github_pull_request_id":0}`), status: 2, want: `"github_pull_request_id" must be a whole number above 0`},
		{name: "two pull requests", args: change("--pull-request=8"), status: 2, want: "--github-pull-request and --pull-request: give only one"},
		{name: "no pull request", args: []string{"--sha=" + sha1}, status: 2, want: "pull request: is missing: give one of --github-pull-request, "},
		{name: "neither sha nor branch", args: []string{"--github-pull-request=7"}, status: 2, want: "--sha and --branch (git_sha and git_branch in a payload): both are empty: give the head commit of github#7"},
		{name: "empty sha and branch", args: []string{"--github-pull-request=7", "--sha=", "--branch="}, status: 2, want: "--sha and --branch"},
		{name: "short sha", args: []string{"--github-pull-request=7", "--sha=1111111"}, status: 2, want: "git_sha: "},
		{name: "empty sha in a payload", args: payload(`{"git_sha":"","github_pull_request_id":7}`), status: 2, want: `"git_sha" is empty`},
		{name: "payload that is not JSON", args: payload("git_sha=" + sha1), status: 2, want: "--payload: is not a JSON object"},
		{name: "empty payload", args: payload(""), status: 2, want: "--payload: is not a JSON object"},
		{name: "payload with two pull requests", args: payload(`{` + sha + `,"github_pull_request_id":7,"gitlab_merge_request_id":7}`), status: 2, want: `"gitlab_merge_request_id" is a second pull request`},
		{name: "payload with an unknown key", args: payload(`{` + sha + `,"github_pull_request":7}`), status: 2, want: `"github_pull_request" is no field of a trigger: did you mean github_pull_request_id?`},
		{name: "unquoted payload", args: []string{"--payload={cause:", "Autoscaling", "CI}"}, status: 2, want: "2 other arguments were given: check the quotes"},
		{name: "cause over 255 characters", args: change("--cause=" + strings.Repeat("é", 256)), status: 2, want: "cause: has 256 characters, the limit is 255: shorten it"},
		{name: "cause over 255 characters in a payload", args: payload(`{` + sha + `,"github_pull_request_id":7,"cause":"` + strings.Repeat("x", 256) + `"}`), status: 2, want: "cause: has 256 characters"},
		{name: "sequence 0", args: change("--sequence=0"), status: 2, want: `--sequence" flag: must be`},
		{name: "unknown mode", args: change("--mode=fast"), status: 2, want: `--mode" flag: must be one of auto, native, clone, queue`},
		{name: "unknown output", args: change("--output=yaml"), status: 2, want: `--output" flag: must be one of text, table, json`},
		{name: "unknown way to leave", args: change("--on-interrupt=wait"), status: 2, want: `--on-interrupt" flag: must be one of cancel, detach`},
		{name: "no timeout", args: change("--timeout=0"), status: 2, want: `--timeout" flag: must be a length of time above 0`},
		{name: "malformed poll interval", args: change("--poll-interval=often"), status: 2, want: `--poll-interval" flag: must be a length of time`},
		{name: "negative slots", args: change("--max-run-slots=-1"), status: 2, want: `--max-run-slots" flag: must be`},
		{name: "malformed switch", args: change("--dry-run=perhaps"), status: 2, want: `--dry-run" flag: must be true or false`},
		{name: "unknown flag", args: change("--jobid=1"), status: 2, want: "unknown flag --jobid: did you mean --job-id?"},
		{name: "unknown short flag", args: change("-x1"), status: 2, want: "unknown flag -x: "},
		{name: "token as a flag", args: change("--token=abc"), status: 2, want: "unknown flag --token: "},
	}
}

func badClients() []badInput {
	return []badInput{
		{name: "no token", args: change(), env: map[string]string{"DBT_CLOUD_SERVICE_TOKEN": "-"}, status: 2, want: "API token: is missing: set DBT_CLOUD_SERVICE_TOKEN or "},
		{name: "broken token", args: change(), env: map[string]string{"DBT_CLOUD_SERVICE_TOKEN": "two words"}, status: 2, want: "API token: "},
		{name: "no account", args: change(), env: map[string]string{"DBT_CLOUD_ACCOUNT_ID": "-"}, status: 2, want: "--account-id: is missing: give it, or set DBT_CLOUD_ACCOUNT_ID"},
		{name: "malformed account", args: change(), env: map[string]string{"DBT_CLOUD_ACCOUNT_ID": "mine"}, status: 2, want: "DBT_CLOUD_ACCOUNT_ID: must be"},
		{name: "host with a user", args: change("--host=https://me:hunter2@cloud.getdbt.com"), status: 2, want: "host (DBT_CLOUD_HOST): contains a user name or password"},
		{name: "host with a path", args: change("--host=cloud.getdbt.com/deploy/1"), status: 2, want: `host (DBT_CLOUD_HOST): has the path "/deploy/1"`},
		{name: "host with a query", args: change("--host=cloud.getdbt.com?a=hunter2"), status: 2, want: "host (DBT_CLOUD_HOST): contains a query"},
		{name: "empty host", args: change("--host="), status: 2, want: "host (DBT_CLOUD_HOST): is empty"},
		{name: "plain http", args: change("--host=http://cloud.getdbt.com"), status: 2, want: "host (DBT_CLOUD_HOST): is plain http"},
		{name: "unreachable host", args: change(), set: unreachable, status: 5, want: "connection refused"},
		{name: "expired token", args: change(), env: map[string]string{"DBT_CLOUD_SERVICE_TOKEN": "expired"}, status: 5, want: "Check the token, and the host"},
	}
}

func unreachable(t *testing.T, c *cloud) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.env["DBT_CLOUD_HOST"] = "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func badJobs() []badInput {
	deletedShown := func() []dbtcloudtest.Option { return []dbtcloudtest.Option{dbtcloudtest.WithDeletedJobs()} }
	delete := func(_ *testing.T, c *cloud) { c.DeleteJob(c.job) }
	return []badInput{
		{name: "job of another account", args: change("--account-id=1"), status: 5, want: "belongs to another account"},
		{name: "job that does not exist", args: change("--job-id=1"), status: 5, want: "source job 1: "},
		{name: "deleted job", args: change(), set: delete, status: 5, want: "It does not exist"},
		{name: "deleted job that is still shown", args: change(), set: delete, cloud: deletedShown, status: 2, want: "job id: the job is deleted"},
		{name: "deactivated job", args: change(), set: func(_ *testing.T, c *cloud) { c.DeactivateJob(c.job) }, status: 2, want: "job id: the job is deactivated after "},
		{name: "job that is a clone", args: change(), set: func(t *testing.T, c *cloud) {
			other := c.AddJob(dbtcloudtest.JobSpec{Name: "another job"})
			c.EditJob(c.job, func(fields map[string]any) {
				fields["name"] = "dbtcloud-ci:" + id(other) + ":github:8:abcdefgh:d another job"
			})
		}, status: 2, want: "job id: is itself a clone"},
	}
}

// goWords are what only a Go programmer understands.
var goWords = regexp.MustCompile(`strconv|json:|invalid character|\*\w+\.|map\[|&\{|goroutine|%!|<nil>|UncertainError|Delim`)

func TestBadInput(t *testing.T) {
	t.Parallel()
	for _, test := range slices.Concat(badFlags(), badClients(), badJobs()) {
		for _, output := range []string{"text", "json"} {
			t.Run(test.name+", "+output, func(t *testing.T) {
				t.Parallel()
				test.check(t, output)
			})
		}
	}
}

func (test badInput) check(t *testing.T, output string) {
	var options []dbtcloudtest.Option
	if test.cloud != nil {
		options = test.cloud()
	}
	c := newCloud(t, 0, options...)
	maps.Copy(c.env, test.env)
	maps.DeleteFunc(c.env, func(_, value string) bool { return value == "-" })
	if test.set != nil {
		test.set(t, c)
	}
	o := invoke(t, c.env, append([]string{"autoscale-ci", "--output=" + output}, test.args...)...).want(t, test.status)
	if !strings.Contains(o.stderr, test.want) || !strings.HasPrefix(o.stderr, "dbtcloud: ") || strings.Count(o.stderr, "\n") != 1 {
		t.Errorf("stderr %q, want one line with %q", o.stderr, test.want)
	}
	if word := goWords.FindString(o.stderr); word != "" {
		t.Errorf("stderr %q speaks Go: %q", o.stderr, word)
	}
	for _, secret := range []string{c.Token(), "hunter2", "Autoscaling"} {
		if strings.Contains(o.stderr+o.stdout, secret) {
			t.Errorf("%q shows in %q or %q", secret, o.stderr, o.stdout)
		}
	}
	switch {
	case output == "text", strings.Contains(o.stderr, " flag"): // of flags that do not parse, what the output shall be is not known
		if o.stdout != "" {
			t.Errorf("stdout %q, want nothing", o.stdout)
		}
	default:
		if got := o.object(t); got["error"] == nil || got["run_id"] != nil || got["decision"] != nil {
			t.Errorf("object %v, want an error and no run", got)
		}
	}
	if writes := c.writes(); len(writes) > 0 {
		t.Errorf("sent %v", writes)
	}
}
