package hosts

import (
	"net"
	"net/url"
	"regexp"
	"strings"
)

// Kind says what an access host stands for.
type Kind int

// Kinds of access hosts. A host that nothing else is known of is a single tenant's.
const (
	SingleTenant Kind = iota
	Cell              // the accounts of a region; the first label is the account's own
	MultiTenant       // the accounts of a region on one address
	Local             // loopback or a plain IP address: a test server or a proxy
)

// Place is what an access host says of itself.
type Place struct {
	Kind   Kind
	Region string // where it is, empty if that is not known
	Prefix string // the account's own label, on a cell; empty if it was left out
	Cell   string // what follows the prefix, such as us1.dbt.com
}

// cells names the documented regions that have cells.
func cells() map[string]string {
	return map[string]string{
		"us1.dbt.com": "US, AWS", "us2.dbt.com": "US, Azure", "us3.dbt.com": "US, GCP",
		"eu1.dbt.com": "Frankfurt, AWS", "eu2.dbt.com": "Europe, Azure", "eu3.dbt.com": "London, GCP", "eu4.dbt.com": "Frankfurt, GCP",
		"au1.dbt.com": "Sydney, AWS", "au2.dbt.com": "Australia, Azure", "jp1.dbt.com": "Japan, AWS",
	}
}

// multiTenants names the regions of the multi-tenant hosts.
func multiTenants() map[string]string {
	return map[string]string{Default: "US", "emea.dbt.com": "EMEA", "au.dbt.com": "Australia"}
}

// cell matches PREFIX.REGION.dbt.com, where a region is letters and a digit (us1, eu4).
var cell = regexp.MustCompile(`^([^.]+)\.([a-z]{2}[0-9]\.dbt\.com)$`)

// Locate tells what an access host stands for, by its name alone.
func Locate(access *url.URL) Place {
	host := strings.ToLower(access.Hostname())
	if loopback(host) || net.ParseIP(host) != nil {
		return Place{Kind: Local}
	}
	if m := cell.FindStringSubmatch(host); m != nil {
		return Place{Kind: Cell, Region: cells()[m[2]], Prefix: m[1], Cell: m[2]}
	}
	if region := cells()[host]; region != "" {
		return Place{Kind: Cell, Region: region, Cell: host}
	}
	if region := multiTenants()[host]; region != "" {
		return Place{Kind: MultiTenant, Region: region}
	}
	return Place{Kind: SingleTenant}
}
