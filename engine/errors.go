package engine

import (
	"errors"
	"fmt"

	"github.com/dagscope/dagscope/engine/record"
)

// Errors of building and submitting.
var (
	// ErrUnknownFunction: a graph calls a function that its workflow or the engine does not list.
	ErrUnknownFunction = errors.New("engine: unknown function")
	// ErrUnknownWorkflow: no workflow of that name is listed.
	ErrUnknownWorkflow = errors.New("engine: unknown workflow")
	// ErrInvalidParameter: a parameter is unknown, malformed or out of range.
	ErrInvalidParameter = errors.New("engine: invalid parameter")
)

// ParameterError says which parameter of a workflow an error is about, so that a form can show it there. It is
// ErrInvalidParameter. A Workflow's Build returns one for an argument of the right kind that it cannot use,
// such as a file in a wrong format.
type ParameterError struct {
	Workflow string // Build may leave it empty: Workflow.Graph fills it in
	Param    string
	Err      error // what is wrong, and what was expected
}

// Error names parameter and workflow.
func (e *ParameterError) Error() string {
	return fmt.Sprintf("%v: %s of workflow %s: %v", ErrInvalidParameter, e.Param, e.Workflow, e.Err)
}

// Unwrap gives what is wrong, and ErrInvalidParameter.
func (e *ParameterError) Unwrap() []error { return []error{ErrInvalidParameter, e.Err} }

// Errors of runs.
var (
	// ErrUnknownRun: no run of that ID is known.
	ErrUnknownRun = errors.New("engine: unknown run")
	// ErrClosed: the engine has ended.
	ErrClosed = errors.New("engine: closed")
	// ErrElsewhere: the engine has ended, and the run continues in other processes.
	ErrElsewhere = errors.New("engine: the run continues elsewhere")
	// ErrCancelled is the cause of an attempt's context when its run was cancelled.
	ErrCancelled = errors.New("engine: run cancelled")
	// ErrTimeout is the cause of an attempt's context when the attempt took too long.
	ErrTimeout = errors.New("engine: attempt timed out")
	// ErrDeadline is the cause of an attempt's context when its run reached its deadline.
	ErrDeadline = errors.New("engine: run deadline exceeded")
	// ErrRunFailed is the cause of an attempt's context when its run fails fast because another task failed.
	ErrRunFailed = errors.New("engine: run failed")
)

// RunError is how Wait reports a run that did not succeed.
type RunError struct {
	Run    record.RunID
	Status record.Status
	// First is the record of the failure that ended the run, nil if the run was cancelled from outside.
	First *record.ErrorRecord
}

// Error names the run, how it ended, and the first failure.
func (e *RunError) Error() string {
	if e.First == nil {
		return fmt.Sprintf("engine: run %s %s", e.Run, e.Status)
	}
	if e.First.Task == "" {
		return fmt.Sprintf("engine: run %s %s: %s", e.Run, e.Status, e.First.Message)
	}
	return fmt.Sprintf("engine: run %s %s: %s, attempt %d: %s", e.Run, e.Status, e.First.Task, e.First.Attempt, e.First.Message)
}

// NoRetry marks an error as final: the attempt that returns it is not repeated. NoRetry(nil) is nil.
func NoRetry(err error) error {
	if err == nil {
		return nil
	}
	return &noRetryError{err}
}

// IsNoRetry reports whether err, or one it wraps, was marked by NoRetry.
func IsNoRetry(err error) bool {
	var e *noRetryError
	return errors.As(err, &e)
}

type noRetryError struct{ err error }

func (e *noRetryError) Error() string { return e.err.Error() }
func (e *noRetryError) Unwrap() error { return e.err }
