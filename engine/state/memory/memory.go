// Package memory stores the state of runs of a single process: the fast path that the engine takes by default.
//
// It keeps the laws of engine/state without a lock per task. A claim is a token in its lane, a dependency an atomic
// count that the last finished parent brings to zero, and a child with one parent needs no atomic at all. Ready nodes
// are in one queue per processor; a lane whose queue is empty takes half of another. The log is an array of pages: a
// step's number is its place, so lanes write without contention. Joins are never claimed: the last node that a join
// waits for ends it.
//
// Costs: 40 bytes a node in addition to the graph, 136 bytes a logged step and at most as many bytes reserved for later
// steps, until the run is garbage collected; no goroutine.
//
// Caveats: the state dies with the process; only what was recorded remains. Outputs are kept as Go values, never encoded,
// so a task that modifies its input changes what others read.
package memory

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
)

// Store implements state.Store.
type Store struct {
	mu   sync.Mutex
	runs map[record.RunID]struct{} // guarded by mu
}

// New returns an empty store.
func New() *Store { return &Store{runs: make(map[record.RunID]struct{})} }

// Create implements state.Store.
func (s *Store) Create(_ context.Context, job execution.Job, hooks state.Hooks) (state.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.runs[job.Info.ID]; taken {
		return nil, fmt.Errorf("%w: %s", execution.ErrRunExists, job.Info.ID)
	}
	s.runs[job.Info.ID] = struct{}{}
	return newRun(s, job, hooks), nil
}

// forget makes the ID free again.
func (s *Store) forget(id record.RunID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.runs, id)
}

// Phases of a run. Claims are handed out only while it is running.
const (
	running int32 = iota
	paused
	draining // claimed nodes continue, but no others will be claimed
	stopping
	ended
)

// run implements state.Run.
type run struct {
	store     *Store
	job       execution.Job
	hooks     state.Hooks
	graph     *dag.Graph
	numbering *dag.Numbering
	base      time.Time
	queues    []queue
	gates     []*gate // by function; nil if no function has a bound
	log       *log    // nil if the run keeps no log
	static    *block
	dynamic   atomic.Pointer[[]*block]
	lanes     atomic.Pointer[[]*lane]
	done      chan struct{}

	_     [64]byte     // keeps what changes often off the cache lines that all lanes read
	sinks atomic.Int64 // nodes that nothing waits for and that have not ended
	_     [64]byte
	phase atomic.Int32

	outcome atomic.Uint32 // record.Outcome of the run once it has ended
	retries atomic.Int64
	failed  atomic.Int64
	skipped atomic.Int64

	mu      sync.Mutex // guards what follows, and the order of expansions
	stop    ending
	first   *record.ErrorRecord
	details []record.Detail
	result  func() (record.RunEnd, any)
}

// ending is how the first Stop ends the run.
type ending struct {
	status record.Status
	cause  error
	first  *record.ErrorRecord
}

func newRun(s *Store, job execution.Job, hooks state.Hooks) *run {
	if hooks.Ready == nil {
		hooks.Ready = func(int) {}
	}
	if hooks.Stopping == nil {
		hooks.Stopping = func(error) {}
	}
	r := &run{
		store: s, job: job, hooks: hooks, graph: job.Graph, numbering: dag.NewNumbering(job.Graph),
		base: time.Now(), queues: make([]queue, runtime.GOMAXPROCS(0)), done: make(chan struct{}),
		gates: newGates(job.Graph),
	}
	r.static = newBlock(r.graph, r.numbering.Block(0), at{})
	r.dynamic.Store(&[]*block{})
	r.lanes.Store(&[]*lane{})
	r.sinks.Store(int64(r.graph.Scope(0).Sinks()))
	roots := r.graph.Roots()
	for i := range r.queues {
		r.queues[i].fill(roots[i*len(roots)/len(r.queues) : (i+1)*len(roots)/len(r.queues)])
	}
	if !job.Options.Unlogged {
		r.log = newLog()
		r.Note(record.Step{Kind: record.RunStarted, Readied: roots})
	}
	if r.sinks.Load() == 0 {
		r.phase.Store(ended)
		r.finish(record.Succeeded, nil)
	}
	return r
}

// Numbering implements state.Run.
func (r *run) Numbering() *dag.Numbering { return r.numbering }

// Now implements state.Run.
func (r *run) Now() int64 { return int64(time.Since(r.base)) }

// Stopping implements state.Run.
func (r *run) Stopping() bool { return r.phase.Load() >= stopping }

// Output implements dag.Values.
func (r *run) Output(id dag.NodeID) any {
	if int(id) < len(r.static.nodes) {
		return r.static.nodes[id].out
	}
	return r.find(id).node().out
}

// Elements implements dag.Values.
func (r *run) Elements(id dag.NodeID) []any {
	elements, _ := r.find(id).node().out.([]any)
	return elements
}

// Ready implements state.Run.
func (r *run) Ready() int {
	if r.phase.Load() != running {
		return 0
	}
	n := 0
	for i := range r.queues {
		n += r.queues[i].len()
	}
	return n
}

// Note implements state.Run.
func (r *run) Note(s record.Step) {
	if r.log == nil {
		return
	}
	s.Became = dag.NoNode
	r.log.append(&s)
}

// Steps implements execution.Execution.
func (r *run) Steps(ctx context.Context, after uint64) ([]record.Step, error) {
	if r.log == nil {
		return nil, fmt.Errorf("engine: run %s keeps no log", r.job.Info.ID)
	}
	return r.log.read(ctx, after, r.done)
}

// TakeDetails implements execution.Execution. Worker records are the worker's to add.
func (r *run) TakeDetails() ([]record.Detail, []record.WorkerRecord) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.details
	r.details = nil
	return d, nil
}

// Progress implements execution.Execution.
func (r *run) Progress() execution.Progress {
	p := execution.Progress{
		Tasks: r.numbering.Tasks(), Failed: int(r.failed.Load()), Skipped: int(r.skipped.Load()), Retries: int(r.retries.Load()),
	}
	outcome := record.Outcome(r.outcome.Load())
	over := outcome != record.NoOutcome
	for _, l := range *r.lanes.Load() {
		p.Done += l.finished(over)
		if l.busy() && !over {
			p.Running++
		}
	}
	switch {
	case over:
		p.Status = outcome.RunStatus()
	case r.phase.Load() == paused:
		p.Status = record.Paused
	default:
		p.Status = record.Running
	}
	return p
}

// Done implements execution.Execution.
func (r *run) Done() <-chan struct{} { return r.done }

// Forget implements execution.Execution.
func (r *run) Forget() { r.store.forget(r.job.Info.ID) }
