package records

import (
	"fmt"
	"slices"
)

// maxLanes is how many lanes one worker of a run can have: they are numbered with 16 bits.
const maxLanes = 1 << 16

// assignLanes puts each attempt in a lane of its worker: the recorded one, if the worker's lanes are all recorded and
// no two attempts overlap in them, else the lane of the task that made it ready if that has just become free, else the
// lowest free one.
func (c *compiler) assignLanes() {
	l := &laneStage{c}
	l.assign()
	l.split()
}

// laneStage is the stage that assigns lanes.
type laneStage struct{ *compiler }

func (c *laneStage) assign() {
	c.giveWorkers()
	order := c.byStart()
	c.trustLanes(order)
	c.numberLanes()
	running := heap[int32]{less: func(a, b int32) bool {
		if s, t := &c.stretches[a], &c.stretches[b]; s.over != t.over {
			return s.over < t.over
		}
		return a < b
	}}
	for _, i := range order {
		s := &c.stretches[i]
		for !running.empty() && c.stretches[running.items[0]].over <= s.claimed {
			c.leaveLane(running.pop())
		}
		c.enterLane(s)
		running.push(i)
	}
	c.notes.Inferred(c.inventedLanes(), "workers have no recorded lanes; each of their attempts is in the lowest one that was free")
}

// giveWorkers puts attempts of which no worker is recorded on one of their own.
func (c *laneStage) giveWorkers() {
	unknown := None
	for i := range c.stretches {
		s := &c.stretches[i]
		if s.worker != None {
			continue
		}
		if unknown == None {
			unknown = c.run.AddWorker("unknown")
		}
		s.worker, s.lane = unknown, None
	}
	c.lanes = make([]workerLanes, len(c.run.Workers))
	for w := range c.lanes {
		c.lanes[w] = workerLanes{recorded: true, freed: heap[int32]{less: func(a, b int32) bool { return a < b }}}
	}
}

// trustLanes finds the workers whose recorded lanes can be used.
func (c *laneStage) trustLanes(order []int32) {
	type lane struct{ worker, lane int32 }
	until := map[lane]int64{}
	overlap := 0
	for _, i := range order {
		s := &c.stretches[i]
		w := &c.lanes[s.worker]
		if s.lane == None {
			w.recorded = false
		}
		if !w.recorded {
			continue
		}
		in := lane{s.worker, s.lane}
		if before, used := until[in]; used && s.claimed < before {
			w.recorded = false
			overlap++
		}
		until[in] = s.over
	}
	c.notes.Repaired(overlap, "workers have recorded lanes in which attempts overlap; their attempts were put in others")
}

// numberLanes numbers recorded lanes from 0, in their order.
func (c *laneStage) numberLanes() {
	used := make([][]int32, len(c.lanes))
	for i := range c.stretches {
		if s := &c.stretches[i]; c.lanes[s.worker].recorded {
			used[s.worker] = append(used[s.worker], s.lane)
		}
	}
	for w := range used {
		slices.Sort(used[w])
		used[w] = slices.Compact(used[w])
		if c.lanes[w].recorded = len(used[w]) > 0; c.lanes[w].recorded {
			c.lanes[w].busy = make([]bool, len(used[w]))
		}
	}
	for i := range c.stretches {
		if s := &c.stretches[i]; c.lanes[s.worker].recorded {
			place, _ := slices.BinarySearch(used[s.worker], s.lane)
			s.lane = int32(place)
		}
	}
}

// enterLane puts an attempt in its lane.
func (c *laneStage) enterLane(s *stretch) {
	w := &c.lanes[s.worker]
	before := c.predecessor(s)
	if !w.recorded {
		wanted := None
		if before != nil && !w.busy[before.lane] {
			wanted = before.lane
		}
		s.lane = w.take(wanted)
	}
	w.busy[s.lane] = true
	if before != nil && before.lane == s.lane {
		before.became, s.follows = s.task, true
	}
	w.inUse += c.cores(s)
	w.most = max(w.most, w.inUse)
}

// predecessor is the attempt that made the task ready at the moment at which it started, on the same worker, if no
// other task has followed it.
func (c *laneStage) predecessor(s *stretch) *stretch {
	at := c.causes.tasks[s.task]
	if c.run.Tasks[s.task].Group != None || at < 0 || c.events[at].kind != attemptEnds || s != &c.stretchesOf(s.task)[0] {
		return nil
	}
	before := &c.stretches[c.events[at].of]
	if before.over != s.claimed || before.worker != s.worker || before.became != None {
		return nil
	}
	return before
}

func (c *laneStage) leaveLane(i int32) {
	s := &c.stretches[i]
	w := &c.lanes[s.worker]
	w.inUse -= c.cores(s)
	w.busy[s.lane] = false
	if !w.recorded {
		w.freed.push(s.lane)
	}
}

// cores is how many cores an attempt takes: as recorded, but never more than its worker has.
func (c *laneStage) cores(s *stretch) int {
	n := max(coresOf(c.run.Tasks[s.task].Cores), 1)
	if has := coresOf(c.run.Workers[s.worker].Cores); has > 0 {
		n = min(n, has)
	}
	return n
}

// take returns a free lane: the wanted one, else the lowest.
func (w *workerLanes) take(wanted int32) int32 {
	if wanted != None {
		return wanted
	}
	for !w.freed.empty() {
		if lane := w.freed.pop(); !w.busy[lane] {
			return lane
		}
	}
	w.busy = append(w.busy, false)
	return int32(len(w.busy) - 1)
}

// split turns a worker into several if it has more lanes than one can have.
func (c *laneStage) split() {
	for w := range len(c.lanes) {
		part := 1
		for from := int32(w); len(c.lanes[from].busy) > maxLanes; {
			part++
			own := c.run.Workers[w]
			own.CPU = -1 // which the first part has
			rest := workerLanes{busy: c.lanes[from].busy[maxLanes:], most: max(c.lanes[from].most-maxLanes, 1)}
			c.lanes[from].busy, c.lanes[from].most = c.lanes[from].busy[:maxLanes], min(c.lanes[from].most, maxLanes)
			own.Name = fmt.Sprintf("%s, part %d", c.run.Workers[w].Name, part)
			next := int32(len(c.lanes))
			c.run.Workers, c.lanes = append(c.run.Workers, own), append(c.lanes, rest)
			for i := range c.stretches {
				if s := &c.stretches[i]; s.worker == from && s.lane >= maxLanes {
					s.worker, s.lane = next, s.lane-maxLanes
				}
			}
			from = next
		}
	}
}
