package analysis

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

// span is a stretch of time; to is infinite while it lasts.
type span struct{ from, to float64 }

// within is how much of a span lies in [from, to).
func (s span) within(from, to float64) float64 { return max(0, min(s.to, to)-max(s.from, from)) }

// presencesOf says when each worker that the log names took part in the run.
func presencesOf(marks []runtable.Mark) map[uint16]span {
	presences := map[uint16]span{}
	finished := infinity
	for _, m := range marks {
		worker, at := uint16(m.Value), float64(m.At)
		before, known := presences[worker]
		if !known {
			before = span{0, infinity}
		}
		switch m.Kind {
		case record.RunFinished:
			finished = at
		case record.RunStarted: // the workers of the revision before have left; this one gives other numbers
			for w, p := range presences {
				presences[w] = span{p.from, min(p.to, finished)}
			}
		case record.WorkerStarted:
			if !known {
				presences[worker] = span{at, before.to}
			}
		case record.WorkerStopped:
			presences[worker] = span{before.from, at}
		}
	}
	return presences
}

// slot is a lane with the time in which it existed.
type slot struct {
	lane
	span
}

// slotsOf lists the slots of a run, by worker and number: those that worked, and idle ones of its workers.
func (r *Run) slotsOf() []slot {
	counts, processors := map[uint16]int{}, map[uint16]int{}
	for _, w := range r.workers {
		if w.Slots > 0 {
			counts[uint16(w.Worker)] = w.Slots
		}
		if w.Width > 0 {
			processors[uint16(w.Worker)] = w.Width
		}
	}
	lanes := r.attempts.lanesOf(r.endNS)
	worked := map[[2]uint16]bool{}
	for i := range lanes {
		worked[[2]uint16{lanes[i].worker, lanes[i].slot}] = true
	}
	for worker := range maps.Keys(counts) {
		for number := range uint16(counts[worker]) {
			if !worked[[2]uint16{worker, number}] {
				lanes = append(lanes, lane{worker: worker, slot: number})
			}
		}
	}
	slices.SortFunc(lanes, func(x, y lane) int {
		return cmp.Or(cmp.Compare(x.worker, y.worker), cmp.Compare(x.slot, y.slot))
	})
	presences := presencesOf(r.marks)
	slots := make([]slot, len(lanes))
	for i, l := range lanes {
		there, known := presences[l.worker]
		if !known {
			there = span{0, infinity}
		}
		width, known := processors[l.worker]
		slots[i] = slot{l, there}
		if known && int(l.slot) >= width {
			slots[i].span = l.worked(there)
		}
	}
	return slots
}

// worked is when a lane beyond its worker's processors existed: from its first claim to its last end.
func (l *lane) worked(there span) span {
	if len(l.rows) == 0 {
		return span{infinity, infinity}
	}
	from := max(there.from, l.start[0])
	return span{from, max(from, min(there.to, l.reach[len(l.reach)-1]))}
}

// slotTime is the time of all slots between two moments, added up.
func slotTime(slots []slot, from, to float64) (total float64) {
	for i := range slots {
		total += slots[i].within(from, to)
	}
	return total
}

// Limits of what counts as the engine at work between two tasks.
const (
	longestClaim = 10e6 // ns: a commit to a shared store takes a few milliseconds
	tinyTask     = 1e6  // ns: for a task that executes for less, the engine may do more than the task does
)

// claimGaps is, for each row, the time between the moment at which its task was ready and its slot free, and the claim. It
// is 0 if that is longer than the engine takes: then the task has waited although a slot was free.
func (r *Run) claimGaps(slots []slot) []float64 {
	a := &r.attempts
	gaps := make([]float64, len(a.node))
	if r.Recorded { // what another tool does between two tasks is not known
		return gaps
	}
	from, _ := r.makespan() // what passes before the first claim is no part of the makespan
	for _, s := range slots {
		free := max(from, s.from)
		for i, row := range s.rows {
			gap := s.start[i] - max(a.ready[row], free)
			if gap > 0 && r.isShort(int(row), gap) {
				gaps[row] = gap
			}
			free = s.reach[i]
		}
	}
	return gaps
}

// isShort reports whether a wait before an attempt is the engine at work, rather than a task that was left waiting.
func (r *Run) isShort(row int, wait float64) bool {
	execute := r.attempts.ended[row] - r.attempts.started[row]
	return !r.Recorded && wait <= longestClaim && (math.IsNaN(execute) || execute < tinyTask)
}

// blocked is how much of a wait between a claim and a start is not the engine at work: all of it, if the attempt waited for
// processors and memory that its function declares. What other tools do then is not known.
func blocked(wait float64, recorded bool) float64 {
	if recorded || !(wait > longestClaim) {
		return 0
	}
	return wait
}

// isTiny reports whether the engine has done more for an attempt than its body did: to hand it to another slot would have
// cost as much.
func (a *attempts) isTiny(row int, gap float64) bool {
	held := a.updated[row] - a.claimed[row]
	return gap+held-a.fetch[row] > 2*(a.ended[row]-a.started[row])
}
