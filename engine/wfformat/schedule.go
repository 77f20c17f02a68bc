package wfformat

import (
	"math"
	"slices"
	"time"
)

// place is where and when a task runs in a schedule. Moments are since the start of the run.
type place struct {
	machine    int32
	lane       int32 // of the machine
	ready      time.Duration
	start      time.Duration
	end        time.Duration
	trigger    int32 // the parent that ended last and so made it ready, none for a root
	became     int32 // the child that followed immediately in the same lane, or none
	isFollower bool  // its trigger became it
}

const none int32 = -1

// schedule is the result of a scheduler.
type schedule struct {
	places   []place // by task
	order    []int32 // tasks by their ends, parents before children
	machines []Machine
	lanes    []int // by machine: how many lanes were used
	widths   []int // by machine: its cores, or if they are not recorded, the most that were used at a time
	makespan time.Duration
	// explained is the time in which at least one task ran.
	explained time.Duration
	// early counts the tasks that started before a parent had ended, by recorded times; earliest is the largest such
	// overlap.
	early    int
	earliest time.Duration
}

// scheduler places tasks event by event. See SCHEDULE.md for its rules.
type scheduler struct {
	in       *Instance
	out      *schedule
	waits    []int           // by task: parents that have not ended
	rest     []time.Duration // by task: the longest path from its start to an end
	own      []heap[int32]   // by machine: ready tasks that were recorded there
	open     heap[int32]     // ready tasks without a recorded machine
	machines []capacity
	running  heap[int32] // by end
	touched  []int32     // machines on which more tasks may now be able to start
	now      time.Duration
}

// capacity is the free capacity of a machine.
type capacity struct {
	cores int // in total
	inUse int
	most  int         // the maximum of inUse so far
	busy  []bool      // for each lane that was ever used
	freed heap[int32] // free lanes below len(busy); some may have been taken again since
}

// makeSchedule needs an instance with at least one task, as returned by Parse.
func makeSchedule(in *Instance) *schedule {
	s := &scheduler{in: in, out: &schedule{places: make([]place, len(in.Tasks)), machines: slices.Clone(in.Machines)}}
	if len(s.out.machines) == 0 {
		s.out.machines = []Machine{{Name: "unknown"}}
	}
	s.prepare()
	if in.stamped() {
		s.replay()
	} else {
		s.list()
	}
	s.measure()
	s.out.split()
	return s.out
}

// list starts every task as early as possible.
func (s *scheduler) list() {
	for i := range s.in.Tasks {
		if s.waits[i] == 0 {
			s.enqueue(int32(i))
		}
	}
	s.fill()
	for !s.running.empty() {
		s.now = s.out.places[s.running.items[0]].end
		for !s.running.empty() && s.out.places[s.running.items[0]].end == s.now {
			s.finish(s.running.pop())
		}
		s.fill()
	}
	s.out.makespan, s.out.explained = s.now, s.now // as long as tasks are left, one is running
}

// measure notes how many lanes each machine used, and its width.
func (s *scheduler) measure() {
	for i, m := range s.out.machines {
		s.out.lanes = append(s.out.lanes, len(s.machines[i].busy))
		if m.Cores == 0 {
			m.Cores = max(1, s.machines[i].most)
		}
		s.out.widths = append(s.out.widths, m.Cores)
	}
}

func (s *scheduler) prepare() {
	n := len(s.in.Tasks)
	s.waits, s.rest = make([]int, n), make([]time.Duration, n)
	for i, t := range slices.Backward(s.in.Tasks) { // children first
		for _, c := range t.Children {
			s.rest[i] = max(s.rest[i], s.rest[c])
		}
		s.rest[i] += t.Runtime
	}
	s.own = make([]heap[int32], len(s.out.machines))
	s.machines = make([]capacity, len(s.out.machines))
	for i, m := range s.out.machines {
		s.own[i].less = s.before
		s.machines[i] = capacity{cores: m.Cores, freed: heap[int32]{less: func(a, b int32) bool { return a < b }}}
		if m.Cores == 0 {
			s.machines[i].cores = math.MaxInt32
		}
	}
	s.open.less = s.before
	s.running.less = func(a, b int32) bool {
		if p, q := &s.out.places[a], &s.out.places[b]; p.end != q.end {
			return p.end < q.end
		}
		return a < b
	}
	for i := range s.in.Tasks {
		s.out.places[i] = place{trigger: none, became: none}
		s.waits[i] = len(s.in.Tasks[i].Parents)
	}
}

// before orders ready tasks: the longest ready first, then the longest remaining path, then the lowest number.
func (s *scheduler) before(a, b int32) bool {
	if p, q := s.out.places[a].ready, s.out.places[b].ready; p != q {
		return p < q
	}
	if s.rest[a] != s.rest[b] {
		return s.rest[a] > s.rest[b]
	}
	return a < b
}

func (s *scheduler) enqueue(task int32) {
	m := s.in.Tasks[task].Machine
	if m == NoMachine {
		s.open.push(task)
		return
	}
	s.own[m].push(task)
	s.touched = append(s.touched, m)
}

// finish ends a task and makes its children ready.
func (s *scheduler) finish(task int32) {
	s.out.order = append(s.out.order, task)
	s.release(task)
	s.touched = append(s.touched, s.out.places[task].machine)
	for _, c := range s.in.Tasks[task].Children {
		if s.waits[c]--; s.waits[c] == 0 {
			s.out.places[c].ready, s.out.places[c].trigger = s.now, task
			s.enqueue(c)
		}
	}
}

// release frees the lane and the cores of a task.
func (s *scheduler) release(task int32) {
	p := &s.out.places[task]
	m := &s.machines[p.machine]
	m.inUse -= m.need(&s.in.Tasks[task])
	m.busy[p.lane] = false
	m.freed.push(p.lane)
}

// fill starts what can start now: on each machine its own tasks in their order, then the others, each on the machine
// with the most free cores. The first task that does not fit blocks those after it, so that no wide task starves.
func (s *scheduler) fill() {
	slices.Sort(s.touched)
	for _, i := range slices.Compact(s.touched) {
		own, m := &s.own[i], &s.machines[i]
		for !own.empty() && m.fits(&s.in.Tasks[own.items[0]]) {
			s.start(own.pop(), i)
		}
	}
	s.touched = s.touched[:0]
	for !s.open.empty() {
		i := s.emptiest()
		if !s.machines[i].fits(&s.in.Tasks[s.open.items[0]]) {
			return
		}
		s.start(s.open.pop(), i)
	}
}

func (s *scheduler) emptiest() int32 {
	best := 0
	for i := range s.machines {
		if s.machines[i].free() > s.machines[best].free() {
			best = i
		}
	}
	return int32(best)
}

// start places a task, in the lane of its trigger if that has just become free.
func (s *scheduler) start(task, machine int32) {
	t, p, m := &s.in.Tasks[task], &s.out.places[task], &s.machines[machine]
	p.machine, p.start, p.end = machine, s.now, s.now+t.Runtime
	wanted := none
	if p.trigger != none {
		if q := &s.out.places[p.trigger]; q.end == s.now && q.machine == machine && q.became == none {
			wanted = q.lane
		}
	}
	p.lane = m.take(wanted)
	if p.lane == wanted {
		p.isFollower = true
		s.out.places[p.trigger].became = task
	}
	m.inUse += m.need(t)
	m.most = max(m.most, m.inUse)
	s.running.push(task)
}

func (c *capacity) free() int { return c.cores - c.inUse }

// need is how many cores a task takes: the recorded number, but never more than the machine has.
func (c *capacity) need(t *Task) int { return min(t.Cores, c.cores) }

func (c *capacity) fits(t *Task) bool { return c.need(t) <= c.free() }

// take occupies a free lane: the wanted one if it is free, else the lowest.
func (c *capacity) take(wanted int32) int32 {
	if wanted != none && !c.busy[wanted] {
		c.busy[wanted] = true
		return wanted
	}
	for !c.freed.empty() {
		if lane := c.freed.pop(); !c.busy[lane] {
			c.busy[lane] = true
			return lane
		}
	}
	c.busy = append(c.busy, true)
	return int32(len(c.busy) - 1)
}
