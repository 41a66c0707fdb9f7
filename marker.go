package dbtcloud

import (
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// marker is what this package writes at the front of a run's cause. It is all
// that one runner can tell another: the API has no lock and no other free text.
type marker struct {
	source  int64 // the source job
	pr      PullRequest
	sha12   string // start of the commit; empty for a change with a branch only
	seq     int64  // of the change, 0 if unknown
	nonce   string // of the invocation
	first   int64  // first run of the change; 0: this one
	waiting bool   // somebody waits, and would move the run
}

// maxMarker is the longest marker: 255 characters of cause leave room for a text.
const maxMarker = 80

// maxNumber bounds what a marker carries, to what JSON numbers keep exactly.
const maxNumber = 1<<53 - 1

// hostLetter and hostOf stand for the git hosts in a marker.
func hostLetter(h GitHost) string {
	switch h {
	case GitHub:
		return "g"
	case GitLab:
		return "l"
	case AzureRepos:
		return "a"
	default:
		return "o"
	}
}

func hostOf(letter string) GitHost {
	for _, h := range []GitHost{GitHub, GitLab, AzureRepos} {
		if hostLetter(h) == letter {
			return h
		}
	}
	return OtherHost
}

func (m marker) String() string {
	sha12, wait := m.sha12, "n"
	if sha12 == "" {
		sha12 = "-"
	}
	if m.waiting {
		wait = "w"
	}
	return strings.Join([]string{"dci:" + hostLetter(m.pr.Host) + base36(m.source), base36(m.pr.Number), sha12,
		base36(m.seq), m.nonce, base36(m.first) + wait}, ".")
}

func base36(n int64) string { return strconv.FormatInt(n, 36) }

var markerPattern = regexp.MustCompile(`^dci:([glao])([0-9a-z]{1,13})\.([0-9a-z]{1,11})\.([0-9a-f]{12}|-)\.([0-9a-z]{1,11})\.([0-9a-z]{8})\.([0-9a-z]{1,13})([wn])(?: |$)`)

// parseMarker reads the marker at the front of a cause.
func parseMarker(cause string) (marker, bool) {
	f := markerPattern.FindStringSubmatch(cause)
	if f == nil {
		return marker{}, false
	}
	var numbers [4]int64
	for i, s := range []string{f[2], f[3], f[5], f[7]} {
		n, err := strconv.ParseInt(s, 36, 64)
		if err != nil {
			return marker{}, false
		}
		numbers[i] = n
	}
	m := marker{source: numbers[0], pr: PullRequest{hostOf(f[1]), numbers[1]}, sha12: f[4], seq: numbers[2], nonce: f[6], first: numbers[3], waiting: f[8] == "w"}
	if m.sha12 == "-" {
		m.sha12 = ""
	}
	return m, m.source > 0 && m.pr.Number > 0
}

// cause puts a marker before the user's text, which is cut to what fits.
func (m marker) cause(text string) string { return withMarker(m.String(), text) }

func withMarker(marker, text string) string {
	room := maxCause - len(marker) - 1
	if r := []rune(text); len(r) > room {
		text = string(r[:room])
	}
	return strings.TrimSpace(marker + " " + text)
}

// cleanupMarker is what this package writes at the front of the cause of a run that
// cleans up after a pull request. Such a run has no pull request, which would take a
// commit, and it is no change: it is read apart from those.
type cleanupMarker struct {
	source int64 // the source job
	pr     PullRequest
	seq    int64 // of the closing pipeline, 0 if unknown
	nonce  string
}

func (m cleanupMarker) String() string {
	return strings.Join([]string{"dci-cleanup:" + hostLetter(m.pr.Host) + base36(m.source), base36(m.pr.Number), base36(m.seq), m.nonce}, ".")
}

var cleanupPattern = regexp.MustCompile(`^dci-cleanup:([glao])([0-9a-z]{1,13})\.([0-9a-z]{1,11})\.([0-9a-z]{1,11})\.([0-9a-z]{8})(?: |$)`)

// parseCleanup reads the marker at the front of a cause.
func parseCleanup(cause string) (cleanupMarker, bool) {
	f := cleanupPattern.FindStringSubmatch(cause)
	if f == nil {
		return cleanupMarker{}, false
	}
	source, err1 := strconv.ParseInt(f[2], 36, 64)
	number, err2 := strconv.ParseInt(f[3], 36, 64)
	seq, err3 := strconv.ParseInt(f[4], 36, 64)
	if errors.Join(err1, err2, err3) != nil {
		return cleanupMarker{}, false
	}
	m := cleanupMarker{source: source, pr: PullRequest{hostOf(f[1]), number}, seq: seq, nonce: f[5]}
	return m, source > 0 && number > 0
}

// newNonce is 8 characters that no other invocation has.
func newNonce() string {
	return strings.ToLower(rand.Text()[:8])
}

// cloneName is the marker of a clone, at the front of its name: a job without it
// is never changed or deleted.
type cloneName struct {
	source int64
	pr     PullRequest
	nonce  string
	kept   bool // not to be deleted by sweeps
}

const cloneTag = "dbtcloud-ci"

// maxName is how long the name and the description of a job may be.
const maxName = 255

func (n cloneName) String() string {
	keep := "d"
	if n.kept {
		keep = "k"
	}
	return fmt.Sprintf("%s%s:%d:%s:%s", clonePrefix(n.source), n.pr.Host, n.pr.Number, n.nonce, keep)
}

// clonePrefix is what the names of all clones of a job start with.
func clonePrefix(source int64) string { return fmt.Sprintf("%s:%d:", cloneTag, source) }

// name puts the marker before the source job's name, cut to what fits.
func (n cloneName) name(of string) string {
	r := []rune(n.String() + " " + of)
	return string(r[:min(len(r), maxName)])
}

var cloneNamePattern = regexp.MustCompile(`^` + cloneTag + `:([0-9]{1,19}):(github|gitlab|azure|other):([0-9]{1,16}):([0-9a-z]{8}):([dk])(?: |$)`)

// parseCloneName reads the marker at the front of a job's name.
func parseCloneName(name string) (cloneName, bool) {
	f := cloneNamePattern.FindStringSubmatch(name)
	if f == nil {
		return cloneName{}, false
	}
	source, err1 := strconv.ParseInt(f[1], 10, 64)
	number, err2 := strconv.ParseInt(f[3], 10, 64)
	n := cloneName{source: source, pr: PullRequest{GitHost(f[2]), number}, nonce: f[4], kept: f[5] == "k"}
	return n, err1 == nil && err2 == nil && source > 0 && number > 0
}
