package worker

import (
	"errors"
	"fmt"

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

// arguments puts the arguments of the task at p together. They do not fit where a function that was run again, because
// its output was lost, has given something else than before, such as a shorter list: then only this task fails.
func (j *job) arguments(dst []any, p engine.Place, v engine.Values) (args []any, err error) {
	defer misfit(&err)
	return j.graph.Args(dst, p, j.numbers, v), nil
}

// elements is arguments for the list of the fan-out whose expansion is at p.
func (j *job) elements(p engine.Place, v engine.Values) (list []any, err error) {
	defer misfit(&err)
	return j.graph.Elements(p, j.numbers, v), nil
}

// misfit makes an error of a panic. Trying again would change nothing.
func misfit(err *error) {
	if v := recover(); v != nil {
		*err = &inputError{engine.NoRetry(fmt.Errorf("%w: %v", errMisfit, v))}
	}
}

// errMisfit says why inputs cannot be put together.
var errMisfit = errors.New("they do not fit together; has a function given less when it was run again for a lost output, " +
	"it has to be declared with Impure")

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
