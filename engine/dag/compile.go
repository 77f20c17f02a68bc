package dag

import (
	"fmt"
	"math"

	"github.com/dagscope/dagscope/engine/codec"
)

// Compile turns what was built into a graph whose run returns result, of type t. The error, if any, is ErrInvalidGraph
// and says which rule is broken.
func (b *Builder) Compile(result Ref, t *codec.Type) (*Graph, error) {
	if b.err != nil {
		return nil, b.err
	}
	if result < 0 || int(result) >= len(b.nodes) {
		return nil, fmt.Errorf("%w: the result is not a reference of this builder", ErrInvalidGraph)
	}
	if b.nodes[result].scope != 0 {
		return nil, fmt.Errorf("%w: the result is an element of a fan-out, expected the list that FanOut returns", ErrInvalidGraph)
	}
	if len(b.functions) > math.MaxUint16 {
		return nil, fmt.Errorf("%w: it calls %d functions, at most %d are allowed", ErrInvalidGraph, len(b.functions), math.MaxUint16)
	}
	if err := CheckNames(b.functions); err != nil {
		return nil, err
	}
	for _, f := range b.functions {
		if err := checkResources(f); err != nil {
			return nil, err
		}
	}
	c := &compiler{b: b, g: &Graph{functions: b.functions, constants: b.constants, resultType: t}}
	c.number()
	c.place()
	c.g.result = c.operand(result, 0)
	c.fill()
	c.g.link(math.MaxInt)
	c.g.hash = c.g.structuralHash()
	return c.g, nil
}

// checkResources refuses what nothing can have.
func checkResources(f *Function) error {
	o := f.opts
	if !(o.CPUs == 0 || o.CPUs >= 0.001 && o.CPUs <= maxCPUs) || o.Memory < 0 {
		return fmt.Errorf("%w: %s needs %v processors and %d bytes of memory, expected 0, or 0.001 to %d processors, and 0 bytes or more",
			ErrInvalidGraph, f.name, o.CPUs, o.Memory, maxCPUs)
	}
	return nil
}

// CheckNames returns an error if two different functions have the same name.
func CheckNames(functions []*Function) error {
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
	scopeOf []int32  // for each fan-out of the builder: the scope of its body; fused ones share it
	local   []uint32 // for each task and join of the builder: its number within its scope
	made    []int32  // for each list, map and join of the builder: its composite + 1
}

// number determines the scopes and how many nodes each has.
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
}

// place numbers the nodes of each scope: tasks in the order of building, expansions, joins.
func (c *compiler) place() {
	c.local = make([]uint32, len(c.b.nodes))
	c.made = make([]int32, len(c.b.nodes))
	for id := 1; id < len(c.b.fanOuts); id++ {
		if f := &c.b.fanOuts[id]; f.fused == 0 {
			up := &c.g.scopes[c.scopeOf[f.scope]]
			c.g.scopes[c.scopeOf[id]].expand = up.tasks + uint32(len(up.regions))
			up.regions = append(up.regions, region{scope: c.scopeOf[id], list: f.over.Lists, elem: f.over.Type})
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

// fill sets the arguments of tasks, in the order of building, the lists of fan-outs, and what joins collect.
func (c *compiler) fill() {
	for _, n := range c.b.nodes {
		if n.kind != refTask {
			continue
		}
		scope := c.scopeOf[n.scope]
		s := &c.g.scopes[scope]
		s.argOff = append(s.argOff, uint32(len(s.args)))
		for _, a := range n.args {
			s.args = append(s.args, c.operand(a, scope))
		}
	}
	for id := 1; id < len(c.b.fanOuts); id++ {
		if f := &c.b.fanOuts[id]; f.fused == 0 {
			scope := c.scopeOf[f.scope]
			c.g.region(c.scopeOf[id]).source = c.operand(f.source, scope)
		}
	}
	for i, n := range c.b.nodes {
		if n.kind == refJoin {
			c.g.scopes[c.scopeOf[n.scope]].join(c.local[i]).composite = c.composite(Ref(i))
		}
	}
	for i := range c.g.scopes {
		s := &c.g.scopes[i]
		s.argOff = append(s.argOff, uint32(len(s.args)))
	}
}
