package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slimci/dbtcloud"
	"pgregory.net/rapid"
)

func TestReference(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want reference
		err  string
	}{
		{text: "5", want: reference{id: 5}},
		{text: " 5 ", want: reference{id: 5}},
		{text: "Slim CI", want: reference{name: "Slim CI"}},
		{text: " Slim CI\n", want: reference{name: "Slim CI"}},
		{text: "5 minutes", want: reference{name: "5 minutes"}},
		{text: "0x10", want: reference{name: "0x10"}},
		{text: "", err: "is empty"},
		{text: " ", err: "is empty"},
		{text: "0", err: "must be a name, or an id above 0"},
		{text: "-5", err: "must be a name, or an id above 0"},
		{text: "-", err: "must be a name, or an id above 0"},
		{text: "9007199254740992", err: "must be a name, or an id above 0"},
		{text: "99999999999999999999", err: "must be a name, or an id above 0"},
	}
	for _, test := range tests {
		var got reference
		err := got.Set(test.text)
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(reference{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.text, diff)
		}
		if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%q: error %v, want %q", test.text, err, test.err)
		}
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	jobs := []candidate{
		{1, "Slim CI", "project 7"}, {2, "Nightly", "project 7"}, {3, "nightly ", "project 8"}, {4, "Deploy", "project 7"},
		{5, "Slim CD", "project 7"}, {6, "Nachtlauf für Ärzte", "project 8"}, {7, "Slim CI 2", "project 8"}, {8, "Deploy to staging", "project 7"},
	}
	tests := []struct {
		name  string
		among []candidate
		want  int64
		err   string
	}{
		{name: "Slim CI", among: jobs, want: 1},
		{name: "slim ci", among: jobs, want: 1},
		{name: "NACHTLAUF FÜR ÄRZTE", among: jobs, want: 6},
		{name: "Slim C", among: jobs, err: `no job is called "Slim C": did you mean "Slim CI" (id 1, project 7) or "Slim CD" (id 5, project 7) or "Slim CI 2" (id 7, project 8)?`},
		{name: "Nightly", among: jobs, err: `2 jobs are called "Nightly": give the id: "Nightly" (id 2, project 7) or "nightly " (id 3, project 8)`},
		{name: "Deploy to stagin", among: jobs, err: `did you mean "Deploy to staging" (id 8, project 7) or "Deploy" (id 4, project 7)?`}, // the most alike first
		{name: "staging", among: jobs, err: `did you mean "Deploy to staging" (id 8, project 7)?`},
		{name: "Dploy", among: jobs, err: `did you mean "Deploy" (id 4, project 7)?`},
		{name: "Weekly backfill", among: jobs, err: `no job is called "Weekly backfill", nor anything like it, among the 8 that the token may see`},
		{name: "Slim CI", err: `no job is called "Slim CI": there is none that the token may see`},
		{name: "x", among: []candidate{{name: "y"}}, err: `did you mean "y"?`},
	}
	for _, test := range tests {
		got, err := choose("job", test.name, test.among)
		if got.id != test.want || (err == nil) != (test.err == "") || err != nil && !strings.HasSuffix(err.Error(), test.err) {
			t.Errorf("%q: %d and %v, want %d and %q", test.name, got.id, err, test.want, test.err)
		}
		if err != nil && !errors.Is(err, dbtcloud.ErrInvalid) {
			t.Errorf("%q: %v is not ErrInvalid", test.name, err)
		}
	}
}

func TestManyOfOneName(t *testing.T) {
	t.Parallel()
	var jobs []candidate
	for i := range int64(25) {
		jobs = append(jobs, candidate{id: i + 1, name: "Same"})
	}
	if _, err := choose("job", "Same", jobs); err == nil || !strings.HasSuffix(err.Error(), `"Same" (id 10) or 15 more`) {
		t.Errorf("error %v", err)
	}
}

// TestCompareProperties: whatever the names, who has the name is found, who is near has it not, and the order in which
// the candidates come makes no difference.
func TestCompareProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-cA-C äÄ1]{1,6}`)
		wanted := name.Draw(t, "wanted")
		var among []candidate
		for i, n := range rapid.SliceOfN(name, 0, 12).Draw(t, "names") {
			among = append(among, candidate{id: int64(i) + 1, name: n})
		}
		same, near := compare(wanted, among)
		for _, c := range among {
			if equal := strings.EqualFold(strings.TrimSpace(c.name), strings.TrimSpace(wanted)); equal != slices.Contains(same, c) {
				t.Fatalf("%q has the name %q: %t, but it is among %v: %t", c.name, wanted, equal, same, !equal)
			}
			if slices.Contains(same, c) && slices.Contains(near, c) {
				t.Fatalf("%q both has the name and is near it", c.name)
			}
		}
		if len(near) > maxNear {
			t.Fatalf("%d near misses", len(near))
		}
		shuffled := rapid.Permutation(among).Draw(t, "order")
		same2, near2 := compare(wanted, shuffled)
		slices.SortFunc(same2, func(a, b candidate) int { return int(a.id - b.id) })
		if diff := cmp.Diff([][]candidate{same, near}, [][]candidate{same2, near2}, cmp.AllowUnexported(candidate{})); diff != "" {
			t.Fatalf("in another order (-first +second):\n%s", diff)
		}
		chosen, err := choose("job", wanted, among)
		if (err == nil) != (len(same) == 1) || err == nil && chosen != same[0] {
			t.Fatalf("chose %v and %v of %v", chosen, err, same)
		}
	})
}

func TestNearMissOfOneLetter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := []rune(rapid.StringMatching(`[a-z ]{2,20}[a-z]`).Draw(t, "name"))
		at := rapid.IntRange(0, len(name)-1).Draw(t, "at")
		typed := string(slices.Delete(slices.Clone(name), at, at+1))
		if same, near := compare(typed, []candidate{{id: 1, name: string(name)}}); len(same) == 0 && len(near) != 1 {
			t.Fatalf("%q is not near %q", typed, string(name))
		}
	})
}
