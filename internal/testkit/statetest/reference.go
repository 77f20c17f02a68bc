package statetest

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/protocol"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
)

// Reference is the slow store that other stores are compared to: the protocol itself behind one mutex. It keeps all
// values until the run is forgotten.
func Reference() state.Store { return &reference{runs: map[record.RunID]bool{}} }

type reference struct {
	mu   sync.Mutex
	runs map[record.RunID]bool
}

// Create implements state.Store.
func (r *reference) Create(_ context.Context, job execution.Job, hooks state.Hooks) (state.Run, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.runs[job.Info.ID] {
		return nil, fmt.Errorf("%w: %s", execution.ErrRunExists, job.Info.ID)
	}
	r.runs[job.Info.ID] = true
	run := &referenceRun{
		forget: func() { r.mu.Lock(); delete(r.runs, job.Info.ID); r.mu.Unlock() },
		job:    job, hooks: hooks, numbering: dag.NewNumbering(job.Graph), base: time.Now(),
		values: map[dag.NodeID]any{}, grown: make(chan struct{}), done: make(chan struct{}),
		state: protocol.New(job.Graph, job.Options.Policy, job.Options.Limits),
	}
	run.mu.Lock()
	defer run.mu.Unlock()
	run.apply(protocol.Start{}) // the run starts now: its moment is 0
	return run, nil
}

// referenceRun implements state.Run.
type referenceRun struct {
	forget    func()
	job       execution.Job
	hooks     state.Hooks
	numbering *dag.Numbering
	base      time.Time
	done      chan struct{}

	mu      sync.Mutex // guards what follows
	state   *protocol.State
	values  map[dag.NodeID]any
	log     []record.Step
	grown   chan struct{} // closed, and made anew, when the log has grown
	details []record.Detail
	cause   error // of stopping
	first   *record.ErrorRecord
	ended   int64
	tokens  uint64
	drained bool
}

// apply carries out an operation and all that follows from it. The caller holds the lock.
func (r *referenceRun) apply(op protocol.Op) protocol.Reply {
	before, goingOn := r.ready(), r.state.Stopping == ""
	reply, steps := r.state.Apply(op)
	for _, s := range steps {
		if s.Kind == record.FanOutExpanded && s.Outcome == record.OutcomeOK {
			if _, err := r.numbering.Expand(s.Node, int(s.Width), r.job.Options.Limits); err != nil {
				panic(err) // the protocol has the same limits
			}
		}
		if s.Kind == record.RunFinished {
			r.ended = s.Ended
			close(r.done)
		}
	}
	if len(steps) > 0 && !r.job.Options.Unlogged {
		r.log = append(r.log, steps...)
		close(r.grown)
		r.grown = make(chan struct{})
	}
	if n := r.ready() - before; n > 0 && r.hooks.Ready != nil {
		r.hooks.Ready(n)
	}
	if goingOn && r.state.Stopping != "" && r.hooks.Stopping != nil {
		if r.cause == nil {
			r.cause = engine.ErrRunFailed
		}
		r.hooks.Stopping(r.cause)
	}
	return reply
}

// ready counts what can be claimed.
func (r *referenceRun) ready() int {
	n := 0
	for i := range r.state.Nodes {
		if r.state.Claimable(dag.NodeID(i)) {
			n++
		}
	}
	return n
}

// Output implements dag.Values.
func (r *referenceRun) Output(id dag.NodeID) any {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.values[id]
}

// Elements implements dag.Values.
func (r *referenceRun) Elements(id dag.NodeID) []any {
	elements, _ := r.Output(id).([]any)
	return elements
}

// Numbering implements state.Run.
func (r *referenceRun) Numbering() *dag.Numbering { return r.numbering }

// Now implements state.Run.
func (r *referenceRun) Now() int64 { return int64(time.Since(r.base)) }

// Ready implements state.Run.
func (r *referenceRun) Ready() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ready()
}

// Stopping implements state.Run.
func (r *referenceRun) Stopping() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Stopping != "" || r.state.Status.Final()
}

// Stop implements state.Run.
func (r *referenceRun) Stop(status record.Status, cause error, first *record.ErrorRecord) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state.Stopping != "" || r.state.Status.Final() {
		return
	}
	op := protocol.Stop{Now: r.Now(), Status: status}
	switch cause {
	case engine.ErrCancelled:
		op.Reason = record.CancelRequested
	case engine.ErrDeadline:
		op.Reason = record.RunDeadline
	}
	r.cause, r.first = cause, first
	r.apply(op)
}

// Drain implements state.Run.
func (r *referenceRun) Drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drained = true
}

// Note implements state.Run.
func (r *referenceRun) Note(s record.Step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.apply(protocol.Note{Step: s})
}

// Steps implements execution.Execution.
func (r *referenceRun) Steps(ctx context.Context, after uint64) ([]record.Step, error) {
	for {
		r.mu.Lock()
		steps, grown, over := r.log[min(after, uint64(len(r.log))):], r.grown, r.state.Status.Final()
		r.mu.Unlock()
		switch {
		case len(steps) > 0:
			return slices.Clip(steps), nil
		case over:
			return nil, io.EOF
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// TakeDetails implements execution.Execution.
func (r *referenceRun) TakeDetails() ([]record.Detail, []record.WorkerRecord) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.details
	r.details = nil
	return d, nil
}

// Progress implements execution.Execution.
func (r *referenceRun) Progress() execution.Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Progress()
}

// Cancel implements execution.Execution.
func (r *referenceRun) Cancel() { r.Stop(record.Cancelled, engine.ErrCancelled, nil) }

// Pause implements execution.Execution.
func (r *referenceRun) Pause() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.apply(protocol.Pause{Now: r.Now()})
}

// Resume implements execution.Execution.
func (r *referenceRun) Resume() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.apply(protocol.Resume{Now: r.Now()})
}

// Done implements execution.Execution.
func (r *referenceRun) Done() <-chan struct{} { return r.done }

// End implements execution.Execution.
func (r *referenceRun) End() (record.RunEnd, any) {
	r.mu.Lock()
	end := record.RunEnd{
		Status: r.state.Status, EndedAt: r.job.Info.StartedAt.Add(time.Duration(r.ended)), First: r.first,
	}
	r.mu.Unlock()
	if end.Status != record.Succeeded {
		return end, nil
	}
	end.ResultType = r.job.Graph.ResultType().Name()
	return end, r.job.Graph.Result(r.numbering, r)
}

// Forget implements execution.Execution.
func (r *referenceRun) Forget() { r.forget() }
