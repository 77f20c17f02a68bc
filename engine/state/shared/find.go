package shared

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine"
)

// settleTime is how long a run that was created here has to be taken part in before it is watched for its end.
const settleTime = 100 * time.Millisecond

// Find implements engine.Finder.
func (s *Store) Find(ctx context.Context, found func(engine.Job, engine.Execution)) error {
	var watched []*run
	err := s.search(ctx, s.all, func(known seen, id engine.RunID, isActive bool) error {
		kept, err := s.look(ctx, known, id, isActive)
		if kept == nil || err != nil {
			return err
		}
		known[id] = kept.Revision
		if s.own.has(id) && kept.Revision == 0 { // a later revision may be somebody else's
			return nil
		}
		job, err := decodeJob(*kept, func(string, string) *engine.Function { return nil })
		if err != nil {
			return err
		}
		r := newRun(s, job, *kept, noHooks)
		s.begin(ctx, r)
		watched = append(slices.DeleteFunc(watched, (*run).isStopped), r) // what is over is not held on to
		found(job, r)
		return nil
	})
	for _, r := range watched {
		<-r.stopped
	}
	return err
}

// all lists the runs under way, and those that have ended.
func (s *Store) all(ctx context.Context) (active, ended []engine.RunID, err error) {
	begun := time.Now()
	if active, err = s.backend.Active(ctx); err == nil {
		ended, err = s.backend.Ended(ctx)
	}
	if err == nil {
		s.own.forget(begun, notIn(active, ended))
	}
	return active, ended, err
}

// watch follows the run without taking part. It reports whether it is over; else ctx has ended.
func (r *run) watch(ctx context.Context) bool {
	sleep(ctx, settleTime)
	for ctx.Err() == nil {
		over, err := r.watchOn(ctx)
		if errors.Is(err, engine.ErrUnknownRun) {
			r.vanish()
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

// watchOn waits for more of the log, or where none is kept, for a while. It reports whether the run is over. A log that
// tells nothing, or cannot be read, does not hide that.
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
	told := false
	select {
	case r.tail.reading <- struct{}{}:
		told, err = r.tail.read(ctx, readWait)
		<-r.tail.reading
	case <-r.tail.more():
		told = true
	case <-ctx.Done():
	}
	if told || ctx.Err() != nil || errors.Is(err, engine.ErrUnknownRun) {
		return false, err
	}
	over, openErr := r.isOver(ctx)
	return over, cmp.Or(err, openErr)
}

// isOver asks the store whether the run, or this revision of it, has ended.
func (r *run) isOver(ctx context.Context) (bool, error) {
	kept, err := r.backend.Open(ctx, r.id)
	return err == nil && (kept.Status.Final() || kept.Revision > r.revision), err
}
