package manifest_test

import (
	"fmt"
	"strings"

	"github.com/slimci/dbtcloud/manifest"
)

// What a pull request changed, and why each model counts as changed.
func ExampleCompare() {
	const document = `{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json", "dbt_version": "1.12.3"},
		"nodes": {
			"model.shop.orders": {"raw_code": "select 1", "unrendered_config": {"materialized": "%s"}},
			"model.shop.customers": {"raw_code": "select {{ cents() }}", "depends_on": {"macros": ["macro.shop.cents"]}}},
		"macros": {
			"macro.shop.cents": {"macro_sql": "{{ rounded() }}", "depends_on": {"macros": ["macro.shop.rounded"]}},
			"macro.shop.rounded": {"macro_sql": "round(x, %d)"}}}`
	production, err := manifest.Read(strings.NewReader(fmt.Sprintf(document, "view", 2)))
	if err != nil {
		fmt.Println(err)
		return
	}
	branch, err := manifest.Read(strings.NewReader(fmt.Sprintf(document, "table", 4)))
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := manifest.Compare(production, branch, manifest.Core112())
	if err != nil {
		fmt.Println(err)
		return
	}
	modified, err := c.Select("modified")
	fmt.Println(modified, err)
	for _, change := range c.Changes() {
		fmt.Println(change.ID, change.Causes)
	}
	// Output:
	// [model.shop.customers model.shop.orders] <nil>
	// model.shop.customers [macros customers -> cents -> rounded]
	// model.shop.orders [config materialized: "view" -> "table"]
}
