package dbtcloud

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxVariable bounds a variable: a ref has at most 255 bytes on most hosts, a URL 2 KiB.
const maxVariable = 4 << 10

// eventReader fills in an event, remembers where each value comes from, and keeps the
// first thing that cannot be right.
type eventReader struct {
	getenv func(string) string
	event  *Event
	err    error
}

func (r *eventReader) refuse(from, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(from+": "+format, args...)
	}
}

// found remembers where a field comes from. What is found later replaces it.
func (r *eventReader) found(field, value, from string) {
	fact := EventFact{Field: field, Value: value, From: from}
	if i := slices.IndexFunc(r.event.Facts, func(f EventFact) bool { return f.Field == field }); i >= 0 {
		r.event.Facts[i] = fact
		return
	}
	r.event.Facts = append(r.event.Facts, fact)
}

func (r *eventReader) forget(from *string, field string) {
	*from = ""
	r.event.Facts = slices.DeleteFunc(r.event.Facts, func(f EventFact) bool { return f.Field == field })
}

// forgetOwnSequence takes away the number of a pipeline that was not started for the end of
// a pull request: GitLab's is that of the pipeline that tested it, an older one perhaps, and
// Jenkins counts the builds of another branch.
func (r *eventReader) forgetOwnSequence() {
	own := func(f EventFact) bool {
		return f.Field == "Sequence" && (f.From == "CI_PIPELINE_IID" || f.From == "BUILD_NUMBER")
	}
	if slices.ContainsFunc(r.event.Facts, own) {
		r.event.Sequence, r.event.Facts = 0, slices.DeleteFunc(r.event.Facts, own)
	}
}

// get is a variable that is read as one line of text.
func (r *eventReader) get(name string) string {
	return r.line(strings.TrimSpace(r.getenv(name)), name)
}

// line refuses what no ref, number or address can be, such as two lines of a log.
func (r *eventReader) line(text, from string) string {
	switch {
	case len(text) > maxVariable:
		r.refuse(from, "has %d bytes, more than the %d that are read", len(text), maxVariable)
	case !utf8.ValidString(text):
		r.refuse(from, "is not UTF-8")
	case strings.ContainsFunc(text, func(c rune) bool { return unicode.In(c, unicode.Cc, unicode.Zl, unicode.Zp) }):
		r.refuse(from, "has a line break or another control character in it")
	default:
		return text
	}
	return ""
}

func (r *eventReader) kind(kind EventKind, from string) {
	r.event.Kind = kind
	r.found("Kind", string(kind), from)
}

func (r *eventReader) host(host GitHost, from string) {
	r.event.PullRequest.Host = host
	r.found("Host", string(host), from)
}

func (r *eventReader) set(into *string, field, value, from string) {
	if value != "" {
		*into = value
		r.found(field, value, from)
	}
}

// text takes the first of the variables that is set.
func (r *eventReader) text(into *string, field string, names ...string) {
	for _, name := range names {
		if v := r.get(name); v != "" {
			r.set(into, field, v, name)
			return
		}
	}
}

// branch takes the first of the variables that is set, with refs/heads/ or without.
func (r *eventReader) branch(into *string, field string, names ...string) {
	for _, name := range names {
		if v := strings.TrimPrefix(r.get(name), "refs/heads/"); v != "" {
			r.set(into, field, v, name)
			return
		}
	}
}

// number takes the first of the variables that is set, which must be a positive number.
func (r *eventReader) number(into *int64, field string, names ...string) {
	for _, name := range names {
		if v := r.get(name); v != "" {
			r.setNumber(into, field, v, name)
			return
		}
	}
}

func (r *eventReader) setNumber(into *int64, field, value, from string) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n <= 0 || n > maxNumber {
		r.refuse(from, "%.20q is not a number from 1 to %d", value, int64(maxNumber))
		return
	}
	*into = n
	r.found(field, strconv.FormatInt(n, 10), from)
}

// commit takes the first of the variables that is a full commit id.
func (r *eventReader) commit(names ...string) {
	for _, name := range names {
		if r.setCommit(r.get(name), name) {
			return
		}
	}
}

// setCommit leaves out what is no full commit id, such as HEAD, and the zeros that
// stand for no commit.
func (r *eventReader) setCommit(value, from string) bool {
	if !sha.MatchString(value) || strings.Trim(value, "0") == "" {
		return false
	}
	r.set(&r.event.SHA, "SHA", strings.ToLower(value), from)
	return true
}

// flag takes a variable that is true or false, in any case, or not set.
func (r *eventReader) flag(into *bool, field, name string) {
	switch v := r.get(name); strings.ToLower(v) {
	case "":
	case "true", "1":
		r.setFlag(into, field, true, name)
	case "false", "0":
		r.setFlag(into, field, false, name)
	default:
		r.refuse(name, "%.20q is neither true nor false", v)
	}
}

func (r *eventReader) setFlag(into *bool, field string, value bool, from string) {
	*into = value
	r.found(field, strconv.FormatBool(value), from)
}

// link takes the first of the variables that is a web address, without the user and
// password that it may carry.
func (r *eventReader) link(into *string, field string, names ...string) {
	for _, name := range names {
		u, err := url.Parse(r.get(name))
		if err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
			u.User = nil
			r.set(into, field, u.String(), name)
			return
		}
	}
}

// pushed tells a branch from a tag and from the queue of GitHub, by the ref that was
// pushed. The commit of a queue is that of no pull request.
func (r *eventReader) pushed(ref, from string, commits ...string) {
	branch := strings.TrimPrefix(ref, "refs/heads/")
	switch queued, ok := strings.CutPrefix(branch, "gh-readonly-queue/"); {
	case strings.HasPrefix(ref, "refs/tags/"):
		r.kind(EventTag, from)
	case ok:
		r.kind(EventMergeQueue, from)
		if i := strings.LastIndex(queued, "/pr-"); i > 0 {
			r.set(&r.event.TargetBranch, "TargetBranch", queued[:i], from)
		}
		return
	default:
		r.kind(EventPush, from)
		r.set(&r.event.Branch, "Branch", branch, from)
	}
	r.commit(commits...)
}

// repository takes the repository from its address, and the host unless it is known.
func (r *eventReader) repository(name string) {
	server, path := splitRepository(r.get(name))
	if path = r.line(path, name); path == "" { // again, because %0A is a line break now
		return
	}
	r.set(&r.event.Repository, "Repository", path, name)
	if r.event.PullRequest.Host != "" {
		return
	}
	host, known := hostOfServer(server)
	if !known {
		name += ", whose server is not known: set DBT_CLOUD_CI_GIT_HOST if it is a GitHub, a GitLab or an Azure"
	}
	r.host(host, name)
}

// pullRequestURL takes host, repository and number from the address of a pull request.
func (r *eventReader) pullRequestURL(name string) {
	u, err := url.Parse(r.get(name))
	if err != nil {
		return
	}
	for _, shape := range pullRequestShapes() {
		if m := shape.path.FindStringSubmatch(u.Path); m != nil {
			r.host(shape.host, name)
			r.set(&r.event.Repository, "Repository", r.line(m[1], name), name)
			r.setNumber(&r.event.PullRequest.Number, "Number", m[2], name)
			return
		}
	}
}

type pullRequestShape struct {
	host GitHost
	path *regexp.Regexp
}

// pullRequestShapes are the paths of pull requests, which tell the hosts apart also
// where the server is one's own: GitHub, GitLab, Azure Repos, and Bitbucket or Gitea.
func pullRequestShapes() []pullRequestShape {
	return []pullRequestShape{
		{GitHub, regexp.MustCompile(`^/([^/]+/[^/]+)/pull/([0-9]+)(?:/|$)`)},
		{GitLab, regexp.MustCompile(`^/(.+?)(?:/-)?/merge_requests/([0-9]+)(?:/|$)`)},
		{AzureRepos, regexp.MustCompile(`^/(.+/_git/[^/]+)/pullrequest/([0-9]+)(?:/|$)`)},
		{OtherHost, regexp.MustCompile(`^/(.+)/(?:pull-requests|pulls)/([0-9]+)(?:/|$)`)},
	}
}

var scpAddress = regexp.MustCompile(`^(?:[^@/:]+@)?([^@/:]+):([^/].*)$`)

// splitRepository splits the address of a repository, as https, ssh or git write it,
// into server and path, without the token that it may carry.
func splitRepository(address string) (server, path string) {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		server, path = u.Hostname(), u.Path
	} else if m := scpAddress.FindStringSubmatch(address); m != nil && !strings.Contains(address, "://") {
		server, path = m[1], m[2]
	}
	return strings.ToLower(server), strings.TrimSuffix(strings.Trim(path, "/"), ".git")
}

// hostOfServer goes by the names that hosts use, and by the custom of calling an own
// server github.example.com or gitlab.example.com.
func hostOfServer(server string) (host GitHost, known bool) {
	switch {
	case server == "github.com", strings.HasPrefix(server, "github."), strings.HasSuffix(server, ".github.com"), strings.HasSuffix(server, ".ghe.com"):
		return GitHub, true
	case server == "gitlab.com", strings.HasPrefix(server, "gitlab."):
		return GitLab, true
	case server == "dev.azure.com", strings.HasSuffix(server, ".dev.azure.com"), strings.HasSuffix(server, ".visualstudio.com"):
		return AzureRepos, true
	case server == "bitbucket.org", strings.HasPrefix(server, "bitbucket."), strings.HasPrefix(server, "git-codecommit."):
		return OtherHost, true
	}
	return OtherHost, false
}

// given takes what the pipeline's author says, which overrules the provider.
func (r *eventReader) given() {
	e := r.event
	if host := GitHost(r.get("DBT_CLOUD_CI_GIT_HOST")); host.field() != "" {
		r.host(host, "DBT_CLOUD_CI_GIT_HOST")
	} else if host != "" {
		r.refuse("DBT_CLOUD_CI_GIT_HOST", "unknown %.20q: use %s, %s, %s or %s", host, GitHub, GitLab, AzureRepos, OtherHost)
	}
	if r.get("DBT_CLOUD_CI_PULL_REQUEST") != "" && e.Kind != EventPullRequest && e.Kind != EventClosed {
		if e.Kind != EventPush {
			r.forget(&e.SHA, "SHA") // it is not that of the pull request
		}
		r.kind(EventPullRequest, "DBT_CLOUD_CI_PULL_REQUEST")
	}
	r.number(&e.PullRequest.Number, "Number", "DBT_CLOUD_CI_PULL_REQUEST")
	r.branch(&e.Branch, "Branch", "DBT_CLOUD_CI_BRANCH")
	r.branch(&e.TargetBranch, "TargetBranch", "DBT_CLOUD_CI_TARGET_BRANCH")
	r.number(&e.Sequence, "Sequence", "DBT_CLOUD_CI_SEQUENCE")
	r.flag(&e.Draft, "Draft", "DBT_CLOUD_CI_DRAFT")
	r.flag(&e.Fork, "Fork", "DBT_CLOUD_CI_FORK")
	r.flag(&e.Merged, "Merged", "DBT_CLOUD_CI_MERGED")
	if v := r.get("DBT_CLOUD_CI_SHA"); v != "" && !r.setCommit(v, "DBT_CLOUD_CI_SHA") {
		r.refuse("DBT_CLOUD_CI_SHA", "%.70q is not a full commit id of 40 or 64 hexadecimal digits", v)
	}
	if r.get("DBT_CLOUD_CI_ACTION") == "closed" {
		r.kind(EventClosed, "DBT_CLOUD_CI_ACTION")
		r.forgetOwnSequence()
	}
	if e.PullRequest.Host == "" {
		r.host(OtherHost, "nothing says what it is: set DBT_CLOUD_CI_GIT_HOST")
	}
}
