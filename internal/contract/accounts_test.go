package contract

import (
	"testing"

	"github.com/slimci/dbtcloud"
)

// accountScenarios are the uses of accounts.
func accountScenarios() []scenario {
	return []scenario{
		{"read accounts", readAccounts},
		{"write the account", writeAccount},
	}
}

func readAccounts(t *testing.T, c *contract) {
	w := c.begin(t)
	try(w.client.Accounts.Get(t.Context())).must(t)
	if n := len(try(dbtcloud.Collect(w.client.Accounts.All(t.Context()))).must(t)); n != 1 {
		t.Errorf("%d accounts, want 1", n)
	}
}

// writeAccount changes the account field by field, which keeps the others, and as a whole, which does not.
func writeAccount(t *testing.T, c *contract) {
	w := c.begin(t)
	accounts := w.client.Accounts
	try(accounts.Update(t.Context(), dbtcloud.AccountRequest{Name: "New"})).must(t)
	if a := try(accounts.Update(t.Context(), dbtcloud.AccountRequest{DocsJobID: 7})).must(t); a.Name != "New" || a.DocsJobID != 7 {
		t.Errorf("the account is %q with the docs job %d after two updates", a.Name, a.DocsJobID)
	}
	whole := dbtcloud.AccountRequest{Name: "Whole", DocsJobID: 8, FreshnessJobID: 9}
	try(accounts.Update(t.Context(), whole)).must(t)
	if a := try(accounts.Replace(t.Context(), dbtcloud.AccountRequest{Name: "Few"})).must(t); a.Name != "Few" || a.DocsJobID != 0 || a.FreshnessJobID != 0 {
		t.Errorf("the account kept what its replacement does not have: %s", a.Raw())
	}
	if a := try(accounts.Replace(t.Context(), whole)).must(t); a.DocsJobID != 8 || a.FreshnessJobID != 9 {
		t.Errorf("the account came back without what was set: %s", a.Raw())
	}
}
