package engine

import (
	"context"
	"time"
)

// RunOptions say how one run is executed; the zero value means the defaults.
type RunOptions struct {
	Policy   Policy        // default FailFast
	Deadline time.Duration // from the submission; default 24 h
	Limits   Limits
	// Upload names the strategy by which details reach the recorder; empty for the recorder's default.
	Upload string
	Tags   []string
	// Unlogged keeps no log, so the run has no events and no record: for measuring the bare engine.
	Unlogged bool
}

func (o RunOptions) withDefaults() RunOptions {
	if o.Policy == "" {
		o.Policy = FailFast
	}
	if o.Deadline <= 0 {
		o.Deadline = 24 * time.Hour
	}
	o.Limits = o.Limits.WithDefaults()
	return o
}

// Job is a checked run on its way to an executor.
type Job struct {
	Info    RunInfo
	Graph   *Graph
	Options RunOptions // defaults filled in
}

// Executor runs jobs on workers; engine/worker has the one of this repository. Safe for concurrent use.
type Executor interface {
	// Run works until ctx ends: then it takes no more tasks, gives those that run time to finish, and returns when
	// all it started has returned.
	Run(ctx context.Context) error
	// Submit accepts a job. It starts as soon as Run works.
	Submit(ctx context.Context, job Job) (Execution, error)
}

// Execution is one accepted job. Safe for concurrent use.
type Execution interface {
	// Steps returns steps after the one numbered after, in order and without gaps; it waits until there are some.
	// After the last one it returns io.EOF. The slice must not be modified.
	Steps(ctx context.Context, after uint64) ([]Step, error)
	// TakeDetails hands over the details and worker records that have come up since the last call.
	TakeDetails() ([]Detail, []WorkerRecord)
	// Progress counts what has happened so far. It is cheap enough to be asked ten times a second.
	Progress() Progress
	// Cancel ends the run; ending it again changes nothing.
	Cancel()
	// Pause stops claims until Resume; tasks that run finish.
	Pause()
	// Resume undoes Pause.
	Resume()
	// Done is closed when the run has ended.
	Done() <-chan struct{}
	// End tells how the run ended, and the value it returned; valid once Done is closed.
	End() (RunEnd, any)
	// Forget releases everything that the executor keeps of an ended run.
	Forget()
}

// Progress counts the tasks of a run. Tasks grows when fan-outs expand.
type Progress struct {
	Status  Status `json:"status"`
	Tasks   int    `json:"tasks"`
	Done    int    `json:"done"`
	Failed  int    `json:"failed"`
	Skipped int    `json:"skipped"`
	Retries int    `json:"retries"`
	Running int    `json:"running"`
}
