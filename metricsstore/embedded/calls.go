package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
	"github.com/dagscope/dagscope/metricsstore/internal/wire"
)

// call makes a call that sees what this process has written into logs.
func (s *Store) call(ctx context.Context, f func(wire.Owner) error) error {
	if err := s.calls.Begin(ctx); err != nil {
		return err
	}
	defer s.calls.End()
	if err := s.settle(ctx); err != nil {
		return err
	}
	return s.do(ctx, f)
}

func ask[T any](ctx context.Context, s *Store, f func(wire.Owner) (T, error)) (out T, err error) {
	err = s.call(ctx, func(b wire.Owner) error {
		var err error
		out, err = f(b)
		return err
	})
	return out, err
}

// settle has the logs of this process adopted as far as they go.
func (s *Store) settle(ctx context.Context) error {
	for _, l := range s.logs.all() {
		if end, some := l.unadopted(); some {
			if err := s.adopt(ctx, l, end); err != nil && !backend.Refused(err) { // the refused call itself has returned it
				return err
			}
		}
	}
	return nil
}

func (s *Store) settleLogs(ctx context.Context) error {
	if err := s.calls.Begin(ctx); err != nil {
		return nil // closed
	}
	defer s.calls.End()
	return s.settle(ctx)
}

// adopt has a log adopted and returns the answer to the record that ends at the offset.
func (s *Store) adopt(ctx context.Context, l *runLog, end int64) error {
	err := s.do(ctx, func(b wire.Owner) error { return b.Adopt(ctx, l.run, end) })
	if err == nil || backend.Refused(err) {
		l.setAdopted(end)
	}
	return err
}

// record writes a call into a log and waits a while for the answer. Without one, the call is safe nevertheless and
// counts as accepted.
func (s *Store) record(ctx context.Context, l *runLog, kind recordKind, q *wire.Request) error {
	end, err := l.add(kind, q)
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, adoptPatience)
	defer cancel()
	if err := s.adopt(waiting, l, end); err != nil && backend.Refused(err) {
		return err
	}
	s.changes.Notify(l.run)
	return nil
}

// Begin implements metricsstore.Store. A client begins a run in a log.
func (s *Store) Begin(ctx context.Context, h metricsstore.Header, shape []byte) error {
	if err := h.ValidateBegin(); err != nil {
		return err
	}
	if err := s.calls.Begin(ctx); err != nil {
		return err
	}
	defer s.calls.End()
	q, err := wire.BeginRequest(&h, shape)
	if err != nil {
		return err
	}
	if l := s.logs.of(h.Info.ID); l != nil {
		return s.record(ctx, l, beginRecord, q)
	}
	isClient := false
	err = s.do(ctx, func(b wire.Owner) error {
		if _, isClient = b.(*wire.Client); isClient {
			return nil
		}
		return b.Begin(ctx, h, shape)
	})
	if err != nil || !isClient {
		return err
	}
	return s.beginLog(ctx, h, q)
}

func (s *Store) beginLog(ctx context.Context, h metricsstore.Header, q *wire.Request) error {
	adopt := func(b wire.Owner) error { return b.Adopt(ctx, h.Info.ID, 0) }
	l, err := createLog(s.cfg.Dir, s.coding, h.Info.ID)
	if errors.Is(err, os.ErrExist) { // perhaps of an earlier revision, and not removed yet
		if err := s.do(ctx, adopt); err != nil && !backend.Refused(err) {
			return err
		}
		l, err = createLog(s.cfg.Dir, s.coding, h.Info.ID)
	}
	if errors.Is(err, os.ErrExist) { // another process records the run: the owner decides
		return s.do(ctx, func(b wire.Owner) error { return b.Begin(ctx, h, q.Data) })
	}
	if err != nil {
		return fmt.Errorf("embedded: run %s cannot be recorded in %s: %w", h.Info.ID, s.cfg.Dir, err)
	}
	l.noSync = s.cfg.noSync
	err = s.record(ctx, l, beginRecord, q)
	if err == nil && h.Info.Revision > 0 {
		l.blocks, err = s.before(ctx, h.Info.ID)
	}
	if err != nil {
		// Nothing was accepted, or nothing can follow: remove the log, also where the owner has set it aside.
		return errors.Join(err, removeAny(l.path), removeAny(asidePath(l.path, l.id)), l.close())
	}
	s.logs.add(l)
	return nil
}

// before lists what earlier revisions of a run have logged.
func (s *Store) before(ctx context.Context, run record.RunID) ([]metricsstore.Block, error) {
	var blocks []metricsstore.Block
	err := s.do(ctx, func(b wire.Owner) (err error) {
		blocks, err = b.Log(ctx, run, 0, 0)
		return err
	})
	for i := range blocks {
		blocks[i].Data = nil
	}
	return blocks, err
}

// Append implements metricsstore.Store. What is in a log is safe there and does not wait for the owner.
func (s *Store) Append(ctx context.Context, run record.RunID, b metricsstore.Batch) error {
	if err := b.Validate(); err != nil {
		return err
	}
	if err := s.calls.Begin(ctx); err != nil {
		return err
	}
	defer s.calls.End()
	l := s.logs.of(run)
	if l == nil {
		return s.do(ctx, func(w wire.Owner) error { return w.Append(ctx, run, b) })
	}
	placed, err := l.place(b.Blocks)
	if err != nil {
		return err
	}
	if _, err := l.add(appendRecord, wire.AppendRequest(run, &b)); err != nil {
		l.unplace(placed)
		return err
	}
	s.changes.Notify(run)
	return nil
}

// place decides about blocks as the owner will, notes the new ones, and returns their first steps.
func (l *runLog) place(blocks []metricsstore.Block) (placed []uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.Clone(l.blocks)
	for _, b := range blocks {
		from, _ := slices.BinarySearchFunc(all, b.First, func(o metricsstore.Block, first uint64) int {
			return cmp.Or(cmp.Compare(o.Last, first), 0)
		})
		to := from
		for to < len(all) && all[to].First <= b.Last {
			to++
		}
		put, err := metricsstore.Place(b, all[from:to])
		if err != nil {
			return nil, err
		}
		if put {
			all = slices.Insert(all, from, metricsstore.Block{First: b.First, Last: b.Last})
			placed = append(placed, b.First)
		}
	}
	l.blocks = all
	return placed, nil
}

// unplace undoes place.
func (l *runLog) unplace(placed []uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.blocks = slices.DeleteFunc(l.blocks, func(b metricsstore.Block) bool { return slices.Contains(placed, b.First) })
}

// Archive implements metricsstore.Store.
func (s *Store) Archive(ctx context.Context, run record.RunID, a metricsstore.Archive) error {
	if err := a.Validate(run); err != nil {
		return err
	}
	q, err := wire.ArchiveRequest(run, &a)
	if err != nil {
		return err
	}
	l, err := s.logged(ctx, run, archiveRecord, q, func(b wire.Owner) error { return b.Archive(ctx, run, a) })
	if err == nil && l != nil {
		l.mu.Lock()
		l.archived = true
		l.mu.Unlock()
	}
	return err
}

// Acquire implements metricsstore.Store.
func (s *Store) Acquire(ctx context.Context, run record.RunID, lease metricsstore.Lease, now time.Time) error {
	if err := lease.Validate(); err != nil {
		return err
	}
	q := wire.AcquireRequest(run, lease, now)
	_, err := s.logged(ctx, run, acquireRecord, q, func(b wire.Owner) error { return b.Acquire(ctx, run, lease, now) })
	return err
}

// Release implements metricsstore.Store. It ends the log of an archived run.
func (s *Store) Release(ctx context.Context, run record.RunID, owner string) error {
	q := &wire.Request{Run: run, Owner: owner}
	l, err := s.logged(ctx, run, releaseRecord, q, func(b wire.Owner) error { return b.Release(ctx, run, owner) })
	if err != nil || l == nil || !l.done() {
		return err
	}
	return s.logs.end(l)
}

func (l *runLog) done() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.archived
}

// logged makes a call through the log that this process writes of the run, or directly where it writes none.
func (s *Store) logged(ctx context.Context, run record.RunID, kind recordKind, q *wire.Request, direct func(wire.Owner) error) (*runLog, error) {
	if err := s.calls.Begin(ctx); err != nil {
		return nil, err
	}
	defer s.calls.End()
	if l := s.logs.of(run); l != nil {
		return l, s.record(ctx, l, kind, q)
	}
	return nil, s.do(ctx, direct)
}

// end closes a log; that of an archived run gets a record that ends it.
func (o *ownLogs) end(l *runLog) error {
	o.remove(l)
	var err error
	if l.done() {
		_, err = l.add(endRecord, &wire.Request{Run: l.run})
	}
	return errors.Join(err, l.close())
}

// Annotate implements metricsstore.Store.
func (s *Store) Annotate(ctx context.Context, run record.RunID, a metricsstore.Annotation) error {
	return s.call(ctx, func(b wire.Owner) error { return b.Annotate(ctx, run, a) })
}

// Delete implements metricsstore.Store.
func (s *Store) Delete(ctx context.Context, run record.RunID) error {
	tries := 0
	err := s.call(ctx, func(b wire.Owner) error {
		tries++
		err := b.Delete(ctx, run)
		if tries > 1 && errors.Is(err, metricsstore.ErrNotFound) {
			return nil // an owner that has gone did it and could not answer
		}
		return err
	})
	if l := s.logs.of(run); err == nil && l != nil {
		return s.logs.end(l)
	}
	return err
}

// Run implements metricsstore.Store.
func (s *Store) Run(ctx context.Context, run record.RunID) (metricsstore.Run, error) {
	return ask(ctx, s, func(b wire.Owner) (metricsstore.Run, error) { return b.Run(ctx, run) })
}

// Runs implements metricsstore.Store.
func (s *Store) Runs(ctx context.Context, after metricsstore.Position, limit int) ([]metricsstore.Run, error) {
	return ask(ctx, s, func(b wire.Owner) ([]metricsstore.Run, error) { return b.Runs(ctx, after, limit) })
}

// Attachment implements metricsstore.Store.
func (s *Store) Attachment(ctx context.Context, run record.RunID, name string) ([]byte, error) {
	return ask(ctx, s, func(b wire.Owner) ([]byte, error) { return b.Attachment(ctx, run, name) })
}

// Log implements metricsstore.Store.
func (s *Store) Log(ctx context.Context, run record.RunID, after uint64, limit int) ([]metricsstore.Block, error) {
	return ask(ctx, s, func(b wire.Owner) ([]metricsstore.Block, error) { return b.Log(ctx, run, after, limit) })
}

// Details implements metricsstore.Store.
func (s *Store) Details(ctx context.Context, run record.RunID, from metricsstore.DetailKey, limit int) ([]metricsstore.DetailRow, error) {
	return ask(ctx, s, func(b wire.Owner) ([]metricsstore.DetailRow, error) { return b.Details(ctx, run, from, limit) })
}

// Workers implements metricsstore.Store.
func (s *Store) Workers(ctx context.Context, run record.RunID) ([]metricsstore.WorkerRow, error) {
	return ask(ctx, s, func(b wire.Owner) ([]metricsstore.WorkerRow, error) { return b.Workers(ctx, run) })
}

// Rollups implements metricsstore.Store.
func (s *Store) Rollups(ctx context.Context, q metricsstore.RollupQuery) ([]metricsstore.Rollup, error) {
	return ask(ctx, s, func(b wire.Owner) ([]metricsstore.Rollup, error) { return b.Rollups(ctx, q) })
}

// Check implements metricsstore.Store. It reads the whole file, and writes wait for it.
func (s *Store) Check(ctx context.Context) error {
	return s.call(ctx, func(b wire.Owner) error { return b.Check(ctx) })
}

// Compact implements metricsstore.Store: all that is kept is written into a new file, which then replaces the old
// one. Writes wait for it, and it needs as much free space as the new file will take.
func (s *Store) Compact(ctx context.Context) error {
	return s.call(ctx, func(b wire.Owner) error { return b.Compact(ctx) })
}
