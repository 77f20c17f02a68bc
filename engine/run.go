package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
)

// Run is one submitted run. Safe for concurrent use.
type Run struct {
	info      record.RunInfo
	graph     *dag.Graph
	exec      execution.Execution
	left      <-chan struct{}    // closed when the engine stops following the run
	recorded  chan struct{}      // closed by Engine.follow when nothing more is recorded here
	recordErr error              // valid once recorded is closed
	leave     context.CancelFunc // closes left
}

// newRun returns a run, and the context under which the engine follows it.
func newRun(info record.RunInfo, g *dag.Graph) (*Run, context.Context) {
	ctx, leave := context.WithCancel(context.Background()) // a record is finished even if the submitter's context ends
	return &Run{info: info, graph: g, left: ctx.Done(), recorded: make(chan struct{}), leave: leave}, ctx
}

// release is called when the engine is about to end: an ended run can still be read for a while, other runs continue
// elsewhere.
func (r *Run) release() {
	select {
	case <-r.exec.Done():
		time.AfterFunc(leaveAfter, r.leave)
	default:
		r.leave()
	}
}

// over waits for the end of the run; it returns ErrElsewhere if ctx ends first.
func (r *Run) over(ctx context.Context) error {
	select {
	case <-r.exec.Done():
		return nil
	default:
	}
	select {
	case <-r.exec.Done():
		return nil
	case <-ctx.Done():
		return ErrElsewhere
	}
}

// overWithin reports whether the run ends within a time.
func (r *Run) overWithin(ctx context.Context, d time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return r.over(ctx) == nil
}

// ID names the run.
func (r *Run) ID() record.RunID { return r.info.ID }

// Info is what was known at the submission.
func (r *Run) Info() record.RunInfo { return r.info }

// Graph is what the run executes.
func (r *Run) Graph() *dag.Graph { return r.graph }

// Progress counts what has happened so far.
func (r *Run) Progress() execution.Progress { return r.exec.Progress() }

// Cancel ends the run as cancelled.
func (r *Run) Cancel() { r.exec.Cancel() }

// Pause stops claims until Resume; tasks that run finish.
func (r *Run) Pause() { r.exec.Pause() }

// Resume undoes Pause.
func (r *Run) Resume() { r.exec.Resume() }

// Done is closed when the run has ended.
func (r *Run) Done() <-chan struct{} { return r.exec.Done() }

// Wait returns when the run has ended: the result is nil if it succeeded and a *RunError if not. If ctx ends first, it
// is ctx's error; if the engine ends first, ErrElsewhere, because this process then no longer learns what happens to
// the run.
func (r *Run) Wait(ctx context.Context) error {
	select {
	case <-r.exec.Done():
	case <-ctx.Done():
		return ctx.Err()
	case <-r.left:
		select {
		case <-r.exec.Done():
		default:
			return ErrElsewhere
		}
	}
	end, _ := r.exec.End()
	if end.Status == record.Succeeded {
		return nil
	}
	return &RunError{Run: r.info.ID, Status: end.Status, First: end.First}
}

// WaitRecorded returns when the record of the ended run is complete. The error says what is missing from it.
func (r *Run) WaitRecorded(ctx context.Context) error {
	select {
	case <-r.recorded:
		return r.recordErr
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Recorded is closed when this process records nothing more of the run: see WaitRecorded.
func (r *Run) Recorded() <-chan struct{} { return r.recorded }

// End returns how the run ended; valid once Done is closed.
func (r *Run) End() record.RunEnd {
	end, _ := r.exec.End()
	return end
}

// Value is what the run returned, boxed; nil before the end and for runs that did not succeed.
func (r *Run) Value() any {
	select {
	case <-r.exec.Done():
		_, v := r.exec.End()
		return v
	default:
		return nil
	}
}

// Steps returns steps after the one numbered after; see Execution.Steps.
func (r *Run) Steps(ctx context.Context, after uint64) ([]record.Step, error) {
	return r.exec.Steps(ctx, after)
}

// Events yields the events of the run from the one numbered from, 1 being the first, and continues as they happen until
// the run has ended, ctx ends, or the caller has enough. It never slows the run down.
func (r *Run) Events(ctx context.Context, from uint64) iter.Seq2[record.Event, error] {
	return func(yield func(record.Event, error) bool) {
		d := record.NewDecoder(r.graph, r.info)
		var events []record.Event
		for after := uint64(0); ; {
			steps, err := r.exec.Steps(ctx, after)
			if errors.Is(err, io.EOF) {
				return
			}
			if err == nil {
				events = d.Events(events[:0], steps)
				err = d.Err()
			}
			if err != nil {
				yield(record.Event{}, err)
				return
			}
			after = steps[len(steps)-1].Seq
			for _, e := range events {
				if e.Seq >= from && !yield(e, nil) {
					return
				}
			}
		}
	}
}

// Result waits for the run and returns its value, which must be a T. If the value of a run that succeeded is lost, the
// error is a *RunError. In a shared run, a value of up to 1 MiB is kept in the end of the run; a larger one is read
// from the outputs that it consists of, which are kept for an hour.
func Result[T any](ctx context.Context, r *Run) (T, error) {
	var zero T
	if err := r.Wait(ctx); err != nil {
		return zero, err
	}
	end, value := r.exec.End()
	v, ok := value.(T)
	switch {
	case ok:
		return v, nil
	case value != nil:
		return zero, fmt.Errorf("engine: run %s returns %s, not %T", r.info.ID, r.graph.ResultType().Name(), zero)
	case end.First == nil:
		end.First = &record.ErrorRecord{Kind: record.OutputLostError, Node: dag.NoNode, Time: end.EndedAt, Message: "the value that the run returned is no longer available"}
	}
	return zero, &RunError{Run: r.info.ID, Status: end.Status, First: end.First}
}

// leaveAfter is how long reading the log of an ended run may take while the engine is ending. It matters if the log is
// in another process; a local one can be read at once.
const leaveAfter = 10 * time.Second
