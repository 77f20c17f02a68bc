// Package plan gives the static schedules of a graph, as WUKONG (SoCC'20) has them: for each root what a depth-first
// search reaches from it, and for each node how a worker comes to execute it: it goes on with the first child that a
// task readies alone (become), hands the others out (invoke), and where several meet (fan-in) goes on if it is the last.
//
// A Plan guarantees to be a pure function of the graph's structure: it needs no bodies, and graphs of equal hash have
// equal plans. A fan-out stands in it as its template, the body once, because its width is known only at run time.
//
// New costs time and memory linear in nodes and edges: some 6 bytes a node, about 10 ms for 100,000 tasks with a million
// edges. Schedules share all that lies behind a fan-in, so they are views: one takes no memory, and going through it
// takes time in what it reaches, and a bit a node meanwhile.
//
// Caveats: a plan says what would be, not what was. Workers follow it as long as nothing draws a task elsewhere: a
// large input, a lost worker, another run. Which worker goes on behind a fan-in only the run decides.
package plan

import (
	"math/bits"

	"github.com/dagscope/dagscope/engine"
)

// Mark says how a worker comes to execute a node.
type Mark uint8

// Marks of nodes.
const (
	// Root: it waits for nothing.
	Root Mark = iota
	// Become: it waits for one node, whose worker goes on with it.
	Become
	// Invoke: it waits for one node, whose worker hands it out, or, in the body of a fan-out, for the expansion alone.
	Invoke
	// FanIn: it waits for several nodes, and the worker that ends the last of them goes on with it.
	FanIn
)

// String is root, become, invoke or fan-in.
func (m Mark) String() string { return [...]string{"root", "become", "invoke", "fan-in"}[m] }

// Node names a node of a graph: by its scope and its number there. Nodes of scope 0 have the same numbers in a run.
type Node struct {
	Scope int32
	Local uint32
}

// Plan marks the nodes of one graph. Immutable and safe for concurrent use.
type Plan struct {
	graph *engine.Graph
	marks [][]Mark // of each scope, by node
	order []uint32 // nodes of scope 0, parents first
}

// New plans a graph, which need not be Executable.
func New(g *engine.Graph) *Plan {
	p := &Plan{graph: g, marks: make([][]Mark, g.Scopes())}
	for i := range p.marks {
		p.marks[i] = marksOf(g.Scope(int32(i)), i > 0)
	}
	p.order = inOrder(g.Scope(0))
	return p
}

// marksOf marks the nodes of a scope. The roots of a body wait for the expansion that makes them.
func marksOf(s *engine.Scope, body bool) []Mark {
	marks := make([]Mark, s.Len())
	for n := range s.Len() {
		switch parents := len(s.Parents(n)); {
		case parents > 1 || s.Kind(n) == engine.JoinNode:
			marks[n] = FanIn
		case parents == 1 || body:
			marks[n] = Invoke
		}
	}
	for n := range s.Len() {
		for _, c := range s.Children(n) {
			if marks[c] == Invoke {
				marks[c] = Become
				break
			}
		}
	}
	return marks
}

// inOrder sorts the nodes of a scope so that parents come first.
func inOrder(s *engine.Scope) []uint32 {
	waits := make([]uint32, s.Len())
	order := make([]uint32, 0, s.Len())
	for n := range waits {
		if waits[n] = uint32(len(s.Parents(uint32(n)))); waits[n] == 0 {
			order = append(order, uint32(n))
		}
	}
	for i := 0; i < len(order); i++ {
		for _, c := range s.Children(order[i]) {
			if waits[c]--; waits[c] == 0 {
				order = append(order, c)
			}
		}
	}
	return order
}

// Graph is what is planned.
func (p *Plan) Graph() *engine.Graph { return p.graph }

// Mark tells how a worker comes to execute a node of the graph.
func (p *Plan) Mark(n Node) Mark { return p.marks[n.Scope][n.Local] }

// Roots lists the nodes that schedules begin with, ascending. The slice must not be modified.
func (p *Plan) Roots() []engine.NodeID { return p.graph.Roots() }

// Size says what a schedule holds; bodies of fan-outs are counted once, whatever their widths.
type Size struct {
	Tasks   int // calls of functions
	FanOuts int
	Edges   int // of Plan.Edges
	Became  int // nodes marked Become, and so on
	Invoked int
	FanIns  int
}

func (s *Size) add(o Size) {
	s.Tasks += o.Tasks
	s.FanOuts += o.FanOuts
	s.Edges += o.Edges
	s.Became += o.Became
	s.Invoked += o.Invoked
	s.FanIns += o.FanIns
}

// atOnce is how many roots one pass over the graph follows: a bit of a word each.
const atOnce = 64

// Sizes tells what the schedules of some roots hold, in the order given. It takes one pass over the graph for every 64
// of them, and 8 bytes a node meanwhile.
func (p *Plan) Sizes(roots []engine.NodeID) []Size {
	out := make([]Size, len(roots))
	if len(roots) == 0 {
		return out
	}
	own := p.sizesOfNodes()
	reach := make([]uint64, len(p.order))
	for first := 0; first < len(roots); first += atOnce {
		clear(reach)
		for i, r := range roots[first:min(first+atOnce, len(roots))] {
			reach[r] |= 1 << i
		}
		for _, n := range p.order {
			for _, c := range p.graph.Scope(0).Children(n) {
				reach[c] |= reach[n]
			}
			if reach[n] == 0 {
				continue
			}
			size := own(n)
			for left := reach[n]; left != 0; left &= left - 1 {
				out[first+bits.TrailingZeros64(left)].add(size)
			}
		}
	}
	return out
}

// sizesOfNodes gives what each node of scope 0 adds to a schedule: itself, and of a fan-out the bodies within.
func (p *Plan) sizesOfNodes() func(n uint32) Size {
	bodies := make([]Size, p.graph.Scopes())
	for i := p.graph.Scopes() - 1; i > 0; i-- { // enclosing scopes have smaller numbers
		scope := int32(i)
		for n := range p.graph.Scope(scope).Len() {
			bodies[scope].add(p.sizeOf(Node{scope, n}, bodies))
		}
	}
	return func(n uint32) Size { return p.sizeOf(Node{0, n}, bodies) }
}

func (p *Plan) sizeOf(n Node, bodies []Size) Size {
	s := p.graph.Scope(n.Scope)
	size := Size{Edges: len(s.Children(n.Local)) + len(s.Outs(n.Local))}
	switch s.Kind(n.Local) {
	case engine.TaskNode:
		size.Tasks = 1
	case engine.ExpandNode:
		region := s.Region(n.Local)
		size.FanOuts = 1
		size.Edges += len(p.graph.Scope(region).Roots())
		size.add(bodies[region])
	}
	switch p.Mark(n) {
	case Become:
		size.Became++
	case Invoke:
		size.Invoked++
	case FanIn:
		size.FanIns++
	}
	return size
}
