package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
)

// Config of an Engine. Executor is required; the zero value of the rest means the defaults.
type Config struct {
	Executor execution.Executor
	// Workflows are those that can be submitted by name. Two different functions of one name are refused. Offer adds more.
	Workflows []*Workflow
	// Recorder keeps what happens in runs; nil keeps nothing.
	Recorder record.Recorder
	// Unrecorded, unless nil, is called for each run whose record is incomplete, with what is missing. See
	// Run.WaitRecorded.
	Unrecorded func(run record.RunID, err error)
	// Now is the wall clock; default time.Now.
	Now func() time.Time
	// Remember is how long Get still finds a run after its end. By default it is 10 minutes for a run without a
	// complete record. Others are forgotten once they are recorded: the record contains everything, and a run in memory
	// takes space in proportion to its steps and results.
	Remember time.Duration
	// Shared is set if other processes take part in the runs; RunInfo then contains the Rules that they follow.
	Shared bool
	// Adopt makes runs that other processes have submitted available here: they are found, can be controlled, and are
	// recorded if no other process does. Executor must be a Finder, and Recorder, unless nil, an Adopter.
	Adopt bool
}

// Engine accepts runs, passes them to its executor, and passes what happens in them to its recorder. Safe for
// concurrent use.
type Engine struct {
	cfg     Config
	offered offered

	revising sync.Mutex // held while Retry begins a revision, so that Find cannot report it before runs has it

	mu      sync.Mutex
	runs    map[record.RunID]*Run // guarded by mu
	closed  bool                  // guarded by mu; Run has ended and no run can be added
	closing chan struct{}         // closed under mu when closed is set
	records sync.WaitGroup        // one for each run that is not completely recorded
}

// New returns an engine that works once Run is called, or an error that says what is wrong with the configuration.
func New(cfg Config) (*Engine, error) {
	if cfg.Executor == nil {
		return nil, errors.New("engine: Executor is nil, expected one such as worker.New gives")
	}
	if _, ok := cfg.Executor.(execution.Finder); cfg.Adopt && !ok {
		return nil, fmt.Errorf("engine: Adopt is set and Executor is a %T, expected a Finder", cfg.Executor)
	}
	if _, ok := cfg.Recorder.(record.Adopter); cfg.Adopt && !ok && cfg.Recorder != nil {
		return nil, fmt.Errorf("engine: Adopt is set and Recorder is a %T, expected an Adopter", cfg.Recorder)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	e := &Engine{cfg: cfg, runs: make(map[record.RunID]*Run), closing: make(chan struct{})}
	if err := e.Offer(nil); err != nil {
		return nil, err
	}
	return e, nil
}

// Run works until ctx ends and the record of every run is complete or is left to the processes that continue the run.
func (e *Engine) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	finding := make(chan error, 1)
	go func() {
		finding <- e.find(ctx)
		stop()
	}()
	err := e.cfg.Executor.Run(ctx)
	stop()
	err = errors.Join(err, <-finding)
	e.mu.Lock()
	e.closed = true
	close(e.closing)
	for _, r := range e.runs {
		r.release()
	}
	e.mu.Unlock()
	e.records.Wait()
	return err
}

// Offer replaces the workflows that are offered in addition to those of the configuration. Submissions after it get the new
// ones; runs of others continue. If two workflows have one name, or two different functions, nothing changes.
func (e *Engine) Offer(more []*Workflow) error {
	return e.offered.replace(slices.Concat(e.cfg.Workflows, more))
}

// Workflows lists the workflows: those of the configuration in its order, then those of the last Offer.
func (e *Engine) Workflows() []*Workflow { return e.offered.list() }

// Workflow finds one by name; the error is ErrUnknownWorkflow.
func (e *Engine) Workflow(name string) (*Workflow, error) { return e.offered.find(name) }

// SubmitWorkflow builds a listed workflow's graph for args and submits it.
func (e *Engine) SubmitWorkflow(ctx context.Context, name string, args Args, opts RunOptions) (*Run, error) {
	w, err := e.Workflow(name)
	if err != nil {
		return nil, err
	}
	g, err := w.Graph(args)
	if err != nil {
		return nil, err
	}
	return e.submit(ctx, record.RunInfo{Workflow: name, Params: args.Text(), Inputs: args.Sizes(), Source: w.Source.Bounded()}, g, opts)
}

// Submit runs a graph. Records and statistics list it under name, like the runs of a workflow of that name.
func (e *Engine) Submit(ctx context.Context, name string, g *dag.Graph, opts RunOptions) (*Run, error) {
	return e.submit(ctx, record.RunInfo{Workflow: name}, g, opts)
}

func (e *Engine) submit(ctx context.Context, info record.RunInfo, g *dag.Graph, opts RunOptions) (*Run, error) {
	opts = withDefaults(opts)
	if err := check(opts); err != nil {
		return nil, err
	}
	if g == nil {
		return nil, fmt.Errorf("%w: it is nil, expected one that Compile gives", dag.ErrInvalidGraph)
	}
	if !g.Executable() {
		return nil, fmt.Errorf("%w: it is the shape of a graph without the functions' bodies, expected one that Compile gives", dag.ErrInvalidGraph)
	}
	if err := g.Check(opts.Limits); err != nil {
		return nil, err
	}
	if c, ok := e.cfg.Executor.(execution.Checker); ok {
		if err := c.Check(g); err != nil {
			return nil, err
		}
	}
	now := e.cfg.Now()
	info.ID, info.SubmittedAt, info.StartedAt = record.NewRunID(now), now, now
	info.Policy, info.Upload, info.Deadline, info.Tags, info.Key = opts.Policy, opts.Upload, opts.Deadline, opts.Tags, opts.Key
	if e.cfg.Shared {
		info.Rules = &opts.Rules
	}
	if !e.enter() {
		return nil, ErrClosed
	}
	r, following := newRun(info, g)
	if err := e.launch(ctx, following, r, opts); err != nil {
		e.records.Done()
		return nil, err
	}
	return r, nil
}

// enter counts a run as not completely recorded, so that Run waits for it; false when Run has ended.
func (e *Engine) enter() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.records.Add(1)
	}
	return !e.closed
}

// launch opens the record of a run, hands it to the executor and follows it from then on.
func (e *Engine) launch(ctx, following context.Context, r *Run, opts RunOptions) error {
	logged := e.cfg.Recorder != nil && !opts.Unlogged
	if logged {
		if err := e.cfg.Recorder.Begin(r.info, r.graph); err != nil {
			return fmt.Errorf("engine: the run cannot be recorded: %w", err)
		}
	}
	exec, err := e.cfg.Executor.Submit(ctx, execution.Job{Info: r.info, Graph: r.graph, Options: opts})
	if err != nil {
		if logged {
			now := e.cfg.Now()
			refused := &record.ErrorRecord{Kind: record.StoreError, Node: dag.NoNode, Message: err.Error(), Time: now}
			err = errors.Join(err, e.cfg.Recorder.End(r.info.ID, record.RunEnd{Status: record.Failed, EndedAt: now, First: refused}))
		}
		return err
	}
	r.exec = exec
	e.keep(r)
	go e.follow(r, logged, func() error {
		if !logged {
			return r.over(following)
		}
		return e.record(following, r, 0)
	})
	return nil
}

// keep makes a run available to Get. It returns false if that or a later revision of it already is.
func (e *Engine) keep(r *Run) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if known := e.runs[r.info.ID]; known != nil && known.info.Revision >= r.info.Revision {
		return false
	}
	e.runs[r.info.ID] = r
	if e.closed { // it came while the executor was ending, after Run had released the others
		r.release()
	}
	return true
}

// rememberLost is how long Get finds an ended run that has no complete record.
const rememberLost = 10 * time.Minute

// follow calls record, which returns when the record is complete or given up, and then forgets the run at the right
// time. kept says whether the run has a record.
func (e *Engine) follow(r *Run, kept bool, recording func() error) {
	defer e.records.Done()
	r.recordErr = recording()
	if r.recordErr != nil && !errors.Is(r.recordErr, ErrElsewhere) && e.cfg.Unrecorded != nil {
		e.cfg.Unrecorded(r.info.ID, r.recordErr)
	}
	r.leave()
	switch {
	case e.cfg.Remember > 0:
		time.AfterFunc(e.cfg.Remember, func() { e.forget(r) })
	case kept && r.recordErr == nil:
		e.forget(r)
	default:
		time.AfterFunc(rememberLost, func() { e.forget(r) })
	}
	close(r.recorded)
}

// forget removes a run from what Get finds. Callers that have the *Run can still use it.
func (e *Engine) forget(r *Run) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.runs[r.info.ID] == r {
		delete(e.runs, r.info.ID)
	}
	r.exec.Forget()
}

// Get returns a run that this engine submitted or found, unless it is forgotten: see Config.Remember. The error is
// ErrUnknownRun; a run that has ended may still have a record.
func (e *Engine) Get(id record.RunID) (*Run, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if r := e.runs[id]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("%w: %s", ErrUnknownRun, id)
}
