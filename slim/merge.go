package slim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/slimci/dbtcloud/manifest"
)

// failed lists the nodes of a manifest that did not succeed in the steps of a deploy, or before it and not in it.
func failed(m *manifest.Manifest, steps []*manifest.RunResults, before *Deploy) []string {
	left := map[string]bool{}
	if before != nil {
		for _, id := range before.Failed {
			left[id] = true
		}
	}
	for _, step := range steps {
		for _, result := range step.Results {
			delete(left, result.UniqueID)
			if result.Status.Failed() || result.Status == manifest.StatusSkipped {
				left[result.UniqueID] = true
			}
		}
	}
	maps.DeleteFunc(left, func(id string, _ bool) bool { return m.Nodes[id] == nil })
	return slices.Sorted(maps.Keys(left))
}

// merged is the manifest of a deploy in which what failed is what it was before. Macros are the new ones: whoever uses them and
// succeeded has them, and what failed is built again because it failed.
func (r *Records) merged(ctx context.Context, d *Deploy, p Publication) (io.Reader, error) {
	name := filepath.Join(p.Dir, manifestFile)
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("slim: %w", err)
	}
	now, err := takeApart(name, raw)
	if err != nil {
		return nil, err
	}
	old := &parts{}
	if p.Before != nil {
		old, err = r.partsOf(ctx, p.Before)
	}
	if err != nil {
		return nil, err
	}
	now.restore(d.Failed, old)
	return now.assemble()
}

func (r *Records) partsOf(ctx context.Context, d *Deploy) (*parts, error) {
	in, err := r.open(ctx, d, manifestFile)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(in)
	if err = errors.Join(err, in.Close()); err != nil {
		return nil, err
	}
	return takeApart(r.key(d.ID, manifestFile), raw)
}

// parts are the parts of a manifest, as written.
type parts struct {
	schema string                                // dbt_schema_version
	whole  map[string]json.RawMessage            // by section
	nodes  map[string]map[string]json.RawMessage // by section and unique id
}

func takeApart(name string, raw []byte) (*parts, error) {
	p := &parts{nodes: map[string]map[string]json.RawMessage{}}
	var metadata struct {
		Schema string `json:"dbt_schema_version"`
	}
	err := json.Unmarshal(raw, &p.whole)
	if err == nil {
		err = json.Unmarshal(p.whole["metadata"], &metadata)
	}
	for _, section := range []string{"nodes", "sources", "exposures", "metrics", "semantic_models", "saved_queries", "unit_tests", "functions"} {
		if err == nil && p.whole[section] != nil {
			var entries map[string]json.RawMessage
			err = json.Unmarshal(p.whole[section], &entries)
			p.nodes[section] = entries
		}
	}
	if err != nil {
		return nil, fmt.Errorf("slim: %s is no manifest: %w", name, err)
	}
	p.schema = metadata.Schema
	return p, nil
}

// restore gives each node the entry that it had, or takes it away. Entries of another schema version cannot stand here.
func (p *parts) restore(ids []string, old *parts) {
	for section, entries := range p.nodes {
		for _, id := range ids {
			before, there := old.nodes[section][id]
			switch _, here := entries[id]; {
			case here && there && old.schema == p.schema:
				entries[id] = before
			default:
				delete(entries, id)
			}
		}
	}
}

// assemble puts a manifest together again.
func (p *parts) assemble() (io.Reader, error) {
	all := map[string]any{}
	for section, raw := range p.whole {
		all[section] = raw
	}
	for section, entries := range p.nodes {
		all[section] = entries
	}
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	if err := out.Encode(all); err != nil {
		return nil, fmt.Errorf("slim: put the state together: %w", err)
	}
	return &b, nil
}
