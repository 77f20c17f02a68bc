package analysis

import (
	"math"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

// noRow stands for no attempt.
const noRow = -1

var (
	unknown  = math.NaN()
	infinity = math.Inf(1)
)

// attempts are the rows of a run's table as columns. Moments are float64, as on the page: NaN is not known, and whole
// nanoseconds are exact up to runtable.MaxTime.
type attempts struct {
	node                                    []dag.NodeID
	epoch, worker, slot                     []uint16
	outcome                                 []record.Outcome
	stored                                  []bool
	ready, claimed, started, ended, updated []float64
	fetch                                   []float64
	last                                    []int32 // by node, its newest row
	before                                  []int32 // by row, the row before it of the same node
}

func newAttempts(v *runtable.View, nodes int) attempts {
	n := v.Rows()
	column := func() []float64 { return make([]float64, n) }
	a := attempts{
		node: make([]dag.NodeID, n), epoch: make([]uint16, n), worker: make([]uint16, n), slot: make([]uint16, n),
		outcome: make([]record.Outcome, n), stored: make([]bool, n),
		ready: column(), claimed: column(), started: column(), ended: column(), updated: column(), fetch: column(),
		last: make([]int32, nodes), before: make([]int32, n),
	}
	for i := range a.last {
		a.last[i] = noRow
	}
	for i := range n {
		r := v.Row(i)
		a.node[i], a.epoch[i], a.worker[i], a.slot[i] = r.Node, r.Epoch, r.Worker, r.Slot
		a.outcome[i], a.stored[i], a.fetch[i] = r.Outcome, r.Flags&runtable.Stored != 0, float64(r.Fetch)
		a.ready[i] = moment(r.Has, runtable.HasReady, r.Ready)
		a.claimed[i] = moment(r.Has, runtable.HasClaimed, r.Claimed)
		a.started[i] = moment(r.Has, runtable.HasStarted, r.Started)
		a.ended[i] = moment(r.Has, runtable.HasEnded, r.Ended)
		a.updated[i] = moment(r.Has, runtable.HasUpdated, r.Updated)
		a.before[i], a.last[r.Node] = a.last[r.Node], int32(i)
	}
	return a
}

func moment(has, which runtable.Moments, at int64) float64 {
	if has&which == 0 {
		return unknown
	}
	return float64(at)
}

// source is the attempt of a node whose output another attempt has read: the last that was done when the reader began.
// What was made again later is not what it read. Without any such it is the newest one, noRow if there is none.
func (a *attempts) source(node dag.NodeID, reader int) int {
	for row := a.last[node]; row >= 0; row = a.before[row] {
		if a.outcome[row].Done() && !(a.ended[row] > a.started[reader]) {
			return int(row)
		}
	}
	return int(a.last[node])
}

// over reports whether the end of an attempt is known.
func (a *attempts) over(row int) bool { return !math.IsNaN(a.updated[row]) }

// phases of an attempt in nanoseconds, as record.TaskMetrics has them; NaN where it is not over.
type phases struct{ queue, wait, fetch, execute, store, update float64 }

// phases splits up the time of an attempt. Clocks of workers may disagree: moments that lie outside of ready to the end,
// or before the moment that should precede them, are moved.
func (a *attempts) phases(row int) phases {
	ready := a.ready[row]
	end := max(a.updated[row], orLeast(a.ended[row]), orLeast(ready))
	claimed := within(a.claimed[row], ready, end)
	started := within(a.started[row], claimed, end)
	ended := within(a.ended[row], started, end)
	fetched := min(max(a.fetch[row], 0), started-claimed)
	p := phases{queue: claimed - ready, wait: started - claimed - fetched, fetch: fetched, execute: ended - started}
	if a.outcome[row] == record.OutcomeCached { // its body was not called: all that it did was to take its output
		p.fetch, p.execute = fetched+(ended-started), ended-ended
	}
	p.store, p.update = end-end, end-ended
	if a.stored[row] {
		p.store, p.update = end-ended, end-end
	}
	return p
}

func within(at, least, most float64) float64 {
	if math.IsNaN(most) {
		most = infinity
	}
	return min(max(at, least), most)
}

func orLeast(at float64) float64 {
	if math.IsNaN(at) {
		return -infinity
	}
	return at
}

// orZero is 0 for what is not known.
func orZero(ns float64) float64 {
	if math.IsNaN(ns) {
		return 0
	}
	return ns
}
