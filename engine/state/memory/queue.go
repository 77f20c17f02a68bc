package memory

import (
	"sync"

	"github.com/dagscope/dagscope/engine/dag"
)

// queue holds ready nodes; the next one to be claimed is the last element. Padding keeps two queues off one cache line.
type queue struct {
	mu    sync.Mutex
	nodes []dag.NodeID
	_     [32]byte
}

// fill adds nodes so that they are claimed in the given order.
func (q *queue) fill(nodes []dag.NodeID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := len(nodes) - 1; i >= 0; i-- {
		q.nodes = append(q.nodes, nodes[i])
	}
}

func (q *queue) pop() (dag.NodeID, bool) {
	q.mu.Lock()
	k := len(q.nodes)
	if k == 0 {
		q.mu.Unlock()
		return 0, false
	}
	id := q.nodes[k-1]
	q.nodes = q.nodes[:k-1]
	q.mu.Unlock()
	return id, true
}

// takeHalf appends the older half to dst, at least one node if the queue is not empty.
func (q *queue) takeHalf(dst []dag.NodeID) []dag.NodeID {
	q.mu.Lock()
	half := (len(q.nodes) + 1) / 2
	dst = append(dst, q.nodes[:half]...)
	q.nodes = append(q.nodes[:0], q.nodes[half:]...)
	q.mu.Unlock()
	return dst
}

func (q *queue) push(nodes []dag.NodeID) {
	q.mu.Lock()
	q.nodes = append(q.nodes, nodes...)
	q.mu.Unlock()
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.nodes)
}
