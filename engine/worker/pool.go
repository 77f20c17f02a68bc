// Package worker executes tasks: it claims them from a state store, calls their functions, and becomes the next task
// or leaves it to others.
//
// A Pool is one worker: a process with a width (processors) and slots (lanes, each a goroutine). It starts with a lane
// for each processor and adds lanes while tasks wait and processors are idle, so that blocking tasks do not starve
// others; surplus lanes park. Several runs share the lanes round-robin. A panic fails only its attempt; failed attempts
// are repeated after a backoff with full jitter; timeouts, cancellation and deadlines reach a body through its context,
// and a body that ignores its context is abandoned after a grace period, with its slot reported as leaked.
//
// With a store that several processes share, a pool also joins runs that were submitted elsewhere, fetches inputs
// before it calls a body, and when it shuts down leaves its runs to the other processes instead of ending them.
//
// Costs: two readings of the clock and a 128-byte share of a slab for each attempt; one monitor goroutine while runs
// are active.
//
// Caveats: nothing happens until Run is called. The goroutine of a leaked body lives until the body returns; nothing
// can stop it.
package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
)

// Config of a Pool. State is required; the zero value of the rest means the defaults.
type Config struct {
	State state.Store
	// Width is how many processors the tasks may use; default GOMAXPROCS.
	Width int
	// Memory is how many bytes tasks may declare together that they need, see engine.Options; default what the machine, or
	// the container of this process, has, divided by Processes.
	Memory int64
	// Processes is how many pools share the machine, each in a process of its own; default 1.
	Processes int
	// MaxSlots bounds the lanes, including blocked ones; default 1,024, at least Width.
	MaxSlots int
	// SoftStop is how long tasks may still run after Run's context has ended; default 20 s.
	SoftStop time.Duration
	// Grace is how long a body may take to return after its context was cancelled; default 10 s.
	Grace time.Duration
	// Backoff is the upper bound of the delay before the first retry, doubled for each further one up to BackoffCap;
	// the delay itself is drawn evenly from 0 to the bound. Defaults 0.5 s and 30 s.
	Backoff    time.Duration
	BackoffCap time.Duration
	// Name of the worker in records; default host:pid.
	Name string
	// Startup is the time from the start of the process until it could work, for records; 0 if unknown.
	Startup time.Duration

	// Find returns a function of this process, nil if it has none of that signature; a function whose name is not unique
	// is found by its workflow. If Find is set and State is a state.Shared, the pool takes part in all runs of the store,
	// otherwise only in those submitted to it.
	Find func(workflow string, function engine.Signature) *engine.Function
	// Prepare returns what has to be done for a run before any of its tasks is claimed here; nil if there is nothing. If
	// that fails, the run fails.
	Prepare func(execution.Job) Preparation
	// Idle pools have no lanes: they submit runs and watch how other processes execute them. State has to be a
	// state.Shared.
	Idle bool
}

func (c Config) withDefaults() (Config, error) {
	if c.State == nil {
		return c, errors.New("worker: State is nil, expected a store such as that of memory.New")
	}
	if c.Width < 0 || c.MaxSlots < 0 || c.Memory < 0 {
		return c, fmt.Errorf("worker: Width is %d, MaxSlots %d and Memory %d, expected at least 0", c.Width, c.MaxSlots, c.Memory)
	}
	if _, ok := c.State.(state.Shared); c.Idle && !ok {
		return c, errors.New("worker: Idle is set, expected a State that is shared with processes that execute tasks")
	}
	if c.Width == 0 {
		c.Width = runtime.GOMAXPROCS(0)
	}
	if c.Memory == 0 {
		c.Memory = systemMemory() / int64(max(c.Processes, 1))
	}
	if c.MaxSlots == 0 {
		c.MaxSlots = 1024
	}
	c.MaxSlots = max(c.MaxSlots, c.Width)
	if c.Idle {
		c.Width, c.MaxSlots = 0, 0
	}
	for _, d := range []struct {
		value *time.Duration
		def   time.Duration
	}{{&c.SoftStop, 20 * time.Second}, {&c.Grace, 10 * time.Second}, {&c.Backoff, 500 * time.Millisecond}, {&c.BackoffCap, 30 * time.Second}} {
		if *d.value <= 0 {
			*d.value = d.def
		}
	}
	return c, nil
}

// Preparation does what a run needs before its tasks can be called in this process, such as to install packages. It
// returns soon after ctx ends. report may be called at any time until it returns; of two reports with the same key the
// later one replaces the earlier.
type Preparation func(ctx context.Context, report func(record.Preparation)) error

// Pool implements execution.Executor with goroutines of this process. Safe for concurrent use.
type Pool struct {
	cfg       Config    // never changed after New, like host, pid and began
	host      string    // "" if unknown
	pid       int       // of this process
	began     time.Time // when New was called
	lanes     laneGroup
	logs      followed
	resources resources
	jobs      atomic.Pointer[[]*job] // jobs that have not ended; stored under mu, loaded by any goroutine
	added     chan struct{}          // capacity 1: admit sends when it adds a job, the monitor receives

	mu        sync.Mutex
	accepted  int            // jobs so far; guarded by mu
	ended     int            // jobs that have ended; guarded by mu
	tasksDone int64          // by jobs that have ended; guarded by mu
	closed    bool           // no further job is admitted; guarded by mu
	watchers  sync.WaitGroup // one for each job that has not ended; added to under mu, Run waits
}

// New checks the configuration and returns a pool, which does nothing until Run is called.
func New(cfg Config) (*Pool, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &Pool{cfg: cfg, resources: newResources(&cfg), added: make(chan struct{}, 1), pid: os.Getpid(), began: time.Now()}
	p.host, _ = os.Hostname() // records of a host without a name have only its pid
	if p.cfg.Name == "" {
		p.cfg.Name = fmt.Sprintf("%s:%d", p.host, p.pid)
	}
	p.jobs.Store(&[]*job{})
	p.lanes.init(p)
	return p, nil
}

// Check implements execution.Checker: a call has to fit into this worker, unless it leaves all of them to others.
func (p *Pool) Check(g *dag.Graph) error {
	if p.cfg.Idle {
		return nil
	}
	return p.resources.lacks(g)
}

// Submit implements execution.Executor.
func (p *Pool) Submit(ctx context.Context, ej execution.Job) (execution.Execution, error) {
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	if closed {
		return nil, engine.ErrClosed
	}
	j := newJob(p, ej)
	run, err := p.cfg.State.Create(ctx, ej, j.hooks())
	if err != nil {
		return nil, err
	}
	if !p.admit(j, run) {
		p.end(run)
		return nil, engine.ErrClosed
	}
	return j, nil
}

// admit starts a job and adds it to the list; it reports false when the pool has been closed.
func (p *Pool) admit(j *job, run state.Run) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	j.start(run, p.accepted > 0)
	p.accepted++
	jobs := append((*p.jobs.Load())[:len(*p.jobs.Load()):len(*p.jobs.Load())], j)
	p.jobs.Store(&jobs)
	j.prepare()
	p.watchers.Go(func() { p.watch(j) })
	return true
}

// watch stops a job at its deadline, and removes it from the list once it has ended or is left to other processes.
func (p *Pool) watch(j *job) {
	for over := false; !over; {
		select {
		case <-j.expired():
			j.expire()
		case <-j.run.Done():
			over = true
		case <-j.shared.leaving:
			over = true
		}
	}
	if j.deadline != nil {
		j.deadline.Stop()
	}
	j.preparing.stop()
	j.own.finish(j.run.Now())
	j.leave()
	p.mu.Lock()
	defer p.mu.Unlock()
	var rest []*job
	for _, k := range *p.jobs.Load() {
		if k != j {
			rest = append(rest, k)
		}
	}
	p.jobs.Store(&rest)
	p.ended++
	p.tasksDone += int64(j.run.Progress().Done)
}

// Run implements execution.Executor. It returns when all lanes, the monitor and all watchers have ended. Runs that have
// not ended within SoftStop after the end of ctx are cancelled or, if they are shared, left to the other processes.
func (p *Pool) Run(ctx context.Context) error {
	monitorCtx, stopMonitor := context.WithCancel(context.Background())
	defer stopMonitor()
	var monitor sync.WaitGroup
	if !p.cfg.Idle {
		monitor.Go(func() { p.monitor(monitorCtx) })
		p.lanes.grow(p.cfg.Width)
	}
	joinCtx, stopJoining := context.WithCancel(ctx)
	defer stopJoining()
	joining := make(chan error, 1)
	go func() { joining <- p.join(joinCtx) }()
	select {
	case <-ctx.Done():
	case err := <-joining:
		joining <- err
	}
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.drain()
	p.watchers.Wait()
	p.lanes.stop()
	stopMonitor()
	monitor.Wait()
	return <-joining
}

// drain waits for executing tasks, up to SoftStop, and then ends or leaves every run.
func (p *Pool) drain() {
	jobs := *p.jobs.Load()
	for _, j := range jobs {
		j.run.Drain()
	}
	p.resources.close() // tasks that wait for resources are for others
	soft := time.NewTimer(p.cfg.SoftStop)
	defer soft.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for p.lanes.busy() {
		select {
		case <-soft.C:
			p.stopAll(jobs)
			return
		case <-tick.C:
		}
	}
	p.stopAll(jobs)
}

func (p *Pool) stopAll(jobs []*job) {
	for _, j := range jobs {
		if j.shared.member != nil {
			close(j.shared.leaving)
			continue
		}
		p.end(j.run)
	}
}

// end cancels a run that will not be executed because the pool is closed.
func (p *Pool) end(run state.Run) {
	run.Stop(record.Cancelled, engine.ErrClosed, &record.ErrorRecord{
		Kind: record.ShutdownError, Node: dag.NoNode, Message: "the engine was shut down", Worker: p.cfg.Name, Time: time.Now(),
	})
}

// join takes part in the runs that any process submits, until ctx ends.
func (p *Pool) join(ctx context.Context) error {
	shared, ok := p.cfg.State.(state.Shared)
	if !ok || p.cfg.Idle || p.cfg.Find == nil {
		<-ctx.Done()
		return nil
	}
	if err := shared.Join(ctx, p.find, p.joinRun); err != nil && ctx.Err() == nil {
		return fmt.Errorf("worker: %w", err)
	}
	return nil
}

// find finds the functions of this process that it can call: it leaves those to others for which it has too little.
func (p *Pool) find(workflow string, s engine.Signature) *engine.Function {
	if !amountOf(s.CPUs, s.Memory).fits(p.resources.total) {
		return nil
	}
	return p.cfg.Find(workflow, s)
}

// joinRun begins to work on a run that was submitted elsewhere. No caller in this process waits for it.
func (p *Pool) joinRun(ej execution.Job) (state.Hooks, func(state.Run)) {
	j := newJob(p, ej)
	return j.hooks(), func(run state.Run) { p.admit(j, run) }
}

// Find implements execution.Finder. A store that is not shared has nothing to find.
func (p *Pool) Find(ctx context.Context, found func(execution.Job, execution.Execution)) error {
	w, ok := p.cfg.State.(state.Watcher)
	if !ok {
		<-ctx.Done()
		return nil
	}
	return w.Find(ctx, found)
}

// Retry implements execution.Retrier. A store that is not shared keeps no state of runs that have ended.
func (p *Pool) Retry(ctx context.Context, id record.RunID) (execution.Job, execution.Execution, error) {
	w, ok := p.cfg.State.(state.Watcher)
	if !ok {
		return execution.Job{}, nil, fmt.Errorf("%w: the state of %s is not kept once it has ended", engine.ErrUnknownRun, id)
	}
	return w.Retry(ctx, id)
}
