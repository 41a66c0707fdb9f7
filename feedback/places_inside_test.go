package feedback

import (
	"context"
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/internal/testenv"
)

func TestInsightsGoByTheProxy(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{"": "http://localhost:29418", "https://api.bitbucket.org/2.0": ""} {
		calls, err := Places{Getenv: func(name string) string { return map[string]string{"DBT_CLOUD_CI_HOST_URL": address}[name] }}.insightsCaller()
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, calls.base.String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		proxy, err := calls.http().Transport.(*http.Transport).Proxy(req)
		got := ""
		if proxy != nil {
			got = proxy.String()
		}
		if err != nil || got != want {
			t.Errorf("%s goes by the proxy %q, %v, want %q", calls.base, got, err, want)
		}
	}
	if _, err := (Places{Getenv: func(string) string { return "http://elsewhere.example" }}).insightsCaller(); !errors.Is(err, dbtcloud.ErrInvalid) {
		t.Errorf("to an address without TLS: %v", err)
	}
}

func TestExecute(t *testing.T) {
	t.Parallel()
	sh, err := exec.LookPath("sh")
	if err != nil {
		testenv.Skip(t, "no shell: %v", err)
	}
	if err := execute(t.Context(), "a\nb\n", sh, "-c", `test "$(cat)" = "$1"`, "sh", "a\nb"); err != nil {
		t.Errorf("the standard input does not arrive: %v", err)
	}
	err = execute(t.Context(), "", sh, "-c", `echo no token >&2; echo ::error::x; exit 3`)
	if err == nil || !strings.HasSuffix(err.Error(), `sh: exit status 3: "no token\n::error::x\n"`) {
		t.Errorf("a program that fails: %v", err)
	}
	if err := execute(t.Context(), "", "no-such-program-as-this"); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("a program that is not there: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := execute(ctx, "", sh, "-c", "exec sleep 600"); err == nil {
		t.Error("a program that does not end is no failure")
	}
}
