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
	// Unrecorded is told of each run of which something is missing from the record, and what; nil for nobody. See
	// Run.WaitRecorded.
	Unrecorded func(run RunID, err error)
	// Now is the wall clock; default time.Now.
	Now func() time.Time
	// Remember is how long an ended run can still be asked for, see Get. By default it is 10 minutes for a run of which
	// there is no complete record, and no longer than until it is recorded for the others: the record has all that was
	// known, and a run that is held here takes memory in proportion to its steps and its results.
	Remember time.Duration
	// Shared: other processes take part in the runs, so the rules matter by which they do.
	Shared bool
	// Adopt: runs that other processes have submitted are found, can be asked for and controlled here, and are recorded
	// where nobody else does. Executor has to be a Finder, and Recorder, if there is one, an Adopter.
	Adopt bool
}

// Engine accepts runs, hands them to its executor and what happens in them to its recorder. Safe for concurrent use.
type Engine struct {
	cfg       Config
	workflows map[string]*Workflow

	revising sync.Mutex // held while a revision begins here, so that it is not found before it is known

	mu      sync.Mutex
	runs    map[RunID]*Run
	closed  bool
	closing chan struct{}  // closed when closed is set
	records sync.WaitGroup // one for each run whose log is not wholly recorded
}

// New checks the configuration.
func New(cfg Config) (*Engine, error) {
	if cfg.Executor == nil {
		return nil, errors.New("engine: Executor is nil, expected one such as worker.New gives")
	}
	if _, ok := cfg.Executor.(Finder); cfg.Adopt && !ok {
		return nil, fmt.Errorf("engine: Adopt is set and Executor is a %T, expected a Finder", cfg.Executor)
	}
	if _, ok := cfg.Recorder.(Adopter); cfg.Adopt && !ok && cfg.Recorder != nil {
		return nil, fmt.Errorf("engine: Adopt is set and Recorder is a %T, expected an Adopter", cfg.Recorder)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	e := &Engine{cfg: cfg, workflows: make(map[string]*Workflow), runs: make(map[RunID]*Run), closing: make(chan struct{})}
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

// leaveAfter is how long the log of a run that has ended may take to be read once the engine is to end. It matters where
// the log lies in another process; what is here can be read at once.
const leaveAfter = 10 * time.Second

// Run works until ctx ends and every run's record is complete, or left to others with whom the run goes on.
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
	return e.submit(ctx, RunInfo{Workflow: name, Params: args.Text(), Inputs: args.Sizes()}, g, opts)
}

// Submit runs a graph; name stands for the workflow in records and statistics.
func (e *Engine) Submit(ctx context.Context, name string, g *Graph, opts RunOptions) (*Run, error) {
	return e.submit(ctx, RunInfo{Workflow: name}, g, opts)
}

func (e *Engine) submit(ctx context.Context, info RunInfo, g *Graph, opts RunOptions) (*Run, error) {
	opts = opts.withDefaults()
	if err := opts.check(); err != nil {
		return nil, err
	}
	if g == nil {
		return nil, fmt.Errorf("%w: it is nil, expected one that Compile gives", ErrInvalidGraph)
	}
	if !g.Executable() {
		return nil, fmt.Errorf("%w: it is the shape of a graph without the functions' bodies, expected one that Compile gives", ErrInvalidGraph)
	}
	if err := g.Check(opts.Limits); err != nil {
		return nil, err
	}
	now := e.cfg.Now()
	info.ID, info.SubmittedAt, info.StartedAt = NewRunID(now), now, now
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
func (e *Engine) launch(ctx, following context.Context, r *Run, opts RunOptions) error {
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
	e.keep(r)
	go e.follow(r, record, func() error {
		if !record {
			return r.over(following)
		}
		return e.record(following, r, 0)
	})
	return nil
}

// keep makes a run one that Get finds; false where it, or a later revision of it, is one already.
func (e *Engine) keep(r *Run) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if known := e.runs[r.info.ID]; known != nil && known.info.Revision >= r.info.Revision {
		return false
	}
	e.runs[r.info.ID] = r
	if e.closed { // it came while the executor ended, behind those that Run has released
		r.release()
	}
	return true
}

// rememberLost is how long a run of which there is no complete record can be asked for.
const rememberLost = 10 * time.Minute

// follow has a run recorded to its end, where it is kept at all, and forgets it once nobody needs it here.
func (e *Engine) follow(r *Run, kept bool, record func() error) {
	defer e.records.Done()
	r.recordErr = record()
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

// forget makes a run one that Get does not find. Those who hold it can go on asking it.
func (e *Engine) forget(r *Run) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.runs[r.info.ID] == r {
		delete(e.runs, r.info.ID)
	}
	r.exec.Forget()
}

// record hands a run's log to the recorder as it grows, from the step behind the one numbered after. Where the run goes
// on without this engine, so does its record.
func (e *Engine) record(ctx context.Context, r *Run, after uint64) error {
	rec, id := e.cfg.Recorder, r.info.ID
	workers := map[int]bool{} // whether the last record of a worker has come
	for {
		steps, err := r.exec.Steps(ctx, after)
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, ErrUnknownRun) && r.overWithin(ctx, goneFor) {
			end, _ := r.exec.End()
			return errors.Join(err, rec.End(id, end))
		}
		if err != nil {
			return e.unfinished(ctx, r, err)
		}
		rec.Steps(id, steps)
		after = steps[len(steps)-1].Seq
		e.details(r, workers)
	}
	if err := r.over(ctx); err != nil { // the last details come with the end
		return e.unfinished(ctx, r, err)
	}
	e.details(r, workers)
	for began := time.Now(); incomplete(workers) && time.Since(began) < lastWord; {
		time.Sleep(lastWord / 50)
		e.details(r, workers)
	}
	end, _ := r.exec.End()
	return rec.End(id, end)
}

// goneFor is how long an executor may take to end a run whose log is gone with the rest of its state.
const goneFor = 10 * time.Second

// lastWord is how long workers in other processes may take to notice the end of a run and to tell what they used.
const lastWord = time.Second

// details hands on what is known of attempts and workers.
func (e *Engine) details(r *Run, workers map[int]bool) {
	d, w := r.exec.TakeDetails()
	for i := range w {
		workers[w[i].Worker] = workers[w[i].Worker] || w[i].Ended != 0
	}
	if len(d)+len(w) > 0 {
		e.cfg.Recorder.Details(r.info.ID, d, w)
	}
}

// incomplete reports whether a worker has not told the last.
func incomplete(workers map[int]bool) bool {
	for _, told := range workers {
		if !told {
			return true
		}
	}
	return false
}

// unfinished stops recording a run of which nothing more can be read here.
func (e *Engine) unfinished(ctx context.Context, r *Run, err error) error {
	if ctx.Err() != nil {
		err = ErrElsewhere
	}
	if rec, ok := e.cfg.Recorder.(Adopter); ok {
		err = errors.Join(err, rec.Leave(r.info.ID))
	}
	return err
}

// Get finds a run that was submitted here, or found, and is not forgotten: see Config.Remember. The error is
// ErrUnknownRun; a run that has ended is then to be looked for where it was recorded.
func (e *Engine) Get(id RunID) (*Run, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if r := e.runs[id]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("%w: %s", ErrUnknownRun, id)
}
