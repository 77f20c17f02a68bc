// Package plan computes the static schedules of a graph, as in WUKONG (SoCC'20): for each root, the nodes that a
// depth-first search reaches from it; and for each node, how a worker comes to execute it. A worker continues with the
// first child that waits only for its task (become) and leaves other such children to other workers (invoke). It
// continues with a child that waits for several tasks (fan-in) if its task is the last of them to end.
//
// A Plan is a pure function of the graph's structure: it needs no bodies, and graphs with equal hashes have equal plans.
// A fan-out is represented by its template, the body once, because its width is only known at run time.
//
// New takes time and memory linear in nodes and edges: about 6 bytes a node, and 10 ms for 100,000 tasks with a million
// edges. Schedules are views, because schedules share everything after a fan-in: a schedule takes no memory; iterating
// over it takes time linear in the nodes and edges that it reaches, and one bit of memory for each node of the graph.
//
// Caveats: a plan is a prediction. Workers follow it unless something moves a task to another worker: a large input, a
// lost worker, another run. Which worker continues after a fan-in is only decided by the run.
package plan

import (
	"math/bits"

	"github.com/dagscope/dagscope/engine/dag"
)

// Mark says how a worker comes to execute a node.
type Mark uint8

// Marks of nodes.
const (
	// Root nodes wait for nothing.
	Root Mark = iota
	// Become: the node waits for one other node, whose worker continues with it.
	Become
	// Invoke: the node waits for one other node, whose worker leaves it to another worker; or it is in the body of a
	// fan-out and waits only for the expansion.
	Invoke
	// FanIn: the node waits for several others, and the worker that ends the last of them continues with it.
	FanIn
)

// String returns root, become, invoke or fan-in.
func (m Mark) String() string { return [...]string{"root", "become", "invoke", "fan-in"}[m] }

// Node identifies a node of a graph by its scope and its number there. Nodes of scope 0 have the same numbers in a run.
type Node struct {
	Scope int32
	Local uint32
}

// Plan marks the nodes of one graph. Immutable and safe for concurrent use.
type Plan struct {
	graph *dag.Graph
	marks [][]Mark // by scope, then by node
	order []uint32 // nodes of scope 0, parents first
}

// New plans a graph, which need not be Executable.
func New(g *dag.Graph) *Plan {
	p := &Plan{graph: g, marks: make([][]Mark, g.Scopes())}
	for i := range p.marks {
		p.marks[i] = marksOf(g.Scope(int32(i)), i > 0)
	}
	p.order = inOrder(g.Scope(0))
	return p
}

// marksOf marks the nodes of a scope. The roots of a body wait for the expansion that makes them.
func marksOf(s *dag.Scope, body bool) []Mark {
	marks := make([]Mark, s.Len())
	for n := range s.Len() {
		switch parents := len(s.Parents(n)); {
		case parents > 1 || s.Kind(n) == dag.JoinNode:
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
func inOrder(s *dag.Scope) []uint32 {
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

// Graph returns the graph that the plan is for.
func (p *Plan) Graph() *dag.Graph { return p.graph }

// Mark returns how a worker comes to execute a node of the graph.
func (p *Plan) Mark(n Node) Mark { return p.marks[n.Scope][n.Local] }

// Roots lists the nodes that schedules begin with, in ascending order. The slice must not be modified.
func (p *Plan) Roots() []dag.NodeID { return p.graph.Roots() }

// Size counts what a schedule contains; the body of a fan-out counts once, whatever its width.
type Size struct {
	Tasks   int // calls of functions
	FanOuts int
	Edges   int // of Plan.Edges
	Became  int // nodes marked Become
	Invoked int // nodes marked Invoke
	FanIns  int // nodes marked FanIn
}

func (s *Size) add(o Size) {
	s.Tasks += o.Tasks
	s.FanOuts += o.FanOuts
	s.Edges += o.Edges
	s.Became += o.Became
	s.Invoked += o.Invoked
	s.FanIns += o.FanIns
}

// rootsPerPass is how many roots one pass over the graph handles: one for each bit of a word.
const rootsPerPass = 64

// Sizes returns the sizes of the schedules of roots, in the same order. It takes one pass over the graph for each 64 of
// them, and 8 bytes a node.
func (p *Plan) Sizes(roots []dag.NodeID) []Size {
	out := make([]Size, len(roots))
	if len(roots) == 0 {
		return out
	}
	own := p.sizesOfNodes()
	reach := make([]uint64, len(p.order))
	for first := 0; first < len(roots); first += rootsPerPass {
		clear(reach)
		for i, r := range roots[first:min(first+rootsPerPass, len(roots))] {
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

// sizesOfNodes returns what each node of scope 0 adds to a schedule: itself, and for an expansion also the body of its
// fan-out with all bodies nested in it.
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
	case dag.TaskNode:
		size.Tasks = 1
	case dag.ExpandNode:
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
