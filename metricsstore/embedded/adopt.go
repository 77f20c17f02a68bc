package embedded

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/dagscope/dagscope/engine/filelock"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
	"github.com/dagscope/dagscope/metricsstore/internal/wire"
)

// Intervals and bounds of adoption.
const (
	// adoptEvery is how often the owner looks for logs of other processes.
	adoptEvery = 200 * time.Millisecond
	// adoptBytes is how much of a log one transaction adopts, unless a single record is larger.
	adoptBytes = 4 << 20
	// staleNew is the age at which the unfinished beginning of a log is removed.
	staleNew = time.Hour
)

// adopter copies the logs of runs of other processes into the owner's database.
type adopter struct {
	dir    string
	db     *database
	coding *wire.Coding
	log    *slog.Logger
	// ended is called for a run whose log has come to its end.
	ended func(ctx context.Context, run record.RunID)

	mu   sync.Mutex
	logs map[record.RunID]*adoption
}

// adoption is the progress of adopting one log.
type adoption struct {
	file    *os.File
	id      string
	run     record.RunID
	offset  int64
	end     bool            // the record that ends the log was read
	refused map[int64]error // by the offset at which the record ends
	// rejected is why the first record, and with it the whole log, was refused. The log stays while its writer lives,
	// which removes it when it learns of the refusal.
	rejected error
	// orphaned says that the run was deleted and none was begun in the log since. A run that has the same ID by now is
	// recorded elsewhere, and does not end with the log.
	orphaned bool
}

// scan adopts what all logs have so far.
func (a *adopter) scan(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	entries, err := os.ReadDir(filepath.Join(a.dir, logDir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("embedded: %w", err)
	}
	var errs []error
	for _, e := range entries {
		name := e.Name()
		if strings.HasSuffix(name, newSuffix) {
			a.removeStale(e)
			continue
		}
		if run, err := record.ParseRunID(strings.TrimSuffix(name, logSuffix)); err == nil && strings.HasSuffix(name, logSuffix) {
			errs = append(errs, a.adopt(ctx, run))
		}
	}
	return errors.Join(errs...)
}

func (a *adopter) removeStale(e os.DirEntry) {
	if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > staleNew {
		_ = os.Remove(filepath.Join(a.dir, logDir, e.Name())) // or at the next scan
	}
}

// adoptRun adopts the log of a run at least up to an offset, and returns the answer to the record that ends there.
func (a *adopter) adoptRun(ctx context.Context, run record.RunID, offset int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.adopt(ctx, run)
	l := a.logs[run]
	switch {
	case err != nil || l == nil:
		return err
	case l.rejected != nil && offset > 0: // 0 is asked by another process, which wants to know whether a log exists
		return l.rejected
	}
	return l.refused[offset]
}

// deleteRun deletes a run, of which a log may be left that has not ended.
func (a *adopter) deleteRun(ctx context.Context, run record.RunID) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.db.Delete(ctx, run); err != nil {
		return err
	}
	if l := a.logs[run]; l != nil {
		l.orphaned = true
	}
	return nil
}

// live reports whether the log of a run has not ended.
func (a *adopter) live(run record.RunID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.logs[run] != nil
}

func (a *adopter) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for run, l := range a.logs {
		_ = l.file.Close() // only read
		delete(a.logs, run)
	}
}

func (a *adopter) path(run record.RunID) string {
	return filepath.Join(a.dir, logDir, string(run)+logSuffix)
}

// adopt adopts what the log of a run has, and removes the log where nothing more can come. The caller holds mu.
func (a *adopter) adopt(ctx context.Context, run record.RunID) error {
	l := a.logs[run]
	if l != nil && l.rejected != nil && !a.hasName(l) {
		a.forget(l)
		l = nil
	}
	if l == nil {
		var err error
		if l, err = a.open(ctx, run); err != nil || l == nil {
			return err
		}
		a.logs[run] = l
	}
	if err := a.read(ctx, l); err != nil {
		return err
	}
	if !l.end {
		if err := filelock.Exclusive(l.file); err != nil {
			if errors.Is(err, filelock.ErrLocked) {
				return nil // its writer lives
			}
			return err
		}
		if err := a.read(ctx, l); err != nil { // the last of it
			return err
		}
	}
	switch {
	case l.rejected == nil:
		return a.finish(ctx, l)
	case !a.hasName(l): // its writer has just removed it
		a.forget(l)
		return nil
	}
	a.refuse(l, l.rejected)
	return l.rejected
}

// hasName reports whether a file is still the log of its run: its writer may have removed it.
func (a *adopter) hasName(l *adoption) bool {
	own, err := l.file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(a.path(l.run))
	return err == nil && os.SameFile(own, named)
}

func (a *adopter) forget(l *adoption) {
	_ = l.file.Close() // only read
	delete(a.logs, l.run)
}

// open returns nil where no log exists.
func (a *adopter) open(ctx context.Context, run record.RunID) (*adoption, error) {
	f, err := os.Open(a.path(run))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	l := &adoption{file: f, run: run, offset: int64(logHead), refused: map[int64]error{}}
	if l.id, err = readLogHead(f); err != nil {
		a.refuse(l, err)
		return nil, nil
	}
	err = a.db.view(ctx, func(tx *bolt.Tx) error {
		if v, n := binary.Uvarint(tx.Bucket([]byte(adoptedBucket)).Get([]byte(l.id))); n > 0 {
			l.offset = int64(v)
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

// refuse sets a log aside that cannot be adopted.
func (a *adopter) refuse(l *adoption, err error) {
	path := a.path(l.run)
	aside := asidePath(path, l.id)
	a.log.Warn("a run of another process cannot be kept, its log is set aside", "run", l.run, "file", aside, "error", err)
	if err := os.Rename(path, aside); err != nil {
		a.log.Error("a log cannot be set aside", "file", path, "error", err)
	}
	a.forget(l)
}

// read adopts all whole records after the offset, transaction by transaction, and nothing of a rejected log.
func (a *adopter) read(ctx context.Context, l *adoption) error {
	info, err := l.file.Stat()
	if err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	for !l.end && l.rejected == nil {
		g := adoptGroup{offset: l.offset}
		for g.offset < l.offset+adoptBytes && !g.end {
			kind, payload, next, ok, err := readFrame(l.file, g.offset, info.Size())
			if err != nil {
				return fmt.Errorf("embedded: %s: %w", a.path(l.run), err)
			}
			if !ok {
				break
			}
			if err := a.add(&g, l.run, kind, payload); err != nil {
				g.unread = fmt.Errorf("embedded: %s at %d: %w", a.path(l.run), g.offset, err)
				break
			}
			g.offset = next
			g.ends = append(g.ends, next)
		}
		if g.offset > l.offset {
			if err := a.apply(ctx, l, &g); err != nil {
				return err
			}
		}
		if g.unread != nil {
			a.refuse(l, g.unread)
			a.ended(context.WithoutCancel(ctx), l.run)
			return g.unread
		}
		if len(g.ends) == 0 {
			return nil
		}
		if g.first {
			l.rejected = l.refused[g.ends[0]]
		}
	}
	return nil
}

// adoptGroup are records that one transaction adopts.
type adoptGroup struct {
	offset int64 // at which they end
	ends   []int64
	apply  []func(*write) error
	first  bool // the first record of the log is among them
	begins bool // a record that begins a run is among them
	end    bool
	unread error // why the next record is not among them
}

// add prepares one record. Records that break a rule are refused when they are applied.
func (a *adopter) add(g *adoptGroup, run record.RunID, kind recordKind, payload []byte) error {
	q, err := a.coding.Request(payload)
	if err != nil {
		return err
	}
	if kind < beginRecord || kind > endRecord {
		return unknownKind(kind)
	}
	first := g.offset == int64(logHead)
	g.first = g.first || first
	if first && kind != beginRecord || q.Run != run {
		err = fmt.Errorf("%w: a record of kind %d of run %q in the log of run %s", metricsstore.ErrInvalid, kind, q.Run, run)
		g.apply = append(g.apply, func(*write) error { return err })
		return nil
	}
	f, err := a.db.replay(kind, q)
	if err != nil {
		if !backend.Refused(err) {
			return err
		}
		f = func(*write) error { return err }
	}
	g.begins = g.begins || kind == beginRecord
	g.end = kind == endRecord
	g.apply = append(g.apply, f)
	return nil
}

// apply writes a group and how far the log is adopted. Nothing of a log is applied whose first record is refused.
func (a *adopter) apply(ctx context.Context, l *adoption, g *adoptGroup) error {
	refused := map[int64]error{}
	o := &op{apply: func(w *write) error {
		clear(refused)
		for i, f := range g.apply {
			err := f(w)
			if err != nil && !backend.Refused(err) {
				return err
			}
			if err != nil {
				refused[g.ends[i]] = err
				if i == 0 && g.first {
					return nil
				}
			}
		}
		w.dirty = true
		return w.tx.Bucket([]byte(adoptedBucket)).Put([]byte(l.id), binary.AppendUvarint(nil, uint64(g.offset)))
	}}
	// The caller's patience must not decide about work that is half done.
	if err := a.db.update(context.WithoutCancel(ctx), o); err != nil {
		return fmt.Errorf("embedded: log of run %s: %w", l.run, err)
	}
	for end, err := range refused {
		l.refused[end] = err
	}
	l.offset, l.end, l.orphaned = g.offset, g.end, l.orphaned && !g.begins
	return nil
}

// finish removes a log that is adopted as a whole. The caller holds its lock, or it has ended.
func (a *adopter) finish(ctx context.Context, l *adoption) error {
	if info, err := l.file.Stat(); err == nil && info.Size() > l.offset {
		a.log.Warn("the log of a run is cut off, what follows is lost", "run", l.run, "adopted_bytes", l.offset, "bytes", info.Size())
	}
	for _, err := range l.refused {
		if !errors.Is(err, metricsstore.ErrLease) && !errors.Is(err, metricsstore.ErrExists) { // which lose nothing by themselves
			a.log.Warn("a part of a run was refused", "run", l.run, "error", err)
		}
	}
	if err := removeAny(a.path(l.run)); err != nil {
		return fmt.Errorf("embedded: adopted log: %w", err)
	}
	a.forget(l)
	o := &op{apply: func(w *write) error {
		w.dirty = true
		return w.tx.Bucket([]byte(adoptedBucket)).Delete([]byte(l.id))
	}}
	err := a.db.update(context.WithoutCancel(ctx), o)
	if !l.orphaned {
		a.ended(context.WithoutCancel(ctx), l.run)
	}
	return err
}
