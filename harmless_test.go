package dbtcloud

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestProgressIsHarmless: programs print what they are told into the logs of pipelines.
func TestProgressIsHarmless(t *testing.T) {
	t.Parallel()
	var got []string
	ci := AutoscaleCI{Progress: func(_ *CIRun, text string) { got = append(got, text) }}
	d := Deployer{Progress: func(_ *Deployment, text string) { got = append(got, text) }}
	for _, address := range []string{"::error::x", "##vso[task.complete]", "a\r\n::error::\x1b[31mx"} {
		(&CIRun{a: &ci}).say("%s", address)
		(&Deployment{d: &d}).say("%s", address)
	}
	want := []string{": :error::x", ": :error::x", "# #vso[task.complete]", "# #vso[task.complete]", "a; ::error::x", "a; ::error::x"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
