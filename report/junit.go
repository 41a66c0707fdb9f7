package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"time"
)

// The elements and attributes that all readers of JUnit files know: those of the Jenkins schema and its ancestors.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name      string        `xml:"name,attr"`
	ClassName string        `xml:"classname,attr"`
	Time      string        `xml:"time,attr"`
	Skipped   *junitSkipped `xml:"skipped"`
	Error     *junitProblem `xml:"error"`
	Failure   *junitProblem `xml:"failure"`
	Output    string        `xml:"system-out,omitempty"`
}

type junitSkipped struct{}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes the digest as a JUnit file: a test case for each failure, warning, skipped node and built model. A test that failed is
// a failure, anything else an error; a warning is a case that passed, with its message as output. GitLab, Azure, Jenkins, CircleCI and
// Bitbucket read it. The error is that of w.
func (d *Digest) JUnit(w io.Writer) error {
	s := junitSuite{Name: fmt.Sprintf("dbt run %d", d.Run.ID), Time: junitTime(d.Duration)}
	for _, f := range d.Failures {
		c, problem := newJUnitCase(f), &junitProblem{Message: oneLine(f.Message, MaxLine), Type: line(f.Status), Text: junitText(f)}
		if f.Status == "fail" {
			s.Failures, c.Failure = s.Failures+1, problem
		} else {
			s.Errors, c.Error = s.Errors+1, problem
		}
		s.Cases = append(s.Cases, c)
	}
	for _, f := range d.Warnings {
		c := newJUnitCase(f)
		c.Output = junitText(f)
		s.Cases = append(s.Cases, c)
	}
	for _, name := range d.Skipped {
		s.Cases = append(s.Cases, junitCase{Name: line(name), ClassName: "dbt", Time: junitTime(0), Skipped: &junitSkipped{}})
	}
	for _, name := range d.Built {
		s.Cases = append(s.Cases, junitCase{Name: line(name), ClassName: "dbt", Time: junitTime(0)})
	}
	s.Skipped, s.Tests = len(d.Skipped), len(s.Cases)
	file := junitSuites{Name: "dbt", Tests: s.Tests, Failures: s.Failures, Errors: s.Errors, Time: s.Time, Suites: []junitSuite{s}}
	text, err := xml.MarshalIndent(file, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, text)
	return err
}

func newJUnitCase(f Failure) junitCase {
	return junitCase{Name: line(f.Name), ClassName: "dbt." + line(f.Kind), Time: junitTime(f.Duration)}
}

func junitText(f Failure) string {
	text := block(f.Message, MaxMessage)
	if where := line(f.where()); where != "" {
		text = where + "\n" + text
	}
	if f.Failures > 0 {
		text += "\n" + rows(f.Failures)
	}
	return text
}

func junitTime(d time.Duration) string { return fmt.Sprintf("%.3f", max(d, 0).Seconds()) }
