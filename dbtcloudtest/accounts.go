package dbtcloudtest

import (
	"strconv"
	"time"
)

func accountRoutes() []route {
	return []route{
		{"GET", "/api/v3/accounts/", []string{"include_related"}, (*world).listAccounts},
		{"GET", "/api/v2/accounts/", []string{"include_related"}, (*world).listAccounts},
		{"GET", "/api/v2/accounts/{account}/", []string{"include_related"}, (*world).getAccount},
	}
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

func (w *world) accountJSON() map[string]any {
	plan := w.cfg.plan
	if w.cfg.noise {
		plan += "_of_tomorrow"
	}
	created := jobTime(time.Date(2021, 4, 14, 20, 23, 0, 305964000, time.UTC))
	return map[string]any{
		"id": w.cfg.account, "name": "Fake account " + strconv.FormatInt(w.cfg.account, 10), "plan": plan, "state": 1,
		"run_slots": w.cfg.runSlots, "queue_limit": w.cfg.queueLimit, "developer_seats": 8, "it_seats": 0, "explorer_seats": 0,
		"analyst_seats": 0, "read_only_seats": 5, "locked": w.locked, "lock_reason": orNull(w.lockReason), "lock_cause": nil,
		"unlocked_at": nil, "pending_cancel": false, "billing_email_address": nil, "pod_memory_request_mebibytes": 600,
		"develop_pod_memory_request_mebibytes": 0, "run_duration_limit_seconds": 86400, "enterprise_login_slug": nil,
		"business_critical": false, "starter_repo_url": nil, "git_auth_level": "team", "identifier": "act_fake",
		"trial_end_date": nil, "static_subdomain": "ab123", "vanity_subdomain": nil, "run_locked_until": nil,
		"docs_job_id": nil, "freshness_job_id": nil, "copilot_locked_until": nil, "agent_credit_locked": false,
		"account_migration_events": []any{}, "groups": []any{}, "created_at": created, "updated_at": created,
	}
}
