package ledgertest

import (
	"slices"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// Layout is a graph as it expands, with what operations have to say about each node. It is written independently of
// engine.Numbering and of engine/state/shared, so that these can be compared with it. It belongs to one goroutine.
type Layout struct {
	Graph  *engine.Graph
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
	scope    *engine.Scope
	bits     *scopeBits
	instance uint32
	local    uint32
}

// NewLayout lays out a graph none of whose fan-outs has expanded.
func NewLayout(g *engine.Graph) *Layout {
	l := &Layout{Graph: g, blocks: []block{{Block: ledger.Block{Expansion: engine.NoNode, Width: 1}}}}
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
func (l *Layout) Config(policy engine.Policy, limits engine.Limits) ledger.Config {
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

func (l *Layout) at(id engine.NodeID) place {
	i := len(l.blocks) - 1
	for l.blocks[i].First > id {
		i--
	}
	b := l.blocks[i]
	s := l.Graph.Scope(b.scope)
	rest := uint32(id - b.First)
	return place{block: b, scope: s, bits: &l.scopes[b.scope], instance: rest / s.Len(), local: rest % s.Len()}
}

func (p place) node(local uint32) engine.NodeID {
	return p.block.First + engine.NodeID(p.instance*p.scope.Len()+local)
}

// bit is a bit of the instance.
func (p place) bit(n uint32) uint32 { return p.block.FirstEdge + p.instance*p.bits.bits + n }

// Kind says whether a node is a task, an expansion or a join.
func (l *Layout) Kind(id engine.NodeID) engine.NodeKind {
	p := l.at(id)
	return p.scope.Kind(p.local)
}

// IsSink reports whether nothing waits for a node.
func (l *Layout) IsSink(id engine.NodeID) bool {
	p := l.at(id)
	return p.scope.Flags(p.local)&engine.Sink != 0
}

// Class is what a worker needs to run a node.
func (l *Layout) Class(id engine.NodeID) ledger.Class {
	p := l.at(id)
	if p.scope.Kind(p.local) != engine.TaskNode {
		return ledger.EngineClass
	}
	return ledger.Class(p.scope.Function(p.local))
}

// expanded is the block that an expansion has appended.
func (l *Layout) expanded(id engine.NodeID) (block, bool) {
	i := slices.IndexFunc(l.blocks, func(b block) bool { return b.Expansion == id })
	if i <= 0 {
		return block{}, false
	}
	return l.blocks[i], true
}

// Parents lists all that a node waits for: of a join, once its expansion has expanded, the instances too.
func (l *Layout) Parents(id engine.NodeID) []engine.NodeID {
	p := l.at(id)
	var out []engine.NodeID
	for _, local := range p.scope.Parents(p.local) {
		out = append(out, p.node(local))
	}
	if p.scope.Kind(p.local) != engine.JoinNode {
		return out
	}
	b, ok := l.expanded(p.node(p.scope.JoinExpansion(p.local)))
	if !ok {
		return out
	}
	size := l.Graph.Scope(b.scope).Len()
	for i := range b.Width {
		for _, local := range p.scope.JoinWaits(p.local) {
			out = append(out, b.First+engine.NodeID(i*size+local))
		}
	}
	return out
}

// Edges lists the edges that leave a node. Of an expansion that has not expanded, width is the width to assume.
func (l *Layout) Edges(id engine.NodeID, width uint32) []ledger.Edge {
	p := l.at(id)
	var out []ledger.Edge
	for _, child := range p.scope.Children(p.local) {
		waits := len(p.scope.Parents(child))
		if p.scope.Kind(child) == engine.JoinNode {
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

func (l *Layout) edge(offset uint32, child engine.NodeID, waits int, parent engine.NodeID) ledger.Edge {
	return ledger.Edge{Offset: offset, Child: child, Waits: uint32(waits), Class: l.Class(child), End: -1, Parent: parent}
}

// Expand describes an expansion to width instances.
func (l *Layout) Expand(id engine.NodeID, width uint32) *ledger.Expand {
	p := l.at(id)
	region := p.scope.Region(p.local)
	s := l.Graph.Scope(region)
	x := &ledger.Expand{
		Width: width, Size: s.Len(), EdgesPer: l.scopes[region].bits, TasksPer: s.Tasks(),
		LimitEdges: l.scopes[region].bits, SinksPer: s.Sinks(),
	}
	for _, r := range s.Roots() {
		g := ledger.Grant{Node: engine.NodeID(r), Class: ledger.EngineClass}
		if s.Kind(r) == engine.TaskNode {
			g.Class = ledger.Class(s.Function(r))
		}
		x.Roots = append(x.Roots, g)
	}
	return x
}

// Reads lists the tasks whose outputs a node may need, each once, ascending: its parents, the tasks joined by joins among
// them, and within a fan-out those that its expansion reads.
func (l *Layout) Reads(id engine.NodeID) []engine.NodeID {
	seen := map[engine.NodeID]bool{}
	var look func(id engine.NodeID)
	look = func(id engine.NodeID) {
		for _, parent := range l.Parents(id) {
			if seen[parent] {
				continue
			}
			seen[parent] = true
			if l.Kind(parent) == engine.JoinNode {
				look(parent)
			}
		}
		if up := l.at(id).block.Expansion; up != engine.NoNode && !seen[up] {
			seen[up] = true
			look(up)
		}
	}
	look(id)
	var out []engine.NodeID
	for n := range seen {
		if l.Kind(n) == engine.TaskNode {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// End is the good end of a node.
func (l *Layout) End(id engine.NodeID) ledger.End {
	return ledger.End{
		Node: id, Class: l.Class(id), Outcome: engine.OutcomeOK, Task: l.Kind(id) == engine.TaskNode, Sink: l.IsSink(id),
	}
}

// Life is one epoch of a node.
func (l *Layout) Life(id engine.NodeID, epoch uint16) ledger.Life {
	return ledger.Life{Node: id, Class: l.Class(id), Epoch: epoch, Task: l.Kind(id) == engine.TaskNode, Sink: l.IsSink(id)}
}

// IsKept reports whether the result of the run needs a node's output.
func (l *Layout) IsKept(id engine.NodeID) bool {
	p := l.at(id)
	return p.scope.Flags(p.local)&engine.Kept != 0
}

// Identity names a node independently of its number: its scope, its number there, and the instances that contain it.
func (l *Layout) Identity(id engine.NodeID) []uint32 {
	p := l.at(id)
	out := []uint32{uint32(p.block.scope), p.local}
	for ; p.block.Expansion != engine.NoNode; p = l.at(p.block.Expansion) {
		out = append(out, p.instance)
	}
	return out
}
