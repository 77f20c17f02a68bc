package member

import (
	"errors"
	"fmt"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// NextRevision makes the ledger that the next revision of an ended run begins with, at now on the run's clock. Nodes that
// are OK stay so.
func NextRevision(l *Layout, state *ledger.State, now int64) (*ledger.State, error) {
	t := newNodes(l)
	for _, b := range state.Blocks {
		if err := t.grow(b); err != nil {
			return nil, err
		}
	}
	if t.numbering.Nodes() != len(state.Nodes) {
		return nil, errors.New("shared: the ledger does not fit the graph")
	}
	return state.Next(now, func(id dag.NodeID) ledger.Pending { return t.pendingBits(t.Find(id), state) }), nil
}

// pendingBits is how a node that is not OK begins in the next revision.
func (t *Nodes) pendingBits(p Node, state *ledger.State) ledger.Pending {
	pending := ledger.Pending{Class: p.class(), Sink: p.is(dag.Sink)}
	for _, in := range t.sources(p) {
		isOK := state.Nodes[in.ID()].Status == ledger.OK
		pending.Bits = append(pending.Bits, ledger.PendingBit{Offset: in.offsetTo(p), Set: isOK})
	}
	return pending
}

// sources lists the nodes that the one at p waits for, as far as they exist.
func (t *Nodes) sources(p Node) []Node {
	scope := p.scope()
	var list []Node
	for _, parent := range scope.Parents(p.local) {
		list = append(list, p.sibling(parent))
	}
	if p.kind() != dag.JoinNode {
		return list
	}
	expansion := p.sibling(scope.JoinExpansion(p.local)).ID()
	i := slices.IndexFunc(t.dynamic, func(b *block) bool { return b.Expansion == expansion })
	if i < 0 {
		return list
	}
	b := t.dynamic[i]
	for instance := range b.Instances {
		for _, local := range scope.JoinWaits(p.local) {
			list = append(list, Node{b, instance * b.Size, local})
		}
	}
	return list
}

// offsetTo is the bit of the edge from p to another node, which waits for it.
func (p Node) offsetTo(child Node) uint32 {
	for i := range p.degree() {
		if p.child(i) == child {
			return p.offset(i)
		}
	}
	panic(fmt.Sprintf("shared: no edge leads from node %d to node %d", p.ID(), child.ID()))
}

// Frontier lists the outputs that the next revision may read: those of tasks that are OK with readers that are not.
func (t *Nodes) Frontier(state *ledger.State) []dag.NodeID {
	var frontier []dag.NodeID
	for i := range state.Nodes {
		p := t.Find(dag.NodeID(i))
		if state.Nodes[i].Status == ledger.OK && p.IsTask() && isNeeded(state, p) {
			frontier = append(frontier, p.ID())
		}
	}
	return frontier
}

// isNeeded reports whether the next revision may read an output. Outputs that are spread may have readers without edges.
func isNeeded(state *ledger.State, p Node) bool {
	if p.b.bits.uses[p.local] == spread {
		return true
	}
	for i := range p.degree() {
		if state.Nodes[p.child(i).ID()].Status != ledger.OK {
			return true
		}
	}
	return false
}
