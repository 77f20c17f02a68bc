package records

import (
	"cmp"
	"math"
	"slices"
)

// reconstruct places tasks of which only durations are recorded, event by event, by the rules of SCHEDULE.md. The
// attempts of a task run one after the other, as one piece of work.
func (c *compiler) reconstruct() {
	s := &scheduler{c: c}
	s.prepare()
	s.list()
}

// scheduler starts every task as early as possible.
type scheduler struct {
	c        *compiler
	children children
	length   []int64 // by task: of all its attempts
	ends     []int64 // by task
	ready    []int64 // by task
	waits    []int   // by task: parents that have not ended
	rest     []int64 // by task: the longest path from its start to an end
	groups   []int   // by group: tasks that have not ended and groups that have to end before it
	leads    [][]int32
	own      []heap[int32] // by machine: ready tasks that were recorded there
	open     heap[int32]   // ready tasks without a recorded machine
	machines []capacity
	emptiest heap[emptiness]
	running  heap[int32] // by end
	touched  []int32     // machines on which more tasks may now be able to start
	now      int64
}

// capacity is the free capacity of a machine.
type capacity struct {
	cores int // in total
	inUse int
}

// emptiness is how many cores of a machine were free at some time; it is outdated if they have changed since.
type emptiness struct {
	free    int
	machine int32
}

func (s *scheduler) prepare() {
	c, n := s.c, len(s.c.run.Tasks)
	if len(c.run.Workers) == 0 {
		c.run.AddWorker("unknown")
	}
	s.children = childrenOf(n, edgesOf(n, func(t int32) []int32 { return c.parents[t] }))
	s.length, s.ends, s.ready = make([]int64, n), make([]int64, n), make([]int64, n)
	s.waits, s.rest = make([]int, n), make([]int64, n)
	for t := range n {
		for _, a := range c.stretchesOf(int32(t)) {
			if a.placed {
				s.length[t] = addSpans(s.length[t], a.over-a.claimed)
			} else {
				s.length[t] = addSpans(s.length[t], max(a.over, 0))
			}
		}
		s.rest[t] = s.length[t]
		s.waits[t] = len(c.parents[t])
	}
	for _, t := range slices.Backward(c.sorted) { // children first
		for _, child := range s.children.of(t) {
			s.rest[t] = max(s.rest[t], addSpans(s.length[t], s.rest[child]))
		}
	}
	s.prepareGroups()
	s.emptiest.less = func(a, b emptiness) bool {
		if a.free != b.free {
			return a.free > b.free
		}
		return a.machine < b.machine
	}
	s.own = make([]heap[int32], len(c.run.Workers))
	s.machines = make([]capacity, len(c.run.Workers))
	for i, w := range c.run.Workers {
		s.own[i].less = s.before
		s.machines[i] = capacity{cores: cmp.Or(coresOf(w.Cores), math.MaxInt)}
		s.occupy(int32(i), 0)
	}
	s.open.less = s.before
	s.running.less = func(a, b int32) bool {
		if s.ends[a] != s.ends[b] {
			return s.ends[a] < s.ends[b]
		}
		return c.number[a] < c.number[b]
	}
}

func (s *scheduler) prepareGroups() {
	s.groups, s.leads = make([]int, len(s.c.after)), make([][]int32, len(s.c.after))
	for g := range s.c.after {
		s.groups[g] = len(s.c.after[g].after)
		for _, before := range s.c.after[g].after {
			s.leads[before] = append(s.leads[before], int32(g))
		}
	}
}

// before orders ready tasks: the longest ready first, then the longest remaining path, then the lowest number.
func (s *scheduler) before(a, b int32) bool {
	if s.ready[a] != s.ready[b] {
		return s.ready[a] < s.ready[b]
	}
	if s.rest[a] != s.rest[b] {
		return s.rest[a] > s.rest[b]
	}
	return s.c.number[a] < s.c.number[b]
}

func (s *scheduler) list() {
	for _, t := range s.c.sorted {
		if s.waits[t] == 0 {
			s.enqueue(t)
		}
	}
	left := make([]int, len(s.c.after)) // by group: tasks that have not ended
	for g := range s.c.after {
		left[g] = len(s.c.after[g].tasks)
	}
	for g := range s.c.after {
		if s.groups[g] == 0 {
			s.openGroup(int32(g), left)
		}
	}
	s.fill()
	for !s.running.empty() {
		s.now = s.ends[s.running.items[0]]
		for !s.running.empty() && s.ends[s.running.items[0]] == s.now {
			s.finish(s.running.pop(), left)
		}
		s.fill()
	}
}

// openGroup makes the tasks of a group ready; a group without tasks ends at once.
func (s *scheduler) openGroup(g int32, left []int) {
	s.c.after[g].ready = s.now
	for _, t := range s.c.after[g].tasks {
		s.ready[t] = s.now
		s.enqueue(t)
	}
	if left[g] == 0 {
		s.closeGroup(g, left)
	}
}

func (s *scheduler) closeGroup(g int32, left []int) {
	for _, next := range s.leads[g] {
		if s.groups[next]--; s.groups[next] == 0 {
			s.openGroup(next, left)
		}
	}
}

func (s *scheduler) enqueue(task int32) {
	m := None
	if own := s.c.stretchesOf(task); len(own) > 0 {
		m = own[0].worker
	}
	if m == None {
		s.open.push(task)
		return
	}
	s.own[m].push(task)
	s.touched = append(s.touched, m)
}

// finish ends a task and makes its children ready.
func (s *scheduler) finish(task int32, left []int) {
	if own := s.c.stretchesOf(task); len(own) > 0 {
		m := own[0].worker
		s.occupy(m, -s.need(task, m))
		s.touched = append(s.touched, m)
	}
	for _, child := range s.children.of(task) {
		if s.waits[child]--; s.waits[child] == 0 {
			s.ready[child] = s.now
			s.enqueue(child)
		}
	}
	if g := s.c.run.Tasks[task].Group; g != None {
		if left[g]--; left[g] == 0 {
			s.closeGroup(g, left)
		}
	}
}

// fill starts what can start now: on each machine its own tasks in their order, then the others, each on the machine
// with the most free cores. The first task that does not fit blocks those after it, so that no wide task starves.
func (s *scheduler) fill() {
	slices.Sort(s.touched)
	for _, i := range slices.Compact(s.touched) {
		for own := &s.own[i]; !own.empty() && s.fits(own.items[0], i); {
			s.start(own.pop(), i)
		}
	}
	s.touched = s.touched[:0]
	for !s.open.empty() {
		i := s.mostFree()
		if !s.fits(s.open.items[0], i) {
			return
		}
		s.start(s.open.pop(), i)
	}
}

// occupy takes cores of a machine, or frees them.
func (s *scheduler) occupy(machine int32, cores int) {
	m := &s.machines[machine]
	m.inUse += cores
	s.emptiest.push(emptiness{m.free(), machine})
}

// mostFree is the machine with the most free cores, of several the first.
func (s *scheduler) mostFree() int32 {
	for {
		top := s.emptiest.items[0]
		if top.free == s.machines[top.machine].free() {
			return top.machine
		}
		s.emptiest.pop()
	}
}

// start places the attempts of a task.
func (s *scheduler) start(task, machine int32) {
	own := s.c.stretchesOf(task)
	s.ends[task] = addSpans(s.now, s.length[task])
	s.running.push(task)
	if len(own) == 0 {
		return
	}
	s.occupy(machine, s.need(task, machine))
	at := s.now
	for k := range own {
		a := &own[k]
		if a.placed {
			a.over -= a.claimed
		}
		a.put(at)
		a.worker, a.lane, at = machine, None, a.over
	}
	own[0].ready = s.ready[task]
}

// need is how many cores a task takes: the recorded number, but never more than the machine has.
func (s *scheduler) need(task, machine int32) int {
	return min(max(coresOf(s.c.run.Tasks[task].Cores), 1), s.machines[machine].cores)
}

func (c *capacity) free() int { return c.cores - c.inUse }

func (s *scheduler) fits(task, machine int32) bool {
	return len(s.c.stretchesOf(task)) == 0 || s.need(task, machine) <= s.machines[machine].free()
}
