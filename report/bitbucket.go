package report

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Limits of Code Insights of Bitbucket Cloud. The numbers of annotations are documented
// (https://developer.atlassian.com/cloud/bitbucket/rest/api-group-reports/), the length of a summary is what the service answers to a
// longer one (https://github.com/reviewdog/reviewdog/issues/1285); no source is known of the other two, which are on the safe side.
const (
	BitbucketAnnotationLimit = 1000 // annotations of a report
	BitbucketBatchLimit      = 100  // annotations of a request
	BitbucketSummaryLimit    = 450  // characters of a title and of an annotation's summary
	BitbucketDetailsLimit    = 2000 // characters of the details of a report or an annotation
	BitbucketDataLimit       = 10   // entries of a report's data
)

// BitbucketInsights is what is sent to Code Insights of Bitbucket Cloud.
type BitbucketInsights struct {
	Report      []byte   // JSON, for PUT /2.0/repositories/{workspace}/{repo}/commit/{commit}/reports/{id}
	Annotations [][]byte // JSON, for as many POST to .../reports/{id}/annotations
}

type bitbucketReport struct {
	Title    string           `json:"title"`
	Details  string           `json:"details"`
	Reporter string           `json:"reporter"`
	Type     string           `json:"report_type"`
	Result   string           `json:"result"`
	Link     string           `json:"link,omitempty"`
	Data     []bitbucketDatum `json:"data"`
}

type bitbucketDatum struct {
	Title string `json:"title"`
	Type  string `json:"type"`
	Value int64  `json:"value"`
}

type bitbucketAnnotation struct {
	ExternalID string `json:"external_id"`
	Title      string `json:"title"`
	Type       string `json:"annotation_type"`
	Result     string `json:"result"`
	Severity   string `json:"severity"`
	Summary    string `json:"summary"`
	Details    string `json:"details"`
	Path       string `json:"path,omitempty"`
	Line       int    `json:"line,omitempty"`
}

// BitbucketReport renders the digest as a report of Code Insights and its annotations. The error is that of encoding, and does not happen.
func BitbucketReport(d *Digest) (*BitbucketInsights, error) {
	c := d.Counts
	r := bitbucketReport{
		Title: fmt.Sprintf("dbt run %d", d.Run.ID), Details: characters(d.bitbucketDetails(), BitbucketDetailsLimit),
		Reporter: "dbtcloud", Type: "TEST", Result: "FAILED", Link: webLink(d.Run.URL),
		Data: []bitbucketDatum{
			{"Built", "NUMBER", int64(c.Built)}, {"Tests passed", "NUMBER", int64(c.Passed)}, {"Tests failed", "NUMBER", int64(c.Failed)}, {"Errors", "NUMBER", int64(c.Errors)},
			{"Warnings", "NUMBER", int64(c.Warned)}, {"Skipped", "NUMBER", int64(c.Skipped)}, {"Duration", "DURATION", d.Duration.Milliseconds()},
		},
	}
	if d.Run.Succeeded() {
		r.Result = "PASSED"
	}
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	out := &BitbucketInsights{Report: body}
	for batch := range slices.Chunk(bitbucketAnnotations(d), BitbucketBatchLimit) {
		if body, err = json.Marshal(batch); err != nil {
			return nil, err
		}
		out.Annotations = append(out.Annotations, body)
	}
	return out, nil
}

func (d *Digest) bitbucketDetails() string {
	var text strings.Builder
	text.WriteString(line(d.Run.Status))
	for _, row := range d.facts() {
		text.WriteString("\n" + row[0] + ": " + row[1])
	}
	for _, note := range d.Notes {
		text.WriteString("\nnote: " + line(note))
	}
	return text.String()
}

func bitbucketAnnotations(d *Digest) []bitbucketAnnotation {
	var out []bitbucketAnnotation
	add := func(result, severity string, f Failure) {
		if len(out) == BitbucketAnnotationLimit {
			return
		}
		a := bitbucketAnnotation{
			ExternalID: fmt.Sprintf("dbtcloud-%d-%d", d.Run.ID, len(out)+1), Title: characters(f.title(), BitbucketSummaryLimit), Type: "BUG", Result: result, Severity: severity,
			Summary: characters(oneLine(f.text(), MaxLine), BitbucketSummaryLimit), Details: characters(f.text(), BitbucketDetailsLimit), Path: line(f.File),
		}
		if a.Path != "" {
			a.Line = max(f.Line, 0)
		}
		out = append(out, a)
	}
	for _, f := range d.Failures {
		add("FAILED", "HIGH", f)
	}
	for _, f := range d.Warnings {
		add("PASSED", "LOW", f)
	}
	return out
}

// characters is the start of a text, of at most most characters; what is cut is marked.
func characters(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-3]) + "..."
	}
	return text
}
