package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Config of an Engine. Executor is required; the zero value of the rest means the defaults.
type Config struct {
	Executor Executor
	// Workflows are those that can be submitted by name. Two different functions of one name are refused.
	Workflows []*Workflow
	// Recorder keeps what happens in runs; nil keeps nothing.
	Recorder Recorder
	// Now is the wall clock; default time.Now.
	Now func() time.Time
	// Remember is how long an ended run can still be asked for after it was recorded; default 10 minutes.
	Remember time.Duration
}

// Engine accepts runs, hands them to its executor and what happens in them to its recorder. Safe for concurrent use.
type Engine struct {
	cfg       Config
	workflows map[string]*Workflow

	mu      sync.Mutex
	runs    map[RunID]*Run
	closed  bool
	records sync.WaitGroup // one for each run whose log is not wholly recorded
}

// New checks the configuration.
func New(cfg Config) (*Engine, error) {
	if cfg.Executor == nil {
		return nil, errors.New("engine: Executor is nil, expected one such as worker.New gives")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Remember <= 0 {
		cfg.Remember = 10 * time.Minute
	}
	e := &Engine{cfg: cfg, workflows: make(map[string]*Workflow), runs: make(map[RunID]*Run)}
	var all []*Function
	for _, w := range cfg.Workflows {
		if e.workflows[w.Name] != nil {
			return nil, fmt.Errorf("engine: two workflows are named %q, expected one name each", w.Name)
		}
		e.workflows[w.Name] = w
		all = append(all, w.Functions...)
	}
	if err := oneFunctionPerName(all); err != nil {
		return nil, err
	}
	return e, nil
}

// Run works until ctx ends and every run's record is complete.
func (e *Engine) Run(ctx context.Context) error {
	err := e.cfg.Executor.Run(ctx)
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.records.Wait()
	return err
}

// Workflows lists the workflows in the order of the configuration.
func (e *Engine) Workflows() []*Workflow { return e.cfg.Workflows }

// Workflow finds one by name; the error is ErrUnknownWorkflow.
func (e *Engine) Workflow(name string) (*Workflow, error) {
	if w := e.workflows[name]; w != nil {
		return w, nil
	}
	return nil, fmt.Errorf("%w: %q", ErrUnknownWorkflow, name)
}

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
	return e.submit(ctx, RunInfo{Workflow: name, Params: args.Text()}, g, opts)
}

// Submit runs a graph; name stands for the workflow in records and statistics.
func (e *Engine) Submit(ctx context.Context, name string, g *Graph, opts RunOptions) (*Run, error) {
	return e.submit(ctx, RunInfo{Workflow: name}, g, opts)
}

func (e *Engine) submit(ctx context.Context, info RunInfo, g *Graph, opts RunOptions) (*Run, error) {
	opts = opts.withDefaults()
	if !g.Executable() {
		return nil, fmt.Errorf("%w: it is the shape of a graph without the functions' bodies, expected one that Compile gives", ErrInvalidGraph)
	}
	if err := g.Check(opts.Limits); err != nil {
		return nil, err
	}
	now := e.cfg.Now()
	info.ID, info.SubmittedAt, info.StartedAt = NewRunID(now), now, now
	info.Policy, info.Upload, info.Deadline, info.Tags = opts.Policy, opts.Upload, opts.Deadline, opts.Tags
	if !e.enter() {
		return nil, ErrClosed
	}
	r := &Run{info: info, graph: g, recorded: make(chan struct{})}
	if err := e.launch(ctx, r, opts); err != nil {
		e.records.Done()
		return nil, err
	}
	return r, nil
}

// enter counts a run as not wholly recorded, so that Run waits for it; false when Run has ended.
func (e *Engine) enter() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.records.Add(1)
	}
	return !e.closed
}

// launch opens the record of a run, hands it to the executor and follows it from then on.
func (e *Engine) launch(ctx context.Context, r *Run, opts RunOptions) error {
	record := e.cfg.Recorder != nil && !opts.Unlogged
	if record {
		if err := e.cfg.Recorder.Begin(r.info, r.graph); err != nil {
			return fmt.Errorf("engine: the run cannot be recorded: %w", err)
		}
	}
	exec, err := e.cfg.Executor.Submit(ctx, Job{Info: r.info, Graph: r.graph, Options: opts})
	if err != nil {
		if record {
			now := e.cfg.Now()
			refused := &ErrorRecord{Kind: StoreError, Node: NoNode, Message: err.Error(), Time: now}
			err = errors.Join(err, e.cfg.Recorder.End(r.info.ID, RunEnd{Status: Failed, EndedAt: now, First: refused}))
		}
		return err
	}
	r.exec = exec
	e.mu.Lock()
	e.runs[r.info.ID] = r
	e.mu.Unlock()
	go func() {
		defer e.records.Done()
		e.follow(r, record)
	}()
	return nil
}

// follow hands a run's log to the recorder as it grows, and forgets the run some time after its end.
func (e *Engine) follow(r *Run, record bool) {
	if record {
		r.recordErr = e.record(r)
	} else {
		<-r.exec.Done()
	}
	close(r.recorded)
	time.AfterFunc(e.cfg.Remember, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.runs, r.info.ID)
		r.exec.Forget()
	})
}

func (e *Engine) record(r *Run) error {
	ctx := context.Background() // a record is finished whatever else ends
	rec, id := e.cfg.Recorder, r.info.ID
	details := func() {
		if d, w := r.exec.TakeDetails(); len(d)+len(w) > 0 {
			rec.Details(id, d, w)
		}
	}
	for after := uint64(0); ; {
		steps, err := r.exec.Steps(ctx, after)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		rec.Steps(id, steps)
		after = steps[len(steps)-1].Seq
		details()
	}
	<-r.exec.Done() // the last details come with the end
	details()
	end, _ := r.exec.End()
	return rec.End(id, end)
}

// Get finds a run that was submitted here and is not forgotten; the error is ErrUnknownRun.
func (e *Engine) Get(id RunID) (*Run, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if r := e.runs[id]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("%w: %s", ErrUnknownRun, id)
}
