package parity

import (
	"testing"

	"github.com/slimci/dbtcloud/manifest"
)

// The first pull request after an upgrade of dbt compares with a state that the old one wrote.
func TestStateOfAnOlderDbt(t *testing.T) {
	t.Parallel()
	older, d := startDbt(t, 9), startDbt(t, 12)
	now := d.parse(t, newProject(t, 12))
	edited := d.parse(t, newProject(t, 12).edited(named(t, "SQL"), named(t, "macro"), named(t, "item of a list"), named(t, "source's schema")))
	for _, flag := range []string{"", "true"} {
		old := older.parse(t, setting{minor: 9, flag: flag}.project(t))
		d.compare(t, old, now, manifest.Core112(), questions())
		d.compare(t, old, edited, manifest.Core112(), few())
	}
}
