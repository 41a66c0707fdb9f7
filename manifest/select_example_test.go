package manifest_test

import (
	"fmt"
	"strings"

	"github.com/slimci/dbtcloud/manifest"
)

// What is selected is what `dbt build --select orders+ --exclude tag:nightly` would build.
func ExampleManifest_Select() {
	m, err := manifest.Read(strings.NewReader(`{
	  "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"},
	  "nodes": {
	    "model.shop.orders": {"resource_type": "model", "name": "orders", "fqn": ["shop", "orders"], "raw_code": "select 1", "depends_on": {"nodes": []}},
	    "model.shop.report": {"resource_type": "model", "name": "report", "fqn": ["shop", "report"], "raw_code": "select 2", "depends_on": {"nodes": ["model.shop.orders"]}},
	    "model.shop.cube": {"resource_type": "model", "name": "cube", "fqn": ["shop", "cube"], "tags": ["nightly"], "raw_code": "select 3", "depends_on": {"nodes": ["model.shop.orders"]}}
	  }
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	selection, err := m.Select(manifest.Query{Select: []string{"orders+"}, Exclude: []string{"tag:nightly"}, Command: manifest.Build})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(selection.IDs)
	// Output: [model.shop.orders model.shop.report]
}
