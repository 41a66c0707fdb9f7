package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

const (
	adapterQuery = `query Adapter($id: BigInt!) { environment(id: $id) { adapterType } }`
	modelsQuery  = `query Models($id: BigInt!, $first: Int, $after: String, $filter: ModelAppliedFilter) { environment(id: $id) { applied {
		models(first: $first, after: $after, filter: $filter) { edges { node { name } } pageInfo { endCursor hasNextPage } } } } }`
)

func TestMetadataQuery(t *testing.T) {
	t.Parallel()
	c := newShop(t)
	dir := t.TempDir()
	for name, text := range map[string]string{"q.graphql": byteOrderMark + adapterQuery, "vars.json": `{"id":22}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const indented = "{\n  \"environment\": {\n    \"adapterType\": null\n  }\n}\n"
	tests := []struct {
		name, stdin string
		args        []string
		want        string
	}{
		{"text", "", []string{"--query", adapterQuery, "--var", "id=22"}, indented},
		{"file", "", []string{"-f", dir + "/q.graphql", "--var", "$id=22"}, indented},
		{"standard input", adapterQuery, []string{"--var=id=22"}, indented},
		{"standard input by its name", adapterQuery, []string{"--file=-", "--variables", `{"id":"22"}`}, indented},
		{"variables from a file", "", []string{"--query", adapterQuery, "--variables", "@" + dir + "/vars.json"}, indented},
		{"variables from standard input", `{"id":22}`, []string{"--query", adapterQuery, "--variables=@-"}, indented},
		{"a variable before --variables", "", []string{"--query", adapterQuery, "--variables", `{"id":1}`, "--var=id=22"}, indented},
		{"on one line", "", []string{"--query", adapterQuery, "--var=id=22", "--output=json"}, `{"environment":{"adapterType":null}}` + "\n"},
		{"beta", "", []string{"--beta", "--query", `{ environment(id: 22) { consumerProjects { consumerProjectId } } }`, "--output=json"}, `{"environment":{"consumerProjects":null}}` + "\n"},
		{"all", "", []string{"--query", modelsQuery, "--var=id=22", "--var=first=1", "--all=environment.applied.models"}, "{\"name\":\"stg_orders\"}\n{\"name\":\"orders\"}\n"},
		{"all, of the beta endpoint", "", []string{"--beta", "--query", modelsQuery, "--var=id=22", "--all=environment.applied.models"}, "{\"name\":\"stg_orders\"}\n{\"name\":\"orders\"}\n"},
		{"all, filtered", "", []string{"--query", modelsQuery, "--var=id=22", `--var=filter={"tags":["daily"]}`, "--all=environment.applied.models"}, "{\"name\":\"orders\"}\n"},
		{"nothing", "", []string{"--query", modelsQuery, "--var=id=22", `--var=filter={"tags":["none"]}`, "--all=environment.applied.models"}, ""},
	}
	for _, test := range tests {
		o := invokeWith(t.Context(), nil, c.env, test.stdin, append([]string{"metadata", "query"}, test.args...)...).want(t, exitSuccess)
		if diff := cmp.Diff(test.want, o.stdout); diff != "" || o.stderr != "" {
			t.Errorf("%s: stderr %q, stdout (-want +got):\n%s", test.name, o.stderr, diff)
		}
	}
}

// TestMetadataQueryFromNowhere: without a query and with nobody to type one there is nothing to wait for.
func TestMetadataQueryFromNowhere(t *testing.T) {
	t.Parallel()
	c := newShop(t)
	var stderr strings.Builder
	a := app{getenv: func(name string) string { return c.env[name] }, stdout: io.Discard, stderr: &stderr}
	if status := a.run(t.Context(), []string{"metadata", "query"}); status != exitBadInput || !strings.Contains(stderr.String(), "--query or --file: is missing: give one of them") {
		t.Errorf("exit status %d, stderr %q", status, &stderr)
	}
	o := invokeWith(t.Context(), nil, c.env, adapterQuery, "metadata", "query", "--variables=@-").want(t, exitBadInput)
	if !strings.Contains(o.stderr, "--variables: standard input has the query already") || len(c.Requests()) > 0 {
		t.Errorf("%d requests, stderr %q", len(c.Requests()), o.stderr)
	}
}

func TestMetadataQueryThatTheServerRefuses(t *testing.T) {
	t.Parallel()
	c := newShop(t)
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"query", "--query", "{ environment(id: 22) { adapterTyp } }"}, `Cannot query field "adapterTyp"`},
		{[]string{"query", "--query", "{ environment(id: 99) { adapterType } }"}, "Environment 99 not found"},
		{[]string{"query", "--query", modelsQuery, "--var=id=99", "--all=environment.applied.models"}, "Environment 99 not found"},
		{[]string{"models", "--environment=99"}, "Environment 99 not found"},
		{[]string{"lineage", "--environment=99"}, "Environment 99 not found"},
	}
	for _, test := range tests {
		o := invoke(t, c.env, append([]string{"metadata"}, test.args...)...).want(t, exitRefused)
		if o.stdout != "" || !strings.Contains(o.stderr, test.want) || strings.Count(o.stderr, "\n") != 1 {
			t.Errorf("%v: stdout %q, stderr %q, want %q", test.args, o.stdout, o.stderr, test.want)
		}
	}
	o := invoke(t, c.env, "metadata", "lineage", "--upstream=orders").want(t, exitBadInput)
	if want := `no node with the unique id "orders": did you mean model.shop.orders, source.shop.raw.orders?`; !strings.Contains(o.stderr, want) || o.stdout != "" {
		t.Errorf("stdout %q, stderr %q, want %q", o.stdout, o.stderr, want)
	}
	o = invoke(t, c.env, "metadata", "lineage", "--downstream=model.shop.ordres").want(t, exitBadInput)
	if want := `did you mean model.shop.orders?`; !strings.Contains(o.stderr, want) {
		t.Errorf("stderr %q, want %q", o.stderr, want)
	}
	c.AddNodes(22, dbtcloudtest.Node{"uniqueId": "model.shop.last", "parentIds": []string{"model.other_project.customers"}})
	o = invoke(t, c.env, "metadata", "lineage", "--upstream=stg_order").want(t, exitBadInput)
	if want := `did you mean model.shop.stg_orders?`; !strings.Contains(o.stderr, want) {
		t.Errorf("stderr %q, want %q", o.stderr, want)
	}
	o = invoke(t, c.env, "metadata", "lineage", "--upstream=q").want(t, exitBadInput)
	if want := `the lineage has no node with the unique id "q", nor one that is like it, among 8`; !strings.Contains(o.stderr, want) {
		t.Errorf("stderr %q, want %q", o.stderr, want)
	}
}

// TestMetadataAsksForWhatIsShown: a list asks for the columns of its table, a lineage for the types that are shown, unless a walk
// goes through others.
func TestMetadataAsksForWhatIsShown(t *testing.T) {
	t.Parallel()
	c := newShop(t)
	tests := []struct{ args, has, hasNot string }{
		{"models", "materializedType", "packageName"},
		{"models --fields alias", "alias", "materializedType"},
		{"models --output json", "packageName", "rawCode"},
		{"models --fields surprise --unknown-fields", "surprise", "materializedType"},
		{"lineage --types Seed", `["Seed"]`, `"Model"`},
		{"lineage --types Seed --upstream model.shop.orders", `"Model"`, `["Seed"]`},
	}
	for _, test := range tests {
		before := len(c.Requests())
		invoke(t, c.env, append([]string{"metadata"}, args(test.args)...)...)
		asked := c.Requests()[before:]
		if len(asked) != 1 || !strings.Contains(string(asked[0].Body), test.has) || strings.Contains(string(asked[0].Body), test.hasNot) {
			t.Errorf("%s: asked %d times, %s; want one with %s and without %s", test.args, len(asked), asked[0].Body, test.has, test.hasNot)
		}
	}
}

// answering makes the Discovery API of a cloud one that gives these answers in turn, the last one again and again.
func (c *cloud) answering(t *testing.T, answers ...string) {
	t.Helper()
	asked := make(chan int, 1)
	asked <- 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := <-asked
		asked <- n + 1
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answers[min(n, len(answers)-1)])
	}))
	t.Cleanup(server.Close)
	c.env["DBT_CLOUD_METADATA_URL"] = server.URL + "/graphql"
}

// TestMetadataBesideErrors: the data that came is printed, and the errors decide about the exit status.
func TestMetadataBesideErrors(t *testing.T) {
	t.Parallel()
	const wrong = `"errors":[{"message":"Timed out."},{"message":"Half of it is missing."}]`
	const models = `{"data":{"environment":{"applied":{"models":{"edges":[{"node":{"uniqueId":"m.a","name":"a"}}],"pageInfo":{"hasNextPage":%t,"endCursor":"1"}}}}},%s}`
	whole, half := fmt.Sprintf(models, true, `"extensions":{}`), fmt.Sprintf(models, false, wrong)
	tests := []struct {
		name, args string
		answers    []string
		want       string
	}{
		{"query", "query --query {environment(id:1){a}}", []string{`{"data":{"environment":{"a":1}},` + wrong + `}`}, "{\n  \"environment\": {\n    \"a\": 1\n  }\n}\n"},
		{"query without data", "query --query {environment(id:1){a}}", []string{`{"data":null,` + wrong + `}`}, ""},
		{"all", "query --query " + strings.Join(strings.Fields(modelsQuery), "~") + " --var id=1 --all environment.applied.models", []string{whole, half},
			"{\"uniqueId\":\"m.a\",\"name\":\"a\"}\n{\"uniqueId\":\"m.a\",\"name\":\"a\"}\n"},
		{"list", "models --environment 1 --fields name --page-size 1", []string{whole, half}, "name\na\na\n"},
		{"list without data", "models --environment 1", []string{`{"data":null,` + wrong + `}`}, ""},
	}
	for _, test := range tests {
		c := newShop(t)
		c.answering(t, test.answers...)
		o := invoke(t, c.env, append([]string{"metadata"}, args(test.args)...)...).want(t, exitRefused)
		if diff := cmp.Diff(test.want, o.stdout); diff != "" || !strings.Contains(o.stderr, "Timed out.; Half of it is missing.") {
			t.Errorf("%s: stderr %q, stdout (-want +got):\n%s", test.name, o.stderr, diff)
		}
		if n := len(c.Requests()); n > 0 {
			t.Errorf("%s: %d requests went to the host, not to the metadata URL", test.name, n)
		}
	}
}

func TestMetadataURLThatIsNone(t *testing.T) {
	t.Parallel()
	c := newShop(t)
	c.env["DBT_CLOUD_METADATA_URL"] = "http://metadata.example.com/graphql"
	o := invoke(t, c.env, "metadata", "models").want(t, exitBadInput)
	if want := "metadata URL (DBT_CLOUD_METADATA_URL): is plain http"; !strings.Contains(o.stderr, want) || len(c.Requests()) > 0 {
		t.Errorf("%d requests, stderr %q, want %q", len(c.Requests()), o.stderr, want)
	}
}

// TestMetadataLinesAreLines: an item is on one line, and its numbers as they were, however the server writes.
func TestMetadataLinesAreLines(t *testing.T) {
	t.Parallel()
	c := newShop(t)
	c.answering(t, "{\n\"data\": {\"environment\":\n{\"applied\": {\"models\": {\"edges\": [\n{\"node\": {\n\"name\":\n\"a\u2028b\", \"x\": [1,\n2.50, 1e400, 12345678901234567890]}}], \"pageInfo\": {\"hasNextPage\": false}}}}}}")
	o := invoke(t, c.env, "metadata", "query", "--query", modelsQuery, "--var=id=1", "--all=environment.applied.models").want(t, exitSuccess)
	if want := `{"name":"a\u2028b","x":[1,2.50,1e400,12345678901234567890]}` + "\n"; o.stdout != want {
		t.Errorf("stdout %q, want %q", o.stdout, want)
	}
}

// TestMetadataSteersNoTerminal: what somebody wrote into a project does not reach a terminal as it is.
func TestMetadataSteersNoTerminal(t *testing.T) {
	t.Parallel()
	const steering = "a\x1b[2Jb\u009b1mc\u202ed\ne\x7f\u2028f\u2029g"
	c := newShop(t)
	c.SetNodes(22, dbtcloudtest.Node{"uniqueId": "model.shop.x", "name": steering, "description": steering, "meta": map[string]any{steering: steering}})
	for _, line := range []string{
		"models", "models --fields name,description,meta", "models --output json", "models --name none", "lineage", "lineage --output json", "lineage --upstream model.shop.y",
		"query --query {environment(id:22){applied{models(first:1){edges{node{name,meta}}}}}}", "query --output json --query {environment(id:22){applied{models(first:1){edges{node{name,meta}}}}}}",
		"query --query " + strings.Join(strings.Fields(modelsQuery), "~") + " --var id=22 --all environment.applied.models",
	} {
		o := invoke(t, c.env, append([]string{"metadata"}, args(line)...)...)
		for _, text := range []string{o.stdout, o.stderr} {
			if strings.ContainsAny(text, "\x1b\u009b\u202e\x7f\u2028\u2029") || strings.Contains(text, "d\ne") {
				t.Errorf("%s: wrote %q", line, text)
			}
		}
		if strings.Contains(line, "json") || strings.HasPrefix(line, "query") {
			for d := json.NewDecoder(strings.NewReader(o.stdout)); d.More(); {
				var value any
				if err := d.Decode(&value); err != nil || !strings.Contains(fmt.Sprint(value), steering) {
					t.Errorf("%s: %v; the JSON is not that of the API: %q", line, err, o.stdout)
					break
				}
			}
		}
	}
}

func TestMetadataInterrupted(t *testing.T) {
	t.Parallel()
	c := newShop(t)
	for _, line := range []string{"models", "sources --output json", "lineage", "query --query {a}", "query --query " + strings.Join(strings.Fields(modelsQuery), "~") + " --var id=22 --all environment.applied.models"} {
		ctx, interrupt := context.WithCancel(t.Context())
		interrupt()
		o := invokeOn(ctx, nil, c.env, append([]string{"metadata"}, args(line)...)...)
		if o.status != exitInterrupted || o.stdout != "" || !strings.Contains(o.stderr, "dbtcloud: interrupted: ") {
			t.Errorf("%s: exit status %d, stdout %q, stderr %q", line, o.status, o.stdout, o.stderr)
		}
	}
}

// TestInterruptedWhileReading: nobody writes to standard input, and nobody waits for it any more.
func TestInterruptedWhileReading(t *testing.T) {
	t.Parallel()
	c := newShop(t)
	for _, line := range []string{"metadata query", "metadata query --file=-", "metadata query --query {a} --variables @-", "env-vars create --name DBT_A --project Analytics --environment CI --value-from-stdin"} {
		silent, end := io.Pipe()
		ctx, interrupt := context.WithCancel(t.Context())
		var stderr strings.Builder
		a := app{getenv: func(name string) string { return c.env[name] }, stdin: reading{silent, interrupt}, stdout: io.Discard, stderr: &stderr}
		if status := a.run(ctx, args(line)); status != exitInterrupted || !strings.Contains(stderr.String(), "dbtcloud: interrupted: ") {
			t.Errorf("%s: exit status %d, stderr %q", line, status, &stderr)
		}
		_ = end.Close()
	}
	if n := len(c.Requests()); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// reading tells when it is read.
type reading struct {
	io.Reader

	tell func()
}

func (r reading) Read(p []byte) (int, error) {
	r.tell()
	return r.Reader.Read(p)
}

func TestAssignments(t *testing.T) {
	t.Parallel()
	const query = `query($big: BigInt!, $int: Int, $float: Float, $on: Boolean, $text: String, $date: Date, $tags: [String!], $ids: [BigInt!]!, $filter: Filter, $any: AnyScalar) { a }`
	tests := []struct{ line, want string }{
		{"big=22", `{"big":22}`},
		{"big=9007199254740993", `{"big":9007199254740993}`},
		{"big=x int=1.5", `{"big":"x","int":1.5}`},
		{"big=", `{"big":""}`},
		{"int=-3 float=2e3 on=false", `{"float":2e3,"int":-3,"on":false}`},
		{"on=true", `{"on":true}`},
		{"on=yes", `{"on":"yes"}`},
		{"text=22 date=2026-01-31", `{"date":"2026-01-31","text":"22"}`},
		{"text=~a=b~", `{"text":" a=b "}`},
		{`text={"a":1}`, `{"text":"{\"a\":1}"}`},
		{"tags=a,b tags=c", `{"tags":["a,b","c"]}`},
		{`tags=["a","b"] tags=c ids=1`, `{"ids":[1],"tags":["a","b","c"]}`},
		{`filter={"ids":[9007199254740993]}`, `{"filter":{"ids":[9007199254740993]}}`},
		{`any=[1,"a"]`, `{"any":[1,"a"]}`},
		{"any=word other=[1]", `{"any":"word","other":"[1]"}`},
	}
	for _, test := range tests {
		var flag assignments
		for _, arg := range args(test.line) {
			if err := flag.Set(arg); err != nil {
				t.Fatal(err)
			}
		}
		vars := map[string]any{}
		if err := flag.into(vars, query); err != nil {
			t.Errorf("%s: %v", test.line, err)
		}
		got, err := plainJSON(vars)
		if diff := cmp.Diff(test.want, string(got)); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", test.line, err, diff)
		}
	}
}
