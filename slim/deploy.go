package slim

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Deploy is the record of one deploy, which never changes: what was deployed, and what dbt left behind. It can be a
// baseline where it is Good, that is, where each of its nodes either succeeded, or stands in its manifest as it was before.
type Deploy struct {
	ID           string // time, commit and a random part
	Project      string // dbt's name of the project
	Target       string // such as prod
	Commit       string // full sha
	Branch       string // may be empty
	Time         time.Time
	DbtVersion   string
	InvocationID string
	Good         bool
	// Failed are the nodes that did not succeed, by unique id, in this deploy or in one before and not since. In manifest.json
	// they are what they were before this deploy, or absent. The next deploy should build them beside what it changes.
	Failed []string
	Files  map[string]string // the sha256 of each file, in hexadecimal, by name, such as manifest.json
}

// recordFormat is the number in the records that this version writes. It reads no greater one.
const recordFormat = 1

// record is a Deploy as it is written.
type record struct {
	Format       int               `json:"format"`
	ID           string            `json:"id"`
	Project      string            `json:"project"`
	Target       string            `json:"target"`
	Commit       string            `json:"commit"`
	Branch       string            `json:"branch,omitempty"`
	Time         time.Time         `json:"time"`
	DbtVersion   string            `json:"dbt_version,omitempty"`
	InvocationID string            `json:"invocation_id,omitempty"`
	Good         bool              `json:"good"`
	Failed       []string          `json:"failed,omitempty"`
	Files        map[string]string `json:"files"`
}

func (d *Deploy) marshal() ([]byte, error) {
	return json.MarshalIndent(record{
		recordFormat, d.ID, d.Project, d.Target, d.Commit, d.Branch, d.Time, d.DbtVersion, d.InvocationID, d.Good, d.Failed, d.Files,
	}, "", "  ")
}

// readDeploy reads a record that must be the one of a mark. Nothing in it is trusted: its names become paths.
func readDeploy(raw []byte, of mark) (*Deploy, error) {
	var in record
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, fmt.Errorf("%w: no record of a deploy: %w", ErrCorrupt, err)
	}
	if in.Format > recordFormat {
		return nil, fmt.Errorf("slim: the record has format %d, this version reads up to %d: use a newer one", in.Format, recordFormat)
	}
	if in.Format < 1 || in.ID != of.id || in.Commit != of.commit || in.Good != of.good || in.Files[manifestFile] == "" {
		return nil, fmt.Errorf("%w: this is not the record of that deploy", ErrCorrupt)
	}
	for name, sum := range in.Files {
		if digest, err := hex.DecodeString(sum); err != nil || len(digest) != 32 || strings.Contains(name, "/") || CheckKey(name) != nil {
			return nil, fmt.Errorf("%w: a file with the name %.40q and the checksum %.80q", ErrCorrupt, name, sum)
		}
	}
	return &Deploy{in.ID, in.Project, in.Target, in.Commit, in.Branch, in.Time, in.DbtVersion, in.InvocationID, in.Good, in.Failed, in.Files}, nil
}

// files are the names of the deploy's files, sorted.
func (d *Deploy) files() []string { return slices.Sorted(maps.Keys(d.Files)) }

// mark is what the key of a record tells of a deploy, so that one list is enough to choose among thousands.
type mark struct {
	id, commit string
	time       time.Time
	good       bool
}

const idTime = "20060102T150405.000000Z"

// The names of a record's last object, which makes it complete. That of a deploy that is no baseline has another name.
const (
	goodRecord   = "deploy.json"
	failedRecord = "failed.json"
)

func (m mark) record() string {
	if m.good {
		return goodRecord
	}
	return failedRecord
}

// readMark reads the end of a key, ID/RECORD; false for what is no record.
func readMark(key string) (mark, bool) {
	id, name, _ := strings.Cut(key, "/")
	if name != goodRecord && name != failedRecord {
		return mark{}, false
	}
	parts := strings.Split(id, "-")
	if len(parts) != 3 || !isSHA(parts[1]) || parts[2] == "" {
		return mark{}, false
	}
	at, err := time.Parse(idTime, parts[0])
	return mark{id: id, commit: parts[1], time: at, good: name == goodRecord}, err == nil
}

// isSHA reports whether a text is a full commit id, of SHA-1 or SHA-256.
func isSHA(text string) bool {
	_, err := hex.DecodeString(text)
	return err == nil && (len(text) == 40 || len(text) == 64) && strings.ToLower(text) == text
}
