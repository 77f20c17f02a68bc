package analysis

import (
	"math"

	"github.com/dagscope/dagscope/engine/dag"
)

// NoSlack is the slack of what has none: of a task that has no end, and of joins and fan-outs.
const NoSlack = -1

// Slack is, for each node, how much later the last attempt of its task could have been over without making the run longer,
// in nanoseconds. What follows on an attempt are the tasks that wait for its own, and the next attempt on its lane; each
// would have taken as long as it did from the moment at which it was ready and its lane free (the backward pass of the
// critical path method, Kelley and Walker 1959, with lanes as further edges). Records of other tools, whose lanes are mostly
// inferred, have the edges of the graph alone. It is nil for a run that has not ended.
func (r *Run) Slack() []int64 {
	if !r.ended {
		return nil
	}
	latest := newBackwardPass(r).latestEnds()
	slack := make([]int64, len(r.attempts.last))
	for node, row := range r.attempts.last {
		slack[node] = NoSlack
		if row >= 0 && r.attempts.over(int(row)) {
			slack[node] = int64(max(0, latest[row]-r.attempts.updated[row]))
		}
	}
	return slack
}

// backwardPass goes from the end of the run back to its beginning, over nodes and attempts: number i is a node below the
// number of nodes, and attempt i minus that number beyond it. Joins and fan-outs take no time.
type backwardPass struct {
	run   *Run
	nodes int32
	after rows // what waits for each node
	// next is, for each attempt, the attempt of the same task after it, noRow for none; onLane the attempt that had to wait
	// for its lane; free when its own lane was free.
	next, onLane []int32
	free         []float64
	// latest is of a node the latest moment at which it may begin, of an attempt that at which it may be over.
	latest []float64
	visit  []uint8
	room   []int32
}

// States of a visit.
const (
	isNew = iota
	isOpen
	isDone
)

func newBackwardPass(r *Run) *backwardPass {
	nodes, attempts := len(r.waits.isTask), len(r.attempts.node)
	b := &backwardPass{
		run: r, nodes: int32(nodes), after: r.waits.before.reversed(),
		next: make([]int32, attempts), onLane: make([]int32, attempts), free: make([]float64, attempts),
		latest: make([]float64, nodes+attempts), visit: make([]uint8, nodes+attempts),
	}
	for row := range attempts {
		b.next[row], b.onLane[row], b.free[row] = noRow, noRow, -infinity
	}
	for row, before := range r.attempts.before {
		if before >= 0 {
			b.next[before] = int32(row)
		}
	}
	if !r.Recorded { // lanes of another tool's record may be made up, one for what ran at once
		b.followLanes()
	}
	return b
}

// followLanes finds what waited for its lane. An attempt waited for the one before it only if that was over when it was
// claimed. If they overlap, it became its parent's successor a little early, which is an edge of the graph already, or
// clocks disagree.
func (b *backwardPass) followLanes() {
	for _, l := range b.run.attempts.lanesOf(b.run.endNS) {
		last := 0
		for i := 1; i < len(l.rows); i++ {
			if l.end[i-1] >= l.end[last] {
				last = i - 1
			}
			if l.reach[i-1] <= l.start[i] {
				b.onLane[l.rows[last]], b.free[l.rows[i]] = l.rows[i], l.reach[i-1]
			}
		}
	}
}

// latestEnds is when each attempt would have had to be over at the latest.
func (b *backwardPass) latestEnds() []float64 {
	var stack []int32
	for start := range int32(len(b.visit)) {
		for stack = append(stack[:0], start); len(stack) > 0; {
			at := stack[len(stack)-1]
			if b.visit[at] == isNew {
				b.visit[at] = isOpen
				for _, next := range b.following(at) {
					if b.visit[next] == isNew {
						stack = append(stack, next)
					}
				}
				continue
			}
			stack = stack[:len(stack)-1]
			if b.visit[at] == isOpen {
				b.settle(at)
			}
		}
	}
	return b.latest[b.nodes:]
}

// settle computes the latest moment of a node or an attempt from what follows. What is still open waits for this one
// itself: in a record whose clocks disagree, a lane may contradict the graph.
func (b *backwardPass) settle(at int32) {
	latest := b.run.endNS
	for _, next := range b.following(at) {
		if b.visit[next] == isDone {
			latest = min(latest, b.latest[next]-b.spent(at, next))
		}
	}
	b.latest[at], b.visit[at] = latest, isDone
}

// following lists what follows on a node or an attempt; the list is valid until the next call. What read an output that was
// lost later has an edge from the attempt that made it again.
func (b *backwardPass) following(at int32) []int32 {
	b.room = b.room[:0]
	row := at - b.nodes
	if row < 0 {
		return b.followingNode(at)
	}
	a, again := &b.run.attempts, b.next[row]
	switch {
	case again < 0:
		b.addAfter(int32(a.node[row]))
	case a.epoch[again] == a.epoch[row]:
		b.room = append(b.room, b.nodes+again)
	}
	if b.onLane[row] >= 0 {
		b.room = append(b.room, b.nodes+b.onLane[row])
	}
	return b.room
}

// followingNode lists what follows on a node: on a task the first attempt of its last epoch, on what has none the nodes
// that wait for it.
func (b *backwardPass) followingNode(node int32) []int32 {
	a := &b.run.attempts
	row := a.last[node]
	if row < 0 {
		b.addAfter(node)
		return b.room
	}
	for a.before[row] >= 0 && a.epoch[a.before[row]] == a.epoch[row] {
		row = a.before[row]
	}
	b.room = append(b.room, b.nodes+row)
	return b.room
}

func (b *backwardPass) addAfter(node int32) {
	for _, next := range b.after.of(dag.NodeID(node)) {
		b.room = append(b.room, int32(next))
	}
}

// spent is how long before the latest end of what follows this one had to be over; 0 if that is a node. Between two
// attempts of a task lies its back-off, which lasts as long whenever it begins.
func (b *backwardPass) spent(at, next int32) float64 {
	row := next - b.nodes
	if row < 0 {
		return 0
	}
	a := &b.run.attempts
	took := orZero(a.updated[row] - max(orElse(a.ready[row], a.claimed[row]), b.free[row]))
	backOff := 0.0
	if own := at - b.nodes; own >= 0 && b.next[own] == row {
		backOff = orZero(a.ready[row] - a.updated[own])
	}
	return max(0, took) + max(0, backOff)
}

func orElse(ns, otherwise float64) float64 {
	if math.IsNaN(ns) {
		return otherwise
	}
	return ns
}
