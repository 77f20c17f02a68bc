package member

import (
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// Audit compares a snapshot of the ledger with the graph. It lists the nodes whose count of edges is wrong, and those with
// edges that were never set, which the next commits set.
func (s *State) Audit(state *ledger.State) (miscounted, repeated []dag.NodeID) {
	for _, p := range s.missingEdges(state, s.policy) {
		s.repeatEdges(p, state.Nodes[p.ID()].Status != ledger.OK)
		repeated = append(repeated, p.ID())
	}
	return s.miscounted(state), repeated
}

// miscounted lists the waiting nodes whose count of arrived edges differs from their bits.
func (t *Nodes) miscounted(state *ledger.State) []dag.NodeID {
	arrived := make([]uint32, len(state.Nodes))
	for i := range state.Nodes {
		p := t.Find(dag.NodeID(i))
		for e := range p.degree() {
			if state.Bits.Has(p.offset(e)) {
				arrived[p.child(e).ID()]++
			}
		}
	}
	var list []dag.NodeID
	for i := range state.Nodes {
		if n := &state.Nodes[i]; n.Status == ledger.Blocked && n.Awaits == 0 && n.Arrived != arrived[i] {
			list = append(list, dag.NodeID(i))
		}
	}
	return list
}

// missingEdges lists the finished nodes some of whose edges are neither set nor owed by any session.
func (t *Nodes) missingEdges(state *ledger.State, policy record.Policy) []Node {
	owed := map[uint32]bool{}
	for _, ses := range state.Sessions {
		for _, e := range ses.Owed {
			owed[e.Offset] = true
		}
	}
	var list []Node
	for i := range state.Nodes {
		p := t.Find(dag.NodeID(i))
		if isOver(&state.Nodes[i], policy) && t.misses(p, state, owed) {
			list = append(list, p)
		}
	}
	return list
}

// isOver reports whether a node has ended in a way that sets edges, and all of them should be set.
func isOver(n *ledger.Node, policy record.Policy) bool {
	switch n.Status {
	case ledger.OK, ledger.Skipped:
		return n.PendingEdges == ledger.NoPendingEdges
	case ledger.Failed:
		return n.PendingEdges == ledger.NoPendingEdges && policy == record.Continue
	default:
		return false
	}
}

// misses reports whether a node waits for an edge from p.
func (t *Nodes) misses(p Node, state *ledger.State, owed map[uint32]bool) bool {
	for i := range p.degree() {
		c := p.child(i)
		waits := state.Nodes[c.ID()].Status == ledger.Blocked && state.Nodes[c.ID()].Awaits == 0
		if offset := p.offset(i); waits && !state.Bits.Has(offset) && !owed[offset] && !c.state().owned() {
			return true
		}
	}
	return false
}
