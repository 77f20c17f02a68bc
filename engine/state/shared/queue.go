package shared

import "github.com/dagscope/dagscope/engine"

// queue is the nodes of this session that wait for a lane. What was made ready here is taken first, the latest before
// the earlier, so that values are read while they are fresh; then claims, in the order in which they came.
type queue struct {
	made   []engine.NodeID // the next one at the end
	claims []queuedClaim
	first  int // of claims that is left
}

// queuedClaim is a claim and when it came.
type queuedClaim struct {
	node engine.NodeID
	at   int64
}

func (q *queue) len() int { return len(q.made) + len(q.claims) - q.first }

// add queues a claim.
func (q *queue) add(id engine.NodeID, now int64) {
	if q.first > 64 && q.first > len(q.claims)/2 {
		q.claims = q.claims[:copy(q.claims, q.claims[q.first:])]
		q.first = 0
	}
	q.claims = append(q.claims, queuedClaim{id, now})
}

// push queues a node that was made ready here, to be taken first.
func (q *queue) push(id engine.NodeID) { q.made = append(q.made, id) }

func (q *queue) pop() (engine.NodeID, bool) {
	if n := len(q.made); n > 0 {
		id := q.made[n-1]
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

// takeStale takes up to n claims that came before a moment, the last ones first.
func (q *queue) takeStale(n int, before int64) []engine.NodeID {
	var stale []engine.NodeID
	for len(stale) < n && len(q.claims) > q.first && q.claims[len(q.claims)-1].at < before {
		stale = append(stale, q.claims[len(q.claims)-1].node)
		q.claims = q.claims[:len(q.claims)-1]
	}
	return stale
}

// takeAll empties the queue.
func (q *queue) takeAll() []engine.NodeID {
	all := append([]engine.NodeID(nil), q.made...)
	for _, c := range q.claims[q.first:] {
		all = append(all, c.node)
	}
	q.made, q.claims, q.first = nil, nil, 0
	return all
}

// oldest is when the claim came that has waited longest, false where there is none.
func (q *queue) oldest() (int64, bool) {
	if q.first == len(q.claims) {
		return 0, false
	}
	return q.claims[q.first].at, true
}
