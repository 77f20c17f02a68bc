package engine

import (
	"slices"
)

// operandKind tells how an operand gets its value.
type operandKind uint8

const (
	fromConstant operandKind = iota
	fromTask
	fromElement
	fromComposite
)

// operand is one argument, or a part of one, as seen from an instance of a scope: up is how many scopes further out
// the value stands.
type operand struct {
	kind  operandKind
	up    uint8
	index uint32 // constant; task (of the scope up); composite
}

// composite is a value made of others: a list, a map, or the results of a fan-out.
type composite struct {
	parts []operand // in the scope where it was made; of a join: the one result, in the region's scope
	join  uint32    // the join's node, NoNode of lists and maps
	build func(parts []any) any
}

// operand gives reference n as seen from scope.
func (c *compiler) operand(n, scope int32) operand {
	node := &c.b.nodes[n]
	own := c.scopeOf[node.scope]
	up := uint8(0)
	for s := scope; s != own; s = c.g.scopes[s].up {
		up++
	}
	switch node.kind {
	case refConst:
		return operand{kind: fromConstant, index: uint32(node.index)}
	case refTask:
		return operand{kind: fromTask, up: up, index: c.local[n]}
	case refElement:
		if source := c.b.fanOuts[node.index].fused; source > 0 {
			return c.operand(c.b.fanOuts[source].body, scope)
		}
		return operand{kind: fromElement, up: up}
	default:
		return operand{kind: fromComposite, up: up, index: c.composite(n)}
	}
}

// composite makes, once, the composite behind a list, map or join.
func (c *compiler) composite(n int32) uint32 {
	if c.made[n] > 0 {
		return uint32(c.made[n] - 1)
	}
	node := &c.b.nodes[n]
	made := composite{join: uint32(NoNode), build: node.build}
	if node.kind == refJoin {
		f := &c.b.fanOuts[node.index]
		made.join, made.build = c.local[n], f.join
		made.parts = []operand{c.operand(f.body, c.scopeOf[node.index])}
	} else {
		made.parts = make([]operand, len(node.args))
		for i, a := range node.args {
			made.parts[i] = c.operand(a, c.scopeOf[node.scope])
		}
	}
	c.g.composites = append(c.g.composites, made)
	c.made[n] = int32(len(c.g.composites))
	return uint32(len(c.g.composites) - 1)
}

// leaves calls visit for each node that op, seen from scope, needs, with how many scopes above it stands; an element
// is visited as no node.
func (c *compiler) leaves(op operand, scope int32, visit func(up uint8, node uint32, isNode bool)) {
	switch op.kind {
	case fromConstant:
	case fromTask:
		visit(op.up, op.index, true)
	case fromElement:
		visit(op.up, 0, false)
		if op.up > 0 { // the element of a scope further out: the expansions in between have to hold it
			c.holdElement(scope, op.up)
		}
	case fromComposite:
		made := &c.g.composites[op.index]
		if made.join != uint32(NoNode) {
			visit(op.up, made.join, true)
			return
		}
		for _, p := range made.parts {
			if p.kind != fromConstant {
				p.up += op.up
			}
			c.leaves(p, scope, visit)
		}
	}
}

// holdElement marks the expansions between scope and the one whose element is read.
func (c *compiler) holdElement(scope int32, up uint8) {
	for ; up > 0; up-- {
		s := &c.g.scopes[scope]
		c.mark(s.up, s.expand, ReadsOuter)
		scope = s.up
	}
}

// Values gives the outputs of finished nodes while the arguments of a task are put together.
type Values interface {
	// Output is the output of a finished task.
	Output(id NodeID) any
	// Elements are those of the list that a finished expansion has split.
	Elements(id NodeID) []any
}

// Args appends the arguments of the task at p to dst.
func (g *Graph) Args(dst []any, p Place, n *Numbering, v Values) []any {
	s := &g.scopes[p.Block.Scope]
	for _, op := range s.args[s.argOff[p.Local]:s.argOff[p.Local+1]] {
		switch { // the two usual cases are here because most tasks have no others
		case op.kind == fromConstant:
			dst = append(dst, g.constants[op.index].Value)
		case op.kind == fromTask && op.up == 0:
			dst = append(dst, v.Output(p.Node(op.index)))
		default:
			dst = append(dst, g.value(op, p, n, v))
		}
	}
	return dst
}

// Elements evaluates and splits the list of the fan-out that the expansion at p is about to expand.
func (g *Graph) Elements(p Place, n *Numbering, v Values) []any {
	s := &g.scopes[p.Block.Scope]
	r := &s.regions[p.Local-s.tasks]
	return r.split(g.value(r.source, p, n, v))
}

// Result evaluates what the run returns, once its nodes are finished.
func (g *Graph) Result(n *Numbering, v Values) any {
	return g.value(g.result, Place{Block: n.Block(0)}, n, v)
}

func (g *Graph) value(op operand, p Place, n *Numbering, v Values) any {
	for range op.up {
		p = n.Up(p)
	}
	switch op.kind {
	case fromConstant:
		return g.constants[op.index].Value
	case fromTask:
		return v.Output(p.Node(op.index))
	case fromElement:
		return v.Elements(p.Block.Expansion)[p.Instance]
	default:
		made := &g.composites[op.index]
		if made.join == uint32(NoNode) {
			parts := make([]any, len(made.parts))
			for i, part := range made.parts {
				parts[i] = g.value(part, p, n, v)
			}
			return made.build(parts)
		}
		return g.joined(made, p, n, v)
	}
}

// joined collects the results of a fan-out from its instances.
func (g *Graph) joined(made *composite, p Place, n *Numbering, v Values) any {
	s := &g.scopes[p.Block.Scope]
	block := n.Expanded(p.Node(s.join(made.join).expand))
	parts := make([]any, block.Instances)
	for i := range parts {
		parts[i] = g.value(made.parts[0], Place{Block: block, Instance: uint32(i)}, n, v)
	}
	return made.build(slices.Clip(parts))
}
