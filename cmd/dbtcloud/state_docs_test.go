package main

import (
	"os"
	"strings"
	"testing"
)

// The commands on the page are commands, with the flags that they have.
func TestStatePage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/state.md")
	if err != nil {
		t.Fatal(err)
	}
	old, now := save(t, "manifest.json", aShop("1")), save(t, "manifest.json", aShop("2", newBody()))
	results := save(t, "run_results.json", object{"metadata": object{"dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json"}, "results": []any{}})
	found := 0
	for line := range strings.Lines(string(page)) {
		command, ok := strings.CutPrefix(strings.TrimSpace(line), "dbtcloud ")
		if !ok || strings.Contains(command, "source_status:") { // which needs two more files
			continue
		}
		found++
		var args []string
		for i, part := range strings.Split(command, `"`) {
			if i%2 == 1 {
				args = append(args, part) // in quotes
				continue
			}
			args = append(args, strings.Fields(strings.NewReplacer("prod-artifacts/run_results.json", results, "prod-artifacts", old).Replace(part))...)
		}
		invoke(t, nil, append(args, "--manifest", now)...).want(t, exitSuccess)
	}
	if found < 7 {
		t.Errorf("the page has only %d commands", found)
	}
}
