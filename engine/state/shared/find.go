package shared

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
)

// settleTime is how long a new run may take to be entered before it is watched.
const settleTime = 100 * time.Millisecond

// Find implements execution.Finder.
func (s *Store) Find(ctx context.Context, found func(execution.Job, execution.Execution)) error {
	var watched []*run
	err := s.search(ctx, s.all, func(known seen, id record.RunID, isActive bool) error {
		kept, err := s.openIfNew(ctx, known, id, isActive)
		if kept == nil || err != nil {
			return err
		}
		known[id] = kept.Revision
		if s.own.has(id) && kept.Revision == 0 { // a later revision may be of another process
			return nil
		}
		job, err := decodeJob(*kept, func(string, string) *engine.Function { return nil })
		if err != nil {
			return err
		}
		r := newRun(s, job, *kept, noHooks)
		s.startRun(ctx, r)
		watched = append(slices.DeleteFunc(watched, (*run).isStopped), r) // ended runs are not retained
		found(job, r)
		return nil
	})
	for _, r := range watched {
		<-r.stopped
	}
	return err
}

// all lists the active runs and those that have ended.
func (s *Store) all(ctx context.Context) (active, ended []record.RunID, err error) {
	begun := time.Now()
	if active, err = s.backend.Active(ctx); err == nil {
		ended, err = s.backend.Ended(ctx)
	}
	if err == nil {
		s.own.forget(begun, notIn(active, ended))
	}
	return active, ended, err
}

// watch follows the run without taking part. It reports whether the run is over; otherwise ctx has ended.
func (r *run) watch(ctx context.Context) bool {
	sleep(ctx, settleTime)
	for ctx.Err() == nil {
		over, err := r.watchOn(ctx)
		if errors.Is(err, engine.ErrUnknownRun) {
			r.markUnknown()
			return true
		}
		if over {
			return true
		}
		if err != nil && ctx.Err() == nil {
			r.store.cfg.Log.Error("a run cannot be followed", "run", r.id, "error", err)
			sleep(ctx, time.Second)
		}
	}
	return false
}

// watchOn waits for the next entries of the log, or for a while if there is no log, and reports whether the run is over,
// also when the log is silent or cannot be read.
func (r *run) watchOn(ctx context.Context) (over bool, err error) {
	if r.job.Options.Unlogged {
		if over, err = r.isOver(ctx); !over && err == nil {
			sleep(ctx, sleepFor)
		}
		return over, err
	}
	if r.tail.finished() != nil {
		return true, nil
	}
	grew := false
	select {
	case r.tail.reading <- struct{}{}:
		grew, err = r.tail.read(ctx, readWait)
		<-r.tail.reading
	case <-r.tail.more():
		grew = true
	case <-ctx.Done():
	}
	if grew || ctx.Err() != nil || errors.Is(err, engine.ErrUnknownRun) {
		return false, err
	}
	over, openErr := r.isOver(ctx)
	return over, cmp.Or(err, openErr)
}

// isOver reads from the store whether this revision of the run has ended.
func (r *run) isOver(ctx context.Context) (bool, error) {
	kept, err := r.backend.Open(ctx, r.id)
	return err == nil && (kept.Status.Final() || kept.Revision > r.revision), err
}
