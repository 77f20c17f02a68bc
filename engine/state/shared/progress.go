package shared

import (
	"context"
	"time"

	"github.com/dagscope/dagscope/engine/execution"
)

// progressMaxAge is how old the log's figures may be before Progress has the log read again.
const progressMaxAge = 200 * time.Millisecond

// Progress implements execution.Execution. For a run that was submitted elsewhere and whose log is not read here, it counts
// the ends of this process.
func (r *run) Progress() execution.Progress {
	logged, age := r.tail.progress()
	r.mu.Lock()
	own, busy, outcome := r.state.Progress(), r.state.Busy(), r.outcome
	r.mu.Unlock()
	p := logged
	switch {
	case r.job.Options.Unlogged || r.joined && !r.tail.isRead():
		p = own
	case age > progressMaxAge:
		r.readLogSoon()
	}
	p.Running = max(p.Running, busy)
	if outcome != "" {
		p.Status, p.Running = outcome, 0
	}
	return p
}

// readLogSoon starts to read the next entries of the log, unless they are being read.
func (r *run) readLogSoon() {
	if r.tail.finished() != nil {
		return
	}
	select {
	case r.tail.reading <- struct{}{}:
	default:
		return
	}
	read := func(ctx context.Context) {
		defer func() { <-r.tail.reading }()
		if _, err := r.tail.read(ctx, 0); err != nil && ctx.Err() == nil {
			r.store.cfg.Log.Error("the log cannot be read", "run", r.id, "error", err)
		}
	}
	if !r.spawn(read) {
		<-r.tail.reading
	}
}
