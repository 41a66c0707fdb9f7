package report

import (
	"cmp"
	"math"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/manifest"
)

// nodeOf is what the manifest tells of a node, or else its id; never nil.
func nodeOf(id string, s StepInputs) *manifest.Node {
	node := manifest.Node{}
	if s.Manifest != nil && s.Manifest.Nodes[id] != nil {
		node = *s.Manifest.Nodes[id]
	}
	kind, name := splitID(id)
	node.Name, node.ResourceType = line(cmp.Or(node.Name, name)), line(cmp.Or(node.ResourceType, kind))
	return &node
}

// nodeFailure is what is known of a node's result that is to be told.
func nodeFailure(r manifest.Result, node *manifest.Node, s StepInputs, project string) Failure {
	f := Failure{
		UniqueID: line(r.UniqueID), Name: node.Name, Kind: node.ResourceType, Status: line(string(r.Status)), Message: block(r.Message, MaxMessage),
		Failures: r.Failures, Duration: r.ExecutionTime, Step: s.Step.Index,
	}
	told, number := place(f.Message)
	file := cmp.Or(node.OriginalFilePath, told)
	if s.Manifest != nil && node.PackageName != "" && s.Manifest.Metadata.ProjectName != "" && node.PackageName != s.Manifest.Metadata.ProjectName {
		file = path.Join("dbt_packages", node.PackageName, slashes(file))
	}
	if f.File = inRepository(project, file); f.File != "" && f.File == inRepository(project, told) {
		f.Line = number
	}
	return f
}

// stepFailure is a step that failed without the failure of a node: the end of its log says why.
func stepFailure(s dbtcloud.RunStep, project string) Failure {
	log := cmp.Or(s.Logs, s.TruncatedDebugLogs, s.DebugLogs)
	f := Failure{Name: line(s.Name), Kind: "step", Status: "error", Message: tail(log, MaxMessage), Step: s.Index}
	if !s.FinishedAt.IsZero() && !s.StartedAt.IsZero() {
		f.Duration = s.FinishedAt.Sub(s.StartedAt.Time)
	}
	file, number := place(f.Message)
	if f.File = inRepository(project, file); f.File != "" {
		f.Line = number
	}
	return f
}

// splitID is the kind and the name in model.PACKAGE.NAME and test.PACKAGE.NAME.HASH.
func splitID(id string) (kind, name string) {
	parts := strings.SplitN(id, ".", 3)
	if len(parts) < 3 {
		return parts[0], id
	}
	name = parts[2]
	if i := strings.LastIndexByte(name, '.'); parts[0] == "test" && i > 0 {
		name = name[:i]
	}
	return parts[0], name
}

// How dbt says where an error is. The line of a Jinja error stands alone below it.
var (
	errorIn   = regexp.MustCompile(`\b(Compilation|Parsing|Syntax|Database|Runtime|Dependency|Contract|Validation) Error(?: in [\w -]+ \S+)? \(([^()\n]+\.\w+)\)`)
	jinjaLine = regexp.MustCompile(`(?m)^[ \t]+line (\d+)[ \t]*$`)
	errorYAML = regexp.MustCompile(`Error reading [^:\n]+: (\S+\.ya?ml)\b`)
	yamlLine  = regexp.MustCompile(`Syntax error near line (\d+)`)
)

// place is the file that an error of dbt names, and the line in it as it was written; 0 where the message
// counts those of compiled SQL, or perhaps of a macro.
func place(message string) (file string, number int) {
	if m := errorIn.FindStringSubmatchIndex(message); m != nil {
		file = message[m[4]:m[5]]
		kind, rest := message[m[2]:m[3]], message[m[1]:]
		if kind == "Database" || kind == "Runtime" || strings.Contains(rest, "> in macro ") {
			return file, 0
		}
		return file, numberIn(jinjaLine, rest)
	}
	if m := errorYAML.FindStringSubmatchIndex(message); m != nil {
		return message[m[2]:m[3]], numberIn(yamlLine, message[m[1]:])
	}
	return "", 0
}

func numberIn(pattern *regexp.Regexp, text string) int {
	m := pattern.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseInt(m[1], 10, 32) // one that is too large is the largest there is, and is not taken
	if n < 0 || n >= math.MaxInt32 {
		return 0
	}
	return int(n)
}

func slashes(file string) string { return strings.ReplaceAll(file, `\`, "/") }

// inRepository is the path from the root of the repository; empty for one that leads out of it, or that is too long to be one.
func inRepository(project, file string) string {
	project, file = slashes(oneLine(project, 2*MaxLine)), slashes(oneLine(file, 2*MaxLine))
	joined := strings.TrimPrefix(path.Join(project, file), "/")
	outside := joined == ".." || strings.HasPrefix(joined, "../") || strings.HasPrefix(file, "/") || strings.Contains(joined, ":/")
	if file == "" || outside || len(joined) > MaxLine || joined == "." {
		return ""
	}
	return joined
}
