package dag

import "reflect"

// operandKind says how an operand gets its value.
type operandKind uint8

const (
	fromConstant operandKind = iota
	fromTask
	fromElement
	fromComposite
)

// operand is one argument, or a part of one, as seen from an instance of a scope: up is how many scopes further out the
// value is.
type operand struct {
	kind  operandKind
	up    uint8
	index uint32 // constant; task (of the scope up); composite
}

// composite is a value made of others: a list, a map, or the results of a fan-out.
type composite struct {
	parts []operand // in the scope where it was made; for a join: the one result, in the region's scope
	scope int32     // where it was made
	join  uint32    // the join's node, NoNode for lists and maps
	keys  int32     // for a map: the constant that is the list of its keys, else -1
	rt    reflect.Type
	build func(parts []any) any
	// hollow is set for a type that this process does not know: the values of its parts are never needed, only their
	// number may be.
	hollow bool
}

// operand returns reference n as seen from scope.
func (c *compiler) operand(n Ref, scope int32) operand {
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

// composite makes, once, the composite of a list, map or join.
func (c *compiler) composite(n Ref) uint32 {
	if c.made[n] > 0 {
		return uint32(c.made[n] - 1)
	}
	node := &c.b.nodes[n]
	made := composite{scope: c.scopeOf[node.scope], join: uint32(NoNode), keys: -1, rt: node.whole.Type, build: node.whole.Join}
	switch node.kind {
	case refJoin:
		f := &c.b.fanOuts[node.index]
		made.join = c.local[n]
		made.parts = []operand{c.operand(f.body, c.scopeOf[node.index])}
	case refMap:
		made.keys = node.index
		fallthrough
	default:
		made.parts = make([]operand, len(node.args))
		for i, a := range node.args {
			made.parts[i] = c.operand(a, made.scope)
		}
	}
	c.g.composites = append(c.g.composites, made)
	c.made[n] = int32(len(c.g.composites))
	return uint32(len(c.g.composites) - 1)
}

// Values provides the outputs of finished nodes while the arguments of a task are put together.
type Values interface {
	// Output is the output of a finished task.
	Output(id NodeID) any
	// Elements returns the elements of the list that a finished expansion has split.
	Elements(id NodeID) []any
}

// Lazy is a Values that keeps no elements: Elements is never called. Instead Args puts an element together, each time
// one is read, from the outputs that the list consists of; Output must have the ones that Graph.Reads lists.
type Lazy interface {
	Values
	// LazyElements marks the type and does nothing.
	LazyElements()
}

// Args appends the arguments of the task at p to dst.
func (g *Graph) Args(dst []any, p Place, n *Numbering, v Values) []any {
	s := &g.scopes[p.Block.Scope]
	for _, op := range s.args[s.argOff[p.Local]:s.argOff[p.Local+1]] {
		switch { // the two usual cases are inlined because most tasks have no other arguments
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

// Elements evaluates and splits the list of the fan-out that the expansion at p is about to expand. For Lazy values
// only the number of elements matters, so the elements of a list that is put together from others are nil, and nothing
// is read.
func (g *Graph) Elements(p Place, n *Numbering, v Values) []any {
	s := &g.scopes[p.Block.Scope]
	r := &s.regions[p.Local-s.tasks]
	if r.source.kind == fromComposite && isLazy(v) {
		at := n.out(p, r.source.up)
		return make([]any, g.width(&g.composites[r.source.index], at, n))
	}
	return r.list.Split(g.value(r.source, p, n, v))
}

// Result evaluates what the run returns, once the nodes that it depends on have finished. It is valid only if
// ResultType has no Err.
func (g *Graph) Result(n *Numbering, v Values) any {
	return g.value(g.result, Place{Block: n.Block(0)}, n, v)
}

func isLazy(v Values) bool {
	_, lazy := v.(Lazy)
	return lazy
}

// out is the place of the expansions that made the instance of p, up scopes further out.
func (n *Numbering) out(p Place, up uint8) Place {
	for range up {
		p = p.Block.up
	}
	return p
}

func (g *Graph) value(op operand, p Place, n *Numbering, v Values) any {
	if op.up > 0 {
		p = n.out(p, op.up)
	}
	switch op.kind {
	case fromConstant:
		return g.constants[op.index].Value
	case fromTask:
		return v.Output(p.Node(op.index))
	case fromElement:
		if isLazy(v) {
			return g.element(p, n, v)
		}
		return v.Elements(p.Block.Expansion)[p.Instance]
	default:
		made := &g.composites[op.index]
		return made.build(g.parts(made, p, n, v))
	}
}

// parts evaluates all parts of a composite made at p; they are nil if they are never needed.
func (g *Graph) parts(made *composite, p Place, n *Numbering, v Values) []any {
	if made.join == uint32(NoNode) {
		parts := make([]any, len(made.parts))
		for i := range parts {
			if !made.hollow {
				parts[i] = g.value(made.parts[i], p, n, v)
			}
		}
		return parts
	}
	block := g.collected(made, p, n)
	parts := make([]any, block.Instances)
	for i := range parts {
		if !made.hollow {
			parts[i] = g.value(made.parts[0], Place{Block: block, Instance: uint32(i)}, n, v)
		}
	}
	return parts
}

// width is the number of parts of a composite made at p.
func (g *Graph) width(made *composite, p Place, n *Numbering) int {
	if made.join == uint32(NoNode) {
		return len(made.parts)
	}
	return int(g.collected(made, p, n).Instances)
}

// part says where part i of a composite made at p comes from; for a join, from the result of instance i.
func (g *Graph) part(made *composite, i uint32, p Place, n *Numbering) (operand, Place) {
	if made.join == uint32(NoNode) {
		return made.parts[i], p
	}
	return made.parts[0], Place{Block: g.collected(made, p, n), Instance: i}
}

// collected is the block whose results a join made at p collects.
func (g *Graph) collected(made *composite, p Place, n *Numbering) *Block {
	return n.Expanded(p.Node(g.scopes[p.Block.Scope].join(made.join).expand))
}

// element evaluates the element of the instance of p. Of the list that contains it, it evaluates only what the element
// requires.
func (g *Graph) element(p Place, n *Numbering, v Values) any {
	r := g.region(p.Block.Scope)
	if r.source.kind == fromComposite {
		part, at := g.part(&g.composites[r.source.index], p.Instance, n.out(n.Up(p), r.source.up), n)
		return g.value(part, at, n, v)
	}
	return r.list.At(g.value(r.source, n.Up(p), n, v), int(p.Instance))
}
