package hosts_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/internal/hosts"
)

func TestLocate(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]hosts.Place{
		"ab123.us1.dbt.com":           {Kind: hosts.Cell, Region: "US, AWS", Prefix: "ab123", Cell: "us1.dbt.com"},
		"https://AB123.EU4.dbt.com/":  {Kind: hosts.Cell, Region: "Frankfurt, GCP", Prefix: "ab123", Cell: "eu4.dbt.com"},
		"ab123.xx9.dbt.com":           {Kind: hosts.Cell, Prefix: "ab123", Cell: "xx9.dbt.com"}, // a cell of tomorrow
		"cloud.getdbt.com":            {Kind: hosts.MultiTenant, Region: "US"},
		"emea.dbt.com":                {Kind: hosts.MultiTenant, Region: "EMEA"},
		"au.dbt.com":                  {Kind: hosts.MultiTenant, Region: "Australia"},
		"us1.dbt.com":                 {Kind: hosts.Cell, Region: "US, AWS", Cell: "us1.dbt.com"}, // no account lives there
		"abc.getdbt.com":              {Kind: hosts.SingleTenant},
		"dbt.example.com":             {Kind: hosts.SingleTenant},
		"ab123.us1.dbt.com.evil.test": {Kind: hosts.SingleTenant},
		"http://127.0.0.1:8580":       {Kind: hosts.Local},
		"http://localhost:8580":       {Kind: hosts.Local},
		"10.0.0.1":                    {Kind: hosts.Local},
	} {
		u, err := hosts.Parse(host)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, hosts.Locate(u)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", host, diff)
		}
	}
}
