package dbtcloudtest_test

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

type object = map[string]any

// projectBody is a project write with everything that the official document asks for.
func (w *world) projectBody(more object) object {
	body := object{"account_id": w.AccountID(), "name": "Shop", "state": 1, "type": 0}
	maps.Copy(body, more)
	return body
}

// projectOf is a project as it was recorded of the service, with what the document has since added.
func (w *world) projectOf(id any, name string) object {
	return object{
		"id": id, "name": name, "account_id": number(w.AccountID()), "connection_id": nil, "repository_id": nil, "semantic_layer_config_id": nil,
		"created_at": "2000-01-01 00:00:00.000000+00:00", "updated_at": "2000-01-01 00:00:00.000000+00:00", "skipped_setup": false,
		"state": number(1), "dbt_project_subdirectory": nil, "connection": nil, "repository": nil, "group_permissions": []any{},
		"docs_job_id": nil, "freshness_job_id": nil, "docs_job": nil, "freshness_job": nil,
		"description": nil, "type": number(0), "environments": nil, "fusion_readiness": nil, "default_version": "latest",
	}
}

func TestProjectShapes(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.v3()
		code, body := w.do("POST", "projects/", w.projectBody(nil))
		made := data(body)["id"]
		want := w.projectOf(made, "Shop")
		if diff := cmp.Diff([]any{200, number(201), want}, []any{code, body["status"].(object)["code"], body["data"]}); diff != "" {
			t.Errorf("create (-want +got):\n%s", diff)
		}
		path := "projects/" + string(made.(jsonNumber)) + "/"
		if _, body := w.do("GET", path, nil); !cmp.Equal(want, data(body)) {
			t.Errorf("get (-want +got):\n%s", cmp.Diff(want, data(body)))
		}
		_, body = w.do("GET", "projects", nil)
		if got := body["data"].([]any); len(got) != 2 || !cmp.Equal(want, got[1]) {
			t.Errorf("list: %v, want two with %v", got, want)
		}
		extra := object{
			"filters": object{"account_id": number(w.AccountID()), "limit": number(100), "offset": number(0)}, "order_by": "id",
			"pagination": object{"count": number(2), "total_count": number(2)},
		}
		if diff := cmp.Diff(extra, body["extra"]); diff != "" {
			t.Errorf("extra of the list (-want +got):\n%s", diff)
		}
		want["state"] = number(2)
		if code, body := w.do("DELETE", path, nil); code != 200 || !cmp.Equal(want, data(body)) {
			t.Errorf("delete answered %d (-want +got):\n%s", code, cmp.Diff(want, data(body)))
		}
		for _, request := range []string{"GET " + path, "POST " + path, "DELETE " + path} {
			method, path := cut(request)
			if code, _ := w.do(method, path, w.projectBody(nil)); code != 404 {
				t.Errorf("%s of what is deleted is answered %d, want 404", request, code)
			}
		}
	}, dbtcloudtest.WithDeletes(dbtcloudtest.Envelope))
}

func TestRelatedOfProject(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.v3()
		w.EditProject(dbtcloudtest.DefaultProjectID, func(fields object) {
			fields["repository"], fields["repository_id"] = object{"id": 7, "full_name": "acme/shop", "remote_backend": "github"}, 7
			fields["docs_job_id"] = w.job
		})
		look := func(query string) []any {
			_, body := w.do("GET", "projects/"+id(dbtcloudtest.DefaultProjectID)+"/"+query, nil)
			p := data(body)
			environments, _ := p["environments"].([]any)
			return []any{p["repository"] != nil, p["docs_job"] != nil, p["connection"] != nil, len(environments)}
		}
		if diff := cmp.Diff([]any{false, false, false, 0}, look("")); diff != "" {
			t.Errorf("nothing asked for (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]any{true, true, false, 2}, look("?include_related=repository,connection,docs_job,environments")); diff != "" {
			t.Errorf("everything asked for (-want +got):\n%s", diff)
		}
	})
}

func TestProjectWrites(t *testing.T) {
	extra := func(key string) object { return object{key: "extra keys not allowed"} }
	const without = "(absent)"
	tests := []struct {
		name   string
		change object
		tree   any
	}{
		{"as documented", nil, nil},
		{"everything", object{"description": "x", "connection_id": 1, "repository_id": nil, "docs_job_id": 3, "dbt_project_subdirectory": "dbt/"}, nil},
		{"own id", object{"id": 7}, object{"id": "The id is assigned by the service."}},
		{"read-only", object{"created_at": "2000-01-01"}, extra("created_at")},
		{"related", object{"repository": object{}}, extra("repository")},
		{"unknown", object{"colour": "red"}, extra("colour")},
		{"no name", object{"name": without}, object{"name": "required key not provided"}},
		{"empty name", object{"name": ""}, object{"name": "length of value must be at least 1"}},
		{"no type", object{"type": without}, object{"type": "required key not provided"}},
		{"unknown type", object{"type": 2}, object{"type": "value must be at most 1"}},
		{"negative type", object{"type": -1}, object{"type": "value must be at least 0"}},
		{"wrong type", object{"connection_id": "5"}, object{"connection_id": "expected int"}},
		{"other account", object{"account_id": 5}, object{"account_id": "The provided account does not match."}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.v3()
				send := w.projectBody(test.change)
				maps.DeleteFunc(send, func(_ string, value any) bool { return value == without })
				code, body := w.do("POST", "projects/", send)
				if diff := cmp.Diff(test.tree, refusal(code, body)); diff != "" {
					t.Errorf("answered %d with (-want +got):\n%s", code, diff)
				}
				if made := len(w.Projects()) - 1; (made == 1) != (code == 200) {
					t.Errorf("answered %d and made %d projects", code, made)
				}
			})
		})
	}
}

func TestLenientProjectWrite(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.v3()
		// What data-mie's dbt-cloud-cli sends.
		code, body := w.do("POST", "projects", object{
			"account_id": w.AccountID(), "name": "Shop", "connection_id": nil, "repository_id": nil, "semantic_layer_config_id": nil,
			"skipped_setup": nil, "state": 1, "dbt_project_subdirectory": "dbt/", "docs_job_id": nil, "freshness_job_id": nil,
		})
		got := []any{code, data(body)["name"], data(body)["dbt_project_subdirectory"], data(body)["skipped_setup"], data(body)["type"]}
		if diff := cmp.Diff([]any{200, "Shop", "dbt/", false, number(0)}, got); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
	}, dbtcloudtest.WithWrites(dbtcloudtest.Lenient))
}

func TestProjectUpdateReplaces(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.v3()
		w.EditProject(dbtcloudtest.DefaultProjectID, func(fields object) {
			fields["description"], fields["repository_id"], fields["brand_new"], fields["repository"] = "reset", 7, "kept", object{"id": 7}
		})
		path := "projects/" + id(dbtcloudtest.DefaultProjectID) + "/"
		if code, body := w.do("POST", path, w.projectBody(object{"id": 5})); code != 400 || !cmp.Equal(body["data"], any(object{"id": "The provided id does not match."})) {
			t.Errorf("another id is answered %d: %v", code, body["data"])
		}
		if code, body := w.do("POST", path, w.projectBody(object{"id": dbtcloudtest.DefaultProjectID, "repository_id": 8})); code != 200 {
			t.Fatalf("update answered %d: %v", code, body["data"])
		}
		_, body := w.do("GET", path+"?include_related=repository", nil)
		p := data(body)
		got := []any{p["name"], p["description"], p["repository_id"], p["brand_new"], p["repository"]}
		if diff := cmp.Diff([]any{"Shop", nil, number(8), "kept", object{"id": number(7)}}, got); diff != "" {
			t.Errorf("after the update (-want +got):\n%s", diff)
		}
		if code, _ := w.do("POST", path, w.projectBody(object{"brand_new": "changed"})); code != 200 || w.Projects()[0].Fields["brand_new"] != "changed" {
			t.Errorf("sending back a field of the service is answered %d and makes it %v", code, w.Projects()[0].Fields["brand_new"])
		}
	})
}

func TestProjectFilters(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.v3()
		projects := map[string]int64{
			"a": dbtcloudtest.DefaultProjectID, "b": w.AddProject(0, "Shop"), "c": w.AddProject(0, "shop [old]"), "d": w.AddProject(0, "gone"),
		}
		w.do("DELETE", "projects/"+id(projects["d"])+"/", nil)
		tests := []struct{ query, want string }{
			{"", "abc"},
			{"state=active", "abc"},
			{"state=deleted", "d"},
			{"state=2", "d"},
			{"state=all", "abcd"},
			{"name__icontains=SHOP", "bc"},
			{"pk=" + id(projects["b"]), "b"},
			{"pk__in=[" + id(projects["a"]) + "," + id(projects["c"]) + "]", "ac"},
			{"pk__gt=" + id(projects["a"]), "bc"},
			{"pk__gt=" + id(projects["c"]), ""},
			{"order_by=-id", "cba"},
			{"order_by=-name", "cba"}, // shop [old], Shop, Analytics
			{"limit=1&offset=1", "b"},
			{"colour=red", "abc"}, // no parameter of the service: ignored
			{"project_id=" + id(projects["b"]), "abc"},
		}
		for _, test := range tests {
			want := []string{}
			for _, name := range test.want {
				want = append(want, id(projects[string(name)]))
			}
			if diff := cmp.Diff(want, w.list("projects/?"+test.query)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.query, diff)
			}
		}
		for _, query := range []string{"pk__gt=x", "pk__in=[a]", "limit=many", "offset=-1"} {
			if code, _ := w.do("GET", "projects/?"+query, nil); code != 400 {
				t.Errorf("%s is answered %d, want 400", query, code)
			}
		}
	})
}
