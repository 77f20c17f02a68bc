package shared

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/execution"
)

// settleTime is how long a new run may take to be entered before it is watched.
const settleTime = 100 * time.Millisecond

// watcher follows a run in which this process takes no part.
type watcher struct {
	*core
	tail *tail
}

// run watches until the run is over, which it reports, or ctx ends.
func (w *watcher) run(ctx context.Context) (over bool) {
	sleep(ctx, settleTime)
	for ctx.Err() == nil {
		over, err := w.next(ctx)
		if errors.Is(err, engine.ErrUnknownRun) {
			w.markUnknown()
			return true
		}
		if over {
			return true
		}
		if err != nil && ctx.Err() == nil {
			w.log.Error("a run cannot be followed", "error", err)
			sleep(ctx, time.Second)
		}
	}
	return false
}

// next waits for the next entries of the log, or for a while if there is no log, and reports whether the run is over,
// also when the log is silent or cannot be read.
func (w *watcher) next(ctx context.Context) (over bool, err error) {
	if w.job.Options.Unlogged {
		if over, err = w.isOver(ctx); !over && err == nil {
			sleep(ctx, sleepFor)
		}
		return over, err
	}
	if w.tail.finished() != nil {
		return true, nil
	}
	grew := false
	select {
	case w.tail.reading <- struct{}{}:
		grew, err = w.tail.read(ctx, readWait)
		<-w.tail.reading
	case <-w.tail.more():
		grew = true
	case <-ctx.Done():
	}
	if grew || ctx.Err() != nil || errors.Is(err, engine.ErrUnknownRun) {
		return false, err
	}
	over, openErr := w.isOver(ctx)
	return over, cmp.Or(err, openErr)
}

// isOver reads from the store whether this revision of the run has ended.
func (w *watcher) isOver(ctx context.Context) (bool, error) {
	kept, err := w.backend.Open(ctx, w.id)
	return err == nil && (kept.Status.Final() || kept.Revision > w.revision), err
}

// progressMaxAge is how old the log's figures may be before they are read again.
const progressMaxAge = 200 * time.Millisecond

// progress is that of the run according to its log. For a run that was submitted elsewhere and whose log is not read here,
// it counts the ends of this process.
func (w *watcher) progress() execution.Progress {
	p, age := w.tail.progress()
	w.mu.Lock()
	own, busy := w.state.Progress(), w.state.Busy()
	w.mu.Unlock()
	switch {
	case w.job.Options.Unlogged || w.joined && !w.tail.isRead():
		p = own
	case age > progressMaxAge:
		w.readLogSoon()
	}
	p.Running = max(p.Running, busy)
	return p
}

// readLogSoon starts to read the next entries of the log, unless they are being read.
func (w *watcher) readLogSoon() {
	if w.tail.finished() != nil {
		return
	}
	select {
	case w.tail.reading <- struct{}{}:
	default:
		return
	}
	read := func(ctx context.Context) {
		defer func() { <-w.tail.reading }()
		if _, err := w.tail.read(ctx, 0); err != nil && ctx.Err() == nil {
			w.log.Error("the log cannot be read", "error", err)
		}
	}
	if !w.spawn(read) {
		<-w.tail.reading
	}
}
