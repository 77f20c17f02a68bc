package plan

import (
	"iter"

	"github.com/dagscope/dagscope/engine/dag"
)

// Schedule is the set of nodes that a depth-first search reaches from one root: everything that the worker which begins
// with it may have to execute. It is a view of its plan.
type Schedule struct {
	plan *Plan
	root dag.NodeID
}

// Schedule returns the schedule of a root; false if the node is no root.
func (p *Plan) Schedule(root dag.NodeID) (Schedule, bool) {
	if int(root) >= len(p.order) || p.marks[0][root] != Root {
		return Schedule{}, false
	}
	return Schedule{p, root}, true
}

// Root returns the node that the schedule begins with.
func (s Schedule) Root() dag.NodeID { return s.root }

// Size counts what the schedule contains, in a pass over the whole graph.
func (s Schedule) Size() Size { return s.plan.Sizes([]dag.NodeID{s.root})[0] }

// Nodes iterates over the nodes of the schedule, each once, in the order of the search: a node is followed by the one
// that its worker continues with, and an expansion by the body of its fan-out. Stopping early saves the rest of the cost.
func (s Schedule) Nodes() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		seen := make(bitset, (len(s.plan.order)+63)/64)
		bodies := map[int32]bitset{}
		stack := []Node{{0, uint32(s.root)}}
		for len(stack) > 0 {
			n := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			of := seen
			if n.Scope > 0 {
				if of = bodies[n.Scope]; of == nil {
					of = make(bitset, (s.plan.graph.Scope(n.Scope).Len()+63)/64)
					bodies[n.Scope] = of
				}
			}
			if !of.add(n.Local) {
				continue
			}
			if !yield(n) {
				return
			}
			stack = s.plan.push(stack, n)
		}
	}
}

// push pushes the nodes that wait for n onto a stack, so that they are popped in the order of the search.
func (p *Plan) push(stack []Node, n Node) []Node {
	first := len(stack)
	var next Node // the node that the worker continues with
	hasNext := false
	for e := range p.Edges(n) {
		switch {
		case e.To.Scope < n.Scope: // the search reaches joins from their expansion, after the whole body
		case e.Mark == Become: // at most one child
			next, hasNext = e.To, true
		default:
			stack = append(stack, e.To)
		}
	}
	for i, j := first, len(stack)-1; i < j; i, j = i+1, j-1 {
		stack[i], stack[j] = stack[j], stack[i]
	}
	if hasNext {
		stack = append(stack, next)
	}
	return stack
}

// Edge leads to a node that waits for another node. Its mark is the mark of To.
type Edge struct {
	To   Node
	Mark Mark
}

// Edges iterates over the edges that leave a node. From an expansion, edges to the roots of the body come first; then
// those to the nodes of its own scope that wait for it. From a node in a body, edges to joins of the enclosing scope
// come last.
func (p *Plan) Edges(n Node) iter.Seq[Edge] {
	return func(yield func(Edge) bool) {
		s := p.graph.Scope(n.Scope)
		each := func(scope int32, nodes []uint32) bool {
			for _, to := range nodes {
				e := Node{scope, to}
				if !yield(Edge{e, p.Mark(e)}) {
					return false
				}
			}
			return true
		}
		if s.Kind(n.Local) == dag.ExpandNode {
			region := s.Region(n.Local)
			if !each(region, p.graph.Scope(region).Roots()) {
				return
			}
		}
		if each(n.Scope, s.Children(n.Local)) {
			each(s.Up(), s.Outs(n.Local))
		}
	}
}

// bitset is a set of small numbers.
type bitset []uint64

// add reports whether n was not in the set.
func (b bitset) add(n uint32) bool {
	bit := uint64(1) << (n % 64)
	if b[n/64]&bit != 0 {
		return false
	}
	b[n/64] |= bit
	return true
}
