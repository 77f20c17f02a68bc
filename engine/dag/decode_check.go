package dag

import (
	"github.com/dagscope/dagscope/engine/internal/wire"
)

// check verifies that every operand refers to something in its own scope or an enclosing one, with exactly the type
// that is read. So a decoded graph cannot confuse types, even if the input is malicious.
func (d *graphDecoder) check() {
	for i := range d.g.composites {
		d.checkComposite(i)
	}
	for i := range d.g.scopes {
		s := &d.g.scopes[i]
		for k := range s.joinOf {
			if s.joinOf[k].composite == uint32(NoNode) {
				d.Fail("join %d of scope %d is made of nothing", k, i)
			}
		}
		for k := range s.regions {
			d.checkSource(int32(i), &s.regions[k])
		}
		for n, f := range s.functions {
			for k, in := range d.ins[f] {
				d.expect(in, s.args[int(s.argOff[n])+k], int32(i), "an argument")
			}
		}
	}
	if number, ok := d.typeOf(d.g.result, 0); ok {
		d.g.resultType = d.types.typ(number)
	}
}

func (d *graphDecoder) checkComposite(i int) {
	c := &d.g.composites[i]
	t := &d.types[d.made[i]]
	for _, part := range c.parts {
		if part.kind == fromComposite && int(part.index) >= i {
			d.Fail("list %d is made of list %d, expected an earlier one", i, part.index)
			return
		}
	}
	switch {
	case t.kind == wireNamed || t.kind == wireMap && c.join != uint32(NoNode):
		d.Fail("a list or join is of type %s", wire.Printable(t.name))
	case c.join != uint32(NoNode):
		s := &d.g.scopes[c.scope]
		d.expect(t.elem, c.parts[0], s.join(c.join).region, "a part")
	default:
		if t.kind == wireMap {
			if keys := &d.types[d.known[c.keys]]; keys.kind != wireList || keys.elem != t.key {
				d.Fail("the keys of a %s are a %s", wire.Printable(t.name), wire.Printable(keys.name))
			}
		}
		for _, part := range c.parts {
			d.expect(t.elem, part, c.scope, "a part")
		}
	}
}

func (d *graphDecoder) checkSource(scope int32, r *region) {
	number, ok := d.typeOf(r.source, scope)
	if !ok {
		return
	}
	if t := &d.types[number]; t.kind != wireList || t.elem != d.elems[r.scope] {
		d.Fail("a fan-out over elements of type %s reads a %s", wire.Printable(d.types[d.elems[r.scope]].name), wire.Printable(t.name))
	}
}

// expect fails if op, read in scope, is not of the given type.
func (d *graphDecoder) expect(want uint32, op operand, scope int32, what string) {
	if got, ok := d.typeOf(op, scope); ok && got != want {
		d.Fail("%s is of type %s (%d), expected %s (%d)", what, wire.Printable(d.types[got].name), got, wire.Printable(d.types[want].name), want)
	}
}

// typeOf is the type of the value that op reads from within scope. It fails if op refers to nothing.
func (d *graphDecoder) typeOf(op operand, scope int32) (number uint32, ok bool) {
	if op.up > d.depth[scope] {
		d.Fail("an operand reads %d scopes further out, there are %d", op.up, d.depth[scope])
		return 0, false
	}
	for range op.up {
		scope = d.g.scopes[scope].up
	}
	s := &d.g.scopes[scope]
	switch {
	case op.kind == fromConstant && int(op.index) < len(d.known):
		return d.known[op.index], true
	case op.kind == fromTask && op.index < s.tasks:
		return d.outs[s.functions[op.index]], true
	case op.kind == fromElement && scope > 0:
		return d.elems[scope], true
	case op.kind == fromComposite && int(op.index) < len(d.made) && d.g.composites[op.index].scope == scope:
		return d.made[op.index], true
	}
	d.Fail("an operand of kind %d reads number %d of scope %d, which has none", op.kind, op.index, scope)
	return 0, false
}
