package engine

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"
)

// Compile turns what was built into a graph whose run returns result. The error, if any, is ErrInvalidGraph and says
// which rule is broken.
func (b *Builder) Compile(result AnyRef) (*Graph, error) {
	if b.err != nil {
		return nil, b.err
	}
	of, n, t := result.ref()
	if of != b {
		return nil, fmt.Errorf("%w: the result is not a reference of this builder", ErrInvalidGraph)
	}
	if b.nodes[n].scope != 0 {
		return nil, fmt.Errorf("%w: the result is an element of a fan-out, expected the list that FanOut returns", ErrInvalidGraph)
	}
	if len(b.functions) > math.MaxUint16 {
		return nil, fmt.Errorf("%w: it calls %d functions, at most %d are allowed", ErrInvalidGraph, len(b.functions), math.MaxUint16)
	}
	if err := oneFunctionPerName(b.functions); err != nil {
		return nil, err
	}
	c := &compiler{b: b, g: &Graph{functions: b.functions, constants: b.constants, resultType: t}}
	c.number()
	c.place()
	c.g.result = c.operand(n, 0)
	c.connect()
	c.flag()
	c.g.hash = c.g.structuralHash()
	return c.g, nil
}

// oneFunctionPerName refuses two different functions of one name.
func oneFunctionPerName(functions []*Function) error {
	byName := make(map[string]*Function, len(functions))
	for _, f := range functions {
		if g := byName[f.name]; g != nil && g != f {
			return fmt.Errorf("%w: two different functions are named %q, expected one name each", ErrInvalidGraph, f.name)
		}
		byName[f.name] = f
	}
	return nil
}

// compiler holds what is known only while a graph is compiled.
type compiler struct {
	b       *Builder
	g       *Graph
	scopeOf []int32  // of each fan-out of the builder: the scope of its body; fused ones share it
	local   []uint32 // of each task and join of the builder: its number within its scope
	made    []int32  // of each list, map and join of the builder: its composite + 1
	needs   [][]need // of each scope: what its nodes wait for, in pairs
}

// need says that node waits for parent, both of one scope.
type need struct{ node, parent uint32 }

// number decides which scopes there are and how many nodes each has.
func (c *compiler) number() {
	c.scopeOf = make([]int32, len(c.b.fanOuts))
	c.g.scopes = append(c.g.scopes, Scope{up: -1})
	for id := 1; id < len(c.b.fanOuts); id++ {
		f := &c.b.fanOuts[id]
		if f.fused > 0 {
			c.scopeOf[id] = c.scopeOf[f.fused]
			continue
		}
		c.scopeOf[id] = int32(len(c.g.scopes))
		c.g.scopes = append(c.g.scopes, Scope{up: c.scopeOf[f.scope]})
		c.g.scopes[c.scopeOf[f.scope]].expands++
	}
	for _, n := range c.b.nodes {
		s := &c.g.scopes[c.scopeOf[n.scope]]
		switch n.kind {
		case refTask:
			s.tasks++
		case refJoin:
			s.joins++
		}
	}
	c.needs = make([][]need, len(c.g.scopes))
}

// place numbers the nodes of each scope: tasks in the order of building, expansions, joins.
func (c *compiler) place() {
	c.local = make([]uint32, len(c.b.nodes))
	c.made = make([]int32, len(c.b.nodes))
	for id := 1; id < len(c.b.fanOuts); id++ {
		if f := &c.b.fanOuts[id]; f.fused == 0 {
			up := &c.g.scopes[c.scopeOf[f.scope]]
			c.g.scopes[c.scopeOf[id]].expand = up.tasks + uint32(len(up.regions))
			up.regions = append(up.regions, region{scope: c.scopeOf[id], split: f.split})
		}
	}
	for i := range c.g.scopes {
		s := &c.g.scopes[i]
		s.functions = make([]uint16, 0, s.tasks)
		s.functionUse = make([]uint32, len(c.g.functions))
	}
	for i, n := range c.b.nodes {
		s := &c.g.scopes[c.scopeOf[n.scope]]
		switch n.kind {
		case refTask:
			c.local[i] = uint32(len(s.functions))
			s.functions = append(s.functions, uint16(n.index))
			s.functionUse[n.index]++
		case refJoin:
			c.local[i] = s.tasks + s.expands + uint32(len(s.joinOf))
			in := c.scopeOf[n.index]
			expand := c.g.scopes[in].expand
			s.joinOf = append(s.joinOf, join{expand: expand, region: in})
			r := &s.regions[expand-s.tasks]
			r.joins = append(r.joins, c.local[i])
		}
	}
}

// connect gives every node its arguments and finds what it waits for.
func (c *compiler) connect() {
	for i, n := range c.b.nodes { // in the order of building, so arguments come out in the order of tasks
		if n.kind != refTask {
			continue
		}
		scope := c.scopeOf[n.scope]
		s := &c.g.scopes[scope]
		s.argOff = append(s.argOff, uint32(len(s.args)))
		for _, a := range n.args {
			op := c.operand(a, scope)
			s.args = append(s.args, op)
			if op.kind == fromComposite {
				c.mark(scope, c.local[i], Gathers)
			}
			c.require(scope, c.local[i], op)
		}
	}
	for id := 1; id < len(c.b.fanOuts); id++ {
		if f := &c.b.fanOuts[id]; f.fused == 0 {
			scope := c.scopeOf[f.scope]
			s := &c.g.scopes[scope]
			expand := c.g.scopes[c.scopeOf[id]].expand
			r := &s.regions[expand-s.tasks]
			r.source = c.operand(f.source, scope)
			c.require(scope, expand, r.source)
		}
	}
	for i, n := range c.b.nodes {
		if n.kind == refJoin {
			c.connectJoin(int32(i), n)
		}
	}
	for i := range c.g.scopes {
		s := &c.g.scopes[i]
		s.argOff = append(s.argOff, uint32(len(s.args)))
		s.parentOff, s.parents = rows(c.needs[i], s.Len())
		s.childOff, s.children = transpose(s.parentOff, s.parents)
	}
	for i := range c.g.scopes {
		c.connectOuts(int32(i))
	}
}

func (c *compiler) connectJoin(ref int32, n builderNode) {
	scope := c.scopeOf[n.scope]
	s := &c.g.scopes[scope]
	j := s.join(c.local[ref])
	j.composite = c.composite(ref)
	result := c.g.composites[j.composite].parts[0]
	c.leaves(result, j.region, func(up uint8, node uint32, isNode bool) {
		switch {
		case up == 0 && isNode:
			if !slices.Contains(j.waits, node) {
				j.waits = append(j.waits, node)
			}
		default:
			j.readsOuter = true
			if up > 0 && isNode {
				c.capture(j.region, up, node)
			}
		}
	})
	slices.Sort(j.waits)
	c.needs[scope] = append(c.needs[scope], need{c.local[ref], j.expand})
}

// require notes what node, of scope, waits for so that op can be evaluated.
func (c *compiler) require(scope int32, node uint32, op operand) {
	c.leaves(op, scope, func(up uint8, n uint32, isNode bool) {
		if up == 0 && isNode {
			c.needs[scope] = append(c.needs[scope], need{node, n})
			return
		}
		c.mark(scope, node, ReadsOuter)
		if up > 0 && isNode {
			c.capture(scope, up, n)
		}
	})
}

// capture makes the expansion of scope wait for node, which stands up scopes above.
func (c *compiler) capture(scope int32, up uint8, node uint32) {
	for ; up > 0; up-- {
		s := &c.g.scopes[scope]
		if up == 1 {
			c.needs[s.up] = append(c.needs[s.up], need{s.expand, node})
			return
		}
		c.mark(s.up, s.expand, ReadsOuter)
		scope = s.up
	}
}

// mark sets a flag of a node.
func (c *compiler) mark(scope int32, node uint32, f NodeFlags) {
	s := &c.g.scopes[scope]
	if s.flags == nil {
		s.flags = make([]NodeFlags, s.Len())
	}
	s.flags[node] |= f
}

// connectOuts inverts the joins' waits.
func (c *compiler) connectOuts(scope int32) {
	s := &c.g.scopes[scope]
	pairs := make([]need, 0)
	if s.up >= 0 {
		up := &c.g.scopes[s.up]
		for _, j := range up.regions[s.expand-up.tasks].joins {
			for _, w := range up.join(j).waits {
				pairs = append(pairs, need{w, j})
			}
		}
	}
	s.outOff, s.outs = rows(pairs, s.Len())
}

// flag computes what holds for every run.
func (c *compiler) flag() {
	for i := range c.g.scopes {
		s := &c.g.scopes[i]
		s.ordinals = sync.OnceValue(s.countOrdinals)
		if s.flags == nil {
			s.flags = make([]NodeFlags, s.Len())
		}
		for n := range s.Len() {
			if len(s.Parents(n)) == 1 && s.Kind(n) != JoinNode {
				s.flags[n] |= SoleParent
			}
			if len(s.Children(n)) == 1 && len(s.Outs(n)) == 0 {
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
	c.g.roots = make([]NodeID, len(c.g.scopes[0].roots))
	for i, n := range c.g.scopes[0].roots {
		c.g.roots[i] = NodeID(n)
	}
	c.leaves(c.g.result, 0, func(_ uint8, n uint32, isNode bool) {
		if isNode {
			f := &c.g.scopes[0].flags[n]
			*f = *f&^SoleReader | Kept
		}
	})
}

// rows sorts pairs and gives, for nodes 0 to n-1, the distinct parents of each as offsets and numbers.
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

// transpose gives, for the same nodes, the children of each, ascending.
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

// accumulate turns counts, each one place late, into offsets.
func accumulate(off []uint32) {
	for i := 1; i < len(off); i++ {
		off[i] += off[i-1]
	}
}
