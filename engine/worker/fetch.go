package worker

import (
	"errors"
	"fmt"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
)

// inputs are the values that the execution of a node reads, and how they were fetched.
type inputs struct {
	values  dag.Values
	err     error // why they are not available
	fetched bool  // they came from a fetcher, so time has passed since the claim
	details []record.InputDetail
	took    int64 // ns that the lane waited, 0 if all inputs were in this process
}

// inputError is the error of an attempt whose inputs are not available; its body was not called.
type inputError struct{ err error }

func (e *inputError) Error() string { return "the inputs are not available: " + e.err.Error() }
func (e *inputError) Unwrap() error { return e.err }

// arguments assembles the arguments of the task at p. If a function was run again because its output was lost, and
// returned another value than before, such as a shorter list, they may not fit together: then only this task fails.
func (j *job) arguments(dst []any, p dag.Place, v dag.Values) (args []any, err error) {
	defer misfit(&err)
	return j.graph.Args(dst, p, j.numbers, v), nil
}

// elements returns the list of the fan-out whose expansion is at p; it fails like arguments.
func (j *job) elements(p dag.Place, v dag.Values) (list []any, err error) {
	defer misfit(&err)
	return j.graph.Elements(p, j.numbers, v), nil
}

// misfit turns a panic into an error that is not retried, since a retry would change nothing.
func misfit(err *error) {
	if v := recover(); v != nil {
		*err = &inputError{engine.NoRetry(fmt.Errorf("%w: %v", errMisfit, v))}
	}
}

var errMisfit = errors.New("they do not fit together: a function returned less when it was run again for a lost output, " +
	"expected it to be declared with Impure")

// fetch gets the inputs of a claimed node, from this process or the store. It has its own attempt as its context, which
// ends before that of the body begins, so the body's timeout does not include the time for fetching.
func (l *lane) fetch(j *job, c state.Claim, head bool) inputs {
	began := c.Ready
	if !head {
		began = j.run.Now()
	}
	a := l.attempt(j, c)
	a.started, a.fetches = began, true
	l.latest.Store(a)
	if cause := j.cutCause(l.fence); cause != nil {
		a.cancel(cause, began)
	}
	in := inputs{fetched: true}
	in.values, in.details, in.err = j.shared.fetcher.Fetch(a, c)
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
