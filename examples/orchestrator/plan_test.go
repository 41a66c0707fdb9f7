package main

import (
	"strings"
	"testing"
	"time"
)

func TestPlan(t *testing.T) {
	t.Parallel()
	project := func(jobs ...Job) Plan {
		return Plan{Projects: []Project{{Name: "shop", CIJob: 9, Every: time.Hour, Jobs: jobs}}}
	}
	first := Job{Name: "first", ID: 1}
	tests := []struct {
		name string
		plan Plan
		want string // a part of the error; "" for none
	}{
		{"of this program", plan(), ""},
		{"nothing to do", Plan{}, ""},
		{"in order", project(first, Job{Name: "second", ID: 2, After: []string{"first"}}), ""},
		{"after a later job", project(Job{Name: "second", ID: 2, After: []string{"first"}}, first), `no job "first" above`},
		{"after itself", project(Job{Name: "first", ID: 1, After: []string{"first"}}), `no job "first" above`},
		{"one name twice", project(first, first), "a name of its own"},
		{"no id", project(Job{Name: "first"}), "an id"},
		{"no CI job", Plan{Projects: []Project{{Name: "shop", Every: time.Hour}}}, "a CI job"},
		{"never", Plan{Projects: []Project{{Name: "shop", CIJob: 9}}}, "how often"},
		{"one project twice", Plan{Projects: append(plan().Projects, plan().Projects...)}, `"finance"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := tt.plan.check()
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("check = %v, want something with %q", err, tt.want)
			}
			if err != nil {
				if o := (&orchestrator{plan: tt.plan}); o.run(t.Context(), nil) == nil {
					t.Error("it was run all the same")
				}
			}
		})
	}
}
