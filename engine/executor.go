package engine

import (
	"context"
	"fmt"
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
	// Rules of where tasks are executed and how outputs get there, where several processes share the run.
	Rules Rules
	// Key names the submission, so that a client which does not know whether it succeeded can find its run; empty for
	// none. What follows a dot in it, if any, identifies what was submitted.
	Key string
}

// Rules are those of WUKONG (SoCC'20): how workers avoid moving data and waking others. The zero value means all of
// them, with the defaults; they have an effect only where several processes share a run.
type Rules struct {
	// NoBecome: a worker does not continue with a task that its completion made ready, so every task is claimed separately.
	NoBecome bool `json:"no_become,omitempty"`
	// NoClustering: tasks are not drawn to the worker that holds their large input.
	NoClustering bool `json:"no_clustering,omitempty"`
	// NoDelay: a large output whose consumer is not ready is stored at once.
	NoDelay bool `json:"no_delay,omitempty"`
	// NoInline: small outputs are not sent within the call that ends their task.
	NoInline bool `json:"no_inline,omitempty"`
	// NoPreload: inputs are fetched when the task is claimed, not while it waits for a lane.
	NoPreload bool `json:"no_preload,omitempty"`
	// StoreAll: every output is stored, also where only this worker needs it.
	StoreAll bool `json:"store_all,omitempty"`
	// ClusterBytes is from which size on an output draws its consumers; default 4 MiB.
	ClusterBytes int64 `json:"cluster_bytes,omitempty"`
	// InlineBytes is up to which size an output is sent inline; default 16 KiB.
	InlineBytes int64 `json:"inline_bytes,omitempty"`
	// HoldFor is how long a large output waits for its consumers before it is stored; default 2 s.
	HoldFor time.Duration `json:"hold_for_ns,omitempty"`
	// Invokers is how many workers a wide fan-out invokes at a time; default 16.
	Invokers int `json:"invokers,omitempty"`
	// PoisonAfter is how many workers a task may take down before it is given up; default 3.
	PoisonAfter int `json:"poison_after,omitempty"`
}

// WithDefaults fills in the defaults.
func (r Rules) WithDefaults() Rules {
	if r.ClusterBytes <= 0 {
		r.ClusterBytes = 4 << 20
	}
	if r.InlineBytes <= 0 {
		r.InlineBytes = 16 << 10
	}
	if r.HoldFor <= 0 {
		r.HoldFor = 2 * time.Second
	}
	if r.Invokers <= 0 {
		r.Invokers = 16
	}
	if r.PoisonAfter <= 0 {
		r.PoisonAfter = 3
	}
	return r
}

// Savings counts what the rules did for one worker in one run.
type Savings struct {
	Became         int64         `json:"became"`           // tasks continued with instead of handed out
	Invoked        int64         `json:"invoked"`          // tasks handed out
	Clustered      int64         `json:"clustered"`        // tasks drawn to a large input
	DelayedHeld    int64         `json:"delayed_held"`     // outputs held for a consumer that was not ready
	DelayedStored  int64         `json:"delayed_stored"`   // those that had to be stored after all
	NotStoredBytes int64         `json:"not_stored_bytes"` // of outputs that never left the worker
	StoredBytes    int64         `json:"stored_bytes"`
	InlineBytes    int64         `json:"inline_bytes"`
	FetchedBytes   int64         `json:"fetched_bytes"`
	Preloaded      int64         `json:"preloaded"`          // inputs that had arrived before their task got a lane
	Preload        time.Duration `json:"preload_ns"`         // how long fetching them took
	Invalidated    int64         `json:"invalidated"`        // outputs that were lost and asked for again
	Commands       uint64        `json:"commands,omitempty"` // of the store, by this worker's process
	RoundTrips     uint64        `json:"round_trips,omitempty"`
}

func (o RunOptions) withDefaults() RunOptions {
	if o.Policy == "" {
		o.Policy = FailFast
	}
	if o.Deadline <= 0 {
		o.Deadline = 24 * time.Hour
	}
	o.Limits = o.Limits.WithDefaults()
	o.Rules = o.Rules.WithDefaults()
	return o
}

// check refuses options that mean nothing; defaults are filled in.
func (o RunOptions) check() error {
	if o.Policy != FailFast && o.Policy != Continue {
		return fmt.Errorf("%w: Policy is %q, expected %s or %s", ErrInvalidParameter, printable(string(o.Policy)), FailFast, Continue)
	}
	return nil
}

// Job is a checked run on its way to an executor.
type Job struct {
	Info    RunInfo
	Graph   *Graph
	Options RunOptions // defaults filled in
}

// Executor runs jobs on workers; engine/worker has the one of this repository. Safe for concurrent use.
type Executor interface {
	// Run works until ctx ends: then it claims no more tasks, lets those that run finish for a while, and returns when
	// every goroutine it started has returned.
	Run(ctx context.Context) error
	// Submit accepts a job, which starts as soon as Run works.
	Submit(ctx context.Context, job Job) (Execution, error)
}

// Finder is an Executor that learns of jobs that other processes have submitted.
type Finder interface {
	// Find calls found once for each job that was not submitted here and has not been deleted, until ctx ends; also for
	// jobs that ended a short time ago. It checks again when notified of new jobs, and every few seconds.
	Find(ctx context.Context, found func(Job, Execution)) error
}

// Retrier is an Executor that can continue from what a failed run has left.
type Retrier interface {
	// Retry begins the next revision of a failed or cancelled run: what failed, was skipped or did not end becomes pending
	// again with the next epoch, what is lost is computed again. ErrUnknownRun if nothing of it is left.
	Retry(ctx context.Context, id RunID) (Job, Execution, error)
}

// Execution is one accepted job. Safe for concurrent use.
type Execution interface {
	// Steps returns steps after the one numbered after, in order and without gaps; it waits until there are some.
	// After the last one it returns io.EOF. The slice must not be modified.
	Steps(ctx context.Context, after uint64) ([]Step, error)
	// TakeDetails returns the details and worker records that have arrived since the last call.
	TakeDetails() ([]Detail, []WorkerRecord)
	// Progress counts what has happened so far. It is cheap enough for ten calls a second.
	Progress() Progress
	// Cancel ends the run; ending it again changes nothing.
	Cancel()
	// Pause stops claims until Resume; tasks that run finish.
	Pause()
	// Resume undoes Pause.
	Resume()
	// Done is closed when the run has ended.
	Done() <-chan struct{}
	// End returns how the run ended, and the value it returned; valid once Done is closed.
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
