package dbtcloud_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hasura/go-graphql-client"

	"github.com/slimci/dbtcloud"
)

type jobModels struct {
	Job struct{ Models []struct{ UniqueID string } }
}

// TestQueryIsRepeated: a query is a read, though it is a POST.
func TestQueryIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s := scripted(t, func(n int, _ *http.Request) (*http.Response, error) {
			if n < 3 {
				return response(503, "text/plain", ""), nil
			}
			return response(200, "application/json", `{"data":{}}`), nil
		})
		if err := c.Metadata.Query(t.Context(), "query($id: Int) { job(id: $id) { id } }", map[string]any{"id": 1}, new(jobModels)); err != nil {
			t.Fatal(err)
		}
		var bodies []string
		for _, r := range s.requests() {
			bodies = append(bodies, strings.TrimSpace(r.Body))
		}
		want := `{"query":"query($id: Int) { job(id: $id) { id } }","variables":{"id":1}}`
		if diff := cmp.Diff([]string{want, want, want}, bodies); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestQueryRefusesVariables(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, always(200, "application/json", `{"data":{}}`))
	if err := c.Metadata.Query(t.Context(), "query { job }", map[string]any{"f": func() {}}, nil); !errors.Is(err, dbtcloud.ErrInvalid) || len(s.lines()) != 0 {
		t.Errorf("error %v after %v, want ErrInvalid", err, s.lines())
	}
}

// TestMetadataURL: the endpoint is derived, or the one that was given; the token goes
// to it and nowhere else.
func TestMetadataURL(t *testing.T) {
	t.Parallel()
	for want, opts := range map[string][]dbtcloud.Option{
		"https://ab123.metadata.us1.dbt.com/graphql":      nil,
		"https://metadata.emea.dbt.com/graphql":           {dbtcloud.WithHost("emea.dbt.com")},
		"https://meta.example.com/beta/graphql":           {dbtcloud.WithMetadataURL("https://meta.example.com/beta/graphql")},
		"https://ab123.metadata.eu1.dbt.com:8443/graphql": {dbtcloud.WithHost("https://ab123.eu1.dbt.com:8443/")},
	} {
		c, s := scripted(t, always(200, "application/json", `{"data":{}}`), opts...)
		if err := c.Metadata.Query(t.Context(), "query { x }", nil, nil); err != nil {
			t.Fatal(err)
		}
		if r := s.requests()[0]; r.URL != want || r.Header.Get("Authorization") != "Token "+secret {
			t.Errorf("sent to %s with %v, want %s", r.URL, r.Header, want)
		}
	}
}

// TestMetadataURLThatLeadsNowhere: a host that nobody has written is explained.
func TestMetadataURLThatLeadsNowhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		unknown := error(&net.DNSError{Err: "no such host", Name: "metadata.dbt.example.com", IsNotFound: true})
		c, _ := scripted(t, func(int, *http.Request) (*http.Response, error) { return nil, unknown })
		const advice = "WithMetadataURL or DBT_CLOUD_METADATA_URL has its address"
		if err := c.Metadata.Query(t.Context(), "{ x }", nil, nil); !errors.Is(err, unknown) || !strings.HasSuffix(err.Error(), advice) {
			t.Errorf("error %v, want one with the advice", err)
		}
		unknown = errors.New("connection refused")
		if err := c.Metadata.Query(t.Context(), "{ x }", nil, nil); !errors.Is(err, unknown) || strings.Contains(err.Error(), advice) {
			t.Errorf("error %v, want one without the advice", err)
		}
	})
}

// TestQuerySendsWhatItIsGiven: the variables go out as they are, and stay as they are; the
// operation is named where the query names it.
func TestQuerySendsWhatItIsGiven(t *testing.T) {
	t.Parallel()
	var none *string
	tests := []struct {
		name, query string
		vars        map[string]any
		want        string
	}{
		{"no variables", "{ job(id: 9) { runId } }", nil, `{"query":"{ job(id: 9) { runId } }"}`},
		{"a name", "query Mine { job(id: 9) { runId } }", nil, `{"query":"query Mine { job(id: 9) { runId } }","operationName":"Mine"}`},
		{"ids", "query ($a: BigInt!, $b: BigInt) { job(id: $a, runId: $b) { runId } }", map[string]any{"a": int64(1) << 60, "b": "9007199254740993"},
			`{"query":"query ($a: BigInt!, $b: BigInt) { job(id: $a, runId: $b) { runId } }","variables":{"a":1152921504606846976,"b":"9007199254740993"}}`},
		{"nothing", "query ($a: BigInt!, $b: BigInt, $c: String) { job(id: $a, runId: $b) { model(uniqueId: $c) { name } } }", map[string]any{"a": 1, "b": nil, "c": none},
			`{"query":"query ($a: BigInt!, $b: BigInt, $c: String) { job(id: $a, runId: $b) { model(uniqueId: $c) { name } } }","variables":{"a":1,"b":null,"c":null}}`},
	}
	for _, test := range tests {
		c, s := scripted(t, always(200, "application/json", `{"data":{"job":null}}`))
		before := maps.Clone(test.vars)
		err := c.Metadata.Query(t.Context(), test.query, test.vars, nil)
		if diff := cmp.Diff(before, test.vars); err != nil || diff != "" {
			t.Errorf("%s: error %v, variables changed (-before +after):\n%s", test.name, err, diff)
			continue
		}
		r := s.requests()[0]
		if diff := cmp.Diff(test.want, strings.TrimSpace(r.Body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if got := []string{r.Header.Get("Content-Type"), r.Header.Get("Accept")}; got[0] != "application/json" || got[1] != "application/json" {
			t.Errorf("%s: headers %v", test.name, r.Header)
		}
	}
}

// TestQueryHearsTheHeadersOfARefusal: the GraphQL client drops them, this package does not.
func TestQueryHearsTheHeadersOfARefusal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := scripted(t, func(int, *http.Request) (*http.Response, error) {
			resp := response(429, "application/json", `{"errors":[{"message":"wait"}]}`)
			resp.Header.Set("Retry-After", "7")
			resp.Header.Set("X-Request-Id", "r-1")
			return resp, nil
		}, noRetry)
		err := c.Metadata.Query(t.Context(), "{ job(id: 9) { runId } }", nil, nil)
		if e, ok := errors.AsType[*dbtcloud.Error](err); !ok || e.RequestID != "r-1" || time.Until(c.Metadata.PausedUntil()) != 7*time.Second {
			t.Errorf("%v, paused for %v; want the id and 7s", err, time.Until(c.Metadata.PausedUntil()))
		}
	})
}

// TestQueryDoesNotOutlastItsContext: the GraphQL client would sleep through it.
func TestQueryDoesNotOutlastItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s := scripted(t, func(int, *http.Request) (*http.Response, error) {
			resp := response(503, "text/plain", "")
			resp.Header.Set("Retry-After", "3")
			return resp, nil
		})
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		err := c.Metadata.Query(ctx, "{ job(id: 9) { runId } }", nil, nil)
		if !errors.Is(err, dbtcloud.ErrServer) || !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 0 || len(s.requests()) != 1 {
			t.Errorf("%v after %v and %d requests, want both at once", err, time.Since(begin), len(s.requests()))
		}
		cancel()
		if err := c.Metadata.Query(ctx, "{ job(id: 9) { runId } }", nil, nil); !errors.Is(err, context.Canceled) || len(s.requests()) != 1 {
			t.Errorf("%v after %d requests, want Canceled and none", err, len(s.requests()))
		}
	})
}

// TestQueryHidesTheGraphQLClient: its errors, which may repeat the headers of the request
// and hide the body of the answer, do not come out.
func TestQueryHidesTheGraphQLClient(t *testing.T) {
	t.Parallel()
	answers := map[string]func(int, *http.Request) (*http.Response, error){
		"400":       always(400, "application/json", `{"errors":[{"message":"x"}]}`),
		"500":       always(500, "text/html", `<html>`),
		"errors":    always(200, "application/json", `{"errors":[{"message":"x"}]}`),
		"no JSON":   always(200, "text/html", `<html>`),
		"transport": func(int, *http.Request) (*http.Response, error) { return nil, io.ErrClosedPipe },
	}
	for name, answer := range answers {
		c, _ := scripted(t, answer, noRetry)
		err := c.Metadata.Query(t.Context(), "{ job(id: 9) { runId } }", nil, nil)
		if _, ok := errors.AsType[graphql.Errors](err); ok || err == nil || strings.Contains(err.Error(), "Authorization") || strings.Contains(err.Error(), "request_error") {
			t.Errorf("%s: %v", name, err)
		}
		if name == "transport" && (!errors.Is(err, io.ErrClosedPipe) || !strings.HasPrefix(err.Error(), "dbtcloud: POST /graphql: ")) {
			t.Errorf("%s: %v, want what happened", name, err)
		}
	}
}

// TestQueryFollowsNoRedirect: it would arrive elsewhere, without its body.
func TestQueryFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, func(int, *http.Request) (*http.Response, error) {
		return redirectTo("https://metadata.example.com/graphql")
	})
	err := c.Metadata.Query(t.Context(), "{ job(id: 9) { runId } }", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "redirect refused") || len(s.requests()) != 1 {
		t.Errorf("%v after %d requests, want it refused", err, len(s.requests()))
	}
}

// api answers the requests to /graphql by metadata and the others by rest.
func api(metadata, rest func() *http.Response) func(int, *http.Request) (*http.Response, error) {
	return func(_ int, req *http.Request) (*http.Response, error) {
		if strings.HasSuffix(req.URL.Path, "/graphql") {
			return metadata(), nil
		}
		return rest(), nil
	}
}

// TestPausesAreApart: a 429 of one API does not hold the other up, neither does a
// throttle that comes as a 200.
func TestPausesAreApart(t *testing.T) {
	t.Parallel()
	const throttle = `{"data":null,"errors":[{"message":"Rate limit exceeded"}]}`
	data := func() *http.Response { return response(200, "application/json", `{"data":{}}`) }
	job := func() *http.Response { return response(200, "application/json", envelope(fixture(t, "job.json"))) }
	slow := func() *http.Response { return response(429, "text/plain", "slow down") }
	hidden := func() *http.Response { return response(200, "application/json", throttle) }
	tests := map[string]struct {
		answer   func(int, *http.Request) (*http.Response, error)
		metadata bool // is paused
	}{
		"429 of metadata":      {api(slow, job), true},
		"throttle in a 200":    {api(hidden, job), true},
		"429 of REST":          {api(data, slow), false},
		"a 200 of REST is one": {api(data, func() *http.Response { return response(200, "application/json", throttle) }), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, _ := scripted(t, test.answer, noRetry)
				begin := time.Now()
				_, restErr := c.Jobs.Get(t.Context(), 9)
				queryErr := c.Metadata.Query(t.Context(), "{ job(id: 9) { runId } }", nil, nil)
				want := []time.Time{{}, {}} // of REST and of metadata
				paused, errs := c.Metadata.PausedUntil(), []error{restErr, queryErr}
				switch {
				case test.metadata:
					want[1] = begin.Add(5 * time.Minute)
				case name == "429 of REST":
					want[0] = begin.Add(5 * time.Minute)
				}
				if diff := cmp.Diff(want, []time.Time{c.PausedUntil(), paused}); diff != "" {
					t.Errorf("paused until (-want +got):\n%s", diff)
				}
				for i, err := range errs {
					if !want[i].IsZero() != errors.Is(err, dbtcloud.ErrRateLimited) {
						t.Errorf("errors %v", errs)
					}
				}
				if time.Since(begin) != 0 {
					t.Errorf("took %v", time.Since(begin))
				}
			})
		})
	}
}

// TestMetadataThrottle: a throttle is waited out as every 429 is, and where there is no
// time for that the caller gets both, at once.
func TestMetadataThrottle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s := scripted(t, func(n int, _ *http.Request) (*http.Response, error) {
			if n == 2 {
				return response(200, "application/json", `{"data":{}}`), nil
			}
			return response(200, "application/json", `{"errors":[{"message":"Too many requests"}]}`), nil
		})
		begin := time.Now()
		if err := c.Metadata.Query(t.Context(), "{ job(id: 9) { runId } }", nil, nil); err != nil || time.Since(begin) != 5*time.Minute {
			t.Errorf("error %v after %v, want an answer after five minutes", err, time.Since(begin))
		}
		short, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for range 2 { // the second is not even sent
			err := c.Metadata.Query(short, "{ job(id: 9) { runId } }", nil, nil)
			if !errors.Is(err, dbtcloud.ErrRateLimited) || !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "5,000") || !strings.Contains(err.Error(), "500 requests a minute") {
				t.Errorf("error %v, want the limit and the deadline", err)
			}
		}
		if len(s.requests()) != 3 {
			t.Errorf("%d requests, want 3", len(s.requests()))
		}
	})
}

// TestMetadataRate: the client's own limit holds for the Discovery API alone, both of its
// endpoints together, and says that it is the client's own.
func TestMetadataRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		data := func() *http.Response { return response(200, "application/json", `{"data":{}}`) }
		c, s := scripted(t, api(data, func() *http.Response { return response(200, "application/json", envelope(fixture(t, "job.json"))) }), dbtcloud.WithMetadataRate(10))
		begin := time.Now()
		for range 2 {
			if err := c.Metadata.Query(t.Context(), "{ job(id: 9) { runId } }", nil, nil); err != nil {
				t.Fatal(err)
			}
		}
		for range 100 {
			if _, err := c.Jobs.Get(t.Context(), 9); err != nil {
				t.Fatal(err)
			}
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := c.Metadata.Query(short, "{ job(id: 9) { runId } }", nil, nil)
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, dbtcloud.ErrRateLimited) || !strings.Contains(err.Error(), "dbtcloud: POST /graphql: transport: the limit of this client, 10 requests a minute") {
			t.Errorf("error %v, want the client's limit", err)
		}
		if len(s.requests()) != 102 || time.Since(begin) != 0 {
			t.Errorf("%d requests in %v, want 102 at once", len(s.requests()), time.Since(begin))
		}
		for range 20 {
			if err := c.Metadata.Query(t.Context(), "{ job(id: 9) { runId } }", nil, nil); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begin); took < time.Minute || took > 3*time.Minute {
			t.Errorf("22 queries took %v at 10 a minute", took)
		}
	})
}
