package invoke

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dagscope/dagscope/engine/record"
)

// FanConfig of a Fan. Invoker is required; the zero value of the rest means the defaults.
type FanConfig struct {
	Invoker Invoker
	// PerCall is how many nodes one invocation is for, such as the slots of the worker that it starts; default 1.
	PerCall int
	// Max is how many invocations are active at a time, over all runs; default 64. Further nodes are left to the workers
	// that have started, and to later hints.
	Max int
	// TakeWait is how long an invocation that no worker has accepted counts as starting; default 10 s. After that, it
	// continues but no longer counts.
	TakeWait time.Duration
	// Log receives failures, at most one a second; default none.
	Log *slog.Logger
}

func (c FanConfig) withDefaults() (FanConfig, error) {
	if c.Invoker == nil {
		return c, errors.New("invoke: Invoker is nil, expected one such as that of NewCaller")
	}
	if c.PerCall <= 0 {
		c.PerCall = 1
	}
	if c.Max <= 0 {
		c.Max = 64
	}
	if c.TakeWait <= 0 {
		c.TakeWait = 10 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// Counts of a Fan.
type Counts struct {
	Hinted   int64 `json:"hinted"`    // nodes passed to Readied
	Invoked  int64 `json:"invoked"`   // invocations started
	Warm     int64 `json:"warm"`      // invocations of a process that had worked before
	Cold     int64 `json:"cold"`      // invocations for which a process was started
	Idle     int64 `json:"idle"`      // invocations that found nothing to do
	Failures int64 `json:"failures"`  // invocations that failed permanently
	UnderWay int64 `json:"under_way"` // active invocations
}

// Fan turns ready nodes into invocations. For each run a limited number start at the same time (record.Rules.Invokers);
// once a worker has accepted an invocation, it lasts as long as that worker works, and no longer counts for this limit.
// Nothing happens until Run is called. Safe for concurrent use.
type Fan struct {
	cfg   FanConfig
	wake  chan struct{}  // capacity 1: a demand or a limit has changed; any method sends, Run receives
	calls sync.WaitGroup // invocations; owned by Run

	mu       sync.Mutex
	demands  map[record.RunID]*demand // guarded by mu
	turns    []record.RunID           // the keys of demands, in the order in which they are served; guarded by mu
	underWay int                      // active invocations of all runs; guarded by mu

	hinted, invoked, warm, cold, idle, failures atomic.Int64
	lastLog                                     atomic.Int64 // ns of the wall clock
}

// demand is what a run needs. Fan.mu guards it.
type demand struct {
	wanted    int // invocations to start
	nodes     int // nodes that they are for
	functions map[string]bool
	invokers  int // limit for starting
	starting  int // started but not accepted
	underWay  int // started but not over
}

// NewFan checks the configuration and returns a fan, which does nothing until Run is called.
func NewFan(cfg FanConfig) (*Fan, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Fan{cfg: cfg, wake: make(chan struct{}, 1), demands: map[record.RunID]*demand{}}, nil
}

// Readied reports that nodes of a run can be claimed: how many of each function, "" for those that any worker can
// execute. It returns at once; invokers bounds how many invocations of this run start at a time.
func (f *Fan) Readied(run record.RunID, readied map[string]int, invokers int) {
	nodes := 0
	for _, n := range readied {
		nodes += n
	}
	if nodes <= 0 {
		return
	}
	f.hinted.Add(int64(nodes))
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.demands[run]
	if d == nil {
		d = &demand{functions: map[string]bool{}}
		f.demands[run] = d
		f.turns = append(f.turns, run)
	}
	for function := range readied {
		if function != "" {
			d.functions[function] = true
		}
	}
	d.invokers = max(invokers, 1)
	d.nodes = min(d.nodes+nodes, f.cfg.Max*f.cfg.PerCall)
	d.wanted = min(d.wanted+(nodes+f.cfg.PerCall-1)/f.cfg.PerCall, f.cfg.Max)
	f.notify()
}

func (f *Fan) notify() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Run starts invocations until ctx ends, which cancels them, and returns when all are over. Workers that have accepted
// one continue.
func (f *Fan) Run(ctx context.Context) error {
	defer f.calls.Wait()
	for {
		for {
			run, hint, ok := f.next()
			if !ok {
				break
			}
			f.calls.Go(func() { f.call(ctx, run, hint) })
		}
		select {
		case <-ctx.Done():
			return nil
		case <-f.wake:
		}
	}
}

// next removes one invocation from the demands, which it serves round-robin.
func (f *Fan) next() (record.RunID, Hint, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.underWay >= f.cfg.Max {
		return "", Hint{}, false
	}
	for i, run := range f.turns {
		d := f.demands[run]
		if d.wanted == 0 || d.starting >= d.invokers {
			continue
		}
		hint := Hint{Run: run, Functions: slices.Sorted(maps.Keys(d.functions)), Nodes: max(1, min(d.nodes, f.cfg.PerCall))}
		d.wanted--
		d.nodes = max(0, d.nodes-hint.Nodes)
		d.starting++
		d.underWay++
		f.underWay++
		f.turns = append(slices.Delete(f.turns, i, i+1), run)
		return run, hint, true
	}
	return "", Hint{}, false
}

// call makes one invocation.
func (f *Fan) call(ctx context.Context, run record.RunID, hint Hint) {
	var once sync.Once
	taken := func() { once.Do(func() { f.taken(run) }) }
	waiting := time.AfterFunc(f.cfg.TakeWait, taken)
	f.invoked.Add(1)
	answer, err := f.cfg.Invoker.Invoke(ctx, hint, taken)
	waiting.Stop()
	taken()
	switch {
	case ctx.Err() != nil:
	case err != nil:
		f.failed(run, err)
	default:
		f.count(answer)
	}
	f.over(run, err == nil && answer.Waited && answer.Tasks == 0)
}

func (f *Fan) count(a Answer) {
	switch a.Start {
	case Warm:
		f.warm.Add(1)
	case Cold:
		f.cold.Add(1)
	}
	if a.Waited && a.Tasks == 0 {
		f.idle.Add(1)
	}
}

// failed counts a failure, and logs it unless one was logged within the last second: all may fail at the same time.
func (f *Fan) failed(run record.RunID, err error) {
	n := f.failures.Add(1)
	now, last := time.Now().UnixNano(), f.lastLog.Load()
	if now-last >= int64(time.Second) && f.lastLog.CompareAndSwap(last, now) {
		f.cfg.Log.Warn("an invocation failed; its tasks wait for a running worker", "run", run, "failures", n, "error", err)
	}
}

// taken lets the next invocation of the run start.
func (f *Fan) taken(run record.RunID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.demands[run].starting--
	f.notify()
}

// over ends an invocation. If it found nothing to do, further ones would not either, since other workers have done the
// rest: they are dropped.
func (f *Fan) over(run record.RunID, idle bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.demands[run]
	f.underWay--
	d.underWay--
	if idle {
		d.wanted, d.nodes = 0, 0
		clear(d.functions)
	}
	if d.wanted == 0 && d.underWay == 0 {
		delete(f.demands, run)
		f.turns = slices.DeleteFunc(f.turns, func(other record.RunID) bool { return other == run })
	}
	f.notify()
}

// Counts returns the counts so far.
func (f *Fan) Counts() Counts {
	f.mu.Lock()
	defer f.mu.Unlock()
	return Counts{
		Hinted: f.hinted.Load(), Invoked: f.invoked.Load(), Warm: f.warm.Load(), Cold: f.cold.Load(), Idle: f.idle.Load(),
		Failures: f.failures.Load(), UnderWay: int64(f.underWay),
	}
}
