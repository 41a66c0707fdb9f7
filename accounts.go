package dbtcloud

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"net/http"
)

// AccountsService reads accounts and changes the one of the client.
type AccountsService service

// Account is a dbt Cloud account.
type Account struct {
	ID                        int64           `json:"id"`
	Name                      string          `json:"name"`
	State                     State           `json:"state"`
	Plan                      string          `json:"plan"`        // such as enterprise or starter_2025; new values appear
	RunSlots                  int             `json:"run_slots"`   // runs at a time; 0: not known
	QueueLimit                int             `json:"queue_limit"` // runs that may be queued at once
	RunDurationLimitSeconds   int             `json:"run_duration_limit_seconds"`
	DeveloperSeats            int             `json:"developer_seats"`
	ReadOnlySeats             int             `json:"read_only_seats"`
	ITSeats                   int             `json:"it_seats"`
	ExplorerSeats             int             `json:"explorer_seats"`
	AnalystSeats              int             `json:"analyst_seats"`
	Locked                    bool            `json:"locked"`
	LockReason                string          `json:"lock_reason"` // in words
	LockCause                 string          `json:"lock_cause"`  // one of a list, such as trial_expired
	UnlockedAt                Time            `json:"unlocked_at"`
	RunLockedUntil            Time            `json:"run_locked_until"`
	PendingCancel             bool            `json:"pending_cancel"`
	TrialEndDate              Time            `json:"trial_end_date"`
	StaticSubdomain           string          `json:"static_subdomain"`
	VanitySubdomain           string          `json:"vanity_subdomain"`
	Identifier                string          `json:"identifier"`
	GitAuthLevel              string          `json:"git_auth_level"`
	BillingEmailAddress       string          `json:"billing_email_address"`
	EnterpriseLoginSlug       string          `json:"enterprise_login_slug"`
	StarterRepoURL            string          `json:"starter_repo_url"`
	BusinessCritical          bool            `json:"business_critical"`
	PodMemoryMebibytes        int             `json:"pod_memory_request_mebibytes"`         // of a run
	DevelopPodMemoryMebibytes int             `json:"develop_pod_memory_request_mebibytes"` // of a development session
	CopilotLockedUntil        Time            `json:"copilot_locked_until"`
	AgentCreditLocked         bool            `json:"agent_credit_locked"`
	Groups                    json.RawMessage `json:"groups"`
	DocsJobID                 int64           `json:"docs_job_id"`
	FreshnessJobID            int64           `json:"freshness_job_id"`
	CreatedAt                 Time            `json:"created_at"`
	UpdatedAt                 Time            `json:"updated_at"`

	raw raw
}

// UnmarshalJSON decodes an account and keeps the fields that this package does not know.
func (a *Account) UnmarshalJSON(b []byte) error { return decodeKeeping(b, a) }

func (a *Account) keeping() (any, *raw) {
	type plain Account
	return (*plain)(a), &a.raw
}

// Raw is the JSON that the account was decoded from; nil if it was not decoded.
func (a *Account) Raw() json.RawMessage { return a.raw.json }

func (a *Account) key() int64 { return a.ID }

// All walks the accounts that the token may see; the API gives them in one page.
// API: List Accounts (v3).
func (s *AccountsService) All(ctx context.Context) iter.Seq2[*Account, error] {
	r := s.c.request(http.MethodGet, "/api/v3/accounts/")
	return all[Account](ctx, s.c, r, nil)
}

// Get returns the account of the client. Project-scoped tokens and Job Admin may
// be refused it, with [ErrForbidden] or [ErrNotFound]. API: Retrieve Account.
func (s *AccountsService) Get(ctx context.Context) (*Account, error) {
	return one[Account](ctx, s.c, s.c.v2(http.MethodGet, ""))
}

// AccountRequest is what an account is changed to. In an update the zero value of a
// field leaves the account's own unchanged.
type AccountRequest struct {
	Name           string `json:"name,omitzero"`
	DocsJobID      int64  `json:"docs_job_id,omitzero"`      // deprecated by the service
	FreshnessJobID int64  `json:"freshness_job_id,omitzero"` // deprecated by the service
}

// Update changes what req sets of the client's account, and leaves the rest. A req that
// sets nothing is [ErrInvalid]. API: Retrieve Account, then Partial Update Account, which
// insists on the name and the state.
func (s *AccountsService) Update(ctx context.Context, req AccountRequest) (*Account, error) {
	r := s.c.v2(http.MethodPatch, "")
	set := r.change(req, nil, nil)
	if r.err != nil {
		return nil, r.err
	}
	account, err := s.Get(ctx)
	if err != nil {
		return nil, err
	}
	body := map[string]any{"name": account.Name, "state": cmp.Or(account.State, StateActive)}
	overlay(body, set)
	r.body, r.repeatable = body, true
	return one[Account](ctx, s.c, r)
}

// Replace writes exactly req, which needs a Name: what it does not set, the account has
// no longer. Most callers want [AccountsService.Update]. API: Update Account.
func (s *AccountsService) Replace(ctx context.Context, req AccountRequest) (*Account, error) {
	r := s.c.v2(http.MethodPost, "")
	body := map[string]any{"state": StateActive}
	overlay(body, r.set(req, "name"))
	r.body, r.repeatable = body, true
	return one[Account](ctx, s.c, r)
}
