package plan

import (
	"iter"

	"github.com/dagscope/dagscope/engine"
)

// Schedule is what a depth-first search reaches from one root: all that the worker which begins with it could have to
// do. It is a view of its plan.
type Schedule struct {
	plan *Plan
	root engine.NodeID
}

// Schedule gives the schedule of a root; false where the node is none.
func (p *Plan) Schedule(root engine.NodeID) (Schedule, bool) {
	if int(root) >= len(p.order) || p.marks[0][root] != Root {
		return Schedule{}, false
	}
	return Schedule{p, root}, true
}

// Root is the node that the schedule begins with.
func (s Schedule) Root() engine.NodeID { return s.root }

// Size says what the schedule holds.
func (s Schedule) Size() Size { return s.plan.Sizes([]engine.NodeID{s.root})[0] }

// Nodes gives every node of the schedule once, in the order of the search: behind a node comes what its worker goes on
// with, behind an expansion the body of the fan-out. Breaking off early costs no more than what was seen.
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

// push puts what follows on n on a stack, so that it comes off in the order of the search.
func (p *Plan) push(stack []Node, n Node) []Node {
	first := len(stack)
	var next Node // what the worker goes on with
	goesOn := false
	for e := range p.Edges(n) {
		switch {
		case e.To.Scope < n.Scope: // the search comes to joins by their expansion, behind the whole body
		case e.Mark == Become: // one child at most
			next, goesOn = e.To, true
		default:
			stack = append(stack, e.To)
		}
	}
	for i, j := first, len(stack)-1; i < j; i, j = i+1, j-1 {
		stack[i], stack[j] = stack[j], stack[i]
	}
	if goesOn {
		stack = append(stack, next)
	}
	return stack
}

// Edge leads to a node that waits for another one. Its mark is that of the node.
type Edge struct {
	To   Node
	Mark Mark
}

// Edges gives the edges that leave a node: to those of its scope that wait for it; of an expansion first to the roots
// of the body, which every instance has; of a node in a body at last to the joins of the enclosing scope.
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
		if s.Kind(n.Local) == engine.ExpandNode {
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
