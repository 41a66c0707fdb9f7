package dbtcloud_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slimci/dbtcloud"
)

func TestAccountDecodes(t *testing.T) {
	t.Parallel()
	c, _ := scripted(t, always(200, "application/json", envelope(fixture(t, "account.json"))))
	got, err := c.Accounts.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := &dbtcloud.Account{
		ID: 70506183000001, Name: "Jaffle Shop", State: dbtcloud.StateActive, Plan: "team_2022", RunSlots: 5, QueueLimit: 50, RunDurationLimitSeconds: 86400,
		DeveloperSeats: 8, ReadOnlySeats: 50, ITSeats: 1, StaticSubdomain: "ab123", Identifier: "act_0000", PodMemoryMebibytes: 600, Groups: json.RawMessage("[]"),
		CreatedAt: dbtcloud.Time{Time: time.Date(2021, 3, 18, 19, 36, 31, 127780000, time.UTC)},
		UpdatedAt: dbtcloud.Time{Time: time.Date(2022, 5, 16, 21, 0, 1, 128374000, time.UTC)},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(dbtcloud.Account{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !bytes.Contains(got.Raw(), []byte(`"account_migration_events":[]`)) {
		t.Error("Raw lacks a field that is not known")
	}
}

// TestAccountsWithoutATotal: the recorded list has no limit and no offset, and ends
// after its one page whatever it says of a total.
func TestAccountsWithoutATotal(t *testing.T) {
	t.Parallel()
	for _, extra := range []string{`{}`, `null`, `{"filters":{"pk__in":[27299]},"order_by":null,"pagination":{"count":1,"total_count":1}}`, `{"pagination":{"total_count":500}}`} {
		c, s := scripted(t, always(200, "application/json", `{"data":[{"id":1},{"id":2}],"status":{"code":200,"is_success":true},"extra":`+extra+`}`))
		got, err := dbtcloud.Collect(c.Accounts.All(t.Context()))
		if err != nil || len(got) != 2 || len(s.lines()) != 1 {
			t.Errorf("extra %s: %d accounts, %v, after %v", extra, len(got), err, s.lines())
		}
	}
}

// TestAccountRefused: a token that may not see the account is told apart from one that
// is wrong.
func TestAccountRefused(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]error{403: dbtcloud.ErrForbidden, 404: dbtcloud.ErrNotFound, 401: dbtcloud.ErrUnauthorized} {
		c, _ := scripted(t, always(status, "application/json", refusal("No.", "null")))
		if _, err := c.Accounts.Get(t.Context()); !errors.Is(err, want) {
			t.Errorf("%d: error %v, want %v", status, err, want)
		}
	}
}
