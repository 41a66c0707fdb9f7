package dbtcloudtest

import (
	"net/http"
	"strings"
)

// WithPermissionSet limits the token to a permission set of the service, by its name in the API: account_admin, admin, account_viewer,
// job_admin, job_creator, job_runner, job_viewer, and those that give nothing here: metadata_only, semantic_layer_only, webhooks_only.
// Given more than once, the token has all of the sets. A name that is not listed gives no permission at all, so that a typo shows at once.
//
// Who may do what is the table of the official documentation as far as it speaks of accounts, jobs, runs and environment variables; that
// every set which sees jobs sees projects and environments too is assumed, and so is this: permissions are checked before the body is.
// What a set may not read, and a job that it may not write, answer the 404 that mentions permissions; every other write answers 403.
// Without the option the token may do everything.
func WithPermissionSet(name string) Option {
	return func(c *config) { c.permissions = append(c.permissions, permissionSets()[name]) }
}

// access is what a permission set allows on a resource.
type access int

const (
	noAccess access = iota
	readAccess
	writeAccess
)

// permissionSet is the access to each resource that differs from the rest.
type permissionSet struct {
	rest access
	on   map[string]access
}

// permissionSets names resources as paths do.
func permissionSets() map[string]permissionSet {
	ofJobs := func(jobs, runs, variables access) permissionSet {
		return permissionSet{on: map[string]access{
			"jobs": jobs, "runs": runs, "environment-variables": variables, "projects": readAccess, "environments": readAccess,
		}}
	}
	return map[string]permissionSet{
		"account_admin":  {rest: writeAccess},
		"admin":          {rest: writeAccess, on: map[string]access{"account": readAccess}},
		"account_viewer": {rest: readAccess},
		"job_admin":      ofJobs(writeAccess, writeAccess, writeAccess),
		"job_creator":    ofJobs(writeAccess, writeAccess, readAccess),
		"job_runner":     ofJobs(readAccess, writeAccess, noAccess),
		"job_viewer":     ofJobs(readAccess, readAccess, readAccess),
	}
}

// denied is the answer to a request that the token's permission sets do not allow.
func (w *world) denied(r route) (answer, bool) {
	resource := r.resource()
	if len(w.cfg.permissions) == 0 || resource == "" {
		return answer{}, false
	}
	needed := writeAccess
	if r.method == http.MethodGet {
		needed = readAccess
	}
	for _, set := range w.cfg.permissions {
		given, listed := set.on[resource]
		if !listed {
			given = set.rest
		}
		if given >= needed {
			return answer{}, false
		}
	}
	if needed == readAccess || resource == "jobs" {
		return w.notFound(), true
	}
	return jsonAnswer(http.StatusForbidden, `{"detail":"You do not have permission to perform this action."}`), true
}

// resource is what an operation needs access to: the first name below the account or, where something stands there, below the project.
// To run a job is to write runs, and its artifacts are those of a run. Lists of accounts need nothing: they show what the token may see.
func (r route) resource() string {
	_, below, found := strings.Cut(r.pattern, "/accounts/{account}/")
	if !found {
		return ""
	}
	segments := strings.Split(strings.Trim(below, "/"), "/")
	if segments[0] == "projects" && len(segments) > 2 {
		segments = segments[2:]
	}
	name := segments[0]
	switch {
	case name == "":
		return "account"
	case name == "steps", name == "jobs" && len(segments) > 2:
		return "runs"
	}
	return name
}
