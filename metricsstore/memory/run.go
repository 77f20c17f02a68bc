package memory

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/dagscope/dagscope/metricsstore"
)

// run is what is kept of one run; the lock of the store guards it.
type run struct {
	header     metricsstore.Header
	annotation metricsstore.Annotation
	lease      metricsstore.Lease
	attach     map[string][]byte
	blocks     []metricsstore.Block // ascending
	details    map[metricsstore.DetailKey][]byte
	sorted     []metricsstore.DetailKey // the sorted keys of details; nil after one was added
	workers    map[workerKey]metricsstore.WorkerRow
	rollups    []metricsstore.RollupKey
}

type workerKey struct{ revision, worker uint32 }

func newRun(tags []string) *run {
	return &run{
		annotation: metricsstore.Annotation{Tags: slices.Clone(tags)},
		attach:     map[string][]byte{},
		details:    map[metricsstore.DetailKey][]byte{},
		workers:    map[workerKey]metricsstore.WorkerRow{},
	}
}

// overlap is the part of ascending blocks that shares steps with first to last.
func overlap(blocks []metricsstore.Block, first, last uint64) (from, to int) {
	from, _ = slices.BinarySearchFunc(blocks, first, func(b metricsstore.Block, first uint64) int {
		if b.Last < first {
			return -1
		}
		return 1
	})
	for to = from; to < len(blocks) && blocks[to].First <= last; to++ {
	}
	return from, to
}

// placed returns the blocks with another one inserted.
func placed(blocks []metricsstore.Block, b metricsstore.Block) ([]metricsstore.Block, error) {
	from, to := overlap(blocks, b.First, b.Last)
	put, err := metricsstore.Place(b, blocks[from:to])
	if err != nil || !put {
		return blocks, err
	}
	b.Data = bytes.Clone(b.Data)
	return slices.Insert(blocks, from, b), nil
}

// placedAll returns the blocks with others inserted.
func placedAll(blocks, more []metricsstore.Block) ([]metricsstore.Block, error) {
	for _, b := range more {
		var err error
		if blocks, err = placed(blocks, b); err != nil {
			return nil, err
		}
	}
	return blocks, nil
}

// replaced returns the blocks with those replaced that hold the same steps as some consecutive ones.
func replaced(blocks, by []metricsstore.Block) ([]metricsstore.Block, error) {
	if len(by) == 0 {
		return blocks, nil
	}
	first, last := by[0].First, by[len(by)-1].Last
	from, to := overlap(blocks, first, last)
	if to > from && (blocks[from].First < first || blocks[to-1].Last > last) {
		return nil, fmt.Errorf("%w: steps %d to %d of an archive", metricsstore.ErrConflict, first, last)
	}
	by = slices.Clone(by)
	for i := range by {
		by[i].Data = bytes.Clone(by[i].Data)
	}
	return slices.Concat(blocks[:from], by, blocks[to:]), nil
}

func (r *run) attachAll(attachments map[string][]byte) {
	for name, data := range attachments {
		r.attach[name] = bytes.Clone(data)
	}
}

func (r *run) addDetail(row metricsstore.DetailRow) {
	if _, ok := r.details[row.DetailKey]; !ok {
		r.details[row.DetailKey] = bytes.Clone(row.Data)
		r.sorted = nil
	}
}

func (r *run) detailKeys() []metricsstore.DetailKey {
	if len(r.sorted) != len(r.details) {
		r.sorted = slices.SortedFunc(maps.Keys(r.details), metricsstore.DetailKey.Compare)
	}
	return r.sorted
}

func (r *run) addWorker(row metricsstore.WorkerRow) {
	k := workerKey{row.Revision, row.Worker}
	if old, ok := r.workers[k]; !ok || old.Rank < row.Rank {
		row.Data = bytes.Clone(row.Data)
		r.workers[k] = row
	}
}

func (r *run) workerRows() []metricsstore.WorkerRow {
	return slices.SortedFunc(maps.Values(r.workers), func(a, b metricsstore.WorkerRow) int {
		return cmp.Or(cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.Worker, b.Worker))
	})
}

// view is what Run and Runs return.
func (s *Store) view(r *run) metricsstore.Run {
	v := metricsstore.Run{Header: copied(r.header), Details: len(r.details)}
	v.Annotation = metricsstore.Annotation{Tags: slices.Clone(r.annotation.Tags), Note: r.annotation.Note}
	for _, b := range r.blocks {
		v.LastSeq = b.Last
		v.Steps += b.Last - b.First + 1
		v.Bytes += int64(len(b.Data))
	}
	for _, data := range r.details {
		v.Bytes += int64(len(data))
	}
	for _, row := range r.workers {
		v.Bytes += int64(len(row.Data))
	}
	for _, data := range r.attach {
		v.Bytes += int64(len(data))
	}
	for _, k := range r.rollups {
		v.Bytes += int64(len(s.rollups[k]))
	}
	return v
}

// Check implements metricsstore.Store. Totals are counted when they are asked for, so they cannot differ.
func (s *Store) Check(ctx context.Context) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	var errs []error
	broken := func(format string, args ...any) { errs = append(errs, fmt.Errorf("memory: "+format, args...)) }
	listed := 0
	for id, r := range s.runs {
		for i := range r.blocks {
			if i > 0 && r.blocks[i].First <= r.blocks[i-1].Last {
				broken("run %s: blocks overlap at step %d", id, r.blocks[i].First)
			}
		}
		listed += len(r.rollups)
		for _, k := range r.rollups {
			_, kept := s.rollups[k]
			if !kept || k.Run != id || k.Day != metricsstore.DayOf(r.header.Info.StartedAt) {
				broken("run %s: roll-up %+v", id, k)
			}
		}
	}
	if listed != len(s.rollups) {
		broken("%d roll-ups belong to runs, %d are kept", listed, len(s.rollups))
	}
	return errors.Join(errs...)
}
