package slim_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/slimci/dbtcloud/slim"
)

// history is a repository of three commits, the newest first.
type history struct{}

func (history) History(context.Context, string) ([]slim.Commit, error) {
	return []slim.Commit{{SHA: sha('c'), Parents: []string{sha('b')}}, {SHA: sha('b'), Parents: []string{sha('a')}}, {SHA: sha('a')}}, nil
}

// A deploy publishes its artifacts; a pull request fetches those of the newest good deploy that it is built on.
func Example() {
	dir, err := os.MkdirTemp("", "slim")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)                //nolint:errcheck // a directory of the system
	target := filepath.Join(dir, "target") // as dbt build leaves it behind
	shop := project{models: map[string]string{"orders": "select 1"}}
	err = errors.Join(os.Mkdir(target, 0o755), os.WriteFile(filepath.Join(target, "manifest.json"), shop.manifest(), 0o600),
		os.WriteFile(filepath.Join(target, "run_results.json"), shop.runResults(), 0o600))
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	records := &slim.Records{Store: slim.Directory(filepath.Join(dir, "store")), Project: "shop", Target: "prod"}
	if _, err := records.Publish(ctx, slim.Publication{Commit: sha('b'), Branch: "main", Dir: target}); err != nil {
		panic(err)
	}

	baseline, err := records.Baseline(ctx, history{}, "HEAD") // in a program: slim.Repository(".")
	if err != nil {
		panic(err)
	}
	state, err := records.Fetch(ctx, baseline.Deploy, filepath.Join(dir, "state"))
	if err != nil {
		panic(err)
	}
	fmt.Println("commits behind:", baseline.Behind)
	fmt.Println("dbt build --select state:modified+", state.Flags[0], state.Flags[1], filepath.Base(state.Dir))
	// Output:
	// commits behind: 1
	// dbt build --select state:modified+ --defer --state state
}
