package dag

import (
	"slices"

	"github.com/dagscope/dagscope/engine/codec"
)

// Runs reports whether this process has the body of a function, given by its number in Functions. A graph of Compile
// has all bodies, one of DecodeShape has none, and one of DecodeGraph has those that find returned.
func (g *Graph) Runs(function int) bool { return !g.functions[function].bodiless }

// OutputType is the type in which the output of the task at p is decoded here. It is nil for expansions and joins, which
// have no outputs of their own, and for outputs that no function of this process can use.
//
// The output type of a function that this process does not have is derived from its readers. A list of elements of
// unknown type has a type that can only be decoded, to nil elements, so that a fan-out over it can be expanded. Its Err
// is set.
func (g *Graph) OutputType(p Place) *codec.Type {
	s := &g.scopes[p.Block.Scope]
	if p.Local >= s.tasks {
		return nil
	}
	if t := g.functions[s.functions[p.Local]].out; t.Decodes() {
		return t
	}
	return nil
}

// Reads appends, ascending and each once, the tasks whose outputs Args requests from Lazy values for the task p, or
// Elements for the expansion p; for a join it appends none. Everything that p waits for must have finished. Reading an
// element needs only what the element consists of, not the rest of its list; a list that a fan-out runs over needs
// nothing if it is put together from others, because its length is known anyway.
func (g *Graph) Reads(dst []NodeID, p Place, n *Numbering) []NodeID {
	start := len(dst)
	s := &g.scopes[p.Block.Scope]
	switch s.Kind(p.Local) {
	case TaskNode:
		for _, op := range s.args[s.argOff[p.Local]:s.argOff[p.Local+1]] {
			dst = g.appendReads(dst, op, p, n)
		}
	case ExpandNode:
		if source := s.regions[p.Local-s.tasks].source; source.kind != fromComposite {
			dst = g.appendReads(dst, source, p, n)
		}
	}
	return distinct(dst, start)
}

// ResultReads appends, ascending and each once, the tasks whose outputs Result requests from Lazy values.
func (g *Graph) ResultReads(dst []NodeID, n *Numbering) []NodeID {
	start := len(dst)
	return distinct(g.appendReads(dst, g.result, Place{Block: n.Block(0)}, n), start)
}

func distinct(ids []NodeID, start int) []NodeID {
	if len(ids)-start < 2 {
		return ids
	}
	slices.Sort(ids[start:])
	return append(ids[:start], slices.Compact(ids[start:])...)
}

// appendReads follows the same path as Values.value does.
func (g *Graph) appendReads(dst []NodeID, op operand, p Place, n *Numbering) []NodeID {
	p = n.out(p, op.up)
	switch op.kind {
	case fromConstant:
		return dst
	case fromTask:
		return append(dst, p.Node(op.index))
	case fromElement:
		return g.elementReads(dst, p, n)
	default:
		made := &g.composites[op.index]
		if made.hollow {
			return dst
		}
		if made.join == uint32(NoNode) {
			for _, part := range made.parts {
				dst = g.appendReads(dst, part, p, n)
			}
			return dst
		}
		block := g.collected(made, p, n)
		for i := range block.Instances {
			dst = g.appendReads(dst, made.parts[0], Place{Block: block, Instance: i}, n)
		}
		return dst
	}
}

// elementReads follows the same path as element does.
func (g *Graph) elementReads(dst []NodeID, p Place, n *Numbering) []NodeID {
	source, up := g.region(p.Block.Scope).source, n.Up(p)
	if source.kind == fromComposite {
		source, up = g.part(&g.composites[source.index], p.Instance, n.out(up, source.up), n)
	}
	return g.appendReads(dst, source, up, n)
}
