package manifest

import (
	"errors"
	"io"
	"time"
)

// MaxSourcesVersion is the newest schema version of sources.json that this package reads.
const MaxSourcesVersion = 3

// Sources is what sources.json tells of one `dbt source freshness`.
type Sources struct {
	Metadata Metadata
	Results  []SourceResult
}

// SourceResult is how fresh one source was.
type SourceResult struct {
	UniqueID      string
	Status        Status    // pass, warn, error or runtime error
	MaxLoadedAt   time.Time // when the source was last loaded; zero if dbt could not tell
	SnapshottedAt time.Time // when dbt asked
}

// ReadSources reads a sources.json of any schema version from 1 to [MaxSourcesVersion]. Its errors are those of [Read].
func ReadSources(r io.Reader) (*Sources, error) {
	out := &Sources{}
	s := newArtifact(r, "sources", 1, MaxSourcesVersion)
	err := s.document(&out.Metadata, func(key string) error {
		if key == "results" {
			return s.elements(func() error { return out.read(s) })
		}
		return s.pass()
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (f *Sources) read(s *artifact) error {
	var wire struct {
		UniqueID      string    `json:"unique_id"`
		Status        Status    `json:"status"`
		MaxLoadedAt   timestamp `json:"max_loaded_at"`
		SnapshottedAt timestamp `json:"snapshotted_at"`
	}
	if err := s.decode(&wire); err != nil {
		return err
	}
	if wire.UniqueID == "" {
		return errors.New("a result has no unique_id")
	}
	f.Results = append(f.Results, SourceResult{
		UniqueID: wire.UniqueID, Status: wire.Status, MaxLoadedAt: time.Time(wire.MaxLoadedAt), SnapshottedAt: time.Time(wire.SnapshottedAt),
	})
	return nil
}

// loaded tells when each source was last loaded, as far as dbt could tell.
func (f *Sources) loaded() map[string]time.Time {
	out := make(map[string]time.Time, len(f.Results))
	for _, r := range f.Results {
		if !r.MaxLoadedAt.IsZero() {
			out[r.UniqueID] = r.MaxLoadedAt
		}
	}
	return out
}
