package worker

import (
	"errors"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state"
)

// inputs are what the execution of a node reads, and how they came.
type inputs struct {
	values  engine.Values
	err     error // why they are not there
	fetched bool  // they may have come from elsewhere, so time has passed since the claim
	details []engine.InputDetail
	took    int64 // ns that the lane has waited for them, 0 where all were here
}

// inputError says that inputs could not be had, which is no failure of the body.
type inputError struct{ err error }

func (e *inputError) Error() string { return "the inputs cannot be had: " + e.err.Error() }
func (e *inputError) Unwrap() error { return e.err }

// fetch gets what a claimed node needs from wherever it lies. The attempt that is its context is over before that of
// the body begins, whose timeout therefore does not count what the store takes.
func (l *lane) fetch(j *job, c state.Claim, head bool) inputs {
	began := c.Ready
	if !head {
		began = j.run.Now()
	}
	a := l.attempt(j, c)
	a.started, a.fetches = began, true
	l.latest.Store(a)
	if cause := j.cut(l.fence); cause != nil {
		a.cancel(cause, began)
	}
	in := inputs{fetched: true}
	in.values, in.details, in.err = j.fetcher.Fetch(a, c)
	a.phase.Store(closed)
	a.release()
	if in.details != nil {
		in.took = j.run.Now() - began
	}
	if in.err != nil && !errors.Is(in.err, state.ErrInputLost) {
		in.err = &inputError{in.err}
	}
	return in
}
