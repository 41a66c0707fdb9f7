package main

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// newShop is a cloud whose environment 22 has a small project.
func newShop(t *testing.T, opts ...dbtcloudtest.Option) *cloud {
	t.Helper()
	c := newHouse(t, opts...)
	c.AddNodes(22, shop()...)
	c.env["DBT_CLOUD_ENVIRONMENT_ID"] = "22"
	return c
}

func shop() []dbtcloudtest.Node {
	type object = map[string]any
	ran := func(status string, more object) object {
		info := object{"lastRunStatus": status, "executionTime": 2.5, "executeCompletedAt": "2026-01-02T00:00:00Z"}
		maps.Copy(info, more)
		return info
	}
	return []dbtcloudtest.Node{
		{"uniqueId": "source.shop.raw.orders", "schema": "raw", "tags": []string{"daily"}, "freshness": object{
			"freshnessStatus": "Warn", "freshnessChecked": true, "maxLoadedAt": "2026-01-01T00:00:00Z", "snapshottedAt": "2026-01-02T00:00:00Z"}},
		{"uniqueId": "seed.shop.countries", "schema": "prod", "executionInfo": ran("success", nil)},
		{"uniqueId": "model.shop.stg_orders", "parentIds": []string{"source.shop.raw.orders"}, "schema": "prod", "materializedType": "view",
			"modelingLayer": "staging", "executionInfo": ran("success", nil)},
		{"uniqueId": "model.shop.orders", "parentIds": []string{"model.shop.stg_orders", "seed.shop.countries"}, "schema": "prod", "alias": "fct_orders",
			"materializedType": "table", "access": "public", "tags": []string{"daily", "finance"}, "meta": object{"owner": "Ann"}, "executionInfo": ran("error", nil),
			"catalog": object{"columns": []object{{"name": "id"}, {"name": "amount"}}}},
		{"uniqueId": "test.shop.not_null_orders_id.abc", "parentIds": []string{"model.shop.orders"}, "columnName": "id",
			"executionInfo": ran("fail", object{"lastRunFailures": 3}), "lastKnownResult": "fail"},
		{"uniqueId": "exposure.shop.dashboard", "parentIds": []string{"model.shop.orders"}, "exposureType": "dashboard", "ownerName": "Ann"},
	}
}

// args are the words of a command line, in which a ~ stands for a blank.
func args(line string) []string {
	args := strings.Fields(line)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "~", " ")
	}
	return args
}

func TestMetadataTables(t *testing.T) {
	t.Parallel()
	c := newShop(t)
	tests := []struct{ args, want string }{
		{"models", `
NAME        MATERIALIZED  SCHEMA  STATUS   BUILT                 SECONDS  UNIQUE ID
stg_orders  view          prod    success  2026-01-02T00:00:00Z  2.5      model.shop.stg_orders
orders      table         prod    error    2026-01-02T00:00:00Z  2.5      model.shop.orders
`},
		{"sources --freshness warn --output table", `
SOURCE  TABLE   SCHEMA  FRESHNESS  LOADED                CHECKED               UNIQUE ID
raw     orders  raw     Warn       2026-01-01T00:00:00Z  2026-01-02T00:00:00Z  source.shop.raw.orders
`},
		{"tests --status FAIL", `
NAME                TYPE                COLUMN  STATUS  FAILURES  RUN                   UNIQUE ID
not_null_orders_id  SINGULAR_DATA_TEST  id      fail    3         2026-01-02T00:00:00Z  test.shop.not_null_orders_id.abc
`},
		{"seeds", `
NAME       SCHEMA  STATUS   BUILT                 SECONDS  UNIQUE ID
countries  prod    success  2026-01-02T00:00:00Z  2.5      seed.shop.countries
`},
		{"exposures --type dashboard", `
NAME       TYPE       OWNER  MATURITY  URL  UNIQUE ID
dashboard  dashboard  Ann    -         -    exposure.shop.dashboard
`},
		{"models --fields name,executionInfo.lastRunStatus --fields=catalog.columns.name,children.name", `
name        executionInfo.lastRunStatus  catalog.columns.name  children.name
stg_orders  success                      -                     orders
orders      error                        id, amount            not_null_orders_id, dashboard
`},
		{"models --fields name,meta --name orders --environment production --project 11", "\nname    meta\norders  {\"owner\":\"Ann\"}\n"},
		{"models --fields name --tag daily,hourly", "\nname\norders\n"},
		{"models --fields name --unique-id model.shop.orders --unique-id model.shop.none", "\nname\norders\n"},
		{"models --fields name --status success", "\nname\nstg_orders\n"},
		{"models --fields name --identifier fct_orders --access public --schema prod --package shop", "\nname\norders\n"},
		{"models --fields name --layer staging", "\nname\nstg_orders\n"},
		{"models --fields name --sort uniqueid", "\nname\norders\nstg_orders\n"},
		{"models --fields name --sort uniqueId --direction desc --page-size 1", "\nname\nstg_orders\norders\n"},
		{"sources --fields name --source-name raw --freshness-checked", "\nname\norders\n"},
		{"tests --fields name --result fail,warn --type unit,singular", "\nname\nnot_null_orders_id\n"},
		{"lineage", `
UNIQUE ID                         TYPE      NAME
seed.shop.countries               Seed      countries
source.shop.raw.orders            Source    orders
model.shop.stg_orders             Model     stg_orders
model.shop.orders                 Model     orders
exposure.shop.dashboard           Exposure  dashboard
test.shop.not_null_orders_id.abc  Test      not_null_orders_id
`},
		{"lineage --downstream source.shop.raw.orders --types exposure,model", `
UNIQUE ID                TYPE      NAME        DISTANCE
model.shop.stg_orders    Model     stg_orders  1
model.shop.orders        Model     orders      2
exposure.shop.dashboard  Exposure  dashboard   3
`},
		{"lineage --upstream model.shop.orders --depth 1", `
UNIQUE ID              TYPE   NAME        DISTANCE
model.shop.orders      Model  orders      0
model.shop.stg_orders  Model  stg_orders  1
seed.shop.countries    Seed   countries   1
`},
		{"lineage --types Model,Source --fields uniqueId,lastRunStatus,parentIds", `
uniqueId                lastRunStatus  parentIds
source.shop.raw.orders  -              -
model.shop.stg_orders   success        source.shop.raw.orders
model.shop.orders       error          model.shop.stg_orders, seed.shop.countries
`},
		{"lineage --upstream model.shop.orders --depth 1 --types Seed --fields name,schema", `
name       schema  DISTANCE
countries  prod    1
`},
		{"lineage --types Model --definition", `
UNIQUE ID              TYPE   NAME
model.shop.stg_orders  Model  stg_orders
model.shop.orders      Model  orders
`},
	}
	for _, test := range tests {
		o := invoke(t, c.env, append([]string{"metadata"}, args(test.args)...)...).want(t, exitSuccess)
		if diff := cmp.Diff(test.want[1:], o.stdout); diff != "" || o.stderr != "" {
			t.Errorf("%s: stderr %q, stdout (-want +got):\n%s", test.args, o.stderr, diff)
		}
	}
}

func TestMetadataObjects(t *testing.T) {
	t.Parallel()
	c := newShop(t)
	tests := []struct{ args, want string }{
		{"models --fields name --limit 1", `[{"uniqueId":"model.shop.stg_orders","name":"stg_orders"}]`},
		{"models --fields uniqueId,meta,description --name orders", `[{"uniqueId":"model.shop.orders","meta":{"owner":"Ann"},"description":null}]`},
		{"lineage --downstream model.shop.orders --types Model,Test", `{"nodes":[{"uniqueId":"model.shop.orders","name":"orders","resourceType":"Model","distance":0},` +
			`{"uniqueId":"test.shop.not_null_orders_id.abc","name":"not_null_orders_id","resourceType":"Test","distance":1}],` +
			`"edges":[{"parent":"model.shop.orders","child":"test.shop.not_null_orders_id.abc"}]}`},
		{"lineage --types Seed --fields lastRunStatus,schema", `{"nodes":[{"uniqueId":"seed.shop.countries","name":"countries","resourceType":"Seed","schema":"prod","lastRunStatus":"success"}],"edges":[]}`},
		{"lineage --types Snapshot", `{"nodes":[],"edges":[]}`},
	}
	for _, test := range tests {
		o := invoke(t, c.env, append([]string{"metadata", "--output=json"}, args(test.args)...)...).want(t, exitSuccess)
		if diff := cmp.Diff(test.want+"\n", o.stdout); diff != "" {
			t.Errorf("%s: stdout (-want +got):\n%s", test.args, diff)
		}
	}
	o := invoke(t, c.env, "metadata", "models", "--output=json").want(t, exitSuccess)
	if !strings.Contains(o.stdout, `"modelingLayer":"staging"`) || strings.Contains(o.stdout, "rawCode") {
		t.Errorf("without --fields: %s", o.stdout)
	}
}

func TestMetadataWithoutItems(t *testing.T) {
	t.Parallel()
	c := newShop(t)
	tests := []struct{ args, stderr string }{
		{"snapshots", "no snapshots found\n"},
		{"models --tag none", "no models found\n"},
		{"models --name ordrs", "no model is called \"ordrs\": did you mean \"orders\"?\nno models found\n"},
		{"lineage --types Snapshot", "no nodes found\n"},
	}
	for _, test := range tests {
		o := invoke(t, c.env, append([]string{"metadata"}, args(test.args)...)...).want(t, exitSuccess)
		if o.stdout != "" || o.stderr != test.stderr {
			t.Errorf("%s: stdout %q, stderr %q, want %q", test.args, o.stdout, o.stderr, test.stderr)
		}
		if o = invoke(t, c.env, append([]string{"metadata", "--output=json"}, args(test.args)...)...).want(t, exitSuccess); o.stdout == "" {
			t.Errorf("%s: no JSON", test.args)
		}
	}
}

// badMetadata are invocations that must be refused before any request.
func badMetadata() []struct{ name, args, want string } {
	const query = "metadata query --query query($id:BigInt!,$days:Int,$tags:[String!],$on:Boolean){environment(id:$id){adapterType}} "
	return []struct{ name, args, want string }{
		{"no environment", "metadata models", "--environment: is missing: give it, or set DBT_CLOUD_ENVIRONMENT_ID"},
		{"environment 0", "metadata models --environment 0", `--environment" flag: must be a name, or an id above 0`},
		{"environment by name in no project", "metadata lineage --environment Production", "--environment: a name needs --project"},
		{"unknown field", "metadata models --environment 22 --fields name,executionInfo.lastRunStat", `field "executionInfo.lastRunStat": ModelExecutionInfoNode has no field "lastRunStat"; did you mean lastRunStatus`},
		{"unknown field, environment by name", "metadata sources --environment Production --project Analytics --fields freshnes", "did you mean freshness"},
		{"empty field", "metadata models --environment 22 --fields name,,alias", `--fields" flag: is empty, or has an empty part`},
		{"field of another kind", "metadata seeds --environment 22 --fields materializedType", `has no field "materializedType"`},
		{"page of 501", "metadata tests --environment 22 --page-size 501", "the page size must be from 1 to 500, not 501"},
		{"page of 0", "metadata tests --environment 22 --page-size 0", `--page-size" flag: must be a whole number of at least 1`},
		{"limit 0", "metadata tests --environment 22 --limit 0", `--limit" flag: must be a whole number of at least 1`},
		{"unknown status", "metadata models --environment 22 --status failed", `--status" flag: must be one of success, error, skipped, reused, warn`},
		{"unknown freshness", "metadata sources --environment 22 --freshness stale", `--freshness" flag: must be one of Pass, Warn, Error`},
		{"unknown result", "metadata tests --environment 22 --result pass,broken", `--result" flag: must be some of pass, fail, warn, error, skipped`},
		{"misspelt status of tests", "metadata tests --environment 22 --status passed", `--status" flag: must be one of pass, fail, warn, error, skipped, reused`},
		{"empty tag", "metadata models --environment 22 --tag=", `--tag" flag: is empty`},
		{"empty package", "metadata models --environment 22 --package=", `--package" flag: is empty`},
		{"empty name", "metadata models --environment 22 --name=", `--name" flag: is empty`},
		{"direction of nothing", "metadata models --environment 22 --direction desc", "the sort has a direction but no field"},
		{"list with an argument", "metadata models x --environment 22", "dbtcloud metadata models takes flags only"},
		{"two walks", "metadata lineage --environment 22 --upstream a --downstream b", "--upstream and --downstream: give only one of them"},
		{"unknown field of a lineage", "metadata lineage --environment Production --project Analytics --fields lastRun", `has no field "lastRun"; did you mean lastRunStatus`},
		{"depth of nothing", "metadata lineage --environment 22 --depth 2", "--depth: belongs to --upstream or --downstream"},
		{"half a type", "metadata tests --environment 22 --type gen", `--type" flag: must be some of GENERIC_DATA_TEST, SINGULAR_DATA_TEST, UNIT_TEST`},
		{"unknown type", "metadata lineage --environment 22 --types models", `--types" flag: must be some of Model, Source`},
		{"no query", "metadata query", "standard input: is empty: it must have the query"},
		{"two queries", "metadata query --query {a} --file x", "--query and --file: give only one of them"},
		{"query from no file", "metadata query --file NONE", "no such file or directory"},
		{"query from an empty file", "metadata query --file BLANK", "--file: is empty: it must have the query"},
		{"query that does not parse", "metadata query --query {environment(id:1){a}", "the query does not parse: line 1, column "},
		{"mutation", "metadata query --query mutation{a}", "the operation must be a query"},
		{"missing variable", query, "variable $id: is missing: the query declares it as BigInt!"},
		{"id in words", query + "--var id=production", "variable $id: must be BigInt!, not a string"},
		{"half a day", query + "--var id=1 --var days=0.5", "variable $days: must be Int, not a fraction"},
		{"not quite true", query + "--var id=1 --var on=yes", "variable $on: must be Boolean, not a string"},
		{"unknown variable", query + "--var id=1 --var day=1", "variable $day: the query does not declare it; did you mean days?"},
		{"variable twice", query + "--var id=1 --var id=2", "--var id: is given twice, and the query declares no list"},
		{"variable without a name", query + "--var =1", `--var" flag: must be name=value`},
		{"variables from a file without a name", query + "--variables @", "--variables: @ must be followed by the name of a file"},
		{"variable without a value", query + "--var id", `--var" flag: must be name=value`},
		{"broken list", query + "--var id=1 --var tags=[hunter2", "--var tags: must be a JSON array: check the quotes"},
		{"variables that are no object", query + "--variables [1]", `--variables: is not a JSON object, such as {"environmentId":22}`},
		{"variables from no file", query + "--variables @NONE", "--variables: open NONE: no such file or directory"},
		{"connection that is not selected", query + "--var id=1 --all environment.adapterTyp", `connection "environment.adapterTyp": the query selects no "adapterTyp" there; did you mean adapterType?`},
		{"connection without a cursor", query + "--var id=1 --all environment.adapterType", "it must take a variable as its argument after"},
	}
}
