package analysis

import (
	"math"
	"sort"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// SlotsNow is what slots do at a moment of a live run.
type SlotsNow struct {
	// Peak is the most slots that existed at once, There how many exist at the moment.
	Peak, There int
	// BusyLately and ThereLately are how many slots were busy and existed on average in the last second.
	BusyLately, ThereLately float64
}

// The last second of a run, in nanoseconds. The log is written, kept and sent in parts: of what happened last, so much may
// not have come yet.
const (
	lately = 1e9
	logLag = 500e6
)

// SlotsAt is what slots do at a moment, in nanoseconds since the run's start.
func (r *Run) SlotsAt(at float64) SlotsNow {
	at = max(0, at)
	slots := r.slotsOf()
	var n SlotsNow
	now := 0
	for _, c := range slotChanges(slots) {
		now += int(c.slots)
		n.Peak = max(n.Peak, now)
	}
	known := -infinity
	for i := range slots {
		if slots[i].from <= at && at <= slots[i].to {
			n.There++
		}
		known = max(known, slots[i].knownUntil())
	}
	to := min(at, max(known, at-logLag))
	from := max(0, to-lately)
	if over := to - from; over > 0 {
		busy := 0.0
		for i := range slots {
			busy += max(0, slots[i].busyUntil(to)-slots[i].busyUntil(from))
		}
		n.BusyLately, n.ThereLately = busy/over, slotTime(slots, from, to)/over
	}
	return n
}

// knownUntil is the last moment that is known of a lane, -∞ if there is none.
func (l *lane) knownUntil() float64 {
	if len(l.rows) == 0 {
		return -infinity
	}
	last := len(l.rows) - 1
	if math.IsInf(l.reach[last], 1) {
		return l.start[last]
	}
	return l.reach[last]
}

// busyUntil is for how long a lane was busy up to a moment. What overlaps counts once.
func (l *lane) busyUntil(at float64) float64 {
	last := sort.SearchFloat64s(l.start, at) - 1
	if last < 0 {
		return 0
	}
	busy, reach := 0.0, -infinity
	for i := range last {
		busy += max(0, l.end[i]-max(l.start[i], reach))
		reach = l.reach[i]
	}
	spent := min(l.end[last], at) - max(l.start[last], reach)
	// If ends overlap, an earlier attempt may reach beyond the moment: it cannot have been busy longer than that.
	return min(at, busy+max(0, spent))
}

// LongRunning is a task that executes longer than others of its function did.
type LongRunning struct {
	Node dag.NodeID
	// Execute is how long it has executed so far, in nanoseconds, and Ratio the same in medians of its function.
	Execute, Ratio float64
}

// LongRunning is the task that has executed most times its function's median at a moment of a live run, of those that
// are running; nil if there is none that stands out.
func (r *Run) LongRunning(at float64, isRunning func(dag.NodeID) bool) *LongRunning {
	a := &r.attempts
	medians := make([]float64, 0)
	for _, executes := range r.executesUntil(at) {
		median := 0.0
		if len(executes) >= MedianNeeds {
			median = Quantile(executes, 0.5)
		}
		medians = append(medians, median)
	}
	worst := LongRunning{Ratio: Straggles}
	found := false
	for row, node := range a.node {
		median := medians[r.function[node]]
		if !(a.started[row] <= at) || a.ended[row] <= at || !(median > 0) || a.outcome[row] == record.OutcomeCached {
			continue
		}
		if execute := at - a.started[row]; execute/median > worst.Ratio && isRunning(node) {
			worst, found = LongRunning{node, execute, execute / median}, true
		}
	}
	if !found {
		return nil
	}
	return &worst
}
