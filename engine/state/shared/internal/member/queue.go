package member

import (
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
)

// queue holds the nodes of this session that wait for a lane. Nodes made ready here come first, the latest first, so that
// values are read while they are in the CPU's caches; then claims, in the order in which they came.
type queue struct {
	made   []waiting // the next one at the end
	claims []waiting
	first  int // index of the first claim that is left
}

// waiting is a node and since when it waits for a lane.
type waiting struct {
	node  dag.NodeID
	since int64
}

func (q *queue) len() int { return len(q.made) + len(q.claims) - q.first }

// add queues a claim.
func (q *queue) add(id dag.NodeID, now int64) {
	if q.first > 64 && q.first > len(q.claims)/2 {
		q.claims = q.claims[:copy(q.claims, q.claims[q.first:])]
		q.first = 0
	}
	q.claims = append(q.claims, waiting{id, now})
}

// push queues a node that was made ready here; it comes first.
func (q *queue) push(id dag.NodeID, now int64) { q.made = append(q.made, waiting{id, now}) }

func (q *queue) pop() (dag.NodeID, bool) {
	if n := len(q.made); n > 0 {
		id := q.made[n-1].node
		q.made = q.made[:n-1]
		return id, true
	}
	if q.first == len(q.claims) {
		return 0, false
	}
	id := q.claims[q.first].node
	q.first++
	return id, true
}

// takeStale removes up to n nodes that have waited since before a moment, those that would be executed last first, except
// for those that stay.
func (q *queue) takeStale(n int, before int64, stays func(dag.NodeID) bool) []dag.NodeID {
	var stale []dag.NodeID
	isStale := func(w waiting) bool {
		if len(stale) == n || w.since >= before || stays(w.node) {
			return false
		}
		stale = append(stale, w.node)
		return true
	}
	claims := q.claims[q.first:]
	slices.Reverse(claims)
	claims = slices.DeleteFunc(claims, isStale)
	slices.Reverse(claims)
	q.claims = q.claims[:q.first+len(claims)]
	q.made = slices.DeleteFunc(q.made, isStale)
	return stale
}

// takeAll returns all nodes and empties the queue.
func (q *queue) takeAll() []dag.NodeID {
	var all []dag.NodeID
	for _, w := range slices.Concat(q.made, q.claims[q.first:]) {
		all = append(all, w.node)
	}
	q.made, q.claims, q.first = nil, nil, 0
	return all
}

// any reports whether a node is queued of which is holds.
func (q *queue) any(is func(dag.NodeID) bool) bool {
	isOne := func(w waiting) bool { return is(w.node) }
	return slices.ContainsFunc(q.made, isOne) || slices.ContainsFunc(q.claims[q.first:], isOne)
}

// oldest is since when the first node has waited, false if the queue is empty.
func (q *queue) oldest() (since int64, ok bool) {
	if len(q.made) > 0 {
		since, ok = q.made[0].since, true
	}
	if q.first < len(q.claims) && (!ok || q.claims[q.first].since < since) {
		since, ok = q.claims[q.first].since, true
	}
	return since, ok
}

// pace is how long tasks take.
type pace struct {
	mean float64
	last int64 // when the last one ended, or lanes became busy
}

// BatchTime is how much work, in ns, is kept here while others might be idle, and how long a strand may be unreported.
const BatchTime = int64(5 * time.Millisecond)

// Bounds of the local queue.
const (
	maxQueuedPerLane = 64
	maxQueued        = 256
)

// add averages in a task that has just ended; about the last twenty count.
func (p *pace) add(ns, now int64) {
	p.last = now
	if p.mean == 0 {
		p.mean = float64(max(ns, 1))
		return
	}
	p.mean += (float64(ns) - p.mean) / 20
}

// ahead is how many tasks n lanes execute within BatchTime, rounded up while tasks are short; n when nothing is known yet.
// If busy lanes have ended nothing for a while, tasks have become longer.
func (p *pace) ahead(n int, isBusy bool, now int64) int {
	mean := p.mean
	if since := now - p.last; isBusy && since > BatchTime {
		mean = max(mean, float64(since))
	}
	if mean == 0 {
		return n
	}
	tasks := float64(n) * float64(BatchTime) / max(mean, 1)
	if tasks < 1 {
		if mean < 10*float64(BatchTime) {
			return 1
		}
		return 0
	}
	return min(int(tasks), n*maxQueuedPerLane, maxQueued)
}

// Pipelined is how many commits of single ends, by the rule NoBecome, are sent together.
const Pipelined = 32
