package worker

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/state"
)

// resources are what tasks may declare together that they need, see engine.Options: a task that needs some is called when
// they are free, in the order in which tasks began to wait, so that a large one is not passed by small ones for ever. A
// task that waits has none, so two never wait for each other.
type resources struct {
	total amount // never changed

	mu      sync.Mutex
	free    amount       // guarded by mu
	waiting []*request   // guarded by mu; the first waits longest
	crowd   atomic.Int64 // how many those are; stored under mu
}

// amount of resources.
type amount struct {
	milliCPUs int64
	memory    int64 // bytes
}

func amountOf(cpus float64, memory int64) amount {
	return amount{int64(math.Round(1000 * cpus)), memory}
}

func (a amount) fits(in amount) bool { return a.milliCPUs <= in.milliCPUs && a.memory <= in.memory }

func (a amount) minus(b amount) amount { return amount{a.milliCPUs - b.milliCPUs, a.memory - b.memory} }

func (a amount) String() string {
	memory := fmt.Sprintf("%d MiB", a.memory>>20)
	if a.memory >= 1<<30 {
		memory = fmt.Sprintf("%.4g GiB", float64(a.memory)/(1<<30))
	}
	return fmt.Sprintf("%v processors and %s of memory", float64(a.milliCPUs)/1000, memory)
}

// request is a task that waits.
type request struct {
	need    amount
	granted chan struct{} // closed when it has them
}

// lacks names a function of a graph that needs more than there is for a single call.
func (r *resources) lacks(g *dag.Graph) error {
	for _, f := range g.Functions() {
		if need := amountOf(f.Options().CPUs, f.Options().Memory); !need.fits(r.total) {
			return fmt.Errorf("%w: a call of %s needs %s, expected at most what there is here, %s", dag.ErrInvalidGraph, f.Name(), need, r.total)
		}
	}
	return nil
}

// needs are what calls of the functions of a graph need, at most what there is; nil where none needs anything.
func (r *resources) needs(g *dag.Graph) []amount {
	out := make([]amount, len(g.Functions()))
	isNeeded := false
	for i, f := range g.Functions() {
		need := amountOf(f.Options().CPUs, f.Options().Memory)
		out[i] = amount{min(need.milliCPUs, r.total.milliCPUs), min(need.memory, r.total.memory)}
		isNeeded = isNeeded || need != amount{}
	}
	if !isNeeded {
		return nil
	}
	return out
}

// newResources are all that a worker has.
func newResources(c *Config) resources {
	total := amount{1000 * int64(c.Width), c.Memory}
	return resources{total: total, free: total}
}

// isCrowded reports whether so many tasks wait that no more should be claimed, since another process may have what they
// need.
func (r *resources) isCrowded() bool {
	n := r.crowd.Load()
	return n > 0 && 1000*n >= r.total.milliCPUs
}

// acquire waits until the resources are free, or done is closed; then it reports false.
func (r *resources) acquire(need amount, done func() <-chan struct{}) bool {
	r.mu.Lock()
	if len(r.waiting) == 0 && need.fits(r.free) {
		r.free = r.free.minus(need)
		r.mu.Unlock()
		return true
	}
	q := &request{need, make(chan struct{})}
	r.waiting = append(r.waiting, q)
	r.crowd.Store(int64(len(r.waiting)))
	r.mu.Unlock()
	select {
	case <-q.granted:
		return true
	case <-done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-q.granted: // at the same time
		r.give(need)
	default:
		r.remove(q)
	}
	return false
}

// release gives back what was acquired.
func (r *resources) release(need amount) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.give(need)
}

// give frees resources and grants those that wait what they need. The caller holds mu.
func (r *resources) give(need amount) {
	r.free = r.free.minus(amount{-need.milliCPUs, -need.memory})
	r.grant()
}

// remove ends a request. Those behind it may have waited for nothing else. The caller holds mu.
func (r *resources) remove(q *request) {
	for i, w := range r.waiting {
		if w == q {
			r.waiting = append(r.waiting[:i:i], r.waiting[i+1:]...)
			break
		}
	}
	r.grant()
}

// grant grants the first requests, as long as what they need is free. The caller holds mu.
func (r *resources) grant() {
	for len(r.waiting) > 0 && r.waiting[0].need.fits(r.free) {
		r.free = r.free.minus(r.waiting[0].need)
		close(r.waiting[0].granted)
		r.waiting = r.waiting[1:]
	}
	r.crowd.Store(int64(len(r.waiting)))
}

// admit waits until what a task needs is free and reports whether it was acquired: not when the run is cancelled
// meanwhile. The attempt that waits is another one than that of the body, whose timeout does not include it.
func (l *lane) admit(j *job, c state.Claim, need amount) bool {
	a := l.attempt(j, c)
	a.started, a.fetches = c.Ready, true
	l.latest.Store(a)
	if cause := j.cutCause(l.fence); cause != nil {
		a.cancel(cause, c.Ready)
	}
	ok := l.pool.resources.acquire(need, a.Done)
	a.phase.Store(closed)
	a.release()
	return ok
}
