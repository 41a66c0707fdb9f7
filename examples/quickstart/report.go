package main

import (
	"fmt"
	"strings"
)

// introduction says what is about to be seen.
func introduction(d document, pushes []push, p pen) string {
	speed := d.speed()
	return fmt.Sprintf(`%s

dbt Cloud tests each push to a pull request with a Slim CI job. Without concurrent CI, which only
some plans have, it runs that job once at a time. Here the same pushes are made twice: first with
that job alone, then with Autoscaling CI.

%s, %s, %s. dbt Cloud is a fake on this machine; all else is real:
HTTP, the SDK, a CI runner for each push. 1 second is shown as %d minutes, and runners look
at their runs every %.0f shown seconds. This takes about %.0f real seconds ...

`,
		p.bold("ONE SLIM CI JOB, MANY PULL REQUESTS"),
		counted(d.PullRequests, "pull request"), counted(len(pushes), "commit"), counted(d.Slots, "run slot"),
		d.MinutesPerSecond, looks(speed).Seconds()*speed, alone(pushes).real(speed).Seconds())
}

// report is all that is printed once both modes have run.
func report(d document, p pen) string {
	a := axisUntil(max(d.SlimCI.Figures.End, d.AutoscalingCI.Figures.End))
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n1b is the second commit of pull request 1. A bar begins when its run is triggered.\n\n", legend(p))
	fmt.Fprintf(&b, "%s  every push triggers the one job, which runs one at a time\n\n", p.bold("1. SLIM CI ALONE"))
	writePicture(&b, d.SlimCI, a, p)
	fmt.Fprintf(&b, "%s  pull requests run side by side, new commits cancel old runs\n\n", p.bold("2. AUTOSCALING CI"))
	writePicture(&b, d.AutoscalingCI, a, p)
	b.WriteString(table(d, p))
	b.WriteString(conclusion(d, p))
	return b.String()
}

func writePicture(b *strings.Builder, m mode, a axis, p pen) {
	for _, l := range drawMode(m, a) {
		b.WriteString(l.render(p) + "\n")
	}
	b.WriteString("\n")
}

// table sets the waiting times side by side.
func table(d document, p pen) string {
	slim, auto := d.SlimCI.Figures, d.AutoscalingCI.Figures
	var b strings.Builder
	row := func(name string, s, a wait) {
		fmt.Fprintf(&b, "  %-20s %9.1f %9.1f      %9.1f %9.1f      %9.1f\n",
			name, s.Start/minute, s.Result/minute, a.Start/minute, a.Result/minute, (s.Result-a.Result)/minute)
	}
	fmt.Fprintf(&b, "%s  in minutes, from the push of a pull request's last commit to its start and its result\n\n", p.bold("3. THE WAIT"))
	fmt.Fprintf(&b, "  %-20s %19s      %19s      %9s\n", "", "Slim CI alone", "Autoscaling CI", "sooner")
	fmt.Fprintf(&b, "  %-20s %9s %9s      %9s %9s      %9s\n", "", "start", "result", "start", "result", "by")
	for i, s := range slim.Waits {
		row(fmt.Sprintf("pull request %d", s.PullRequest), s, auto.Waits[i])
	}
	b.WriteString("  " + strings.Repeat("─", 80) + "\n")
	row("mean", wait{0, slim.MeanStart, slim.MeanResult}, wait{0, auto.MeanStart, auto.MeanResult})
	row("longest", wait{0, slim.LongestStart, slim.LongestResult}, wait{0, auto.LongestStart, auto.LongestResult})
	b.WriteString("\n")
	return b.String()
}

// conclusion says what was saved.
func conclusion(d document, p pen) string {
	slim, auto := d.SlimCI.Figures, d.AutoscalingCI.Figures
	saved := "Nothing was saved."
	if auto.MeanResult < slim.MeanResult {
		saved = fmt.Sprintf("Autoscaling CI saved %.0f %% of the waiting:", 100*(1-auto.MeanResult/slim.MeanResult))
	}
	return fmt.Sprintf("%s on average a result after %.1f minutes instead of %.1f.\n"+
		"%s cancelled: all runs together took %.1f minutes instead of %.1f.\n%s of the job made, %d deleted.\n",
		p.bold("%s", saved), auto.MeanResult/minute, slim.MeanResult/minute,
		counted(auto.CancelledOutdated, "outdated run"), auto.Running/minute, slim.Running/minute,
		counted(auto.ClonesMade, "clone"), auto.ClonesDeleted)
}

// counted is a number with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
