package memory

import (
	"sync"

	"github.com/dagscope/dagscope/engine/dag"
)

// gate bounds how many tasks of one function run at a time. Ready tasks beyond the bound wait here, not in a queue, so
// that lanes do not keep trying them.
type gate struct {
	mu      sync.Mutex // guards what follows
	free    int        // how many more may run
	waiting []dag.NodeID
}

// newGates makes a gate for each function that has a bound; nil if no function has one.
func newGates(g *dag.Graph) []*gate {
	var gates []*gate
	for i, f := range g.Functions() {
		if n := f.Options().MaxConcurrent; n > 0 {
			if gates == nil {
				gates = make([]*gate, len(g.Functions()))
			}
			gates[i] = &gate{free: n}
		}
	}
	return gates
}

// gate returns the gate of the function at p, nil if it has none.
func (r *run) gate(p at) *gate {
	if r.gates == nil || p.kind() != dag.TaskNode {
		return nil
	}
	return r.gates[p.b.scope.Function(p.local)]
}

// admit lets a ready node pass its gate, or makes it wait there.
func (r *run) admit(id dag.NodeID) bool {
	g := r.gate(r.find(id))
	if g == nil {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.free == 0 {
		g.waiting = append(g.waiting, id)
		return false
	}
	g.free--
	return true
}

// leave gives the place of the node at p to the node that has waited longest, which it queues.
func (l *lane) leave(p at) {
	g := l.r.gate(p)
	if g == nil {
		return
	}
	g.mu.Lock()
	g.free++
	var next []dag.NodeID
	if len(g.waiting) > 0 {
		next = append(next, g.waiting[0])
		g.waiting = g.waiting[1:]
	}
	g.mu.Unlock()
	if len(next) > 0 {
		l.queue.push(next)
		l.r.hooks.Ready(1)
	}
}
