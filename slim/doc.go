// Package slim is Slim CI/CD wherever dbt runs: a deploy publishes what dbt left behind, and whatever comes later compares
// itself with the right one of those deploys.
//
//	records := &slim.Records{Store: slim.Directory("/srv/dbt"), Project: "shop", Target: "prod"}
//
//	// After a deploy:
//	records.Publish(ctx, slim.Publication{Commit: sha, Dir: "target", Before: before})
//
//	// In a pull request:
//	baseline, err := records.Baseline(ctx, slim.Repository("."), "HEAD", "origin/main")
//	state, err := records.Fetch(ctx, baseline.Deploy, "state")
//	// dbt build --select state:modified+ with state.Flags
//
// A [Store] keeps the artifacts: any place that can put, get, list and delete objects. [Directory] is one of files;
// [LastGoodRun] and [FetchRun] take the state from dbt Cloud instead.
//
// Nothing is ever overwritten and there is no pointer to the latest deploy, so no store needs to compare and swap: the newest good
// deploy is found from the list of records and the history of commits. What a deploy failed to build is, in its state, what it was before.
package slim
