package dbtcloudtest

import (
	"cmp"
	"strconv"
	"time"
)

func accountRoutes() []route {
	const account = "/api/v2/accounts/{account}/"
	include := []string{"include_related"}
	return []route{
		{"GET", "/api/v3/accounts/", include, (*world).listAccounts},
		{"GET", "/api/v2/accounts/", include, (*world).listAccounts},
		{"GET", account, include, (*world).getAccount},
		{"POST", account, nil, (*world).updateAccount},
		{"PATCH", account, nil, (*world).patchAccount},
	}
}

// account is what a write can change of the account.
type account struct {
	name           string
	docsJobID      int64
	freshnessJobID int64
	updated        time.Time
}

func (w *world) getAccount(*call) answer {
	if w.cfg.forbidden {
		return w.notFound()
	}
	return w.ok(w.accountJSON())
}

// listAccounts has the extra of the recorded list: no limit, no offset, no order.
func (w *world) listAccounts(*call) answer {
	accounts := []any{w.accountJSON()}
	if w.cfg.forbidden {
		accounts = []any{}
	}
	extra := listExtra{
		Filters:    map[string]any{"pk__in": []int64{w.cfg.account}},
		Pagination: pagination{Count: len(accounts), TotalCount: len(accounts)},
	}
	return w.okExtra(accounts, extra)
}

// updateAccount replaces what a write has: without them the two jobs are none.
func (w *world) updateAccount(c *call) answer {
	return w.writeAccount(c, account{name: w.account.name})
}

// patchAccount leaves what the request leaves out, although the document asks for name and state in every one.
func (w *world) patchAccount(c *call) answer { return w.writeAccount(c, w.account) }

func (w *world) writeAccount(c *call, next account) answer {
	if w.cfg.forbidden {
		return w.notFound()
	}
	body, ok := c.object()
	if !ok {
		return w.invalid(map[string]any{"_model": "Account"})
	}
	id := field{kind: kindInt}
	tree := schema{
		"name": {kind: kindText, required: true, min: 1}, "state": {kind: kindInt, required: true}, "docs_job_id": id, "freshness_job_id": id,
	}.check(body, w.cfg.writes)
	if tree == nil && body["state"] != nil && integer(body["state"]) != 1 {
		tree = map[string]any{"state": "The account cannot be deleted."}
	}
	if tree != nil {
		return w.invalid(tree)
	}
	next.name, next.updated = cmp.Or(text(body["name"]), next.name), c.now
	for key, to := range map[string]*int64{"docs_job_id": &next.docsJobID, "freshness_job_id": &next.freshnessJobID} {
		if value, given := body[key]; given {
			*to = integer(value)
		}
	}
	w.account = next
	return w.ok(w.accountJSON())
}

func (w *world) accountJSON() map[string]any {
	plan := w.cfg.plan
	if w.cfg.noise {
		plan += "_of_tomorrow"
	}
	return map[string]any{
		"id": w.cfg.account, "name": cmp.Or(w.account.name, "Fake account "+strconv.FormatInt(w.cfg.account, 10)), "plan": plan, "state": 1,
		"run_slots": w.cfg.runSlots, "queue_limit": w.cfg.queueLimit, "developer_seats": 8, "it_seats": 0, "explorer_seats": 0,
		"analyst_seats": 0, "read_only_seats": 5, "locked": w.locked, "lock_reason": orNull(w.lockReason), "lock_cause": nil,
		"unlocked_at": nil, "pending_cancel": false, "billing_email_address": nil, "pod_memory_request_mebibytes": 600,
		"develop_pod_memory_request_mebibytes": 0, "run_duration_limit_seconds": 86400, "enterprise_login_slug": nil,
		"business_critical": false, "starter_repo_url": nil, "git_auth_level": "team", "identifier": "act_fake",
		"trial_end_date": nil, "static_subdomain": "ab123", "vanity_subdomain": nil, "run_locked_until": nil,
		"docs_job_id": orNull(w.account.docsJobID), "freshness_job_id": orNull(w.account.freshnessJobID),
		"copilot_locked_until": nil, "agent_credit_locked": false, "account_migration_events": []any{}, "groups": []any{},
		"created_at": jobTime(worldBegin()), "updated_at": jobTime(later(worldBegin(), w.account.updated)),
	}
}
