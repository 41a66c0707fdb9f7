package manifest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/manifest"
)

func TestWithout(t *testing.T) {
	t.Parallel()
	coded := func(code string) map[string]any { return map[string]any{"resource_type": "model", "raw_code": code} }
	old := project{"nodes": {"model.p.a": coded("select 1"), "model.p.b": coded("select 2")}}
	now := project{"nodes": {"model.p.a": coded("select 3"), "model.p.b": coded("select 4"), "model.p.c": coded("select 5")}}
	c := compare(t, old, now, manifest.Core112())
	less := c.Without("model.p.a", "model.p.c", "model.p.unknown")
	selected := func(c *manifest.Comparison, selector string) []string {
		ids, err := c.Select(selector)
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	if diff := cmp.Diff([]string{"model.p.b", "model.p.c"}, selected(less, "modified")); diff != "" {
		t.Errorf("state:modified (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"model.p.a"}, selected(less, "unmodified")); diff != "" {
		t.Errorf("state:unmodified (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"model.p.a", "model.p.b", "model.p.c"}, selected(c, "modified")); diff != "" {
		t.Errorf("state:modified of the whole (-want +got):\n%s", diff)
	}
}
