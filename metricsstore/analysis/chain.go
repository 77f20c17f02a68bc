package analysis

import (
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// Chain is a list of tasks each of which waits for the one before it. Length is the sum of their weights in nanoseconds.
type Chain struct {
	Length int64        `json:"ns"`
	Nodes  []dag.NodeID `json:"nodes"`
}

// LongestChain is the longest chain by execution alone: what the run would take with unlimited slots. Of each task the
// attempt that ended it counts; tasks that never ran are on no chain.
func (r *Run) LongestChain() Chain {
	w := r.works(make([]float64, len(r.attempts.node)))
	return w.ran(r.waits.longestChain(r.waits.order(), w.execute))
}

// counted is, for each node, the attempt that counts for its task: the last one unless it was repeated, also if it failed
// for good or was cancelled. It is noRow for tasks without any.
func (r *Run) counted() []int32 {
	a := &r.attempts
	rows := make([]int32, len(a.last))
	for node, row := range a.last {
		for last := row; row >= 0 && !a.counts(int(row), row == last); {
			row = a.before[row]
		}
		rows[node] = row
	}
	return rows
}

// counts reports whether an attempt counts for its task; isLast says that none follows it.
func (a *attempts) counts(row int, isLast bool) bool {
	o := a.outcome[row]
	return o.Done() || isLast && (o == record.OutcomeFailed || o == record.OutcomeCancelled)
}

// longestChain is the longest chain by a weight for each node; joins and fan-outs must have none, and are in no chain.
// Of equal ones it is the last, so that tasks that took no time are on the chain that they end.
func (w *waits) longestChain(order []dag.NodeID, weight []float64) Chain {
	length := make([]float64, len(w.isTask))
	via := make([]int32, len(w.isTask))
	longest, last := 0.0, int32(noRow)
	for _, node := range order {
		via[node] = noRow
		most := 0.0
		for _, before := range w.before.of(node) {
			if length[before] > most || length[before] == most && via[node] == noRow {
				most, via[node] = length[before], int32(before)
			}
		}
		length[node] = most + weight[node]
		if length[node] >= longest && w.isTask[node] {
			longest, last = length[node], int32(node)
		}
	}
	chain := Chain{Length: int64(longest), Nodes: []dag.NodeID{}}
	for node := last; node != noRow; node = via[node] {
		if w.isTask[node] {
			chain.Nodes = append(chain.Nodes, dag.NodeID(node))
		}
	}
	slices.Reverse(chain.Nodes)
	return chain
}
