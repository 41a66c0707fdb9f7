package dbtcloud_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// TestPagesOfModels: n models are ceil(n/500) requests, and one where there are none.
func TestPagesOfModels(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{0: 1, 1: 1, 499: 1, 500: 1, 501: 2, 1000: 2, 1001: 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			nodes := []dbtcloudtest.Node{{"uniqueId": "source.shop.raw.orders"}}
			for i := range n {
				nodes = append(nodes, dbtcloudtest.Node{"uniqueId": fmt.Sprintf("model.shop.m%04d", i)})
			}
			fake := dbtcloudtest.New()
			fake.AddNodes(production, nodes...)
			requests := 0
			c, err := fake.Client(dbtcloud.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
				return middleware(func(req *http.Request) (*http.Response, error) {
					requests++
					return next.RoundTrip(req)
				})
			}))
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]bool{}
			for m, err := range c.Metadata.Models(t.Context(), production, dbtcloud.ModelFilter{}) {
				if err != nil {
					t.Fatal(err)
				}
				seen[m.UniqueID] = true
			}
			if len(seen) != n || requests != want {
				t.Errorf("%d models in %d requests, want %d in %d", len(seen), requests, n, want)
			}
		})
	}
}
