package execution

import (
	"context"
	"errors"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// Job is a checked run on its way to an executor.
type Job struct {
	Info    record.RunInfo
	Graph   *dag.Graph
	Options Options // defaults filled in
}

// Executor runs jobs on workers; engine/worker implements it. Safe for concurrent use.
type Executor interface {
	// Run works until ctx ends. Then it claims no more tasks, lets running tasks finish for a while, and returns when
	// every goroutine that it started has returned.
	Run(ctx context.Context) error
	// Submit accepts a job, which starts as soon as Run has been called.
	Submit(ctx context.Context, job Job) (Execution, error)
}

// Checker is an Executor that knows graphs that it could never execute. What it refuses leaves no record.
type Checker interface {
	Check(g *dag.Graph) error
}

// Finder is an Executor that learns of jobs that other processes have submitted.
type Finder interface {
	// Find calls found once for each job that was not submitted here and has not been deleted, until ctx ends;
	// including jobs that ended a short time ago. It checks again when notified of new jobs, and every few seconds.
	Find(ctx context.Context, found func(Job, Execution)) error
}

// Retrier is an Executor that can continue a failed run.
type Retrier interface {
	// Retry begins the next revision of a failed or cancelled run: tasks that failed, were skipped or did not end
	// become pending again with the next epoch, and lost outputs are computed again. The error is ErrUnknownRun if
	// nothing of the run is left.
	Retry(ctx context.Context, id record.RunID) (Job, Execution, error)
}

// Execution is one accepted job. Safe for concurrent use.
type Execution interface {
	// Steps returns steps after the one numbered after, in order and without gaps; it waits until there are some.
	// After the last one it returns io.EOF. The slice must not be modified.
	Steps(ctx context.Context, after uint64) ([]record.Step, error)
	// TakeDetails returns the details and worker records that have arrived since the last call.
	TakeDetails() ([]record.Detail, []record.WorkerRecord)
	// Progress counts what has happened so far. It is cheap enough for ten calls a second.
	Progress() Progress
	// Cancel ends the run; ending it again changes nothing.
	Cancel()
	// Pause stops claims until Resume; running tasks finish.
	Pause()
	// Resume undoes Pause.
	Resume()
	// Done is closed when the run has ended.
	Done() <-chan struct{}
	// End returns how the run ended, and the value it returned; valid once Done is closed.
	End() (record.RunEnd, any)
	// Forget releases all memory that the executor uses for an ended run.
	Forget()
}

// Progress counts the tasks of a run. Tasks grows when fan-outs expand.
type Progress struct {
	Status  record.Status `json:"status"`
	Tasks   int           `json:"tasks"`
	Done    int           `json:"done"`
	Failed  int           `json:"failed"`
	Skipped int           `json:"skipped"`
	Retries int           `json:"retries"`
	Running int           `json:"running"`
}

// ErrRunExists: the ID is taken.
var ErrRunExists = errors.New("engine: run exists")
