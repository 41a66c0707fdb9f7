package main

import (
	"context"
	"iter"
	"reflect"
	"strconv"
	"strings"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func (a app) accounts(g *global) *cobra.Command {
	return commands("accounts", "List accounts, show and change the account of the token",
		accountResource().listCommand(a, g), a.accountsGet(g), a.accountsUpdate(g))
}

func accountResource() resource[*dbtcloud.Account] {
	type account = *dbtcloud.Account
	return resource[account]{
		kind: "account",
		id:   func(c account) int64 { return c.ID },
		name: func(c account) string { return c.Name },
		columns: []column[account]{
			{"ID", func(c account) string { return idText(c.ID) }},
			{"NAME", func(c account) string { return c.Name }},
			{"PLAN", func(c account) string { return c.Plan }},
			{"RUN SLOTS", func(c account) string { return idText(int64(c.RunSlots)) }},
			{"LOCKED", func(c account) string { return strconv.FormatBool(c.Locked) }},
		},
		details: []column[account]{
			{"LOCK REASON", func(c account) string { return c.LockReason }},
			{"QUEUE LIMIT", func(c account) string { return idText(int64(c.QueueLimit)) }},
			{"LONGEST RUN", func(c account) string { return duration(c.RunDurationLimitSeconds) }},
			{"DEVELOPER SEATS", func(c account) string { return idText(int64(c.DeveloperSeats)) }},
			{"CREATED", func(c account) string { return clockTime(c.CreatedAt) }},
		},
		all: func(ctx context.Context, s scope, contains string) iter.Seq2[account, error] {
			return containing(s.client.Accounts.All(ctx), contains)
		},
	}
}

// containing is the accounts whose name contains a text: the API cannot select them.
func containing(all iter.Seq2[*dbtcloud.Account, error], text string) iter.Seq2[*dbtcloud.Account, error] {
	return func(yield func(*dbtcloud.Account, error) bool) {
		for account, err := range all {
			if err == nil && !strings.Contains(strings.ToLower(account.Name), strings.ToLower(text)) {
				continue
			}
			if !yield(account, err) {
				return
			}
		}
	}
}

func (a app) accountsGet(g *global) *cobra.Command {
	cmd := command("get", "Show the account", func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		client, err := a.client(cmd, g)
		if err != nil {
			return err
		}
		account, err := client.Accounts.Get(ctx)
		if err != nil {
			return err
		}
		return goneReader(accountResource().show(a, g, account))
	})
	cmd.Args = noArgs
	return cmd
}

func (a app) accountsUpdate(g *global) *cobra.Command {
	var d *draft[dbtcloud.AccountRequest]
	cmd := command("update", "Change the account", func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		req, err := d.read(ctx, a)
		if err == nil {
			err = d.nothing(req)
		}
		s, err := a.scope(ctx, cmd, g, place{}, err)
		if err != nil {
			return err
		}
		if err := d.flags.apply(ctx, s, &req); err != nil {
			return err
		}
		account, err := s.client.Accounts.Update(ctx, req)
		if err != nil {
			return err
		}
		a.tell(oneLine("updated " + accountResource().describe(account)))
		return accountResource().show(a, g, account)
	})
	cmd.Long, cmd.Args = "Change the account. Only what is given changes.\n\n"+fileHelp, noArgs
	d = newDraft(cmd, fields[dbtcloud.AccountRequest](new(accountFlags)), "account", reflect.TypeFor[dbtcloud.Account]())
	return cmd
}

// accountFlags are the flags of accounts update.
type accountFlags struct {
	name               text
	docsJob, freshness reference
}

func (f *accountFlags) add(fs *pflag.FlagSet) {
	fs.Var(&f.name, "name", "its name")
	fs.Var(&f.docsJob, "docs-job", "the job whose docs are shown (deprecated by the service)")
	fs.Var(&f.freshness, "freshness-job", "the job whose source freshness is shown (deprecated by the service)")
}

func (f *accountFlags) check() error { return nil }

func (f *accountFlags) apply(ctx context.Context, s scope, req *dbtcloud.AccountRequest) error {
	docs, err := jobResource().idOf(ctx, s, f.docsJob)
	if err != nil {
		return err
	}
	freshness, err := jobResource().idOf(ctx, s, f.freshness)
	if err != nil {
		return err
	}
	set(&req.Name, f.name.value)
	set(&req.DocsJobID, docs)
	set(&req.FreshnessJobID, freshness)
	return nil
}
