package bench

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// States of a floorTask, which begins with neither.
const (
	floorClaimed uint32 = 1
	floorDone    uint32 = 2
)

// floorTask is the state of one task: 40 bytes.
type floorTask struct {
	out     any
	started int64 // ns since the run's start
	ended   int64
	arrived atomic.Int32 // parents that are done; counted up, so that clearing is all a new run needs
	state   atomic.Uint32
}

// floor executes one graph again and again with as little as can be had while tasks are still boxed functions that
// several processors share: no failures, no log, no growth, and outputs stay until the next run. Its state is
// allocated once, outside of what is measured.
type floor struct {
	graph  *floorGraph
	tasks  []floorTask
	queues []floorQueue
	base   time.Time

	_      [64]byte
	parked atomic.Int32
	over   atomic.Bool
	err    atomic.Pointer[error]
	mu     sync.Mutex // guards what the parked wait for
	wake   sync.Cond
}

// floorQueue holds the ready tasks of one processor, the next one at the end.
type floorQueue struct {
	mu    sync.Mutex
	tasks []uint32
	_     [32]byte
}

func newFloor(g *floorGraph) *floor {
	f := &floor{graph: g, tasks: make([]floorTask, len(g.function)), queues: make([]floorQueue, runtime.GOMAXPROCS(0))}
	f.wake.L = &f.mu
	return f
}

// run executes the graph once and returns its result.
func (f *floor) run(ctx context.Context) (any, error) {
	g := f.graph
	f.base = time.Now()
	clear(f.tasks)
	f.over.Store(false)
	n := len(f.queues)
	for i := range f.queues {
		f.queues[i].tasks = append(f.queues[i].tasks[:0], g.roots[i*len(g.roots)/n:(i+1)*len(g.roots)/n]...)
	}
	var workers sync.WaitGroup
	for i := range f.queues {
		workers.Go(func() { (&floorWorker{floor: f, number: i, queue: &f.queues[i]}).work(ctx) })
	}
	workers.Wait()
	if err := f.err.Load(); err != nil {
		return nil, *err
	}
	return f.tasks[g.result].out, nil
}

func (f *floor) now() int64 { return int64(time.Since(f.base)) }

// end lets every worker stop.
func (f *floor) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over.Store(true)
	f.wake.Broadcast()
}

// floorWorker is one processor's share of the work.
type floorWorker struct {
	*floor
	number int
	queue  *floorQueue
	args   []any
	moved  []uint32
	_      [64]byte
}

func (w *floorWorker) work(ctx context.Context) {
	for idle := 0; !w.over.Load(); {
		if i, ok := w.take(); ok {
			idle = 0
			w.strand(ctx, i)
			continue
		}
		if idle++; idle < 32 {
			runtime.Gosched()
			continue
		}
		idle = 0
		w.park()
	}
}

// strand runs a task and continues with the first child that it makes ready.
func (w *floorWorker) strand(ctx context.Context, i uint32) {
	g := w.graph
	for {
		t := &w.tasks[i]
		t.state.Store(floorClaimed)
		t.started = w.now()
		out, err := g.calls[g.function[i]](ctx, w.gather(i))
		t.ended = w.now()
		if err != nil {
			w.fail(err)
			return
		}
		t.out = out
		if !t.state.CompareAndSwap(floorClaimed, floorDone) {
			panic("bench: a task of the floor ran twice")
		}
		if i == g.result {
			w.end()
			return
		}
		next, more := w.arrive(i)
		if !more {
			return
		}
		i = next
	}
}

// fail ends the run. It is apart because only here the error has to outlive the call.
func (w *floorWorker) fail(err error) {
	w.err.Store(&err)
	w.end()
}

func (w *floorWorker) gather(i uint32) []any {
	g, args := w.graph, w.args[:0]
	for _, a := range g.args[g.argOff[i]:g.argOff[i+1]] {
		if a >= 0 {
			args = append(args, w.tasks[a].out)
		} else {
			args = append(args, g.constants[^a])
		}
	}
	w.args = args
	return args
}

// arrive counts i as arrived at its children: the first to become ready is returned, others are queued.
func (w *floorWorker) arrive(i uint32) (next uint32, ok bool) {
	g, others := w.graph, w.moved[:0]
	for _, c := range g.children[g.childOff[i]:g.childOff[i+1]] {
		switch {
		case g.parents[c] > 1 && w.tasks[c].arrived.Add(1) < g.parents[c]:
		case !ok:
			next, ok = c, true
		default:
			others = append(others, c)
		}
	}
	w.moved = others[:0]
	if len(others) > 0 {
		w.push(others)
	}
	return next, ok
}

func (w *floorWorker) push(tasks []uint32) {
	w.queue.mu.Lock()
	w.queue.tasks = append(w.queue.tasks, tasks...)
	w.queue.mu.Unlock()
	if w.parked.Load() > 0 {
		w.mu.Lock()
		w.wake.Broadcast()
		w.mu.Unlock()
	}
}

// take gives a task of the own queue, or half of another's.
func (w *floorWorker) take() (uint32, bool) {
	if i, ok := w.queue.pop(); ok {
		return i, true
	}
	for o := 1; o < len(w.queues); o++ {
		victim := &w.queues[(w.number+o)%len(w.queues)]
		victim.mu.Lock()
		half := (len(victim.tasks) + 1) / 2
		w.moved = append(w.moved[:0], victim.tasks[:half]...)
		victim.tasks = append(victim.tasks[:0], victim.tasks[half:]...)
		victim.mu.Unlock()
		if half == 0 {
			continue
		}
		if half > 1 {
			w.queue.mu.Lock()
			w.queue.tasks = append(w.queue.tasks, w.moved[:half-1]...)
			w.queue.mu.Unlock()
		}
		return w.moved[half-1], true
	}
	return 0, false
}

func (q *floorQueue) pop() (uint32, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.tasks)
	if n == 0 {
		return 0, false
	}
	i := q.tasks[n-1]
	q.tasks = q.tasks[:n-1]
	return i, true
}

// park sleeps until something may have become ready. It counts itself as parked before it looks once more, and push
// reads the count after it has queued its tasks: one of them sees the other.
func (w *floorWorker) park() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.parked.Add(1)
	defer w.parked.Add(-1)
	for i := range w.queues {
		q := &w.queues[i]
		q.mu.Lock()
		n := len(q.tasks)
		q.mu.Unlock()
		if n > 0 {
			return
		}
	}
	if !w.over.Load() {
		w.wake.Wait()
	}
}
