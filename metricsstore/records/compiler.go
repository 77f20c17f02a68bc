package records

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/record"
)

// compiler makes a recording of a run, in stages that each fill in some of its fields.
type compiler struct {
	run   *Run
	notes Notes
	// By task.
	functions []string
	names     taskNames
	parents   [][]int32
	first     []int32 // its first stretch; one more entry marks the end
	number    []int32 // its place in topological order
	// By group.
	groupFunctions []string
	after          []groupLinks
	// In topological order; tasks of groups are not among them.
	sorted []int32
	// Stretches are the attempts of all tasks, those of a task one after the other.
	stretches []stretch
	zero      Moment // all moments of stretches count from here
	events    []event
	causes    causes
	lanes     []workerLanes // by worker
	made      placing
	edges     int
	// hasMachines: workers are recorded.
	hasMachines bool
}

// stretch is one attempt as it is placed in the run. Moments are nanoseconds since the zero of the compiler.
type stretch struct {
	ready, claimed, started, ended, over, fetch int64

	task    int32
	number  int32 // of the attempt, from 1
	worker  int32
	lane    int32
	became  int32 // the task that followed at once in the same lane, or None
	outcome record.Outcome
	follows bool // became by the task that made it ready
	placed  bool // its moments are recorded
	open    bool // the record does not contain its end
}

// placing is what was found out while attempts were placed.
type placing struct {
	reconstructed bool
	timed         int           // attempts with a duration
	stamped       int           // those of them with a moment
	makespan      time.Duration // from the zero to the last end
	explained     time.Duration // in which at least one attempt ran
	early         int           // tasks that started before a parent had ended
	earliest      time.Duration // the largest such overlap
}

// stretchesOf returns the attempts of a task.
func (c *compiler) stretchesOf(task int32) []stretch {
	return c.stretches[c.first[task]:c.first[task+1]]
}

// groupLinks are the edges of a group, and the tasks in it.
type groupLinks struct {
	after []int32
	tasks []int32
	ready int64
	place int32 // in topological order of groups
}

// eventKind is what an event becomes a step of.
type eventKind uint8

const (
	groupOpens   eventKind = iota // record.FanOutExpanded
	attemptOpens                  // record.AttemptStarted
	attemptEnds                   // record.AttemptEnded
	taskSkipped                   // record.TaskSkipped
)

// event is one entry of the log. Its moment is when it and everything that has to precede it had happened: moments of
// different clocks may contradict the order of causes, and the log has causes first.
type event struct {
	reached int64
	kind    eventKind
	of      int32 // a group, a stretch or a task
}

// causes say which event made each task and group ready, as an index of compiler.events; atStart if that was the start
// of the run, never if it was not ready.
type causes struct {
	tasks  []int32
	groups []int32
}

const (
	atStart int32 = -1
	never   int32 = -2
)

// workerLanes are the lanes of one worker, while attempts are put into them in the order of their starts.
type workerLanes struct {
	recorded bool        // lanes are those of the record
	busy     []bool      // for each lane that was ever used
	freed    heap[int32] // free lanes below len(busy); some may have been taken again since
	inUse    int         // cores
	most     int         // the maximum of inUse so far
}

// unplaced is the moment of a stretch that has to be placed.
const unplaced int64 = math.MinInt64

func (c *compiler) groupsInOrder() []int32 {
	out := make([]int32, len(c.after))
	for g := range c.after {
		out[c.after[g].place] = int32(g)
	}
	return out
}

// byStart lists the stretches by their claims; among equal ones, those without a length come first, as they leave their
// lanes at once, then parents and earlier attempts.
func (c *compiler) byStart() []int32 {
	out := make([]int32, len(c.stretches))
	for i := range out {
		out[i] = int32(i)
	}
	slices.SortFunc(out, func(a, b int32) int {
		s, t := &c.stretches[a], &c.stretches[b]
		return cmp.Or(cmp.Compare(s.claimed, t.claimed), cmp.Compare(min(s.over-s.claimed, 1), min(t.over-t.claimed, 1)),
			cmp.Compare(c.number[s.task], c.number[t.task]), cmp.Compare(a, b))
	})
	return out
}

// put places an unplaced stretch at a moment.
func (s *stretch) put(at int64) {
	length := max(s.over, 0)
	s.fetch = 0
	s.ready, s.claimed, s.started, s.ended, s.over = at, at, at, addSpans(at, length), addSpans(at, length)
}

// shift moves all moments of a stretch.
func (s *stretch) shift(by int64) {
	s.claimed += by
	s.started += by
	s.ended += by
	s.over += by
}

// isOK reports whether the output of the task was there after the attempt.
func (s *stretch) isOK() bool {
	return s.outcome == record.OutcomeOK || s.outcome == record.OutcomeCached
}

// inventedLanes is the number of workers whose lanes are not those of the record.
func (c *compiler) inventedLanes() int {
	invented := 0
	for w := range c.lanes {
		if !c.lanes[w].recorded && len(c.lanes[w].busy) > 0 {
			invented++
		}
	}
	return invented
}

// incomplete says why the record does not cover the whole run, empty if it does.
func (r *Run) incomplete() string {
	if r.Incomplete == "" && r.Status == record.Running {
		return "the run was under way when it was recorded"
	}
	return r.Incomplete
}

// status is how the run ended: as recorded, or as its tasks did. A run whose end is not in the record is interrupted.
func (c *compiler) status() record.Status {
	switch s := c.run.Status; {
	case c.run.incomplete() != "":
		return record.Interrupted
	case s.Final():
		return s
	}
	status := record.Succeeded
	for t := range c.run.Tasks {
		attempts := c.stretchesOf(int32(t))
		if len(attempts) == 0 {
			continue
		}
		switch last := &attempts[len(attempts)-1]; {
		case last.open:
			return record.Interrupted
		case last.outcome == record.OutcomeFailed || last.outcome == record.OutcomeLost:
			status = record.Failed
		case last.outcome == record.OutcomeCancelled && status == record.Succeeded:
			status = record.Cancelled
		}
	}
	return status
}

func (c *compiler) workerStart(i int) int64 {
	if at := c.run.Workers[i].Started; at.Known() {
		return min(max(int64(at-c.zero), 0), int64(c.made.makespan))
	}
	return 0
}

func (c *compiler) workerEnd(i int) int64 {
	end := int64(c.made.makespan)
	if at := c.run.Workers[i].Ended; at.Known() {
		return min(max(int64(at-c.zero), c.workerStart(i)), end)
	}
	return end
}
