package dbtcloudtest_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// environments is where the environments of the default project are.
func environments() string { return "projects/" + id(dbtcloudtest.DefaultProjectID) + "/environments/" }

// environmentBody is an environment write with everything that the official document asks for.
func (w *world) environmentBody(more object) object {
	body := object{
		"account_id": w.AccountID(), "project_id": dbtcloudtest.DefaultProjectID, "name": "Staging", "state": 1, "dbt_version": "latest",
		"type": "deployment", "supports_docs": false, "use_custom_branch": false,
	}
	maps.Copy(body, more)
	return body
}

// environmentOf is an environment as it was recorded of the service, with what the document has since added.
func (w *world) environmentOf(id any, name string) object {
	return object{
		"id": id, "account_id": number(w.AccountID()), "project_id": number(dbtcloudtest.DefaultProjectID), "credentials_id": nil, "connection_id": nil,
		"extended_attributes_id": nil, "name": name, "dbt_version": "latest", "raw_dbt_version": "latest", "type": "deployment",
		"use_custom_branch": false, "custom_branch": nil, "supports_docs": false, "deployment_type": nil, "is_deferrable": false,
		"enable_model_query_history": false, "enable_dbt_state": false, "primary_profile_id": nil, "state": number(1),
		"created_at": "2000-01-01 00:00:00.000000+00:00", "updated_at": "2000-01-01 00:00:00.000000+00:00",
		"project": nil, "credentials": nil, "fusion_readiness": nil,
	}
}

func TestEnvironmentShapes(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.v3()
		code, body := w.do("POST", environments(), w.environmentBody(nil))
		made := data(body)["id"]
		project, _ := data(body)["project"].(object)
		got := []any{code, body["status"].(object)["code"], data(body)["created_at"], project["name"], project["default_version"], project["group_permissions"]}
		if diff := cmp.Diff([]any{200, number(201), nil, "Analytics", nil, nil}, got); diff != "" {
			t.Errorf("create (-want +got):\n%s", diff)
		}
		want := w.environmentOf(made, "Staging")
		path := environments() + string(made.(jsonNumber)) + "/"
		if _, body := w.do("GET", path, nil); !cmp.Equal(want, data(body)) {
			t.Errorf("get (-want +got):\n%s", cmp.Diff(want, data(body)))
		}
		w.EditEnvironment(number2(made), func(fields object) { fields["connection"], fields["credentials"] = object{"id": 5}, object{"id": 6} })
		_, body = w.do("GET", path+"?include_related=project,connection,credentials,repository", nil)
		related := []any{data(body)["connection"], data(body)["credentials"], data(body)["project"] != nil}
		if diff := cmp.Diff([]any{object{"id": number(5)}, object{"id": number(6)}, true}, related); diff != "" {
			t.Errorf("related objects (-want +got):\n%s", diff)
		}
		if code, body := w.do("DELETE", path, nil); code != 200 || data(body)["state"] != number(2) {
			t.Errorf("delete answered %d with state %v, want 200 and 2", code, data(body)["state"])
		}
	}, dbtcloudtest.WithDeletes(dbtcloudtest.Envelope))
}

func number2(n any) int64 { i, _ := n.(jsonNumber).Int64(); return i }

// The deprecated version has other fields and another form of time.
func TestOldEnvironments(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		send := w.environmentBody(object{"repository_id": 7, "dbt_version": nil})
		delete(send, "dbt_version")
		code, body := w.do("POST", "environments/", send)
		made := data(body)["id"]
		_, body = w.do("GET", "environments/"+string(made.(jsonNumber))+"/", nil)
		want := w.environmentOf(made, "Staging")
		for _, name := range []string{
			"project", "credentials", "fusion_readiness", "is_deferrable", "enable_model_query_history", "enable_dbt_state", "primary_profile_id",
		} {
			delete(want, name)
		}
		maps.Copy(want, object{
			"repository_id": number(7), "created_by_id": nil, "dbt_project_subdirectory": nil, "repository": nil, "connection": nil, "jobs": nil,
			"custom_environment_variables": nil, "created_at": "2000-01-01T00:00:00.000000+00:00", "updated_at": "2000-01-01T00:00:00.000000+00:00",
		})
		if diff := cmp.Diff([]any{200, want}, []any{code, body["data"]}); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if code, body := w.do("POST", "environments/", w.environmentBody(object{"enable_dbt_state": true})); code != 400 {
			t.Errorf("a field of the newer version is answered %d: %v, want 400", code, body)
		}
		if code, body := w.do("POST", "environments/", w.environmentBody(object{"project_id": 5})); code != 400 {
			t.Errorf("an unknown project is answered %d: %v, want 400", code, body)
		}
		other := w.AddEnvironment(0, w.AddProject(21, "Other"), "Elsewhere")
		if diff := cmp.Diff([]string{id(other)}, w.list("environments/?project_id=21")); diff != "" {
			t.Errorf("by project (-want +got):\n%s", diff)
		}
		if got := w.list("environments/?name=CI"); len(got) != 4 {
			t.Errorf("a parameter of the newer version alone is not ignored: %v", got)
		}
		path := "environments/" + string(made.(jsonNumber)) + "/"
		w.EditEnvironment(number2(made), func(fields object) { fields["enable_dbt_state"] = true })
		if code, _ := w.do("POST", path, w.environmentBody(object{"enable_dbt_state": false})); code != 400 {
			t.Errorf("an update of a field of the newer version is answered %d, want 400", code)
		}
		if code, _ := w.do("POST", path, w.environmentBody(nil)); code != 200 {
			t.Errorf("update answered %d, want 200", code)
		}
		if e := w.Environments()[2]; e.Fields["enable_dbt_state"] != true || e.Fields["repository_id"] != nil {
			t.Errorf("after the update %v, want the newer version's field as it was, and the repository reset", e.Fields)
		}
		if code, _ := w.do("DELETE", path, nil); code != 204 {
			t.Errorf("delete answered %d, want 204", code)
		}
	})
}

// An update replaces the whole environment: without them connection and credentials are gone.
func TestEnvironmentUpdateResetsWhatItLeavesOut(t *testing.T) {
	for _, mode := range []dbtcloudtest.Writes{dbtcloudtest.Strict, dbtcloudtest.Lenient} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.v3()
				w.EditEnvironment(dbtcloudtest.DefaultEnvironmentID, func(fields object) {
					fields["connection_id"], fields["credentials_id"], fields["custom_branch"], fields["enable_dbt_state"] = 5, 6, "main", true
					fields["brand_new"], fields["credentials"] = "kept", object{"id": 6}
				})
				path := environments() + id(dbtcloudtest.DefaultEnvironmentID) + "/"
				if code, body := w.do("POST", path, w.environmentBody(object{"credentials_id": 6})); code != 200 {
					t.Fatalf("update answered %d: %v", code, body["data"])
				}
				_, body := w.do("GET", path, nil)
				e := data(body)
				got := []any{e["name"], e["connection_id"], e["credentials_id"], e["custom_branch"], e["enable_dbt_state"], e["brand_new"]}
				if diff := cmp.Diff([]any{"Staging", nil, number(6), nil, false, "kept"}, got); diff != "" {
					t.Errorf("after the update (-want +got):\n%s", diff)
				}
			}, dbtcloudtest.WithWrites(mode))
		})
	}
}

func TestEnvironmentWrites(t *testing.T) {
	extra := func(key string) object { return object{key: "extra keys not allowed"} }
	const without = "(absent)"
	tests := []struct {
		name   string
		change object
		tree   any
	}{
		{"as documented", nil, nil},
		{"everything", object{"credentials_id": nil, "connection_id": 5, "custom_branch": "main", "deployment_type": "staging", "enable_dbt_state": true, "primary_profile_id": 1}, nil},
		{"own id", object{"id": 7}, object{"id": "The id is assigned by the service."}},
		{"read-only", object{"raw_dbt_version": "latest"}, extra("raw_dbt_version")},
		{"of the older version", object{"repository_id": 1}, extra("repository_id")},
		{"no version", object{"dbt_version": without}, object{"dbt_version": "required key not provided"}},
		{"unknown type", object{"type": "production"}, object{"type": `value must be one of ["development","deployment"]`}},
		{"unknown deployment type", object{"deployment_type": "ci"}, object{"deployment_type": `value must be one of ["production","staging"]`}},
		{"wrong type", object{"supports_docs": "no"}, object{"supports_docs": "expected bool"}},
		{"empty branch", object{"custom_branch": ""}, object{"custom_branch": "length of value must be at least 1"}},
		{"other account", object{"account_id": 5}, object{"account_id": "The provided account does not match."}},
		{"other project", object{"project_id": 5}, object{"project_id": "The provided project does not match."}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.v3()
				send := w.environmentBody(test.change)
				maps.DeleteFunc(send, func(_ string, value any) bool { return value == without })
				code, body := w.do("POST", environments(), send)
				if diff := cmp.Diff(test.tree, refusal(code, body)); diff != "" {
					t.Errorf("answered %d with (-want +got):\n%s", code, diff)
				}
				if made := len(w.Environments()) - 2; (made == 1) != (code == 200) {
					t.Errorf("answered %d and made %d environments", code, made)
				}
			})
		})
	}
}

func TestEnvironmentFilters(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.v3()
		w.AddProject(21, "Other")
		named := map[string]int64{
			"a": dbtcloudtest.DefaultEnvironmentID, "b": dbtcloudtest.DefaultDeferringID, "c": w.AddEnvironment(0, dbtcloudtest.DefaultProjectID, "ci [old]"),
			"d": w.AddEnvironment(0, 21, "Elsewhere"), "e": w.AddEnvironment(0, dbtcloudtest.DefaultProjectID, "gone"),
		}
		w.EditEnvironment(named["c"], func(fields object) {
			fields["type"], fields["dbt_version"], fields["credentials_id"] = "development", "1.7.0", 5
		})
		w.do("DELETE", environments()+id(named["e"])+"/", nil)
		project := environments() + "?"
		tests := []struct{ path, want string }{
			{project, "abc"},
			{project + "state=deleted", "e"},
			{project + "state=all", "abce"},
			{project + "name=CI", "a"},
			{project + "name__icontains=CI", "ac"},
			{project + "type=development", "c"},
			{project + "deployment_type=production", "b"},
			{project + "deployment_type__in=[staging,production]", "b"},
			{project + "dbt_version=1.7.0", "c"},
			{project + "dbt_version__in=[latest]", "ab"},
			{project + "credentials_id=5", "c"},
			{project + "pk=" + id(named["a"]), "a"},
			{project + "pk__in=[" + id(named["a"]) + "," + id(named["d"]) + "]", "a"},
			{project + "id__gt=" + id(named["a"]), "bc"},
			{project + "project_id__in=[21]", ""},
			{project + "project_id=21", "abc"}, // no parameter of this list: ignored
			{project + "order_by=-id&limit=2", "cb"},
			{"environments/", "abcd"}, // undocumented
			{"environments/?project_id=21", "d"},
			{"environments/?project_id__in=[21]&name=Elsewhere", "d"},
		}
		for _, test := range tests {
			want := []string{}
			for _, name := range test.want {
				want = append(want, id(named[string(name)]))
			}
			if diff := cmp.Diff(want, w.list(test.path)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.path, diff)
			}
		}
		for _, test := range []struct {
			request string
			code    int
		}{
			{"GET projects/5/environments/", 404},
			{"GET projects/21/environments/" + id(named["a"]) + "/", 404},
			{"GET " + environments() + "5/", 404},
			{"GET " + environments() + "?id__gt=x", 400},
			{"DELETE environments/" + id(named["d"]) + "/sao-cache/", 204},
			{"DELETE environments/5/sao-cache/", 404},
			{"DELETE environments/" + id(named["d"]) + "/", 204},
			{"DELETE projects/21/environments/" + id(named["d"]) + "/", 404},
			{"POST projects/21/environments/" + id(named["a"]) + "/", 404},
			{"DELETE " + environments() + id(named["e"]) + "/", 404},
			{"DELETE projects/21/environments/" + id(named["c"]) + "/", 404},
			{"PUT " + environments() + id(named["c"]) + "/", 405},
		} {
			method, path := cut(test.request)
			if code, _ := w.do(method, path, w.environmentBody(nil)); code != test.code {
				t.Errorf("%s is answered %d, want %d", test.request, code, test.code)
			}
		}
	})
}

func TestDeletingWhatIsInUse(t *testing.T) {
	project, environment := "projects/"+id(dbtcloudtest.DefaultProjectID)+"/", environments()+id(dbtcloudtest.DefaultEnvironmentID)+"/"
	const named = "is in use by active jobs."
	tests := []struct {
		name    string
		opts    []dbtcloudtest.Option
		path    string
		code    int
		message string
		tree    any
	}{
		{"project", nil, project, 400, "The project " + named, object{"jobs": "Slim CI (70506183137151)"}},
		{"environment", nil, environment, 400, "The environment " + named, object{"jobs": "Slim CI (70506183137151)"}},
		{
			"chosen", []dbtcloudtest.Option{dbtcloudtest.WithRefusal(dbtcloudtest.RefuseInUse, 409, "No.")}, environment, 409, "No.",
			object{"jobs": "Slim CI (70506183137151)"},
		},
		{"not refused", []dbtcloudtest.Option{dbtcloudtest.WithRefusal(dbtcloudtest.RefuseInUse, 0, "")}, project, 204, "", nil},
		{"environment not refused", []dbtcloudtest.Option{dbtcloudtest.WithRefusal(dbtcloudtest.RefuseInUse, 0, "")}, environment, 204, "", nil},
		{"no jobs", nil, environments() + id(dbtcloudtest.DefaultDeferringID) + "/", 204, "", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.v3()
				w.AddEnvironmentEnvVar(dbtcloudtest.DefaultEnvironmentID, "DBT_X", "1")
				run := w.AddRun(dbtcloudtest.RunSpec{JobID: w.job})
				code, body := w.do("DELETE", test.path, nil)
				status, _ := body["status"].(object)
				message, _ := status["user_message"].(string)
				if diff := cmp.Diff([]any{test.code, test.message, test.tree}, []any{code, message, body["data"]}); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
				j, _ := w.Job(w.job)
				taken := code == 204 && test.name != "no jobs"
				got := []any{!j.DeletedAt.IsZero(), w.run(run).Status.Terminal(), len(w.EnvironmentVariables()) == 0}
				if diff := cmp.Diff([]any{taken, taken, taken}, got); diff != "" {
					t.Errorf("the job, its run and the variable are gone (-want +got):\n%s", diff)
				}
				again := 400
				if code == 204 {
					again = 404
				}
				if test.code != 409 {
					if code, _ := w.do("DELETE", test.path, nil); code != again {
						t.Errorf("again it is answered %d, want %d", code, again)
					}
				}
			}, test.opts...)
		})
	}
}

// A write with state 2 deletes, and is refused alike.
func TestStateTwoDeletes(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.v3()
		deferring := environments() + id(dbtcloudtest.DefaultDeferringID) + "/"
		if code, _ := w.do("POST", environments()+id(dbtcloudtest.DefaultEnvironmentID)+"/", w.environmentBody(object{"state": 2})); code != 400 {
			t.Errorf("of an environment in use: answered %d, want 400", code)
		}
		if code, body := w.do("POST", deferring, w.environmentBody(object{"state": 2})); code != 200 || data(body)["state"] != number(2) {
			t.Errorf("of an environment: answered %d with state %v, want 200 and 2", code, data(body)["state"])
		}
		project := "projects/" + id(dbtcloudtest.DefaultProjectID) + "/"
		if code, _ := w.do("POST", project, w.projectBody(object{"state": 2})); code != 400 {
			t.Errorf("of a project in use: answered %d, want 400", code)
		}
		w.DeleteJob(w.job)
		if code, body := w.do("POST", project, w.projectBody(object{"state": 2})); code != 200 || data(body)["state"] != number(2) {
			t.Errorf("of a project: answered %d with state %v, want 200 and 2", code, data(body)["state"])
		}
		for _, e := range w.Environments() {
			if e.DeletedAt.IsZero() {
				t.Errorf("environment %d has outlived its project", e.ID)
			}
		}
	})
}

// Paging by id sees every project and environment once, whatever the size of a page.
func TestKeysetPagingMissesNone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.IntRange(-1, 7).Draw(rt, "page size")
		projects := rapid.SliceOfN(rapid.IntRange(0, 5), 0, 12).Draw(rt, "environments of each project")
		synctest.Test(t, func(t *testing.T) {
			s := dbtcloudtest.New(dbtcloudtest.WithMaxPageSize(size))
			w := &world{Server: s, client: newClient(t, s)}
			w.v3()
			for _, n := range projects {
				project := w.AddProject(0, "P")
				for range n {
					w.AddEnvironment(0, project, "E")
				}
			}
			var want, environments []string
			for _, p := range w.Projects() {
				want = append(want, id(p.ID))
			}
			if got := w.pages("projects/?pk__gt="); !slices.Equal(want, got) {
				rt.Errorf("projects: %v, want %v", got, want)
			}
			want = nil
			for _, e := range w.Environments() {
				want = append(want, id(e.ID))
			}
			for _, p := range w.Projects() {
				environments = append(environments, w.pages("projects/"+id(p.ID)+"/environments/?id__gt=")...)
			}
			if slices.Sort(environments); !slices.Equal(want, environments) {
				rt.Errorf("environments: %v, want %v", environments, want)
			}
		})
	})
}

// pages follows a list by the last id until a page is empty.
func (w *world) pages(path string) []string {
	w.t.Helper()
	var out []string
	for last := "0"; ; {
		page := w.list(path + last)
		if len(page) == 0 {
			return out
		}
		if page[0] == last {
			w.t.Fatalf("%s%s shows %s again", path, last, last)
		}
		out = append(out, page...)
		last = page[len(page)-1]
	}
}
