// Command fake serves a fake dbt Cloud with one Slim CI job and a small project on
// loopback, until it is interrupted, and prints the variables with which the dbtcloud
// command, or any client, talks to it.
//
//	go run ./examples/fake -slots 2 -run-time 1m
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "fake:", err)
		os.Exit(2)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("fake", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:8580", "loopback address to listen on")
	runTime := flags.Duration("run-time", 20*time.Second, "how long a run takes")
	slots := flags.Int("slots", 4, "run slots of the account")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	listener, err := listen(ctx, *addr)
	if err != nil {
		return err
	}
	fake := dbtcloudtest.New(dbtcloudtest.WithRunSlots(*slots), dbtcloudtest.WithAppHost("http://"+listener.Addr().String()),
		dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
			return dbtcloudtest.Outcome{Duration: *runTime, Artifacts: leftBehind()}
		}))
	jobID := fake.AddJob(dbtcloudtest.JobSpec{Name: "Slim CI"})
	fake.AddNodes(dbtcloudtest.DefaultEnvironmentID, analytics()...)
	_, _ = fmt.Fprintf(stdout, "export DBT_CLOUD_HOST=http://%s\nexport DBT_CLOUD_ACCOUNT_ID=%d\nexport DBT_CLOUD_SERVICE_TOKEN=%s\nexport DBT_CLOUD_JOB_ID=%d\nexport DBT_CLOUD_ENVIRONMENT_ID=%d\n",
		listener.Addr(), fake.AccountID(), fake.Token(), jobID, dbtcloudtest.DefaultEnvironmentID)
	server := &http.Server{Handler: fake, ReadHeaderTimeout: time.Minute}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// leftBehind is what dbt writes at the end of a run, without any nodes.
func leftBehind() []dbtcloudtest.Artifact {
	const schemas = "https://schemas.getdbt.com/dbt/"
	return []dbtcloudtest.Artifact{
		{Path: "manifest.json", Data: []byte(`{"metadata":{"dbt_schema_version":"` + schemas + `manifest/v12.json"},"nodes":{}}`)},
		{Path: "run_results.json", Data: []byte(`{"metadata":{"dbt_schema_version":"` + schemas + `run-results/v6.json"},"results":[]}`)},
	}
}

// analytics is a small project for the Discovery API to tell of: its orders failed.
func analytics() []dbtcloudtest.Node {
	type object = map[string]any
	ended := func(status string) object {
		return object{"lastRunStatus": status, "executionTime": 2.5, "executeCompletedAt": "2026-01-02T06:00:00Z"}
	}
	failed := ended("error")
	failed["lastRunError"] = "Database Error: numeric field overflow"
	return []dbtcloudtest.Node{
		{"uniqueId": "source.analytics.shop.orders", "schema": "shop", "freshness": object{"freshnessStatus": "Warn", "maxLoadedAt": "2026-01-01T06:00:00Z"}},
		{"uniqueId": "model.analytics.stg_orders", "schema": "prod", "parentIds": []string{"source.analytics.shop.orders"}, "materializedType": "view", "executionInfo": ended("success")},
		{"uniqueId": "model.analytics.orders", "schema": "prod", "parentIds": []string{"model.analytics.stg_orders"}, "materializedType": "table", "executionInfo": failed},
		{
			"uniqueId": "test.analytics.not_null_orders_id.1", "parentIds": []string{"model.analytics.orders"}, "columnName": "id",
			"testMetadata": object{"name": "not_null"}, "executionInfo": ended("skipped"),
		},
		{"uniqueId": "exposure.analytics.revenue", "parentIds": []string{"model.analytics.orders"}, "exposureType": "dashboard", "ownerName": "Ann"},
	}
}

// listen refuses addresses that other machines could reach: the fake's token is public.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("-addr: %w", err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("-addr: %q is not a loopback address: use 127.0.0.1", host)
	}
	return new(net.ListenConfig).Listen(ctx, "tcp", addr)
}
