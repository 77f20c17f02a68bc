package shared

import (
	"context"
	"time"

	"github.com/dagscope/dagscope/engine"
)

// lookAgain is how old what the log has told may be before it is read again for the sake of Progress.
const lookAgain = 200 * time.Millisecond

// Progress implements engine.Execution. Where nobody here reads the log of a run that was submitted elsewhere, it counts
// what this process has done.
func (r *run) Progress() engine.Progress {
	told, age := r.tail.progress()
	r.mu.Lock()
	own, busy, outcome := r.share.counted, r.share.busy, r.outcome
	own.Status, own.Tasks = r.share.status, r.share.numbering.Tasks()
	r.mu.Unlock()
	p := told
	switch {
	case r.job.Options.Unlogged || r.joined && !r.tail.isRead():
		p = own
	case age > lookAgain:
		r.look()
	}
	p.Running = max(p.Running, busy)
	if outcome != "" {
		p.Status, p.Running = outcome, 0
	}
	return p
}

// look reads on in the log, beside, unless somebody does.
func (r *run) look() {
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
