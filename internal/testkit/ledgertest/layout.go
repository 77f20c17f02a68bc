package ledgertest

import (
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// Layout is a graph as it expands, with what operations have to say about each node. It is written independently of
// dag.Numbering and of engine/state/shared, so that these can be compared with it. It belongs to one goroutine.
type Layout struct {
	Graph  *dag.Graph
	scopes []scopeBits
	blocks []block
}

// scopeBits numbers the bits of one instance of a scope: first those of edges into its nodes, then those that leave it.
type scopeBits struct {
	parents, outs []uint32 // of each node: its first
	bits          uint32
}

// block is the graph itself, or the instances of a fan-out.
type block struct {
	ledger.Block
	scope int32
}

// place is where a node is in the graph.
type place struct {
	block    block
	scope    *dag.Scope
	bits     *scopeBits
	instance uint32
	local    uint32
}

// NewLayout lays out a graph none of whose fan-outs has expanded.
func NewLayout(g *dag.Graph) *Layout {
	l := &Layout{Graph: g, blocks: []block{{Block: ledger.Block{Expansion: dag.NoNode, Width: 1}}}}
	for i := range g.Scopes() {
		s := g.Scope(int32(i))
		b := scopeBits{parents: make([]uint32, s.Len()), outs: make([]uint32, s.Len())}
		for n := range s.Len() {
			b.parents[n] = b.bits
			b.bits += uint32(len(s.Parents(n)))
		}
		for n := range s.Len() {
			b.outs[n] = b.bits
			b.bits += uint32(len(s.Outs(n)))
		}
		l.scopes = append(l.scopes, b)
	}
	return l
}

// Clone is an independent copy; the graph is shared.
func (l *Layout) Clone() *Layout {
	c := *l
	c.blocks = slices.Clone(l.blocks)
	return &c
}

// Config is that of a ledger for the graph.
func (l *Layout) Config(policy record.Policy, limits dag.Limits) ledger.Config {
	s := l.Graph.Scope(0)
	c := ledger.Config{
		Nodes: s.Len(), Edges: l.scopes[0].bits, Tasks: l.Graph.Tasks(), Limits: limits, LimitEdges: l.Graph.Edges(),
		Sinks: int(s.Sinks()), Policy: policy, MaxConcurrent: map[ledger.Class]int{},
	}
	for _, id := range l.Graph.Roots() {
		c.Roots = append(c.Roots, ledger.Grant{Node: id, Class: l.Class(id)})
	}
	for i, f := range l.Graph.Functions() {
		if bound := f.Options().MaxConcurrent; bound > 0 {
			c.MaxConcurrent[ledger.Class(i)] = bound
		}
	}
	return c
}

// Append adds the block of an expansion.
func (l *Layout) Append(b ledger.Block) {
	p := l.at(b.Expansion)
	l.blocks = append(l.blocks, block{Block: b, scope: p.scope.Region(p.local)})
}

// Blocks is how many blocks were appended.
func (l *Layout) Blocks() int { return len(l.blocks) - 1 }

// Nodes is how many nodes are known.
func (l *Layout) Nodes() int {
	last := l.blocks[len(l.blocks)-1]
	return int(last.First) + int(last.Width*l.Graph.Scope(last.scope).Len())
}

func (l *Layout) at(id dag.NodeID) place {
	i := len(l.blocks) - 1
	for l.blocks[i].First > id {
		i--
	}
	b := l.blocks[i]
	s := l.Graph.Scope(b.scope)
	rest := uint32(id - b.First)
	return place{block: b, scope: s, bits: &l.scopes[b.scope], instance: rest / s.Len(), local: rest % s.Len()}
}

func (p place) node(local uint32) dag.NodeID {
	return p.block.First + dag.NodeID(p.instance*p.scope.Len()+local)
}

// bit is a bit of the instance.
func (p place) bit(n uint32) uint32 { return p.block.FirstEdge + p.instance*p.bits.bits + n }

// Kind says whether a node is a task, an expansion or a join.
func (l *Layout) Kind(id dag.NodeID) dag.NodeKind {
	p := l.at(id)
	return p.scope.Kind(p.local)
}

// IsSink reports whether nothing waits for a node.
func (l *Layout) IsSink(id dag.NodeID) bool {
	p := l.at(id)
	return p.scope.Flags(p.local)&dag.Sink != 0
}

// Class is what a worker needs to run a node.
func (l *Layout) Class(id dag.NodeID) ledger.Class {
	p := l.at(id)
	if p.scope.Kind(p.local) != dag.TaskNode {
		return ledger.EngineClass
	}
	return ledger.Class(p.scope.Function(p.local))
}

// expanded is the block that an expansion has appended.
func (l *Layout) expanded(id dag.NodeID) (block, bool) {
	i := slices.IndexFunc(l.blocks, func(b block) bool { return b.Expansion == id })
	if i <= 0 {
		return block{}, false
	}
	return l.blocks[i], true
}

// Parents lists all that a node waits for: of a join, once its expansion has expanded, the instances too.
func (l *Layout) Parents(id dag.NodeID) []dag.NodeID {
	p := l.at(id)
	var out []dag.NodeID
	for _, local := range p.scope.Parents(p.local) {
		out = append(out, p.node(local))
	}
	if p.scope.Kind(p.local) != dag.JoinNode {
		return out
	}
	b, ok := l.expanded(p.node(p.scope.JoinExpansion(p.local)))
	if !ok {
		return out
	}
	size := l.Graph.Scope(b.scope).Len()
	for i := range b.Width {
		for _, local := range p.scope.JoinWaits(p.local) {
			out = append(out, b.First+dag.NodeID(i*size+local))
		}
	}
	return out
}

// Edges lists the edges that leave a node. Of an expansion that has not expanded, width is the width to assume.
func (l *Layout) Edges(id dag.NodeID, width uint32) []ledger.Edge {
	p := l.at(id)
	var out []ledger.Edge
	for _, child := range p.scope.Children(p.local) {
		waits := len(p.scope.Parents(child))
		if p.scope.Kind(child) == dag.JoinNode {
			w := width
			if b, ok := l.expanded(p.node(p.scope.JoinExpansion(child))); ok {
				w = b.Width
			}
			waits += int(w) * len(p.scope.JoinWaits(child))
		}
		at := p.bits.parents[child] + uint32(slices.Index(p.scope.Parents(child), p.local))
		out = append(out, l.edge(p.bit(at), p.node(child), waits, id))
	}
	for i, join := range p.scope.Outs(p.local) {
		up := l.at(p.block.Expansion)
		waits := len(up.scope.Parents(join)) + int(p.block.Width)*len(up.scope.JoinWaits(join))
		out = append(out, l.edge(p.bit(p.bits.outs[p.local]+uint32(i)), up.node(join), waits, id))
	}
	return out
}

func (l *Layout) edge(offset uint32, child dag.NodeID, waits int, parent dag.NodeID) ledger.Edge {
	return ledger.Edge{Offset: offset, Child: child, Waits: uint32(waits), Class: l.Class(child), End: -1, Parent: parent}
}

// Expand describes an expansion to width instances.
func (l *Layout) Expand(id dag.NodeID, width uint32) *ledger.Expand {
	p := l.at(id)
	region := p.scope.Region(p.local)
	s := l.Graph.Scope(region)
	x := &ledger.Expand{
		Width: width, Size: s.Len(), EdgesPer: l.scopes[region].bits, TasksPer: s.Tasks(),
		LimitEdges: l.scopes[region].bits, SinksPer: s.Sinks(),
	}
	for _, r := range s.Roots() {
		g := ledger.Grant{Node: dag.NodeID(r), Class: ledger.EngineClass}
		if s.Kind(r) == dag.TaskNode {
			g.Class = ledger.Class(s.Function(r))
		}
		x.Roots = append(x.Roots, g)
	}
	return x
}

// Reads lists the tasks whose outputs a node may need, each once, ascending: its parents, the tasks joined by joins among
// them, and within a fan-out those that its expansion reads.
func (l *Layout) Reads(id dag.NodeID) []dag.NodeID {
	seen := map[dag.NodeID]bool{}
	var look func(id dag.NodeID)
	look = func(id dag.NodeID) {
		for _, parent := range l.Parents(id) {
			if seen[parent] {
				continue
			}
			seen[parent] = true
			if l.Kind(parent) == dag.JoinNode {
				look(parent)
			}
		}
		if up := l.at(id).block.Expansion; up != dag.NoNode && !seen[up] {
			seen[up] = true
			look(up)
		}
	}
	look(id)
	var out []dag.NodeID
	for n := range seen {
		if l.Kind(n) == dag.TaskNode {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// End is the good end of a node.
func (l *Layout) End(id dag.NodeID) ledger.End {
	return ledger.End{
		Node: id, Class: l.Class(id), Outcome: record.OutcomeOK, Task: l.Kind(id) == dag.TaskNode, Sink: l.IsSink(id),
	}
}

// Life is one epoch of a node.
func (l *Layout) Life(id dag.NodeID, epoch uint16) ledger.Life {
	return ledger.Life{Node: id, Class: l.Class(id), Epoch: epoch, Task: l.Kind(id) == dag.TaskNode, Sink: l.IsSink(id)}
}

// IsKept reports whether the result of the run needs a node's output.
func (l *Layout) IsKept(id dag.NodeID) bool {
	p := l.at(id)
	return p.scope.Flags(p.local)&dag.Kept != 0
}

// Identity names a node independently of its number: its scope, its number there, and the instances that contain it.
func (l *Layout) Identity(id dag.NodeID) []uint32 {
	p := l.at(id)
	out := []uint32{uint32(p.block.scope), p.local}
	for ; p.block.Expansion != dag.NoNode; p = l.at(p.block.Expansion) {
		out = append(out, p.instance)
	}
	return out
}
