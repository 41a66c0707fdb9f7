package dbtcloud_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

const shopID = dbtcloudtest.DefaultDeferringID

// shop is a client of a fake that has one node of each kind.
func shop(t *testing.T) *dbtcloud.MetadataService {
	t.Helper()
	fake := dbtcloudtest.New()
	ran := map[string]any{"lastRunStatus": "success", "executionTime": 2.5, "lastRunId": 9}
	fake.AddNodes(shopID,
		dbtcloudtest.Node{"uniqueId": "source.shop.erp.orders", "freshness": map[string]any{"freshnessStatus": "Warn", "freshnessChecked": true}},
		dbtcloudtest.Node{"uniqueId": "seed.shop.countries", "executionInfo": ran},
		dbtcloudtest.Node{"uniqueId": "model.shop.orders", "parentIds": []string{"source.shop.erp.orders", "seed.shop.countries"}, "executionInfo": ran, "rawCode": "select 1", "alias": "fct_orders"},
		dbtcloudtest.Node{"uniqueId": "snapshot.shop.history", "parentIds": []string{"model.shop.orders"}, "executionInfo": nil},
		dbtcloudtest.Node{"uniqueId": "test.shop.unique_orders_id.1", "parentIds": []string{"model.shop.orders"}, "executionInfo": map[string]any{"lastRunStatus": "fail", "lastRunFailures": 3}},
		dbtcloudtest.Node{"uniqueId": "exposure.shop.board", "parentIds": []string{"model.shop.orders"}, "url": "https://bi.example.com"},
		dbtcloudtest.Node{"uniqueId": "macro.shop.cents", "macroSql": "{% macro %}"},
		dbtcloudtest.Node{"uniqueId": "metric.shop.revenue", "type": "simple", "parentIds": []string{"semantic_model.shop.sales"}},
		dbtcloudtest.Node{"uniqueId": "semantic_model.shop.sales", "parentIds": []string{"model.shop.orders"}},
		dbtcloudtest.Node{"uniqueId": "saved_query.shop.daily", "parentIds": []string{"metric.shop.revenue"}},
		dbtcloudtest.Node{"uniqueId": "group.shop.finance"},
	)
	c, err := fake.Client()
	if err != nil {
		t.Fatal(err)
	}
	return c.Metadata
}

func allKinds() []dbtcloud.ResourceType {
	return []dbtcloud.ResourceType{dbtcloud.ResourceModel, dbtcloud.ResourceSource, dbtcloud.ResourceSeed, dbtcloud.ResourceSnapshot, dbtcloud.ResourceTest,
		dbtcloud.ResourceExposure, dbtcloud.ResourceMacro, dbtcloud.ResourceMetric, dbtcloud.ResourceSemanticModel, dbtcloud.ResourceSavedQuery}
}

// TestResources: each kind arrives in the member of its kind, with how it ran or how fresh
// it is, which the kinds have in different types.
func TestResources(t *testing.T) {
	t.Parallel()
	resources, err := dbtcloud.Collect(shop(t).Resources(t.Context(), shopID, dbtcloud.ResourceFilter{Types: allKinds()}))
	if err != nil {
		t.Fatal(err)
	}
	byKind := map[string]*dbtcloud.Resource{}
	for _, r := range resources {
		byKind[checkKind(t, r, r.UniqueID)] = r
	}
	want := "Exposure Macro Metric Model SavedQuery Seed SemanticModel Snapshot Source Test"
	if got := strings.Join(slices.Sorted(maps.Keys(byKind)), " "); got != want {
		t.Fatalf("kinds %s, want %s", got, want)
	}
	if e := byKind["Model"].Model.ExecutionInfo; e == nil || e.LastRunStatus != dbtcloud.NodeSuccess || *e.ExecutionTime != 2.5 || e.LastRunID != 9 {
		t.Errorf("the model ran as %+v", e)
	}
	if e := byKind["Test"].Test.ExecutionInfo; e == nil || e.LastRunStatus != dbtcloud.NodeFail {
		t.Errorf("the test ran as %+v", e)
	}
	if e := byKind["Seed"].Seed.ExecutionInfo; e == nil || e.LastRunStatus != dbtcloud.NodeSuccess {
		t.Errorf("the seed ran as %+v", e)
	}
	if e := byKind["Snapshot"].Snapshot.ExecutionInfo; e != nil {
		t.Errorf("the snapshot never ran, but as %+v", e)
	}
	if f := byKind["Source"].Source.Freshness; f == nil || f.FreshnessStatus != dbtcloud.FreshnessWarn || !*f.FreshnessChecked {
		t.Errorf("the source is as fresh as %+v", f)
	}
}

// checkKind is the name of the one member for a kind that is filled, which must be the
// node itself.
func checkKind(t *testing.T, resource any, uniqueID string) string {
	t.Helper()
	var kinds []string
	v := reflect.ValueOf(resource).Elem()
	for field := range v.Type().Fields() {
		if f := v.FieldByIndex(field.Index); f.Kind() == reflect.Pointer && !f.IsNil() {
			kinds = append(kinds, field.Name)
			if id := f.Elem().FieldByName("UniqueID").String(); id != uniqueID {
				t.Errorf("%s: the %s is %s", uniqueID, field.Name, id)
			}
		}
	}
	if len(kinds) != 1 {
		t.Fatalf("%s is of the kinds %v, want one", uniqueID, kinds)
	}
	return kinds[0]
}

// TestResourceFields: a field that one kind has is asked of that kind.
func TestResourceFields(t *testing.T) {
	t.Parallel()
	f := dbtcloud.ResourceFilter{Types: allKinds(), UniqueIDs: []string{"model.shop.orders", "macro.shop.cents"}}
	got, err := dbtcloud.Collect(shop(t).Resources(t.Context(), shopID, f, dbtcloud.Fields("name", "macroSql", "alias", "tests.executionInfo.lastRunFailures")))
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(a, b *dbtcloud.Resource) int { return strings.Compare(a.UniqueID, b.UniqueID) })
	tests := []*dbtcloud.NestedTest{{ExecutionInfo: &dbtcloud.ExecutionInfo{LastRunFailures: new(int64(3))}}}
	want := []*dbtcloud.Resource{
		{Typename: "MacroDefinitionNode", UniqueID: "macro.shop.cents", Name: "cents", Macro: &dbtcloud.Macro{UniqueID: "macro.shop.cents", Name: "cents", MacroSQL: "{% macro %}"}},
		{Typename: "ModelAppliedStateNode", UniqueID: "model.shop.orders", Name: "orders", Model: &dbtcloud.Model{UniqueID: "model.shop.orders", Name: "orders", Alias: "fct_orders", Tests: tests}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestResourceDefinitions(t *testing.T) {
	t.Parallel()
	var kinds []string
	for r, err := range shop(t).ResourceDefinitions(t.Context(), shopID, dbtcloud.ResourceDefinitionFilter{Types: allKinds()}) {
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, checkKind(t, r, r.UniqueID))
	}
	slices.Sort(kinds)
	if got, want := strings.Join(kinds, " "), "Exposure Macro Metric Model SavedQuery Seed SemanticModel Snapshot Source Test"; got != want {
		t.Errorf("kinds %s, want %s", got, want)
	}
}

// TestResourceKinds: what decodes without a kind, and the kinds that no filter names.
func TestResourceKinds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]dbtcloud.Resource{
		`{"uniqueId":"function.shop.f","__typename":"FunctionAppliedStateNode","model":"x"}`: {Typename: "FunctionAppliedStateNode", UniqueID: "function.shop.f"},
		`{"uniqueId":"model.shop.a"}`: {UniqueID: "model.shop.a"},
		`{"uniqueId":"exposure.shop.b","__typename":"ExposureTileNode","quality":"Pass"}`: {Typename: "ExposureTileNode", UniqueID: "exposure.shop.b",
			ExposureTile: &dbtcloud.ExposureTile{UniqueID: "exposure.shop.b", Quality: dbtcloud.QualityPass}},
		`{"uniqueId":"test.shop.t","__typename":"TestAppliedStateNode","model":"orders"}`: {Typename: "TestAppliedStateNode", UniqueID: "test.shop.t",
			Test: &dbtcloud.Test{UniqueID: "test.shop.t", Model: "orders"}},
		`null`: {},
	} {
		got := dbtcloud.Resource{Model: &dbtcloud.Model{}}
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	var group dbtcloud.ResourceDefinition
	if err := json.Unmarshal([]byte(`{"uniqueId":"group.shop.g","__typename":"GroupNode","modelCount":2}`), &group); err != nil || group.Group == nil || *group.Group.ModelCount != 2 {
		t.Errorf("a group is %+v, %v", group, err)
	}
	var broken dbtcloud.Resource
	if err := json.Unmarshal([]byte(`{"uniqueId":"model.shop.a","__typename":"ModelAppliedStateNode","alias":7}`), &broken); err == nil {
		t.Error("a number was taken for an alias")
	}
}

// TestRelatedNodes: parents and ancestors of different kinds arrive with what their kinds
// have, though the kinds have it in different types.
func TestRelatedNodes(t *testing.T) {
	t.Parallel()
	m := shop(t)
	model, err := m.Model(t.Context(), shopID, "model.shop.orders", dbtcloud.Fields("parents.executionInfo.lastRunStatus", "parents.freshness.freshnessStatus", "parents.resourceType"))
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(model.Parents, func(a, b *dbtcloud.RelatedNode) int { return strings.Compare(a.UniqueID, b.UniqueID) })
	if diff := cmp.Diff([]*dbtcloud.RelatedNode{
		{UniqueID: "seed.shop.countries", ResourceType: "seed", ExecutionInfo: &dbtcloud.ExecutionInfo{LastRunStatus: dbtcloud.NodeSuccess}},
		{UniqueID: "source.shop.erp.orders", ResourceType: "source", Freshness: &dbtcloud.Freshness{FreshnessStatus: dbtcloud.FreshnessWarn}},
	}, model.Parents); diff != "" {
		t.Errorf("parents (-want +got):\n%s", diff)
	}
	var ancestors []string
	for e, err := range m.Exposures(t.Context(), shopID, dbtcloud.ExposureFilter{}, dbtcloud.Fields("ancestors.name"), dbtcloud.AncestorTypes(dbtcloud.ResourceSource, dbtcloud.ResourceModel)) {
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range e.Ancestors {
			ancestors = append(ancestors, a.UniqueID)
		}
	}
	slices.Sort(ancestors)
	if diff := cmp.Diff([]string{"model.shop.orders", "source.shop.erp.orders"}, ancestors); diff != "" {
		t.Errorf("ancestors (-want +got):\n%s", diff)
	}
}

// FuzzResource: whatever comes, it is a node of one kind at most, or an error.
func FuzzResource(f *testing.F) {
	for _, typename := range []string{"ModelAppliedStateNode", "SourceAppliedStateNode", "TestDefinitionNode", "GroupNode", "Later"} {
		f.Add(`{"__typename":"` + typename + `","uniqueId":"a","executionInfo":{"executionTime":1},"tags":null,"model":"m","meta":{"x":[1]}}`)
	}
	f.Add(`[]`)
	f.Add(`{"__typename":7}`)
	f.Fuzz(func(t *testing.T, text string) {
		var applied dbtcloud.Resource
		var defined dbtcloud.ResourceDefinition
		for _, v := range []any{&applied, &defined} {
			if err := json.Unmarshal([]byte(text), v); err != nil {
				continue
			}
			kinds := 0
			for _, field := range reflect.ValueOf(v).Elem().Fields() {
				if field.Kind() == reflect.Pointer && !field.IsNil() {
					kinds++
				}
			}
			if kinds > 1 {
				t.Errorf("%s is of %d kinds", text, kinds)
			}
		}
	})
}
