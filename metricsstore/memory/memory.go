// Package memory is the metricsstore.Store of one process, and the reference for the others.
//
// It guarantees the laws of Store; nothing survives the process. Appending costs a few map and slice operations under
// one lock, listing sorts what changed since the last listing.
//
// Caveats: everything stays in memory until it is deleted; blocks are kept as given, without a copy of their own
// beyond the first.
package memory

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// Store keeps runs in memory. Safe for concurrent use.
type Store struct {
	mu      sync.Mutex
	closed  bool
	runs    map[record.RunID]*run
	rollups map[metricsstore.RollupKey][]byte
	changes *metricsstore.Changes
}

// New returns an empty store.
func New() *Store {
	return &Store{
		runs:    map[record.RunID]*run{},
		rollups: map[metricsstore.RollupKey][]byte{},
		changes: metricsstore.NewChanges(),
	}
}

// open locks the store for one call. After nil, the caller unlocks it.
func (s *Store) open(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return metricsstore.ErrClosed
	}
	return nil
}

// openRun is open, and returns a run.
func (s *Store) openRun(ctx context.Context, id record.RunID) (*run, error) {
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	r := s.runs[id]
	if r == nil {
		s.mu.Unlock()
		return nil, fmt.Errorf("%w: run %s", metricsstore.ErrNotFound, id)
	}
	return r, nil
}

// Begin implements metricsstore.Store.
func (s *Store) Begin(ctx context.Context, h metricsstore.Header, shape []byte) error {
	if err := h.ValidateBegin(); err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	r := s.runs[h.Info.ID]
	if r == nil {
		r = newRun(h.Info.Tags)
		s.runs[h.Info.ID] = r
	} else if replace, err := h.CheckBegin(&r.header); err != nil || !replace {
		return err
	}
	r.header = copied(h)
	r.attach[metricsstore.AttachShape] = bytes.Clone(shape)
	s.changes.Notify(h.Info.ID)
	return nil
}

// copied is a header as it would come back from a store that encodes it.
func copied(h metricsstore.Header) metricsstore.Header {
	b, err := json.Marshal(h)
	var c metricsstore.Header
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		panic(fmt.Sprintf("memory: a header must be JSON: %v", err)) // its types allow nothing else
	}
	return c
}

// Append implements metricsstore.Store.
func (s *Store) Append(ctx context.Context, id record.RunID, b metricsstore.Batch) error {
	if err := b.Validate(); err != nil {
		return err
	}
	r, err := s.openRun(ctx, id)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	blocks, err := placedAll(slices.Clone(r.blocks), b.Blocks)
	if err != nil {
		return err
	}
	r.blocks = blocks
	for _, row := range b.Details {
		r.addDetail(row)
	}
	for _, row := range b.Workers {
		r.addWorker(row)
	}
	s.changes.Notify(id)
	return nil
}

// Archive implements metricsstore.Store.
func (s *Store) Archive(ctx context.Context, id record.RunID, a metricsstore.Archive) error {
	if err := a.Validate(id); err != nil {
		return err
	}
	r, err := s.openRun(ctx, id)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	if apply, err := a.Check(&r.header, r.lease.Owner); err != nil || !apply {
		return err
	}
	blocks, err := replaced(r.blocks, a.Blocks)
	if err != nil {
		return err
	}
	r.blocks, r.header = blocks, copied(a.Header)
	r.attachAll(a.Attachments)
	s.dropRollups(r)
	s.addRollups(r, a.Rollups)
	s.changes.Notify(id)
	return nil
}

func (s *Store) addRollups(r *run, rollups []metricsstore.Rollup) {
	for _, row := range rollups {
		if _, twice := s.rollups[row.RollupKey]; !twice {
			r.rollups = append(r.rollups, row.RollupKey)
		}
		s.rollups[row.RollupKey] = bytes.Clone(row.Data)
	}
}

func (s *Store) dropRollups(r *run) {
	for _, k := range r.rollups {
		delete(s.rollups, k)
	}
	r.rollups = nil
}

// Swap implements metricsstore.Swapper.
func (s *Store) Swap(ctx context.Context, w *metricsstore.WholeRun) error {
	begun, archive, id := w.Begun(), w.Archive("swap"), w.Header.Info.ID
	if err := errors.Join(begun.ValidateBegin(), w.Batch.Validate(), archive.Validate(id)); err != nil {
		return err
	}
	blocks, err := placedAll(nil, w.Batch.Blocks)
	if err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	r := newRun(begun.Info.Tags)
	r.blocks, r.header = blocks, copied(w.Header)
	if kept := s.runs[id]; kept != nil {
		if !kept.header.Status.Final() {
			return fmt.Errorf("%w: %s is %s", metricsstore.ErrLive, id, kept.header.Status)
		}
		r.annotation, r.header.AddedAt = kept.annotation, kept.header.AddedAt
		s.dropRollups(kept)
	}
	for _, row := range w.Batch.Details {
		r.addDetail(row)
	}
	for _, row := range w.Batch.Workers {
		r.addWorker(row)
	}
	r.attachAll(w.Attachments)
	s.addRollups(r, w.Rollups)
	s.runs[id] = r
	s.changes.Notify(id)
	return nil
}

// Annotate implements metricsstore.Store.
func (s *Store) Annotate(ctx context.Context, id record.RunID, a metricsstore.Annotation) error {
	r, err := s.openRun(ctx, id)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	r.annotation = metricsstore.Annotation{Tags: slices.Clone(a.Tags), Note: a.Note}
	s.changes.Notify(id)
	return nil
}

// Delete implements metricsstore.Store.
func (s *Store) Delete(ctx context.Context, id record.RunID) error {
	r, err := s.openRun(ctx, id)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	if !r.header.Status.Final() {
		return fmt.Errorf("%w: %s is %s", metricsstore.ErrLive, id, r.header.Status)
	}
	s.dropRollups(r)
	delete(s.runs, id)
	s.changes.Notify(id)
	return nil
}

// Run implements metricsstore.Store.
func (s *Store) Run(ctx context.Context, id record.RunID) (metricsstore.Run, error) {
	r, err := s.openRun(ctx, id)
	if err != nil {
		return metricsstore.Run{}, err
	}
	defer s.mu.Unlock()
	return s.view(r), nil
}

// Runs implements metricsstore.Store.
func (s *Store) Runs(ctx context.Context, after metricsstore.Position, limit int) ([]metricsstore.Run, error) {
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var positions []metricsstore.Position
	for id, r := range s.runs {
		p := metricsstore.Position{Started: r.header.Info.StartedAt.UnixNano(), Run: id}
		if after == (metricsstore.Position{}) || after.Before(p) {
			positions = append(positions, p)
		}
	}
	slices.SortFunc(positions, func(a, b metricsstore.Position) int {
		if a.Before(b) {
			return -1
		}
		return 1
	})
	var out []metricsstore.Run
	for _, p := range cut(positions, limit) {
		out = append(out, s.view(s.runs[p.Run]))
	}
	return out, nil
}

// cut is the beginning of list, all of it for limit 0.
func cut[T any](list []T, limit int) []T {
	if limit > 0 && len(list) > limit {
		return list[:limit]
	}
	return list
}

// Attachment implements metricsstore.Store.
func (s *Store) Attachment(ctx context.Context, id record.RunID, name string) ([]byte, error) {
	r, err := s.openRun(ctx, id)
	if err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	data, ok := r.attach[name]
	if !ok {
		return nil, fmt.Errorf("%w: %s of run %s", metricsstore.ErrNotFound, name, id)
	}
	return data, nil
}

// Log implements metricsstore.Store.
func (s *Store) Log(ctx context.Context, id record.RunID, after uint64, limit int) ([]metricsstore.Block, error) {
	r, err := s.openRun(ctx, id)
	if err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	from, _ := slices.BinarySearchFunc(r.blocks, after, func(b metricsstore.Block, after uint64) int {
		if b.Last <= after {
			return -1
		}
		return 1
	})
	return slices.Clone(cut(r.blocks[from:], limit)), nil
}

// Details implements metricsstore.Store.
func (s *Store) Details(ctx context.Context, id record.RunID, from metricsstore.DetailKey, limit int) ([]metricsstore.DetailRow, error) {
	r, err := s.openRun(ctx, id)
	if err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	keys := r.detailKeys()
	first, _ := slices.BinarySearchFunc(keys, from, metricsstore.DetailKey.Compare)
	var out []metricsstore.DetailRow
	for _, k := range cut(keys[first:], limit) {
		out = append(out, metricsstore.DetailRow{DetailKey: k, Data: r.details[k]})
	}
	return out, nil
}

// Workers implements metricsstore.Store.
func (s *Store) Workers(ctx context.Context, id record.RunID) ([]metricsstore.WorkerRow, error) {
	r, err := s.openRun(ctx, id)
	if err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	return r.workerRows(), nil
}

// Rollups implements metricsstore.Store.
func (s *Store) Rollups(ctx context.Context, q metricsstore.RollupQuery) ([]metricsstore.Rollup, error) {
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var keys []metricsstore.RollupKey
	for k := range s.rollupKeys(q.Run) {
		if q.Match(k) && (q.After == nil || k.Compare(*q.After) > 0) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, metricsstore.RollupKey.Compare)
	var out []metricsstore.Rollup
	for _, k := range cut(keys, q.Limit) {
		out = append(out, metricsstore.Rollup{RollupKey: k, Data: s.rollups[k]})
	}
	return out, nil
}

// rollupKeys returns the keys of one run, or of all where it is empty.
func (s *Store) rollupKeys(run record.RunID) iter.Seq[metricsstore.RollupKey] {
	if run == "" {
		return maps.Keys(s.rollups)
	}
	if r := s.runs[run]; r != nil {
		return slices.Values(r.rollups)
	}
	return func(func(metricsstore.RollupKey) bool) {}
}

// Acquire implements metricsstore.Store.
func (s *Store) Acquire(ctx context.Context, id record.RunID, l metricsstore.Lease, now time.Time) error {
	if err := l.Validate(); err != nil {
		return err
	}
	r, err := s.openRun(ctx, id)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	if !l.Grant(r.lease, now) {
		return fmt.Errorf("%w: %q has that of run %s", metricsstore.ErrLease, r.lease.Owner, id)
	}
	r.lease = l
	return nil
}

// Release implements metricsstore.Store.
func (s *Store) Release(ctx context.Context, id record.RunID, owner string) error {
	r, err := s.openRun(ctx, id)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	if r.lease.Owner == owner {
		r.lease = metricsstore.Lease{}
	}
	return nil
}

// Compact implements metricsstore.Store; there is nothing to do, as memory is freed by the garbage collector.
func (s *Store) Compact(ctx context.Context) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	s.mu.Unlock()
	return nil
}

// Changed implements metricsstore.Store.
func (s *Store) Changed(id record.RunID) <-chan struct{} { return s.changes.Wait(id) }

// ChangedSince implements metricsstore.Store.
func (s *Store) ChangedSince(ctx context.Context, number uint64) (metricsstore.ChangeList, error) {
	if err := s.open(ctx); err != nil {
		return metricsstore.ChangeList{}, err
	}
	defer s.mu.Unlock()
	return s.changes.Since(number), nil
}

// Close implements metricsstore.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.changes.Close()
	return nil
}
