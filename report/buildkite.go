package report

import "github.com/slimci/dbtcloud"

// BuildkiteAnnotationLimit is how many bytes the body of an annotation may have.
// Source: https://buildkite.com/docs/agent/cli/reference/annotate.
const BuildkiteAnnotationLimit = 1 << 20

// BuildkiteAnnotation renders the digest as the body of an annotation, for the standard input of buildkite-agent annotate.
func BuildkiteAnnotation(d *Digest) string { return d.Markdown(BuildkiteAnnotationLimit) }

// BuildkiteStyle is what fits behind --style of buildkite-agent annotate: success, warning, error, or info for a run that was cancelled
// or has not ended.
func BuildkiteStyle(d *Digest) string {
	switch {
	case d.Run.Status == dbtcloud.RunError.String():
		return "error"
	case !d.Run.Succeeded():
		return "info"
	case d.Counts.Warned > 0:
		return "warning"
	}
	return "success"
}
