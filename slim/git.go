package slim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/internal/plain"
)

// Repository is the git repository around a directory, asked with the program git.
func Repository(dir string) Git { return repository{dir} }

type repository struct{ dir string }

func (g repository) History(ctx context.Context, ref string) ([]Commit, error) {
	if ref == "" || strings.HasPrefix(ref, "-") {
		return nil, fmt.Errorf("%w: %.80q is no name of a commit", dbtcloud.ErrInvalid, ref)
	}
	head, err := g.run(ctx, "rev-parse", "--verify", "--quiet", ref+"^{commit}")
	if err != nil {
		return nil, fmt.Errorf("slim: git does not know the commit %.80q here: fetch its branch first, such as git fetch origin BRANCH: %w", ref, err)
	}
	listed, err := g.run(ctx, "rev-list", "--topo-order", "--parents", strings.TrimSpace(string(head)), "--")
	if err != nil {
		return nil, fmt.Errorf("slim: the history of %.80q: %w", ref, err)
	}
	cut, err := g.cut(ctx)
	if err != nil {
		return nil, fmt.Errorf("slim: where the clone ends: %w", err)
	}
	var commits []Commit
	for line := range strings.Lines(string(listed)) {
		fields := strings.Fields(line)
		commits = append(commits, Commit{SHA: fields[0], Parents: fields[1:], Cut: cut[fields[0]]})
	}
	return commits, nil
}

// cut reads at which commits a shallow clone ends.
func (g repository) cut(ctx context.Context) (set, error) {
	name, err := g.run(ctx, "rev-parse", "--git-path", "shallow")
	if err != nil {
		return nil, err
	}
	path := strings.TrimSpace(string(name))
	if !filepath.IsAbs(path) {
		path = filepath.Join(g.dir, path)
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return set{}, nil
	}
	if err != nil {
		return nil, err
	}
	commits := set{}
	for sha := range strings.FieldsSeq(string(raw)) {
		commits[sha] = true
	}
	return commits, nil
}

// run runs git and returns what it prints.
func (g repository) run(ctx context.Context, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, "git", args...) //nolint:gosec // the arguments are ours, and a ref that is no option
	c.Dir = g.dir
	var failure bytes.Buffer
	c.Stderr = &failure
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("git %s: %w: %.300s", args[0], err, plain.Line(strings.TrimSpace(failure.String())))
	}
	return out, nil
}
