package dag

import (
	"cmp"
	"slices"
	"sync"
)

// link derives from the operands what each node waits for, and everything that follows from it: children, the joins
// that wait for nodes of a region, flags. Compile and DecodeGraph both end with it, so edges can never contradict what
// is read. It returns false, with the graph unfinished, if the operands read more than most values. A value counts each
// time it is read, so a list that is read twice counts twice.
func (g *Graph) link(most int) bool {
	l := linker{g: g, left: most, needs: make([][]need, len(g.scopes))}
	for i := range g.scopes {
		l.tasks(int32(i))
		l.regions(int32(i))
		l.joins(int32(i))
	}
	l.leaves(g.result, 0, func(_ uint8, n uint32, isNode bool) {
		if isNode {
			l.mark(0, n, Kept)
		}
	})
	if l.left <= 0 {
		return false
	}
	g.reads = most - l.left
	for i := range g.scopes {
		s := &g.scopes[i]
		s.parentOff, s.parents = rows(l.needs[i], s.Len())
		s.childOff, s.children = transpose(s.parentOff, s.parents)
		s.outOff, s.outs = rows(g.outs(int32(i)), s.Len())
	}
	g.flag()
	return true
}

// linker holds what is known only while a graph is linked.
type linker struct {
	g     *Graph
	needs [][]need // for each scope: what its nodes wait for, in pairs
	left  int      // how many more values may be read; at 0 linking stops
}

// need says that node waits for parent; both are in the same scope.
type need struct{ node, parent uint32 }

func (l *linker) tasks(scope int32) {
	s := &l.g.scopes[scope]
	for n := range s.tasks {
		for _, op := range s.args[s.argOff[n]:s.argOff[n+1]] {
			if op.kind == fromComposite {
				l.mark(scope, n, Gathers)
			}
			l.require(scope, n, op)
		}
	}
}

func (l *linker) regions(scope int32) {
	s := &l.g.scopes[scope]
	for i := range s.regions {
		l.require(scope, s.tasks+uint32(i), s.regions[i].source)
	}
}

func (l *linker) joins(scope int32) {
	s := &l.g.scopes[scope]
	for i := range s.joinOf {
		j := &s.joinOf[i]
		l.leaves(l.g.composites[j.composite].parts[0], j.region, func(up uint8, node uint32, isNode bool) {
			if up == 0 && isNode {
				j.waits = append(j.waits, node)
				return
			}
			j.readsOuter = true
			if up > 0 && isNode {
				l.capture(j.region, up, node)
			}
		})
		slices.Sort(j.waits)
		j.waits = slices.Compact(j.waits)
		l.needs[scope] = append(l.needs[scope], need{s.tasks + s.expands + uint32(i), j.expand})
	}
}

// require notes what node, in scope, has to wait for before op can be evaluated.
func (l *linker) require(scope int32, node uint32, op operand) {
	l.leaves(op, scope, func(up uint8, n uint32, isNode bool) {
		if up == 0 && isNode {
			l.needs[scope] = append(l.needs[scope], need{node, n})
			return
		}
		l.mark(scope, node, ReadsOuter)
		if up > 0 && isNode {
			l.capture(scope, up, n)
		}
	})
}

// leaves calls visit for each node that op needs, seen from scope; up is how many scopes further out the node is. For
// an element, isNode is false.
func (l *linker) leaves(op operand, scope int32, visit func(up uint8, node uint32, isNode bool)) {
	if l.left--; l.left <= 0 {
		l.left = 0
		return
	}
	switch op.kind {
	case fromConstant:
	case fromTask:
		visit(op.up, op.index, true)
	case fromElement:
		visit(op.up, 0, false)
		if op.up > 0 { // the element belongs to a scope further out, so the expansions in between have to hold it
			l.holdElement(scope, op.up)
		}
	case fromComposite:
		made := &l.g.composites[op.index]
		if made.join != uint32(NoNode) {
			visit(op.up, made.join, true)
			return
		}
		for _, p := range made.parts {
			if p.kind != fromConstant {
				p.up += op.up
			}
			l.leaves(p, scope, visit)
		}
	}
}

// capture makes the expansion of scope wait for node, which is up scopes further out.
func (l *linker) capture(scope int32, up uint8, node uint32) {
	for ; up > 0; up-- {
		s := &l.g.scopes[scope]
		if up == 1 {
			l.needs[s.up] = append(l.needs[s.up], need{s.expand, node})
			return
		}
		l.mark(s.up, s.expand, ReadsOuter)
		scope = s.up
	}
}

// holdElement marks the expansions between scope and the one whose element is read.
func (l *linker) holdElement(scope int32, up uint8) {
	for ; up > 0; up-- {
		s := &l.g.scopes[scope]
		l.mark(s.up, s.expand, ReadsOuter)
		scope = s.up
	}
}

// mark sets a flag of a node.
func (l *linker) mark(scope int32, node uint32, f NodeFlags) {
	s := &l.g.scopes[scope]
	if s.flags == nil {
		s.flags = make([]NodeFlags, s.Len())
	}
	s.flags[node] |= f
}

// outs inverts the waits of the joins that collect scope.
func (g *Graph) outs(scope int32) []need {
	s := &g.scopes[scope]
	if s.up < 0 {
		return nil
	}
	up := &g.scopes[s.up]
	var pairs []need
	for _, j := range g.region(scope).joins {
		for _, w := range up.join(j).waits {
			pairs = append(pairs, need{w, j})
		}
	}
	return pairs
}

// flag computes the flags, which hold for every run. A node whose output the result needs does not get SoleReader,
// because the result reads it too.
func (g *Graph) flag() {
	for i := range g.scopes {
		s := &g.scopes[i]
		s.ordinals = sync.OnceValue(s.countOrdinals)
		if s.flags == nil {
			s.flags = make([]NodeFlags, s.Len())
		}
		for n := range s.Len() {
			if len(s.Parents(n)) == 1 && s.Kind(n) != JoinNode {
				s.flags[n] |= SoleParent
			}
			if len(s.Children(n)) == 1 && len(s.Outs(n)) == 0 && s.flags[n]&Kept == 0 {
				s.flags[n] |= SoleReader
			}
			if len(s.Children(n)) == 0 && len(s.Outs(n)) == 0 {
				s.flags[n] |= Sink
				s.sinks++
			}
			if s.flags[n]&ReadsOuter != 0 {
				s.outerHolds++
			}
			if len(s.Parents(n)) == 0 {
				s.roots = append(s.roots, n)
			}
		}
	}
	g.roots = make([]NodeID, len(g.scopes[0].roots))
	for i, n := range g.scopes[0].roots {
		g.roots[i] = NodeID(n)
	}
}

// rows sorts pairs and returns, for nodes 0 to n-1, the distinct parents of each as offsets and numbers.
func rows(pairs []need, n uint32) (off, parents []uint32) {
	slices.SortFunc(pairs, func(a, b need) int {
		return cmp.Or(cmp.Compare(a.node, b.node), cmp.Compare(a.parent, b.parent))
	})
	pairs = slices.Compact(pairs)
	off, parents = make([]uint32, n+1), make([]uint32, len(pairs))
	for i, p := range pairs {
		off[p.node+1]++
		parents[i] = p.parent
	}
	accumulate(off)
	return off, parents
}

// transpose returns, for the same nodes, the children of each, ascending.
func transpose(off, parents []uint32) (childOff, children []uint32) {
	childOff, children = make([]uint32, len(off)), make([]uint32, len(parents))
	for _, p := range parents {
		childOff[p+1]++
	}
	accumulate(childOff)
	next := slices.Clone(childOff)
	for n := range len(off) - 1 {
		for _, p := range parents[off[n]:off[n+1]] {
			children[next[p]] = uint32(n)
			next[p]++
		}
	}
	return childOff, children
}

// accumulate turns counts, each stored at the index after its own, into offsets.
func accumulate(off []uint32) {
	for i := 1; i < len(off); i++ {
		off[i] += off[i-1]
	}
}
