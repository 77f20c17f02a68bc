package embedded

import (
	"context"
	"errors"

	bolt "go.etcd.io/bbolt"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// Numbers of loose runs, of one hour or of all hours together, at which they are merged.
const (
	looseAtRead    = 32  // before reading
	looseAtArchive = 256 // of the hour that a run was archived in
	looseInAll     = 128
)

// Bounds of one transaction of merging.
const (
	hoursPerMerge = 64
	bytesPerMerge = 4 << 20
)

// maxCellName bounds the names in the key of a cell; runs with longer ones stay loose.
const maxCellName = bolt.MaxKeySize / 4

// mergedHour is the new state of an hour or a day.
type mergedHour struct {
	at       hour
	day      bool // at is the first hour of a day, whose cells these are
	versions map[hour]uint64
	anew     bool           // the cells replace the old ones
	damaged  []hour         // of the day, with cells that cannot be read
	merged   []record.RunID // that are not loose any more
	stubborn []record.RunID // that stay loose
	rows     []metricsstore.MergedRow
}

// mergeHistory merges the hours that are stale or have at least so many loose runs, then the days that have no cells.
// Digests are read and merged concurrently with the writer: what has changed in between is left for the next time.
// Only one call merges at a time; others return at once.
func (d *database) mergeHistory(ctx context.Context, least int) error {
	if !d.merging.TryLock() {
		return nil
	}
	defer d.merging.Unlock()
	file := d.generation.Load()
	for _, plan := range []func(*bolt.Tx) ([]*mergedHour, error){
		func(tx *bolt.Tx) ([]*mergedHour, error) { return dueHours(tx, least) },
		dueDays,
	} {
		var due []*mergedHour
		err := d.view(ctx, func(tx *bolt.Tx) (err error) {
			if tx.Bucket([]byte(historyBucket)) != nil {
				due, err = plan(tx)
			}
			return err
		})
		if err != nil {
			return err
		}
		if err := d.mergeAll(ctx, file, due); err != nil {
			return err
		}
	}
	return nil
}

// mergeAll merges what is due in the file of a generation, in several transactions.
func (d *database) mergeAll(ctx context.Context, file uint64, due []*mergedHour) error {
	for len(due) > 0 {
		n, size := 0, 0
		err := d.view(ctx, func(tx *bolt.Tx) error {
			n, size = 0, 0
			for n < len(due) && n < hoursPerMerge && size < bytesPerMerge {
				if err := due[n].read(tx, d.codec); err != nil {
					return err
				}
				for i := range due[n].rows {
					size += len(due[n].rows[i].Data)
				}
				n++
			}
			return nil
		})
		if err != nil {
			return err
		}
		part := due[:n]
		err = d.update(ctx, &op{apply: func(w *write) error {
			if d.generation.Load() != file {
				return nil // the file was replaced, and versions of hours with it
			}
			for _, m := range part {
				if err := w.merge(m); err != nil {
					return err
				}
			}
			return nil
		}})
		if err != nil {
			return err
		}
		due = due[n:]
	}
	return nil
}

// isLoose reports whether an hour has at least so many loose runs.
func (d *database) isLoose(ctx context.Context, h hour, least int) bool {
	n := 0
	err := d.view(ctx, func(tx *bolt.Tx) error {
		n = 0
		b := tx.Bucket([]byte(historyBucket))
		if b == nil {
			return nil
		}
		return scan(b.Cursor(), spanKey(looseRow, h), spanKey(looseRow, h), func(_, v []byte) (bool, error) {
			if !isStubborn(v) {
				n++
			}
			return n < least, nil
		})
	})
	return err == nil && n >= least
}

// dueHours lists the hours that are due for merging.
func dueHours(tx *bolt.Tx, least int) ([]*mergedHour, error) {
	b := tx.Bucket([]byte(historyBucket))
	loose, all := map[hour]int{}, 0
	err := scan(b.Cursor(), []byte{looseRow}, []byte{looseRow}, func(k, v []byte) (bool, error) {
		at, _, err := spanOf[hour](k, 1)
		if err == nil && !isStubborn(v) {
			loose[at]++
			all++
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	if all >= looseInAll {
		least = 1
	}
	var due []*mergedHour
	err = scan(b.Cursor(), []byte{hourRow}, []byte{hourRow}, func(k, v []byte) (bool, error) {
		at, _, err := spanOf[hour](k, 1)
		if err != nil {
			return true, nil
		}
		s, err := decodeHour(k, v)
		anew := s.stale || err != nil
		if anew || loose[at] >= least {
			due = append(due, &mergedHour{at: at, anew: anew, versions: map[hour]uint64{at: s.version}})
		}
		return true, nil
	})
	return due, err
}

// dueDays lists the days that have no cells, while several of their hours have all of theirs.
func dueDays(tx *bolt.Tx) (due []*mergedHour, err error) {
	b := tx.Bucket([]byte(historyBucket))
	var last *mergedHour
	stale := false
	finish := func() {
		if last != nil && !stale && len(last.versions) > 1 && b.Get(spanKey(dayRow, last.at.day())) == nil {
			due = append(due, last)
		}
	}
	err = scan(b.Cursor(), []byte{hourRow}, []byte{hourRow}, func(k, v []byte) (bool, error) {
		at, _, err := spanOf[hour](k, 1)
		if err != nil {
			return true, nil
		}
		if first := firstHour(at.day()); last == nil || last.at != first {
			finish()
			last, stale = &mergedHour{at: first, day: true, anew: true, versions: map[hour]uint64{}}, false
		}
		s, err := decodeHour(k, v)
		stale = stale || s.stale || err != nil
		last.versions[at] = s.version
		return true, nil
	})
	finish()
	return due, err
}

// read reads and merges the roll-ups.
func (m *mergedHour) read(tx *bolt.Tx, c *codec) (err error) {
	b := tx.Bucket([]byte(historyBucket))
	var all metricsstore.Merger
	m.damaged, m.merged, m.stubborn = nil, nil, nil
	switch {
	case m.day:
		err = m.addHours(b, c, &all)
	case !m.anew:
		if err = addCells(b, c, m.at, &all); err == nil {
			err = m.addRuns(tx, c, looseRow, &all)
		}
		if !errors.Is(err, metricsstore.ErrCorrupt) {
			break
		}
		m.anew, m.merged, m.stubborn, all = true, nil, nil, metricsstore.Merger{}
		fallthrough
	default:
		err = m.addRuns(tx, c, knownRow, &all)
	}
	if err == nil {
		m.rows, err = all.Rows()
	}
	return err
}

// addHours adds the cells of the hours of a day.
func (m *mergedHour) addHours(b *bolt.Bucket, c *codec, to *metricsstore.Merger) error {
	for h := range m.versions {
		err := addCells(b, c, h, to)
		if errors.Is(err, metricsstore.ErrCorrupt) {
			m.damaged = append(m.damaged, h)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// addCells adds the cells of an hour.
func addCells(b *bolt.Bucket, c *codec, h hour, to *metricsstore.Merger) error {
	prefix := spanKey(cellRow, h)
	prefix = append([]byte{cellRow, hourSpan}, prefix[1:]...)
	return scan(b.Cursor(), prefix, prefix, func(k, v []byte) (bool, error) {
		_, rest, err := spanOf[hour](k, 2)
		if err != nil {
			return false, err
		}
		key, err := parseCell(rest)
		if err != nil {
			return false, err
		}
		data, err := c.unpackCell(k, v)
		if err != nil {
			return false, err
		}
		return true, to.AddRow(key, data)
	})
}

// addRuns adds the runs of the hour with a row of a kind. Runs that cannot be merged stay loose.
func (m *mergedHour) addRuns(tx *bolt.Tx, c *codec, kind byte, to *metricsstore.Merger) error {
	prefix := spanKey(kind, m.at)
	return scan(tx.Bucket([]byte(historyBucket)).Cursor(), prefix, prefix, func(k, v []byte) (bool, error) {
		_, rest, err := spanOf[hour](k, 1)
		if err != nil || kind == looseRow && isStubborn(v) {
			return true, nil
		}
		run := record.RunID(rest)
		rollups, err := runRollups(tx, c, run, func(metricsstore.RollupKey) bool { return true })
		if err == nil {
			err = mergeable(rollups)
		}
		if err == nil {
			err = to.AddRun(rollups)
		}
		switch {
		case err == nil:
			m.merged = append(m.merged, run)
		case errors.Is(err, metricsstore.ErrCorrupt), errors.Is(err, metricsstore.ErrInvalid):
			m.stubborn = append(m.stubborn, run)
		default:
			return false, err
		}
		return true, nil
	})
}

// mergeable refuses names that are too long for the key of a cell.
func mergeable(rollups []metricsstore.Rollup) error {
	for i := range rollups {
		d, err := rollups[i].Unpack()
		if err != nil {
			return err
		}
		if len(d.Workflow) > maxCellName || len(rollups[i].Function) > maxCellName || len(rollups[i].Metric) > maxCellName {
			return metricsstore.ErrInvalid
		}
	}
	return nil
}

// merge writes what was merged, unless its sources have changed.
func (w *write) merge(m *mergedHour) error {
	b := w.tx.Bucket([]byte(historyBucket))
	for h, version := range m.versions {
		key := spanKey(hourRow, h)
		row := b.Get(key)
		if s, _ := decodeHour(key, row); row == nil || s.version != version { // a state that cannot be read counts as version 0
			return nil
		}
	}
	if len(m.damaged) > 0 {
		return w.spoil(m.damaged)
	}
	w.dirty = true
	if m.day {
		day := m.at.day()
		if err := putCells(w, daySpan, day, m); err != nil {
			return err
		}
		return b.Put(spanKey(dayRow, day), mark())
	}
	if err := putCells(w, hourSpan, m.at, m); err != nil {
		return err
	}
	for _, run := range m.merged {
		if err := b.Delete(spanKey(looseRow, m.at, []byte(run)...)); err != nil {
			return err
		}
	}
	for _, run := range m.stubborn {
		if err := b.Put(spanKey(looseRow, m.at, []byte(run)...), stubborn()); err != nil {
			return err
		}
	}
	return errors.Join(renewHour(b, m.at, false), b.Delete(spanKey(dayRow, m.at.day())))
}

// putCells writes the cells of an hour or a day.
func putCells[T ~int32](w *write, span byte, at T, m *mergedHour) error {
	b := w.tx.Bucket([]byte(historyBucket))
	if m.anew {
		if err := dropCells(b, span, at); err != nil {
			return err
		}
	}
	for i := range m.rows {
		key := cellKey(span, at, &m.rows[i].MergedKey)
		if err := b.Put(key, w.codec.pack(locationOf("", key), m.rows[i].Data)); err != nil {
			return err
		}
	}
	return nil
}
