package worker

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/state"
)

// resources are what tasks may declare together that they need, see engine.Options. A task that has to wait for them has
// none, so two never wait for each other; those that wait get theirs in the order in which they began to wait, so that a
// large one is not passed by small ones for ever.
//
// In a run that several processes share, another process may have what a task needs, so that a worker claims what it can
// call at once, and returns what it cannot. There a large task could be passed by small ones for ever: a worker that did
// not have what the task needs for longer than patience, and began other tasks meanwhile, claims it all the same, once.
// That task waits here, and until it is called no other that needs something is claimed.
type resources struct {
	total amount // never changed

	mu      sync.Mutex
	free    amount     // guarded by mu
	waiting []*request // guarded by mu; the first waits longest
	begun   uint64     // guarded by mu; how many calls have got what they need
	turn    amount     // guarded by mu; what the task needs that may wait if it is claimed from a shared run
	closed  bool       // guarded by mu; nothing is acquired any more
}

// patience is for how long a task of a shared run may be passed by others.
const patience = time.Second

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

// compare orders amounts: by processors, then by memory.
func (a amount) compare(b amount) int {
	return cmp.Or(cmp.Compare(a.milliCPUs, b.milliCPUs), cmp.Compare(a.memory, b.memory))
}

// times is how often an amount that is not zero fits into another.
func (a amount) times(in amount) int {
	n := int64(math.MaxInt32)
	if a.milliCPUs > 0 {
		n = min(n, in.milliCPUs/a.milliCPUs)
	}
	if a.memory > 0 {
		n = min(n, in.memory/a.memory)
	}
	return int(n)
}

// request is a task that waits.
type request struct {
	need     amount
	refused  bool          // set before answered is closed
	answered chan struct{} // closed when it has what it needs, or will not get it
}

// functionNeed is what a call of a function of a run needs.
type functionNeed struct {
	amount
	isOwn bool // the function is called in this process
	// since is when there first was too little for a call, zero if there was enough the last time; begun is
	// resources.begun of that moment. Guarded by resources.mu.
	since time.Time
	begun uint64
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

// TooLarge says what a call of a function needs and what the largest of some workers has, if none of them has enough; else
// it returns an empty text, and also where there are no workers.
func TooLarge(o engine.Options, workers []Snapshot) string {
	need := amountOf(o.CPUs, o.Memory)
	var largest amount
	for i, w := range workers {
		has := amount{1000 * int64(w.Width), cmp.Or(w.TaskMemory, math.MaxInt64)}
		if need.fits(has) {
			return ""
		}
		if i == 0 || largest.compare(has) < 0 {
			largest = has
		}
	}
	if len(workers) == 0 {
		return ""
	}
	return fmt.Sprintf("a call needs %s, the largest worker has %s", need, largest)
}

// needs are what calls of the functions of a graph need, at most what there is; nil where none needs anything.
func (r *resources) needs(g *dag.Graph) []functionNeed {
	out := make([]functionNeed, len(g.Functions()))
	isNeeded := false
	for i, f := range g.Functions() {
		need := amountOf(f.Options().CPUs, f.Options().Memory)
		out[i].amount = amount{min(need.milliCPUs, r.total.milliCPUs), min(need.memory, r.total.memory)}
		out[i].isOwn = g.Runs(i)
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

// room answers state.Hooks.Room for a run whose functions have these needs.
func (r *resources) room(needs []functionNeed, now time.Time) (functions []int, calls int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || len(r.waiting) > 0 {
		return nil, 0
	}
	passed := -1
	calls = math.MaxInt32
	for i := range needs {
		n := &needs[i]
		switch {
		case !n.isOwn || n.amount == amount{}:
		case n.fits(r.free):
			n.since = time.Time{}
			functions = append(functions, i)
			calls = min(calls, n.times(r.free))
		case n.since.IsZero():
			n.since, n.begun = now, r.begun
		case now.Sub(n.since) > patience && n.begun < r.begun && (passed < 0 || n.since.Before(needs[passed].since)):
			passed = i
		}
	}
	if passed >= 0 {
		needs[passed].since = time.Time{}
		r.turn = needs[passed].amount
		return []int{passed}, 1
	}
	slices.SortStableFunc(functions, func(a, b int) int { return needs[b].compare(needs[a].amount) }) // small ones fill gaps
	return functions, calls
}

// acquire waits until the resources are free and reports whether they were acquired: not once done is closed or the pool
// drains, and without a wait where another process may have them; see resources.
func (r *resources) acquire(need amount, isShared bool, done func() <-chan struct{}) bool {
	r.mu.Lock()
	switch {
	case len(r.waiting) == 0 && need.fits(r.free) && !r.closed:
		r.take(need)
		r.mu.Unlock()
		return true
	case r.closed, isShared && (len(r.waiting) > 0 || need != r.turn):
		r.mu.Unlock()
		return false
	}
	r.turn = amount{}
	q := &request{need: need, answered: make(chan struct{})}
	r.waiting = append(r.waiting, q)
	r.mu.Unlock()
	select {
	case <-q.answered:
		return !q.refused
	case <-done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-q.answered: // at the same time
		if !q.refused {
			r.give(need)
		}
	default:
		r.remove(q)
	}
	return false
}

// take takes what a call needs. The caller holds mu.
func (r *resources) take(need amount) {
	r.free = r.free.minus(need)
	r.begun++
}

// release gives back what was acquired.
func (r *resources) release(need amount) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.give(need)
}

// close refuses what is waited for, and all that is asked for later.
func (r *resources) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, q := range r.waiting {
		q.refused = true
		close(q.answered)
	}
	r.waiting = nil
}

// give frees resources and grants those that wait what they need. The caller holds mu.
func (r *resources) give(need amount) {
	r.free = r.free.minus(amount{-need.milliCPUs, -need.memory})
	r.grant()
}

// remove ends a request. Those behind it may have waited for nothing else. The caller holds mu.
func (r *resources) remove(q *request) {
	r.waiting = slices.DeleteFunc(r.waiting, func(w *request) bool { return w == q })
	r.grant()
}

// grant grants the first requests, as long as what they need is free. The caller holds mu.
func (r *resources) grant() {
	for len(r.waiting) > 0 && r.waiting[0].need.fits(r.free) {
		r.take(r.waiting[0].need)
		close(r.waiting[0].answered)
		r.waiting = r.waiting[1:]
	}
}

// need is what the call of a claimed node needs.
func (j *job) need(node dag.NodeID) amount {
	if j.needs == nil || !j.numbers.IsTask(node) {
		return amount{}
	}
	p := j.numbers.Locate(node)
	return j.needs[j.graph.Scope(p.Block.Scope).Function(p.Local)].amount
}

// room is state.Hooks.Room.
func (j *job) room() (functions []int, calls int) {
	if j.needs == nil {
		return nil, 0
	}
	return j.pool.resources.room(j.needs, time.Now())
}

// admit waits until what a task needs is free and reports whether it was acquired; if not, the claim is to be released.
// The attempt that waits is another one than that of the body, whose timeout does not include it.
func (l *lane) admit(j *job, c state.Claim, need amount) bool {
	if need == (amount{}) {
		return true
	}
	a := l.attempt(j, c)
	a.started, a.fetches = c.Ready, true
	l.latest.Store(a)
	if cause := j.cutCause(l.fence); cause != nil {
		a.cancel(cause, c.Ready)
	}
	ok := l.pool.resources.acquire(need, j.shared.member != nil, a.Done)
	a.phase.Store(closed)
	a.release()
	return ok
}

// giveBack releases what a task needed, and lets the other runs that it may be enough for ask for their tasks.
func (l *lane) giveBack(need amount) {
	if need == (amount{}) {
		return
	}
	l.pool.resources.release(need)
	for _, j := range *l.pool.jobs.Load() {
		if j.needs != nil && j.shared.member != nil && j.isOpen.Load() {
			j.shared.member.MoreRoom()
		}
	}
}
