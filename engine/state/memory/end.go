package memory

import (
	"sync"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
)

// fail ends the attempt with a permanent failure.
func (l *lane) fail(p at, e *state.End) {
	l.record(p, e, record.OutcomeFailed)
	p.node().attempt++
	if p.kind() == dag.TaskNode {
		l.r.failed.Add(1)
	}
	l.failed(p, e.Error)
}

// failed applies the run's failure policy.
func (l *lane) failed(p at, rec *record.ErrorRecord) {
	r := l.r
	if r.job.Options.Policy != record.Continue {
		r.Stop(record.Failed, engine.ErrRunFailed, rec)
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
	if p.is(dag.Sink) {
		l.settleSink()
	}
}

// skip ends a node that will not run, once everything that it waited for is over.
func (l *lane) skip(p at) {
	if p.kind() == dag.TaskNode {
		l.r.skipped.Add(1)
		l.r.Note(record.Step{Kind: record.TaskSkipped, Node: p.id(), Outcome: record.OutcomeSkipped, Ended: l.r.Now()})
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
		r.finish(record.Failed, first)
		return
	}
	r.finish(record.Succeeded, nil)
}

// Stop implements state.Run.
func (r *run) Stop(status record.Status, cause error, first *record.ErrorRecord) {
	r.mu.Lock()
	if !r.leave(stopping) {
		r.mu.Unlock()
		return
	}
	r.stop = ending{status, cause, first}
	r.mu.Unlock()
	switch cause {
	case engine.ErrCancelled:
		r.Note(record.Step{Kind: record.CancelRequested, Ended: r.Now()})
	case engine.ErrDeadline:
		r.Note(record.Step{Kind: record.RunDeadline, Ended: r.Now()})
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
func (r *run) finish(status record.Status, first *record.ErrorRecord) {
	now := r.Now()
	end := record.RunEnd{Status: status, EndedAt: r.wall(now), First: first}
	r.mu.Lock()
	r.result = sync.OnceValues(func() (record.RunEnd, any) { return r.evaluate(end) })
	r.mu.Unlock()
	r.outcome.Store(uint32(status.Outcome()))
	r.Note(record.Step{Kind: record.RunFinished, Outcome: status.Outcome(), Ended: now})
	close(r.done)
}

// evaluate adds the result. It is run by the first call of End, since encoding a result may take long.
func (r *run) evaluate(end record.RunEnd) (record.RunEnd, any) {
	if end.Status != record.Succeeded {
		return end, nil
	}
	v := r.graph.Result(r.numbering, r)
	end.Keep(r.graph.ResultType(), v)
	return end, v
}

// End implements execution.Execution.
func (r *run) End() (record.RunEnd, any) {
	r.mu.Lock()
	result := r.result
	r.mu.Unlock()
	if result == nil {
		return record.RunEnd{}, nil
	}
	return result()
}

// Cancel implements execution.Execution.
func (r *run) Cancel() { r.Stop(record.Cancelled, engine.ErrCancelled, nil) }

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

// Pause implements execution.Execution.
func (r *run) Pause() {
	if r.phase.CompareAndSwap(running, paused) {
		r.Note(record.Step{Kind: record.RunPaused, Ended: r.Now()})
	}
}

// Resume implements execution.Execution.
func (r *run) Resume() {
	if r.phase.CompareAndSwap(paused, running) {
		r.Note(record.Step{Kind: record.RunResumed, Ended: r.Now()})
		if n := r.Ready(); n > 0 {
			r.hooks.Ready(n)
		}
	}
}
