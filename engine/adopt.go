package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
)

const (
	// adoptEvery is the interval, ± 20 %, of checks whether a run that another process records is still being recorded.
	adoptEvery = 5 * time.Second
	// adoptWithin is how long these checks continue after the end of the run.
	adoptWithin = 2 * time.Minute
)

// find follows the runs that other processes submit, until ctx ends.
func (e *Engine) find(ctx context.Context) error {
	finder, ok := e.cfg.Executor.(execution.Finder)
	if !ok || !e.cfg.Adopt {
		<-ctx.Done()
		return nil
	}
	if err := finder.Find(ctx, e.found); err != nil && ctx.Err() == nil {
		return fmt.Errorf("engine: runs of others cannot be found: %w", err)
	}
	return nil
}

// found makes a run that another process has submitted available to Get, and records it if no other process does.
func (e *Engine) found(job execution.Job, exec execution.Execution) {
	if !e.enter() {
		return
	}
	r, ctx := newRun(job.Info, job.Graph)
	r.exec = exec
	e.revising.Lock()
	isNew := e.keep(r)
	e.revising.Unlock()
	if !isNew { // a revision that this engine began
		e.records.Done()
		return
	}
	go e.follow(r, e.cfg.Recorder != nil && !job.Options.Unlogged, func() error { return e.adopt(ctx, r, job.Options.Unlogged) })
}

// adopt records a run that another process has submitted, unless that or a third process records it to its end.
func (e *Engine) adopt(ctx context.Context, r *Run, unlogged bool) error {
	rec, ok := e.cfg.Recorder.(record.Adopter)
	if !ok || unlogged {
		return r.over(ctx)
	}
	var late <-chan time.Time
	over := r.exec.Done()
	for begin := true; ; {
		after, err := rec.Adopt(r.info, r.graph, begin)
		switch {
		case err == nil:
			return e.record(ctx, r, after)
		case errors.Is(err, record.ErrRecorded), errors.Is(err, ErrUnknownRun):
			return nil
		case errors.Is(err, record.ErrRecording):
			begin = false
		}
		look := time.NewTimer(adoptEvery*4/5 + rand.N(adoptEvery*2/5))
		select {
		case <-over: // the process that records it is about to be done
			over, late = nil, time.After(adoptWithin)
		case <-look.C:
		case <-late:
			look.Stop()
			return fmt.Errorf("engine: run %s cannot be recorded: %w", r.info.ID, err)
		case <-ctx.Done():
			look.Stop()
			return ErrElsewhere
		case <-e.closing: // the record stays with the process that writes it
			look.Stop()
			return ErrElsewhere
		}
		look.Stop()
	}
}

// Retry begins the next revision of a failed or cancelled run, whichever process had submitted it; see Retrier. The error
// is ErrUnknownRun if nothing is left that could be continued.
func (e *Engine) Retry(ctx context.Context, id record.RunID) (*Run, error) {
	retrier, ok := e.cfg.Executor.(execution.Retrier)
	if !ok {
		return nil, fmt.Errorf("%w: %s, and the executor keeps nothing that could be continued", ErrUnknownRun, id)
	}
	if !e.enter() {
		return nil, ErrClosed
	}
	r, following, unlogged, err := e.revise(ctx, retrier, id)
	if err != nil {
		e.records.Done()
		return nil, err
	}
	recording := func() error { return e.adopt(following, r, unlogged) }
	if rec, ok := e.cfg.Recorder.(record.Adopter); ok && !unlogged {
		// Adopted at once, so that the record has the revision when the caller reads it; if this fails, adopt tries
		// again.
		if after, err := rec.Adopt(r.info, r.graph, true); err == nil {
			recording = func() error { return e.record(following, r, after) }
		}
	}
	go e.follow(r, e.cfg.Recorder != nil && !unlogged, recording)
	return r, nil
}

// revise begins the next revision and makes it available to Get before Find can report it, so that it is followed, and
// recorded, only once.
func (e *Engine) revise(ctx context.Context, retrier execution.Retrier, id record.RunID) (r *Run, following context.Context, unlogged bool, err error) {
	e.revising.Lock()
	defer e.revising.Unlock()
	job, exec, err := retrier.Retry(ctx, id)
	if err != nil {
		return nil, nil, false, err
	}
	r, following = newRun(job.Info, job.Graph)
	r.exec = exec
	e.keep(r)
	return r, following, job.Options.Unlogged, nil
}
