package manifest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slimci/dbtcloud/manifest"
)

// shop is a project whose orders come from a source and a seed, and end in a dashboard.
const shop = `{
  "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json", "dbt_version": "1.12.3", "project_name": "shop"},
  "nodes": {
    "seed.shop.countries": {"resource_type": "seed", "package_name": "shop", "name": "countries", "fqn": ["shop", "countries"],
      "original_file_path": "seeds/countries.CSV", "raw_code": "", "checksum": {"name": "sha256", "checksum": "ab"}, "depends_on": {"macros": []}},
    "model.shop.stg_orders": {"resource_type": "model", "package_name": "shop", "name": "stg_orders", "fqn": ["shop", "staging", "stg_orders"],
      "original_file_path": "models/staging/stg_orders.sql", "patch_path": "shop://models/staging.yml", "raw_code": "select 1", "access": "private",
      "tags": ["nightly", "raw data"], "config": {"materialized": "view", "enabled": true, "tags": ["nightly"], "meta": {"owner": "ann", "level": 1, "keys": "x", "flags": [true]}},
      "depends_on": {"nodes": ["source.shop.erp.orders"]}},
    "model.shop.orders": {"resource_type": "model", "package_name": "shop", "name": "orders", "fqn": ["shop", "marts", "orders"],
      "original_file_path": "models/marts/orders.sql", "raw_code": "select 2", "access": "public",
      "config": {"materialized": "incremental", "group": "finance", "unique_key": ["id", "day"], "contract": {"enforced": true}, "full_refresh": false},
      "depends_on": {"nodes": ["model.shop.stg_orders", "seed.shop.countries", "function.shop.cents"]}},
    "model.shop.report.v1": {"resource_type": "model", "package_name": "shop", "name": "report", "version": 1, "latest_version": 2, "fqn": ["shop", "marts", "report", "v1"],
      "original_file_path": "models/marts/report_v1.sql", "raw_code": "select 3", "depends_on": {"nodes": ["model.shop.orders"]}},
    "model.shop.report.v2": {"resource_type": "model", "package_name": "shop", "name": "report", "version": 2, "latest_version": 2, "fqn": ["shop", "marts", "report", "v2"],
      "original_file_path": "models/marts/report.sql", "raw_code": "select 3", "depends_on": {"nodes": ["model.shop.orders"]}},
    "model.shop.report.v10": {"resource_type": "model", "package_name": "shop", "name": "report", "version": 10, "latest_version": 2, "fqn": ["shop", "marts", "report", "v10"],
      "original_file_path": "models/marts/report_v10.sql", "raw_code": " ", "depends_on": {"nodes": ["model.shop.orders"]}},
    "model.tools.dates": {"resource_type": "model", "package_name": "tools", "name": "dates", "fqn": ["tools", "dates"],
      "original_file_path": "models/marts/dates.sql", "raw_code": "select 4", "depends_on": {"nodes": []}},
    "snapshot.shop.history": {"resource_type": "snapshot", "package_name": "shop", "name": "history", "fqn": ["shop", "history"],
      "original_file_path": "snapshots/history.sql", "raw_code": "select 5", "depends_on": {"nodes": ["model.shop.orders"]}},
    "test.shop.unique_orders": {"resource_type": "test", "package_name": "shop", "name": "unique_orders", "fqn": ["shop", "marts", "unique_orders"],
      "original_file_path": "models/marts.yml", "raw_code": "x", "test_metadata": {"name": "unique"}, "config": {"severity": "WARN"}, "depends_on": {"nodes": ["model.shop.orders"]}},
    "test.shop.related": {"resource_type": "test", "package_name": "shop", "name": "related", "fqn": ["shop", "marts", "related"],
      "original_file_path": "models/marts.yml", "raw_code": "x", "test_metadata": {"name": "relationships"}, "depends_on": {"nodes": ["model.shop.orders", "model.shop.stg_orders"]}},
    "test.shop.loaded": {"resource_type": "test", "package_name": "shop", "name": "loaded", "fqn": ["shop", "loaded"],
      "original_file_path": "tests/loaded.sql", "raw_code": "x", "depends_on": {"nodes": ["source.shop.erp.orders", "model.shop.orders"]}},
    "analysis.shop.look": {"resource_type": "analysis", "package_name": "shop", "name": "look", "fqn": ["shop", "analysis", "look"],
      "original_file_path": "analyses/look.sql", "raw_code": "select 6", "depends_on": {"nodes": ["model.shop.orders"]}},
    "operation.shop.hook": {"resource_type": "operation", "package_name": "shop", "name": "hook", "fqn": ["shop", "hooks", "hook"],
      "original_file_path": "./dbt_project.yml", "raw_code": "grant", "depends_on": {"nodes": []}}
  },
  "sources": {"source.shop.erp.orders": {"resource_type": "source", "package_name": "shop", "source_name": "erp", "name": "orders", "fqn": ["shop", "staging", "erp", "orders"],
      "original_file_path": "models/staging.yml", "tags": ["nightly"], "config": {"enabled": true}}},
  "exposures": {"exposure.shop.board": {"resource_type": "exposure", "package_name": "shop", "name": "board", "fqn": ["shop", "board"],
      "original_file_path": "models/board.yml", "config": {"enabled": true}, "depends_on": {"nodes": ["model.shop.report.v2", "metric.shop.revenue"]}}},
  "metrics": {"metric.shop.revenue": {"resource_type": "metric", "package_name": "shop", "name": "revenue", "fqn": ["shop", "revenue"],
      "original_file_path": "models/metrics.yml", "config": {"group": "finance"}, "depends_on": {"nodes": ["semantic_model.shop.sales"]}}},
  "semantic_models": {"semantic_model.shop.sales": {"resource_type": "semantic_model", "package_name": "shop", "name": "sales", "fqn": ["shop", "sales"],
      "original_file_path": "models/metrics.yml", "depends_on": {"nodes": ["model.shop.orders"]}}},
  "saved_queries": {"saved_query.shop.weekly": {"resource_type": "saved_query", "package_name": "shop", "name": "weekly", "fqn": ["shop", "weekly"],
      "original_file_path": "models/metrics.yml", "tags": ["weekly"], "config": {"group": "finance"}, "depends_on": {"nodes": ["metric.shop.revenue"]}}},
  "unit_tests": {"unit_test.shop.orders.sums": {"resource_type": "unit_test", "package_name": "shop", "name": "sums", "model": "orders", "fqn": ["shop", "marts", "orders", "sums"],
      "original_file_path": "models/marts.yml", "config": {"tags": ["quick"]}, "depends_on": {"nodes": ["model.shop.orders"]}}},
  "functions": {"function.shop.cents": {"resource_type": "function", "package_name": "shop", "name": "cents", "fqn": ["shop", "money.small", "cents"],
      "original_file_path": "functions/cents.sql", "raw_code": "x * 100", "depends_on": {"nodes": []}}},
  "selectors": {
    "nightly": {"name": "nightly", "definition": {"method": "tag", "value": "nightly", "children": true, "children_depth": "1", "indirect_selection": "empty"}},
    "finance": {"name": "finance", "definition": {"union": [{"group": "finance"}, {"exclude": [{"method": "resource_type", "value": "metric"}]}]}},
    "both": {"name": "both", "definition": {"intersection": [{"method": "selector", "value": "fin*"}, {"selector": "public"}]}},
    "public": {"name": "public", "definition": "access:public"},
    "flags": {"name": "flags", "definition": {"method": "config.meta.level", "value": 1}}
  },
  "disabled": {}, "macros": {}
}`

func read(t testing.TB, document string) *manifest.Manifest {
	t.Helper()
	m, err := manifest.Read(strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// names are ids without what all of them have.
func names(ids []string) []string {
	var out []string
	for _, id := range ids {
		out = append(out, strings.Replace(id, ".shop.", ":", 1))
	}
	return out
}

func TestSelectMethods(t *testing.T) {
	t.Parallel()
	m := read(t, shop)
	tests := []struct {
		selector string
		want     string // without tests that come along
	}{
		{"orders", "model:orders"},
		{"marts.orders", "model:orders unit_test:orders.sums"},
		{"shop.marts", "model:orders model:report.v1 model:report.v10 model:report.v2 test:related test:unique_orders unit_test:orders.sums"},
		{"staging", "model:stg_orders"},
		{"fqn:*ers", "model:orders model:stg_orders test:unique_orders"},
		{"shop.m?rts.[!u]*", "model:orders model:report.v1 model:report.v10 model:report.v2 test:related unit_test:orders.sums"},
		{"report", "model:report.v1 model:report.v10 model:report.v2"},
		{"report.v1", "model:report.v1"},
		{"report_v10", "model:report.v10"},
		{"v1", ""},
		{"money.small", "function:cents"}, // a dot in a name is one between names
		{"shop.money.s*", "function:cents"},
		{"countries.CSV", "seed:countries"},
		{"path:models/board.yml/**", ""},
		{"path:models/staging.yml/", ""}, // no folder
		{"tag:nightly", "model:stg_orders source:erp.orders"},
		{"tag:quick", "unit_test:orders.sums"},
		{"tag:week*", "saved_query:weekly"},
		{"group:fin*", "metric:revenue model:orders"},
		{"access:private", "model:stg_orders"},
		{"access:protected", "model:report.v1 model:report.v10 model:report.v2 model.tools.dates"},
		{"source:erp", "source:erp.orders"},
		{"source:erp.ord*", "source:erp.orders"},
		{"source:tools.erp.orders", ""},
		{"path:models/staging", "model:stg_orders"},
		{"path:models/staging.yml", "model:stg_orders source:erp.orders"},
		{"path:models/marts/", "model:orders model:report.v1 model:report.v10 model:report.v2 model.tools.dates"},
		{"path:models/m*/r*.sql", "model:report.v1 model:report.v10 model:report.v2"},
		{"path:**/report.sql", "model:report.v2"},
		{"path:models/**", "exposure:board metric:revenue model:orders model:report.v1 model:report.v10 model:report.v2 model:stg_orders model.tools.dates saved_query:weekly semantic_model:sales source:erp.orders test:related test:unique_orders unit_test:orders.sums"},
		{"models/marts/dates.sql", ""}, // the file of a package is no file of the project
		{"Report.SQL", ""},
		{"report.sql", "model:report.v2"},
		{"file:report*", "model:report.v1 model:report.v10 model:report.v2"},
		{"file:countries", "seed:countries"},
		{"package:tools", "model.tools.dates"},
		{"package:this,resource_type:seed", "seed:countries"},
		{"config.materialized:view", "model:stg_orders"},
		{"config.materialized:VIEW", ""},
		{"config.enabled:True", "model:stg_orders source:erp.orders"},
		{"config.full_refresh:false", "model:orders"},
		{"config.contract.enforced:true", "model:orders"},
		{"config.unique_key:day", "model:orders"},
		{"config.meta.owner:ann", "model:stg_orders"},
		{"config.meta.owner:an*", ""},
		{"config.meta.level:1", ""}, // a text is no number
		{"config.meta.keys:x", ""},  // hidden by what dictionaries can do
		{"config.meta.flags:TRUE", "model:stg_orders"},
		{"config.meta.none.deeper:x", ""},
		{"config.severity:warn", "test:unique_orders"},
		{"config:view", ""},
		{"test_name:uni*", "test:unique_orders"},
		{"test_name:sums", "unit_test:orders.sums"},
		{"test_type:generic", "test:related test:unique_orders"},
		{"test_type:schema", "test:related test:unique_orders"},
		{"test_type:singular", "test:loaded"},
		{"test_type:data", "test:loaded test:related test:unique_orders"},
		{"test_type:unit", "unit_test:orders.sums"},
		{"resource_type:analysis", "analysis:look"},
		{"resource_type:operation", ""}, // no command lists them
		{"exposure:*", "exposure:board"},
		{"metric:shop.revenue", "metric:revenue"},
		{"semantic_model:sales", "semantic_model:sales"},
		{"saved_query:w*", "saved_query:weekly"},
		{"unit_test:sums", "unit_test:orders.sums"},
		{"version:latest", "model:report.v2"},
		{"version:prerelease", "model:report.v10"},
		{"version:old", "model:report.v1"},
		{"version:none", "model:orders model:stg_orders model.tools.dates"},
		{"selector:public", "model:orders test:loaded test:related test:unique_orders unit_test:orders.sums"},
	}
	for _, test := range tests {
		t.Run(test.selector, func(t *testing.T) {
			t.Parallel()
			got, err := m.Select(manifest.Query{Select: []string{test.selector}, Indirect: indirectOf(test.selector)})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Fields(test.want), names(got.IDs), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("selected (-want +got):\n%s", diff)
			}
		})
	}
}

// indirectOf leaves tests alone, but where a selector of the manifest says itself what it takes.
func indirectOf(selector string) manifest.Indirect {
	if strings.HasPrefix(selector, "selector:") {
		return manifest.Eager
	}
	return manifest.Empty
}

func TestSelectRefuses(t *testing.T) {
	t.Parallel()
	m := read(t, shop)
	tests := []struct {
		query manifest.Query
		want  string // in the error
	}{
		{manifest.Query{Select: []string{"state:+modified"}}, `did you mean "+state:modified"?`},
		{manifest.Query{Select: []string{"1+state:modified++2"}}, `did you mean "1+state:modified+2"?`},
		{manifest.Query{Select: []string{"state:@modified"}}, `did you mean "@state:modified"?`},
		{manifest.Query{Select: []string{"state:modifed.body+"}}, `did you mean "state:modified.body+"?`},
		{manifest.Query{Select: []string{"sate:modified"}}, `there is no method "sate"`},
		{manifest.Query{Select: []string{"sate:modified"}}, `did you mean "state:modified"`},
		{manifest.Query{Select: []string{"state:modified"}}, "needs a manifest to compare with"},
		{manifest.Query{Select: []string{"result:error"}}, "needs the run_results.json"},
		{manifest.Query{Select: []string{"source_status:fresher"}}, "needs the sources.json of the state"},
		{manifest.Query{Select: []string{"@orders+"}}, `did you mean "@orders"?`},
		{manifest.Query{Select: []string{"orders\nreport"}}, "line break"},
		{manifest.Query{Select: []string{"orders"}, Exclude: []string{"test_type:generc"}}, `did you mean "test_type:generic"?`},
		{manifest.Query{Select: []string{"resource_type:models"}}, `did you mean "resource_type:model"`},
		{manifest.Query{Select: []string{"version:newest"}}, `"newest" is no kind of version`},
		{manifest.Query{Select: []string{"source:a.b.c.d"}}, "PACKAGE.SOURCE.TABLE"},
		{manifest.Query{Select: []string{"metric:a.b.c"}}, "PACKAGE.NAME"},
		{manifest.Query{Select: []string{"path:/models"}}, "root of the project"},
		{manifest.Query{Select: []string{"path:models/**.sql"}}, "whole part"},
		{manifest.Query{Select: []string{"selector:nigthly"}}, `did you mean "selector:nightly"?`},
		{manifest.Query{Selector: "nigthly"}, `unknown Selector "nigthly"`},
		{manifest.Query{Selector: "nightly", Select: []string{"orders"}}, "give one of them"},
		{manifest.Query{Command: "biuld"}, `did you mean "build"?`},
		{manifest.Query{Indirect: "eagre"}, `did you mean "eager"?`},
	}
	for _, test := range tests {
		t.Run(test.want, func(t *testing.T) {
			t.Parallel()
			got, err := m.Select(test.query)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, %v, want an error with %q", got, err, test.want)
			}
			_, isSelector := errors.AsType[*manifest.SelectorError](err)
			_, isQuery := errors.AsType[*manifest.QueryError](err)
			if !isSelector && !isQuery {
				t.Errorf("%T is no type of error that Select has", err)
			}
		})
	}
}

func TestSelectTests(t *testing.T) {
	t.Parallel()
	m := read(t, shop)
	tests := []struct {
		selected, excluded string
		mode               manifest.Indirect
		want               string
	}{
		{"orders", "", manifest.Eager, "model:orders test:loaded test:related test:unique_orders unit_test:orders.sums"},
		{"orders", "", "", "model:orders test:loaded test:related test:unique_orders unit_test:orders.sums"},
		{"orders", "", manifest.Buildable, "model:orders test:loaded test:related test:unique_orders unit_test:orders.sums"},
		{"orders", "", manifest.Cautious, "model:orders test:unique_orders unit_test:orders.sums"},
		{"orders", "", manifest.Empty, "model:orders"},
		{"stg_orders", "", manifest.Buildable, "model:stg_orders"},
		// A test that lacks a parent comes with the other parent, wherever that is selected.
		{"orders stg_orders", "", manifest.Cautious, "model:orders model:stg_orders test:related test:unique_orders unit_test:orders.sums"},
		{"source:erp orders", "", manifest.Cautious, "model:orders source:erp.orders test:loaded test:unique_orders unit_test:orders.sums"},
		{"orders,stg_orders", "", manifest.Eager, "test:related"},
		{"orders,stg_orders", "", manifest.Cautious, ""},
		// What is excluded takes its tests along in the same mode.
		{"orders", "stg_orders", manifest.Eager, "model:orders test:loaded test:unique_orders unit_test:orders.sums"},
		{"orders stg_orders", "stg_orders", manifest.Cautious, "model:orders test:related test:unique_orders unit_test:orders.sums"},
	}
	for _, test := range tests {
		t.Run(test.selected+" "+test.excluded+" "+string(test.mode), func(t *testing.T) {
			t.Parallel()
			q := manifest.Query{Select: []string{test.selected}, Indirect: test.mode}
			if test.excluded != "" {
				q.Exclude = []string{test.excluded}
			}
			checkQuery(t, m, q, test.want)
		})
	}
}

// Tests that were kept apart are looked at again: data tests alone, and with what is above the selection if they are buildable.
func TestSelectTestsAgain(t *testing.T) {
	t.Parallel()
	both := read(t, strings.Replace(shop, `{"tags": ["quick"]}, "depends_on": {"nodes": ["model.shop.orders"]}`,
		`{"tags": ["quick"]}, "depends_on": {"nodes": ["model.shop.orders", "model.shop.stg_orders"]}`, 1))
	for mode, want := range map[manifest.Indirect]string{
		manifest.Eager:    "model:orders model:stg_orders test:loaded test:related test:unique_orders unit_test:orders.sums",
		manifest.Cautious: "model:orders model:stg_orders test:related test:unique_orders",
	} {
		checkQuery(t, both, manifest.Query{Select: []string{"orders stg_orders"}, Indirect: mode}, want)
	}
	apart := read(t, strings.Replace(shop, `"nodes": ["model.shop.orders", "model.shop.stg_orders"]`, `"nodes": ["model.tools.dates", "model.shop.stg_orders"]`, 1))
	for mode, want := range map[manifest.Indirect]string{
		manifest.Buildable: "model.tools.dates snapshot:history test:related",
		manifest.Cautious:  "model.tools.dates snapshot:history",
	} {
		checkQuery(t, apart, manifest.Query{Select: []string{"dates history"}, Indirect: mode}, want)
	}
}

func checkQuery(t *testing.T, m *manifest.Manifest, q manifest.Query, want string) *manifest.Selection {
	t.Helper()
	got, err := m.Select(q)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Fields(want), names(got.IDs), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("selected (-want +got):\n%s", diff)
	}
	return got
}

func TestSelectCommands(t *testing.T) {
	t.Parallel()
	m := read(t, shop)
	tests := []struct {
		command manifest.Command
		want    string
	}{
		{manifest.Run, "model:orders model:report.v1 model:report.v2 model:stg_orders model.tools.dates"}, // the third report is blank
		{manifest.Clone, "model:orders model:report.v1 model:report.v2 model:stg_orders model.tools.dates seed:countries snapshot:history"},
		{manifest.Seed, "seed:countries"}, // though it has no code
		{manifest.Snapshot, "snapshot:history"},
		{manifest.Test, "test:loaded test:related test:unique_orders unit_test:orders.sums"},
		{manifest.Build, "function:cents model:orders model:report.v1 model:report.v2 model:stg_orders model.tools.dates saved_query:weekly seed:countries " +
			"snapshot:history test:loaded test:related test:unique_orders unit_test:orders.sums"},
		{manifest.Compile, "analysis:look function:cents model:orders model:report.v1 model:report.v2 model:stg_orders model.tools.dates operation:hook seed:countries " +
			"snapshot:history test:loaded test:related test:unique_orders"},
		{manifest.List, "analysis:look exposure:board function:cents metric:revenue model:orders model:report.v1 model:report.v10 model:report.v2 model:stg_orders " +
			"model.tools.dates saved_query:weekly seed:countries semantic_model:sales snapshot:history source:erp.orders test:loaded test:related test:unique_orders unit_test:orders.sums"},
	}
	for _, test := range tests {
		t.Run(string(test.command), func(t *testing.T) {
			t.Parallel()
			checkQuery(t, m, manifest.Query{Command: test.command}, test.want)
		})
	}
}

func TestSelectOperators(t *testing.T) {
	t.Parallel()
	m := read(t, shop)
	tests := []struct{ selector, want string }{
		{"+orders", "function:cents model:orders model:stg_orders seed:countries source:erp.orders"},
		{"1+orders", "function:cents model:orders model:stg_orders seed:countries"},
		{"0+orders", "model:orders"},
		{"1+report.v2+1", "exposure:board model:orders model:report.v2"},
		{"sales+", "exposure:board metric:revenue saved_query:weekly semantic_model:sales"},
		{"sales+1", "metric:revenue semantic_model:sales"},
		{"@sales", "exposure:board function:cents metric:revenue model:orders model:report.v2 model:stg_orders saved_query:weekly seed:countries semantic_model:sales source:erp.orders"},
		{"99999999999999999999+stg_orders", "model:stg_orders source:erp.orders"},
		{"+report.v1,+board", "function:cents model:orders model:stg_orders seed:countries source:erp.orders"},
		{"stg_orders+,resource_type:snapshot weekly", "saved_query:weekly snapshot:history"},
	}
	for _, test := range tests {
		t.Run(test.selector, func(t *testing.T) {
			t.Parallel()
			checkQuery(t, m, manifest.Query{Select: []string{test.selector}, Indirect: manifest.Empty}, test.want)
		})
	}
}

func TestSelectWarns(t *testing.T) {
	t.Parallel()
	m := read(t, shop)
	tests := []struct {
		query manifest.Query
		want  []string
	}{
		{manifest.Query{Select: []string{"orders"}}, nil},
		{manifest.Query{Command: manifest.Seed}, nil},
		{manifest.Query{Select: []string{"orders gone,x"}, Exclude: []string{"away"}}, []string{
			"The selection criterion 'gone,x' does not match any enabled nodes", "The selection criterion 'away' does not match any enabled nodes",
		}},
		{manifest.Query{Select: []string{"tag:+nightly"}}, []string{
			`The selection criterion 'tag:+nightly' does not match any enabled nodes; did you mean "+tag:nightly"?`, "No nodes selected!",
		}},
		{manifest.Query{Select: []string{"orders modified+"}}, []string{
			`The selection criterion 'modified+' does not match any enabled nodes; did you mean "state:modified+"?`,
		}},
		{manifest.Query{Select: []string{"++orders+1 weekly"}}, []string{
			`The selection criterion '++orders+1' does not match any enabled nodes; did you mean "+orders+1"?`,
		}},
		{manifest.Query{Select: []string{"weekly "}}, []string{"The selection criterion '' does not match any enabled nodes"}},
		{manifest.Query{Select: []string{"weekly"}, Command: manifest.Run}, []string{"No nodes selected!"}},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.query.Select, " "), func(t *testing.T) {
			t.Parallel()
			got, err := m.Select(test.query)
			if err != nil {
				t.Fatal(err)
			}
			var messages []string
			for _, w := range got.Warnings {
				messages = append(messages, w.Message)
			}
			if diff := cmp.Diff(test.want, messages); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// What nobody asked for is not missed.
func TestSelectEverythingWarnsOfNothing(t *testing.T) {
	t.Parallel()
	got, err := (&manifest.Manifest{Nodes: map[string]*manifest.Node{"model.p.a": {UniqueID: "model.p.a", ResourceType: "model", FQN: []string{"p", "a"}}}}).Select(manifest.Query{})
	if want := (&manifest.Selection{IDs: []string{"model.p.a"}}); err != nil || !cmp.Equal(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

// The resources of packages are found in folders that the project has too, if only by a macro.
func TestSelectPathOfPackage(t *testing.T) {
	t.Parallel()
	elsewhere := strings.Replace(shop, "models/marts/dates.sql", "extra/dates.sql", 1)
	checkQuery(t, read(t, elsewhere), manifest.Query{Select: []string{"path:extra"}}, "")
	macro := `"macros": {"macro.shop.m": {"name": "m", "package_name": "shop", "original_file_path": "extra/m.sql", "macro_sql": "x", "depends_on": {"macros": []}}}`
	checkQuery(t, read(t, strings.Replace(elsewhere, `"macros": {}`, macro, 1)), manifest.Query{Select: []string{"path:extra"}}, "model.tools.dates")
}

func TestSelectByState(t *testing.T) {
	t.Parallel()
	m := read(t, shop)
	old := read(t, strings.Replace(strings.Replace(shop, "select 2", "select 0", 1), `"saved_query.shop.weekly": {`, `"saved_query.shop.monthly": {`, 1))
	state, err := manifest.Compare(old, m, manifest.Core112())
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ selector, want string }{
		{"state:modified", "model:orders"},
		{"state:modified.body+1,resource_type:model", "model:orders model:report.v1 model:report.v10 model:report.v2"},
		{"+state:new", "function:cents metric:revenue model:orders model:stg_orders saved_query:weekly seed:countries semantic_model:sales source:erp.orders"},
	}
	for _, test := range tests {
		checkQuery(t, m, manifest.Query{Select: []string{test.selector}, Indirect: manifest.Empty, State: state}, test.want)
	}
	large := strings.Replace(shop, `{"name": "sha256", "checksum": "ab"}`, `{"name": "path", "checksum": "seeds/countries.CSV"}`, 1)
	m = read(t, large)
	if state, err = manifest.Compare(read(t, large), m, manifest.Core112()); err != nil {
		t.Fatal(err)
	}
	got := checkQuery(t, m, manifest.Query{Select: []string{"state:modified state:modified+", "weekly"}, State: state}, "saved_query:weekly")
	if n := len(got.Warnings); n != 3 || got.Warnings[0].Event != "SeedExceedsLimitSamePath" {
		t.Errorf("%d warnings: %+v", n, got.Warnings)
	}
	var wrong *manifest.QueryError
	if _, err := old.Select(manifest.Query{State: state}); !errors.As(err, &wrong) || wrong.Field != "State" {
		t.Errorf("the comparison of another manifest: %v", err)
	}
}

func TestSelectByResults(t *testing.T) {
	t.Parallel()
	m := read(t, shop)
	results := &manifest.RunResults{Results: []manifest.Result{
		{UniqueID: "model.shop.orders", Status: manifest.StatusError},
		{UniqueID: "model.shop.report.v1", Status: manifest.StatusSkipped},
		{UniqueID: "model.shop.gone", Status: manifest.StatusError},
	}}
	checkQuery(t, m, manifest.Query{Select: []string{"1+result:error", "result:skipped"}, Indirect: manifest.Empty, Results: results},
		"function:cents model:orders model:report.v1 model:stg_orders seed:countries")
}

const (
	before = `{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/sources/v3.json"}, "elapsed_time": 1.5, "results": [
	  {"unique_id": "source.shop.erp.orders", "max_loaded_at": "2026-01-01T00:00:00Z", "snapshotted_at": "2026-01-02T00:00:00Z", "status": "pass"}]}`
	broken = `{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/sources/v3.json"}, "results": [
	  {"unique_id": "source.shop.erp.orders", "error": "no table", "status": "runtime error"}]}`
)

func TestSelectByFreshness(t *testing.T) {
	t.Parallel()
	m := read(t, shop)
	later := strings.Replace(before, "2026-01-01T00:00:00Z", "2026-01-01T01:00:00.5+00:00", 1)
	tests := []struct{ name, old, now, value, want string }{
		{"same", before, before, "fresher", ""},
		{"later", before, later, "fresher", "source:erp.orders"},
		{"earlier", later, before, "fresher", ""},
		{"not known before", broken, before, "fresher", "source:erp.orders"},
		{"not known now", before, broken, "fresher", ""},
		{"never known", strings.Replace(before, "erp.orders", "erp.x", 1), broken, "fresher", ""},
		{"another word", before, later, "staler", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sources := func(document string) *manifest.Sources {
				s, err := manifest.ReadSources(strings.NewReader(document))
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			q := manifest.Query{Select: []string{"source_status:" + test.value}, Indirect: manifest.Empty, OldSources: sources(test.old), NewSources: sources(test.now)}
			checkQuery(t, m, q, test.want)
		})
	}
}

func TestReadSourcesRefuses(t *testing.T) {
	t.Parallel()
	for _, document := range []string{
		"", "[]", before[:len(before)/2], strings.Replace(before, "sources/v3", "sources/v4", 1), strings.Replace(before, "sources/v3", "manifest/v12", 1),
		strings.Replace(before, `"unique_id": "source.shop.erp.orders", `, "", 1),
	} {
		_, err := manifest.ReadSources(strings.NewReader(document))
		if err == nil {
			t.Errorf("%q was read", document)
			continue
		}
		checkTyped(t, err)
	}
}
