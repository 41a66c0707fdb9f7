package dbtcloudtest_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
)

// TestDiscoveryThroughTheClient asks with the SDK, in the process and over a socket: the metadata host is the same server.
func TestDiscoveryThroughTheClient(t *testing.T) {
	t.Parallel()
	s := newShop()
	inProcess, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	overHTTP, err := dbtcloud.New(dbtcloud.WithHost(s.Start(t)), dbtcloud.WithAccount(s.AccountID()), dbtcloud.WithToken(s.Token()))
	if err != nil {
		t.Fatal(err)
	}
	for name, client := range map[string]*dbtcloud.Client{"in the process": inProcess, "over HTTP": overHTTP} {
		var got struct {
			Environment struct{ DbtProjectName string }
		}
		vars := map[string]any{"id": production}
		if err := client.Metadata.Query(t.Context(), `query Name($id: BigInt!) { environment(id: $id) { dbtProjectName } }`, vars, &got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff("shop", got.Environment.DbtProjectName); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		vars["id"] = 7
		err := client.Metadata.Query(t.Context(), `query Name($id: BigInt!) { environment(id: $id) { dbtProjectName } }`, vars, &got)
		if _, ok := errors.AsType[*dbtcloud.Error](err); !ok {
			t.Errorf("%s: an unknown environment is %v, want an Error", name, err)
		}
	}
	if diff := cmp.Diff(map[string]int{"POST /graphql": 4}, s.CountRequests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}
