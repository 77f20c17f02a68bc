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

	"github.com/dagscope/dagscope/engine"
)

// FanConfig of a Fan. Invoker is required; the zero value of the rest means the defaults.
type FanConfig struct {
	Invoker Invoker
	// PerCall is how many nodes one invocation is for, such as the slots of the worker that it brings; default 1.
	PerCall int
	// Max is how many invocations are under way at a time at most, in all runs; default 64. Nodes beyond are left to
	// those who have come, and to later hints.
	Max int
	// TakeWait is how long an invocation that nobody has taken on keeps its place among those of its run that start at
	// the same time; default 10 s. It goes on after that.
	TakeWait time.Duration
	// Log gets failures, at most one a second; default none.
	Log *slog.Logger
}

func (c FanConfig) withDefaults() (FanConfig, error) {
	if c.Invoker == nil {
		return c, errors.New("invoke: Invoker is nil, expected one such as NewCaller gives")
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
	Hinted   int64 `json:"hinted"`   // nodes that it was told of
	Invoked  int64 `json:"invoked"`  // invocations begun
	Warm     int64 `json:"warm"`     // those that found a process which had worked before
	Cold     int64 `json:"cold"`     // those for which one had to start
	Idle     int64 `json:"idle"`     // those that found nothing to do
	Failures int64 `json:"failures"` // those that failed for good
	UnderWay int64 `json:"under_way"`
}

// Fan turns nodes that became ready into invocations. Of each run so many are started at a time as its rules say
// (engine.Rules.Invokers), beside each other; once taken on, an invocation lasts as long as whoever took it on works,
// and keeps none from starting. Run has to be running for anything to happen. Safe for concurrent use.
type Fan struct {
	cfg   FanConfig
	rung  chan struct{} // capacity 1: there may be something to start
	calls sync.WaitGroup

	mu       sync.Mutex
	demands  map[engine.RunID]*demand
	turns    []engine.RunID // those with a demand, in the order in which they are served
	underWay int

	hinted, invoked, warm, cold, idle, failures atomic.Int64
	lastLog                                     atomic.Int64 // ns of the wall clock
}

// demand is what a run wants.
type demand struct {
	wanted    int // invocations to start
	nodes     int // that they are for
	functions map[string]bool
	invokers  int
	starting  int // begun and not taken on
	underWay  int // begun and not over
}

// NewFan checks the configuration.
func NewFan(cfg FanConfig) (*Fan, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Fan{cfg: cfg, rung: make(chan struct{}, 1), demands: map[engine.RunID]*demand{}}, nil
}

// Readied tells that nodes can be claimed: how many of each function, "" for those that any worker can execute. It
// returns at once; invokers bounds how many invocations of this run start at a time.
func (f *Fan) Readied(run engine.RunID, readied map[string]int, invokers int) {
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
	f.ring()
}

func (f *Fan) ring() {
	select {
	case f.rung <- struct{}{}:
	default:
	}
}

// Run invokes until ctx ends; then it breaks off what is under way, and returns when all of that is over. Whoever took
// an invocation on works on.
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
		case <-f.rung:
		}
	}
}

// next takes an invocation out of the demands, run after run.
func (f *Fan) next() (engine.RunID, Hint, bool) {
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

// call is one invocation.
func (f *Fan) call(ctx context.Context, run engine.RunID, hint Hint) {
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

// failed counts and tells, but not more than once a second: where one fails, all may.
func (f *Fan) failed(run engine.RunID, err error) {
	n := f.failures.Add(1)
	now, last := time.Now().UnixNano(), f.lastLog.Load()
	if now-last >= int64(time.Second) && f.lastLog.CompareAndSwap(last, now) {
		f.cfg.Log.Warn("an invocation has failed; work waits until somebody looks", "run", run, "failures", n, "error", err)
	}
}

// taken lets the next invocation of the run start.
func (f *Fan) taken(run engine.RunID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.demands[run].starting--
	f.ring()
}

// over ends an invocation. One that found nothing to do says that those to come would not either: what else was wanted
// has been done by others.
func (f *Fan) over(run engine.RunID, idle bool) {
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
		f.turns = slices.DeleteFunc(f.turns, func(other engine.RunID) bool { return other == run })
	}
	f.ring()
}

// Counts so far.
func (f *Fan) Counts() Counts {
	f.mu.Lock()
	defer f.mu.Unlock()
	return Counts{
		Hinted: f.hinted.Load(), Invoked: f.invoked.Load(), Warm: f.warm.Load(), Cold: f.cold.Load(), Idle: f.idle.Load(),
		Failures: f.failures.Load(), UnderWay: int64(f.underWay),
	}
}
