package dbt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

type format struct{}

// New returns the format.
func New() records.Format { return format{} }

func (format) Name() string  { return "dbt" }
func (format) Title() string { return "dbt run results" }

// headSize is how much of a file shows what it is.
const headSize = 64 << 10

// Sniff implements records.Format.
func (format) Sniff(_ string, head []byte) records.Part {
	text := bytes.TrimLeft(head, " \t\r\n")
	if !bytes.HasPrefix(text, []byte("{")) {
		return records.Foreign
	}
	has := func(parts ...string) bool {
		for _, part := range parts {
			if !bytes.Contains(text, []byte(part)) {
				return false
			}
		}
		return true
	}
	switch {
	case has("dbt.com/dbt/manifest/"), has(`"nodes"`, `"resource_type"`, `"unique_id"`, `"depends_on"`, `"fqn"`) && !has(`"results"`):
		return records.Companion
	case has("dbt.com/dbt/run-results/"), has("dbt.com/dbt/sources/"):
		return records.Main
	case has(`"timing"`, `"thread_id"`, `"execution_time"`, `"unique_id"`, `"status"`):
		return records.Main
	}
	return records.Foreign
}

// Read implements records.Format.
func (f format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	var all []*results
	var manifests []*manifest
	var faults []error
	for i := range files {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		err := f.open(&files[i], func(part records.Part, in io.Reader) error {
			switch part {
			case records.Main:
				r, err := readResults(files[i].Path, in)
				if err == nil {
					all = append(all, r)
				}
				return err
			case records.Companion:
				m, err := readManifest(files[i].Path, in)
				if err == nil {
					manifests = append(manifests, m)
				}
				return err
			}
			return &records.Fault{Path: files[i].Path, Byte: -1, Text: "expected run_results.json, sources.json or manifest.json of dbt"}
		})
		switch {
		case err == nil:
		case errors.Is(err, records.ErrFormat):
			faults = append(faults, err)
		default:
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, errors.Join(append(faults, fmt.Errorf("%w: no file has results of dbt", records.ErrFormat))...)
	}
	runs := make([]*records.Run, 0, len(all))
	for _, r := range all {
		for _, fault := range faults {
			r.notes.Remark(record.NoteLeftOut, "a file could not be read: %s", fault)
		}
		runs = append(runs, r.run(r.choose(manifests)))
	}
	return runs, nil
}

// open opens a file and says what it is.
func (f format) open(file *records.File, read func(part records.Part, in io.Reader) error) error {
	in, err := file.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	head := make([]byte, headSize)
	n, err := io.ReadFull(in, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return read(f.Sniff(file.Path, head[:n]), io.MultiReader(bytes.NewReader(head[:n]), in))
}

// choose finds the manifest of the same invocation, else the one in the same folder, else the one with most of the
// nodes. It is nil if none has any.
func (r *results) choose(manifests []*manifest) *manifest {
	var best *manifest
	most := 0
	for _, m := range manifests {
		score := 0
		for i := range r.rows {
			if _, known := m.nodes[r.rows[i].ID]; known {
				score++
			}
		}
		if score == 0 {
			continue
		}
		if path.Dir(m.path) == path.Dir(r.path) {
			score += len(r.rows)
		}
		if m.of(r) {
			score += 2 * len(r.rows)
		}
		if score > most {
			best, most = m, score
		}
	}
	return best
}
