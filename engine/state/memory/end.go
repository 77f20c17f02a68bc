package memory

import (
	"sync"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state"
)

// fail ends the attempt for good.
func (l *lane) fail(p at, e *state.End) {
	l.record(p, e, engine.OutcomeFailed)
	p.node().attempt++
	if p.kind() == engine.TaskNode {
		l.r.failed.Add(1)
	}
	l.failed(p, e.Error)
}

// failed applies the run's failure policy.
func (l *lane) failed(p at, rec *engine.ErrorRecord) {
	r := l.r
	if r.job.Options.Policy != engine.Continue {
		r.Stop(engine.Failed, engine.ErrRunFailed, rec)
		return
	}
	r.mu.Lock()
	if r.first == nil {
		r.first = rec
	}
	r.mu.Unlock()
	p.node().barren.Store(true)
	l.propagate(p, r.Now())
	l.releaseInputs(p)
	if p.is(engine.Sink) {
		l.settleSink()
	}
}

// skip ends a node that will not run, now that all it waited for is over.
func (l *lane) skip(p at) {
	if p.kind() == engine.TaskNode {
		l.r.skipped.Add(1)
		l.r.Note(engine.Step{Kind: engine.TaskSkipped, Node: p.id(), Outcome: engine.OutcomeSkipped, Ended: l.r.Now()})
	}
	l.releaseInputs(p)
}

// settleSink counts a sink that has ended, and ends the run after the last one.
func (l *lane) settleSink() {
	r := l.r
	if r.sinks.Add(-1) != 0 {
		return
	}
	if !r.leave(ended) {
		return // stopping: the last claim ends the run
	}
	r.mu.Lock()
	first := r.first
	r.mu.Unlock()
	if first != nil {
		r.finish(engine.Failed, first)
		return
	}
	r.finish(engine.Succeeded, nil)
}

// Stop implements state.Run.
func (r *run) Stop(status engine.Status, cause error, first *engine.ErrorRecord) {
	r.mu.Lock()
	if !r.leave(stopping) {
		r.mu.Unlock()
		return
	}
	r.stop = ending{status, cause, first}
	r.mu.Unlock()
	switch cause {
	case engine.ErrCancelled:
		r.Note(engine.Step{Kind: engine.CancelRequested, Ended: r.Now()})
	case engine.ErrDeadline:
		r.Note(engine.Step{Kind: engine.RunDeadline, Ended: r.Now()})
	}
	r.hooks.Stopping(cause)
	r.settle()
}

// settle ends a stopping run when no lane holds a claim.
func (r *run) settle() {
	for _, l := range *r.lanes.Load() {
		if l.busy() {
			return
		}
	}
	if r.phase.CompareAndSwap(stopping, ended) {
		r.mu.Lock()
		stop := r.stop
		r.mu.Unlock()
		r.finish(stop.status, stop.first)
	}
}

// finish is called once, by the goroutine that has set the phase to ended.
func (r *run) finish(status engine.Status, first *engine.ErrorRecord) {
	now := r.Now()
	end := engine.RunEnd{Status: status, EndedAt: r.wall(now), First: first}
	r.mu.Lock()
	r.result = sync.OnceValues(func() (engine.RunEnd, any) { return r.evaluate(end) })
	r.mu.Unlock()
	r.outcome.Store(uint32(status.Outcome()))
	r.Note(engine.Step{Kind: engine.RunFinished, Outcome: status.Outcome(), Ended: now})
	close(r.done)
}

// evaluate adds the result. The first call of End runs it, since encoding a result may take long.
func (r *run) evaluate(end engine.RunEnd) (engine.RunEnd, any) {
	if end.Status != engine.Succeeded {
		return end, nil
	}
	v := r.graph.Result(r.numbering, r)
	end.Keep(r.graph.ResultType(), v)
	return end, v
}

// End implements engine.Execution.
func (r *run) End() (engine.RunEnd, any) {
	r.mu.Lock()
	result := r.result
	r.mu.Unlock()
	if result == nil {
		return engine.RunEnd{}, nil
	}
	return result()
}

// Cancel implements engine.Execution.
func (r *run) Cancel() { r.Stop(engine.Cancelled, engine.ErrCancelled, nil) }

// leave moves the run from running, paused or draining to a later phase; false if it is already ending.
func (r *run) leave(to int32) bool {
	for {
		from := r.phase.Load()
		if from >= min(to, stopping) {
			return false
		}
		if r.phase.CompareAndSwap(from, to) {
			return true
		}
	}
}

// Drain implements state.Run.
func (r *run) Drain() { r.leave(draining) }

// Pause implements engine.Execution.
func (r *run) Pause() {
	if r.phase.CompareAndSwap(running, paused) {
		r.Note(engine.Step{Kind: engine.RunPaused, Ended: r.Now()})
	}
}

// Resume implements engine.Execution.
func (r *run) Resume() {
	if r.phase.CompareAndSwap(paused, running) {
		r.Note(engine.Step{Kind: engine.RunResumed, Ended: r.Now()})
		if n := r.Ready(); n > 0 {
			r.hooks.Ready(n)
		}
	}
}
