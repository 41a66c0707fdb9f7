package dbtcloud

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// anyPullRequest draws a valid pull request.
func anyPullRequest(t *rapid.T) PullRequest {
	return PullRequest{
		Host:   rapid.SampledFrom([]GitHost{GitHub, GitLab, AzureRepos, OtherHost}).Draw(t, "host"),
		Number: rapid.Int64Range(1, maxNumber).Draw(t, "number"),
	}
}

const nonceAlphabet = "abcdefghijklmnopqrstuvwxyz234567"

func anyNonce(t *rapid.T) string {
	return rapid.StringOfN(rapid.RuneFrom([]rune(nonceAlphabet)), 8, 8, -1).Draw(t, "nonce")
}

func anyMarker(t *rapid.T) marker {
	return marker{
		source:  rapid.Int64Range(1, 1<<63-1).Draw(t, "source"),
		pr:      anyPullRequest(t),
		sha12:   rapid.OneOf(rapid.Just(""), rapid.StringMatching(`[0-9a-f]{12}`)).Draw(t, "sha12"),
		seq:     rapid.Int64Range(0, maxNumber).Draw(t, "sequence"),
		nonce:   anyNonce(t),
		first:   rapid.Int64Range(0, 1<<63-1).Draw(t, "first"),
		waiting: rapid.Bool().Draw(t, "waiting"),
	}
}

func TestMarkerRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := anyMarker(t)
		text := rapid.String().Draw(t, "text")
		cause := m.cause(text)
		if n := len(m.String()); n > maxMarker {
			t.Errorf("the marker %s has %d characters", m, n)
		}
		if n := utf8.RuneCountInString(cause); n > maxCause {
			t.Errorf("the cause has %d characters", n)
		}
		got, ok := parseMarker(cause)
		if diff := cmp.Diff(m, got, cmp.AllowUnexported(marker{})); !ok || diff != "" {
			t.Errorf("parsed %t from %q (-want +got):\n%s", ok, cause, diff)
		}
	})
}

func TestMarkerText(t *testing.T) {
	t.Parallel()
	m := marker{source: 70506183137151, pr: PullRequest{GitHub, 50}, sha12: "0f3c00000000", seq: 35, nonce: "abcdefgh", first: 36, waiting: true}
	const want = "dci:gozq3d0vb3.1e.0f3c00000000.z.abcdefgh.10w"
	if got := m.String(); got != want {
		t.Errorf("marker %q, want %q", got, want)
	}
	tests := map[string]string{
		"":                       want,
		"  ":                     want,
		"nightly":                want + " nightly",
		strings.Repeat("x", 300): want + " " + strings.Repeat("x", 255-len(want)-1),
		strings.Repeat("é", 300): want + " " + strings.Repeat("é", 255-len(want)-1),
	}
	for text, want := range tests {
		if got := m.cause(text); got != want {
			t.Errorf("cause of %q: %q, want %q", text, got, want)
		}
	}
}

func TestParseMarkerRefuses(t *testing.T) {
	t.Parallel()
	for _, cause := range []string{
		"", "Triggered via API", "dci:", "dci:g1.1.-.0.abcdefgh.0",
		" dci:g1.1.-.0.abcdefgh.0w", "x dci:g1.1.-.0.abcdefgh.0w", "dci:g1.1.-.0.abcdefgh.0wx", "dci:g1.1.-.0.abcdefgh.0x",
		"dci:x1.1.-.0.abcdefgh.0w", "dci:g0.1.-.0.abcdefgh.0w", "dci:g1.0.-.0.abcdefgh.0w", "dci:g1.-1.-.0.abcdefgh.0w",
		"dci:g1.1..0.abcdefgh.0w", "dci:g1.1.0f3c.0.abcdefgh.0w", "dci:g1.1.0F3C00000000.0.abcdefgh.0w",
		"dci:g1.1.-.0.abcdefg.0w", "dci:gzzzzzzzzzzzzz.1.-.0.abcdefgh.0w", "dci:g1.1.-.0.abcdefgh.zzzzzzzzzzzzzw",
	} {
		if m, ok := parseMarker(cause); ok {
			t.Errorf("%q was read as %+v", cause, m)
		}
	}
}

// A cleanup's marker is read as what it is, and neither kind as the other.
func TestCleanupMarkerRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := cleanupMarker{source: rapid.Int64Range(1, 1<<63-1).Draw(t, "source"), pr: anyPullRequest(t),
			seq: rapid.Int64Range(0, maxNumber).Draw(t, "sequence"), nonce: anyNonce(t)}
		if n := len(m.String()); n > maxMarker {
			t.Errorf("the marker %s has %d characters", m, n)
		}
		got, ok := parseCleanup(m.String() + rapid.SampledFrom([]string{"", " ", " Cleanup of github#7"}).Draw(t, "text"))
		if diff := cmp.Diff(m, got, cmp.AllowUnexported(cleanupMarker{})); !ok || diff != "" {
			t.Errorf("parsed %t from %q (-want +got):\n%s", ok, m, diff)
		}
		if change, ok := parseMarker(m.String()); ok {
			t.Errorf("%q was read as the change %+v", m, change)
		}
		if cleanup, ok := parseCleanup(anyMarker(t).cause("")); ok {
			t.Errorf("a change was read as %+v", cleanup)
		}
	})
}

func TestParseCleanupRefuses(t *testing.T) {
	t.Parallel()
	for _, cause := range []string{
		"", "Cleanup of github#7", "dci-cleanup:g1.1.0", "dci-cleanup:g1.1.0.abcdefg", "dci-cleanup:g1.1.0.abcdefghi", " dci-cleanup:g1.1.0.abcdefgh",
		"dci-cleanup:x1.1.0.abcdefgh", "dci-cleanup:g0.1.0.abcdefgh", "dci-cleanup:g1.0.0.abcdefgh", "dci-cleanup:gzzzzzzzzzzzzz.1.0.abcdefgh", "dci-cleanup:g1.1.0.abcdefgh.1",
	} {
		if m, ok := parseCleanup(cause); ok {
			t.Errorf("%q was read as %+v", cause, m)
		}
	}
}

func TestNonces(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		n := newNonce()
		if len(n) != 8 || strings.Trim(n, nonceAlphabet) != "" || seen[n] {
			t.Fatalf("nonce %q, seen before: %t", n, seen[n])
		}
		seen[n] = true
	}
}

func TestCloneNameRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := cloneName{
			source: rapid.Int64Range(1, 1<<63-1).Draw(t, "source"), pr: anyPullRequest(t),
			nonce: anyNonce(t), kept: rapid.Bool().Draw(t, "kept"),
		}
		name := n.name(rapid.String().Draw(t, "name of the source"))
		if utf8.RuneCountInString(name) > maxName || !strings.HasPrefix(name, clonePrefix(n.source)) {
			t.Errorf("name %q", name)
		}
		got, ok := parseCloneName(name)
		if diff := cmp.Diff(n, got, cmp.AllowUnexported(cloneName{})); !ok || diff != "" {
			t.Errorf("parsed %t from %q (-want +got):\n%s", ok, name, diff)
		}
	})
}

func FuzzParseMarker(f *testing.F) {
	f.Add("dci:gozq3d0vb3.1e.0f3c00000000.z.abcdefgh.10w nightly")
	f.Add("dci:l1.1.-.0.abcdefgh.0n")
	f.Add("dci:a1y2p0ij32e8e7.2gosa7pa2gv.ffffffffffff.2gosa7pa2gv.zzzzzzzz.1y2p0ij32e8e7w")
	f.Add("Triggered via API")
	f.Fuzz(func(t *testing.T, cause string) {
		m, ok := parseMarker(cause)
		if !ok {
			return
		}
		if m.source <= 0 || m.pr.Number <= 0 || m.seq < 0 || m.first < 0 || m.pr.Host.field() == "" {
			t.Errorf("%q was read as %+v", cause, m)
		}
		again, ok := parseMarker(m.cause("text"))
		if diff := cmp.Diff(m, again, cmp.AllowUnexported(marker{})); !ok || diff != "" {
			t.Errorf("written again as %q and read %t (-want +got):\n%s", m, ok, diff)
		}
	})
}

func FuzzParseCleanup(f *testing.F) {
	f.Add("dci-cleanup:gozq3d0vb3.1e.z.abcdefgh Cleanup of github#50")
	f.Add("dci-cleanup:a1y2p0ij32e8e7.2gosa7pa2gv.2gosa7pa2gv.zzzzzzzz")
	f.Add("dci:l1.1.-.0.abcdefgh.0n")
	f.Fuzz(func(t *testing.T, cause string) {
		m, ok := parseCleanup(cause)
		if !ok {
			return
		}
		if m.source <= 0 || m.pr.Number <= 0 || m.seq < 0 || m.pr.Host.field() == "" {
			t.Errorf("%q was read as %+v", cause, m)
		}
		again, ok := parseCleanup(m.String())
		if diff := cmp.Diff(m, again, cmp.AllowUnexported(cleanupMarker{})); !ok || diff != "" {
			t.Errorf("written again as %q and read %t (-want +got):\n%s", m, ok, diff)
		}
	})
}

func FuzzParseCloneName(f *testing.F) {
	f.Add("dbtcloud-ci:70506183137151:github:50:abcdefgh:d Slim CI")
	f.Add("dbtcloud-ci:1:other:9007199254740991:zzzzzzzz:k")
	f.Add("Slim CI")
	f.Fuzz(func(t *testing.T, name string) {
		n, ok := parseCloneName(name)
		if !ok {
			return
		}
		if n.source <= 0 || n.pr.Number <= 0 || n.pr.Host.field() == "" {
			t.Errorf("%q was read as %+v", name, n)
		}
		again, ok := parseCloneName(n.name("Slim CI"))
		if diff := cmp.Diff(n, again, cmp.AllowUnexported(cloneName{})); !ok || diff != "" {
			t.Errorf("written again as %q and read %t (-want +got):\n%s", n, ok, diff)
		}
	})
}
