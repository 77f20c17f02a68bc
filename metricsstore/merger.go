package metricsstore

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dagscope/dagscope/digest"
)

// Merger merges the roll-ups of runs that started within a period, as stores keep them: by function, version, metric
// and workflow, and over all functions and versions by metric and workflow. Merging is exact: the same runs give the
// same bytes, whatever was merged first. The zero value is empty. Not safe for concurrent use.
type Merger struct {
	cells map[MergedKey]*mergedCell
}

// MergedKey names a merged roll-up of a period. Function is empty for one over all functions and versions.
type MergedKey struct {
	Function string
	Version  int
	Metric   Metric
	Workflow string
}

func (k MergedKey) compare(o MergedKey) int {
	return cmp.Or(cmp.Compare(k.Metric, o.Metric), cmp.Compare(k.Function, o.Function), cmp.Compare(k.Version, o.Version),
		cmp.Compare(k.Workflow, o.Workflow))
}

// MergedRow is a merged roll-up, as Rollup.Unpack reads it.
type MergedRow struct {
	MergedKey
	Data []byte
}

type mergedCell struct {
	first, last time.Time
	runs        int
	sketch      digest.Sketch
}

// AddRun adds all roll-ups of one run. It adds none where one of them cannot be read (ErrCorrupt), or where the run
// has a function in two versions and would be counted twice (ErrInvalid). After any other error the merger is
// unusable.
func (m *Merger) AddRun(rows []Rollup) error {
	digests, sketches := make([]RollupDigest, len(rows)), make([]digest.Sketch, len(rows))
	versions := map[string]int{}
	for i := range rows {
		var err error
		if digests[i], err = rows[i].Unpack(); err != nil {
			return err
		}
		if err := digests[i].MergeInto(&sketches[i]); err != nil {
			return err
		}
		if v, ok := versions[rows[i].Function]; ok && v != rows[i].Version {
			return invalid("run %s has function %s in versions %d and %d", rows[i].Run, rows[i].Function, v, rows[i].Version)
		}
		versions[rows[i].Function] = rows[i].Version
	}
	counted := map[Metric]bool{}
	for i := range rows {
		k, d := MergedKey{rows[i].Function, rows[i].Version, rows[i].Metric, digests[i].Workflow}, &digests[i]
		if err := m.cell(k).add(d, &sketches[i], d.Runs); err != nil {
			return err
		}
		runs := d.Runs
		if counted[k.Metric] {
			runs = 0
		}
		counted[k.Metric] = true
		if err := m.cell(MergedKey{Metric: k.Metric, Workflow: k.Workflow}).add(d, &sketches[i], runs); err != nil {
			return err
		}
	}
	return nil
}

// AddRow adds what Rows returned for other runs. The error is ErrCorrupt where it cannot be read; then nothing is
// added.
func (m *Merger) AddRow(k MergedKey, data []byte) error {
	r := Rollup{Data: data}
	d, err := r.Unpack()
	if err != nil {
		return err
	}
	var s digest.Sketch
	if err := d.MergeInto(&s); err != nil {
		return err
	}
	return m.cell(k).add(&d, &s, d.Runs)
}

func (m *Merger) cell(k MergedKey) *mergedCell {
	if m.cells == nil {
		m.cells = map[MergedKey]*mergedCell{}
	}
	c := m.cells[k]
	if c == nil {
		c = &mergedCell{}
		m.cells[k] = c
	}
	return c
}

func (c *mergedCell) add(d *RollupDigest, s *digest.Sketch, runs int) error {
	if c.first.IsZero() || d.Started.Before(c.first) {
		c.first = d.Started
	}
	if d.Last.After(c.last) {
		c.last = d.Last
	}
	c.runs += runs
	if err := c.sketch.Merge(s); err != nil {
		return fmt.Errorf("metricsstore: merging roll-ups: %w", err)
	}
	return nil
}

// Rows returns what was merged, always in the same order.
func (m *Merger) Rows() ([]MergedRow, error) {
	var out []MergedRow
	for _, k := range slices.SortedFunc(maps.Keys(m.cells), MergedKey.compare) {
		c := m.cells[k]
		b := appendBytes([]byte{mergedVersion}, []byte(k.Workflow))
		b = binary.AppendVarint(b, c.first.UnixNano())
		b = binary.AppendVarint(b, c.last.UnixNano())
		b = binary.AppendUvarint(b, uint64(c.runs))
		b, err := c.sketch.AppendBinary(b)
		if err != nil {
			return nil, fmt.Errorf("metricsstore: %s of %s: %w", k.Metric, k.Function, err)
		}
		out = append(out, MergedRow{k, b})
	}
	return out, nil
}
