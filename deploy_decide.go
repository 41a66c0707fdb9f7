package dbtcloud

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// deployMark is what a deployment writes at the front of its run's cause: all that one
// runner can tell another.
type deployMark struct {
	line  string // of the job, the branch and the overrides: only on one line deployments replace each other
	sha12 string // start of the commit
	seq   int64  // of the merge, 0 if unknown
	nonce string // of the invocation
	every bool   // the run is not to be coalesced
}

func (m deployMark) String() string {
	kind := "c"
	if m.every {
		kind = "e"
	}
	return strings.Join([]string{"dcd:" + m.line, m.sha12, base36(m.seq), m.nonce, kind}, ".")
}

var deployPattern = regexp.MustCompile(`^dcd:([0-9a-f]{12})\.([0-9a-f]{12})\.([0-9a-z]{1,11})\.([0-9a-z]{8})\.([ce])(?: |$)`)

// parseDeployMark reads the marker of a deployment at the front of a cause.
func parseDeployMark(cause string) (deployMark, bool) {
	f := deployPattern.FindStringSubmatch(cause)
	if f == nil {
		return deployMark{}, false
	}
	seq, err := strconv.ParseInt(f[3], 36, 64)
	return deployMark{line: f[1], sha12: f[2], seq: seq, nonce: f[4], every: f[5] == "e"}, err == nil && seq <= maxNumber
}

// deployClaim is a merge as it competes with others.
type deployClaim struct {
	job    int64
	branch string
	sha    string
	mark   deployMark
	run    int64 // of the merge; 0: it has none yet
}

func newDeployClaim(d *Deployer, m Merge) deployClaim {
	mark := deployMark{line: deployLine(d, m.Branch), sha12: strings.ToLower(m.SHA[:12]), seq: m.Sequence, nonce: newNonce(), every: d.Every}
	return deployClaim{job: d.JobID, branch: m.Branch, sha: m.SHA, mark: mark}
}

// deployLine is short for everything that makes two deployments replace each other.
func deployLine(d *Deployer, branch string) string {
	t := d.Overrides
	t.Cause, t.GitBranch = "", branch
	body, _ := json.Marshal(t) // it has been validated
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", d.JobID, body))
	return hex.EncodeToString(sum[:6])
}

// deployment is a run with the marker of a deployment.
type deployment struct {
	*Run
	mark deployMark
}

func (r deployment) alive() bool { return !r.Status.Terminal() }

// rivals are the deployments on the claim's line, without its own run. A cause may have
// been copied from another run, which then has another commit or branch.
func (us deployClaim) rivals(runs []*Run) []deployment {
	var rivals []deployment
	for _, r := range runs {
		if r.JobID != us.job || r.ID == us.run || r.Trigger == nil {
			continue
		}
		m, ok := parseDeployMark(r.Trigger.Cause)
		commit, branch := strings.ToLower(r.Trigger.GitSHA), r.Trigger.GitBranch
		foreign := m.line != us.mark.line || commit != "" && !strings.HasPrefix(commit, m.sha12) || branch != "" && branch != us.branch
		if ok && !foreign {
			rivals = append(rivals, deployment{r, m})
		}
	}
	return rivals
}

// same tells whether a deployment is of the same commit.
func (us deployClaim) same(r deployment) bool {
	return r.mark.sha12 == us.mark.sha12 && (r.Trigger.GitSHA == "" || strings.EqualFold(r.Trigger.GitSHA, us.sha))
}

// outdatedBy tells whether a deployment is of a newer merge than the claim.
func (us deployClaim) outdatedBy(r deployment) bool {
	return newerMerge(r.mark.seq, r.ID, us.mark.seq, us.run)
}

// newerMerge is the order of merges: by sequence if both have one, else by run. A merge
// that has no run yet is the newest.
func newerMerge(seq, run, thanSeq, thanRun int64) bool {
	if seq > 0 && thanSeq > 0 && seq != thanSeq {
		return seq > thanSeq
	}
	return thanRun != 0 && (run == 0 || run > thanRun)
}

// deployPlan is what is done about the deployments beside a claim.
type deployPlan struct {
	decision Decision // Superseded, Adopt, or none
	run      int64    // to give way to, or to adopt
	cancel   []int64  // if there is no decision: what may be cancelled while it is queued, the next one to start first
}

// decideDeployment is the whole decision, as a function of the runs that were seen, by
// id: before the trigger, and after it with the claim's own run among them. A run that
// has ended counts only as one that came between two of the same commit, so that all
// runners see the same while they give way to each other.
func decideDeployment(runs []*Run, us deployClaim) deployPlan {
	rivals := us.rivals(runs)
	if newest := us.newest(rivals); newest != 0 && (!us.mark.every || us.run == 0) {
		return deployPlan{decision: Superseded, run: newest}
	}
	for _, r := range rivals {
		if r.alive() && us.same(r) && (us.run == 0 || r.ID < us.run) && !us.between(rivals, r.mark.seq, r.ID, us.mark.seq, us.run) {
			return deployPlan{decision: Adopt, run: r.ID}
		}
	}
	var p deployPlan
	for _, r := range rivals {
		duplicate := us.same(r) && r.ID > us.run && !us.between(rivals, us.mark.seq, us.run, r.mark.seq, r.ID)
		older := !us.outdatedBy(r) && !us.mark.every && !r.mark.every
		if us.run != 0 && r.Status == RunQueued && (duplicate || older) {
			p.cancel = append(p.cancel, r.ID)
		}
	}
	return p
}

// newest is the newest of the deployments that are of newer merges than the claim; 0 if
// there are none.
func (us deployClaim) newest(rivals []deployment) int64 {
	var newest deployment
	for _, r := range rivals {
		if r.alive() && !us.same(r) && us.outdatedBy(r) && (newest.Run == nil || newerMerge(r.mark.seq, r.ID, newest.mark.seq, newest.ID)) {
			newest = r
		}
	}
	if newest.Run == nil {
		return 0
	}
	return newest.ID
}

// between tells whether another merge came between two of the claim's commit, as after a
// revert of a revert: they are then no duplicates. Before the newer one has a run only
// sequences can tell.
func (us deployClaim) between(rivals []deployment, seq, run, laterSeq, laterRun int64) bool {
	for _, r := range rivals {
		unknown := laterRun == 0 && (laterSeq == 0 || r.mark.seq == 0)
		if !us.same(r) && !unknown && newerMerge(r.mark.seq, r.ID, seq, run) && newerMerge(laterSeq, laterRun, r.mark.seq, r.ID) {
			return true
		}
	}
	return false
}
