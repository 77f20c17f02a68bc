package worker

import (
	"context"
	"fmt"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
)

// join takes part in runs that were submitted anywhere, until ctx ends.
func (p *Pool) join(ctx context.Context) error {
	shared, ok := p.cfg.State.(state.Shared)
	if !ok || p.cfg.Idle || p.cfg.Find == nil {
		<-ctx.Done()
		return nil
	}
	if err := shared.Join(ctx, p.cfg.Find, p.joinRun); err != nil && ctx.Err() == nil {
		return fmt.Errorf("worker: %w", err)
	}
	return nil
}

// joinRun begins to work on a run that was submitted elsewhere. No caller in this process waits for it.
func (p *Pool) joinRun(ej execution.Job) (state.Hooks, func(state.Run)) {
	j := newJob(p, ej)
	return j.hooks(), func(run state.Run) { p.admit(j, run) }
}

// Find implements execution.Finder. A store that is not shared has nothing to find.
func (p *Pool) Find(ctx context.Context, found func(execution.Job, execution.Execution)) error {
	w, ok := p.cfg.State.(state.Watcher)
	if !ok {
		<-ctx.Done()
		return nil
	}
	return w.Find(ctx, found)
}

// Retry implements execution.Retrier. A store that is not shared keeps no state of runs that have ended.
func (p *Pool) Retry(ctx context.Context, id record.RunID) (execution.Job, execution.Execution, error) {
	w, ok := p.cfg.State.(state.Watcher)
	if !ok {
		return execution.Job{}, nil, fmt.Errorf("%w: the state of %s is not kept once it has ended", engine.ErrUnknownRun, id)
	}
	return w.Retry(ctx, id)
}
