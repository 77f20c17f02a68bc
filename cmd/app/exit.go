package app

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"

	"github.com/alecthomas/kong"

	fleet "github.com/dagscope/dagscope/cmd/app/worker"
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/environment"
	"github.com/dagscope/dagscope/engine/wfformat"
	"github.com/dagscope/dagscope/metricsstore"
)

// Exit codes of every command; a signal leads to 128 plus its number.
const (
	exitOK          = 0
	exitFailed      = 1 // a run failed, or the command could not be completed
	exitUsage       = 2 // the command line asks for something that does not exist or is not possible
	exitUnreachable = 3 // the store or a service cannot be reached
	exitInterrupted = 130
)

// usageError is a mistake on the command line; its text says what was expected.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// usage makes a usageError.
func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// storeError is a failure to reach the store or a service.
type storeError struct{ err error }

func (e storeError) Error() string { return e.err.Error() }
func (e storeError) Unwrap() error { return e.err }

// reportedError sets the exit code of a command that has printed its failure already.
type reportedError struct{ code int }

func (e reportedError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// exitCode is the code of a command that ended with err.
func exitCode(ctx context.Context, err error) int {
	var (
		signalled interrupted
		reported  reportedError
		mistake   usageError
		parse     *kong.ParseError
		store     storeError
		flags     fleet.UsageError
		redis     fleet.UnreachableError
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &reported) && reported.code != exitInterrupted:
		return reported.code
	case ctx.Err() != nil && errors.As(context.Cause(ctx), &signalled):
		return signalled.exitCode()
	case ctx.Err() != nil, errors.As(err, &reported):
		return exitInterrupted
	case errors.As(err, &parse), errors.As(err, &mistake), errors.As(err, &flags), isMistake(err):
		return exitUsage
	case errors.As(err, &store), errors.As(err, &redis), errors.Is(err, metricsstore.ErrClosed):
		return exitUnreachable
	default:
		return exitFailed
	}
}

// isMistake reports whether err means that something requested does not exist or is not possible.
func isMistake(err error) bool {
	for _, kind := range []error{
		engine.ErrUnknownWorkflow, engine.ErrInvalidParameter, dag.ErrInvalidGraph, wfformat.ErrInvalid,
		metricsstore.ErrNotFound, metricsstore.ErrInvalid, environment.ErrInvalid,
	} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// interrupted is the cause of a context that a signal has cancelled.
type interrupted struct{ signal syscall.Signal }

func (i interrupted) Error() string { return "ended by the signal " + i.signal.String() }

// exitCode is the code that shells report for a process ended by the signal.
func (i interrupted) exitCode() int { return 128 + int(i.signal) }

// secondSignal is the state shared with the goroutine that ends the process on the second signal.
type secondSignal struct {
	came   chan struct{} // closed when the signal arrives
	linger atomic.Int64  // how long the process then lives on, in ns, so that children can be killed first
}
