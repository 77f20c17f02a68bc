package dag

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/dagscope/dagscope/engine/internal/wire"
)

// The first byte of an encoded shape: what has no names, or needs no resources, is written as before there were any, so
// that earlier programs read it.
const (
	shapeVersion      = 1
	namedShapeVersion = 2
	needyShapeVersion = 3 // functions may need resources, and nodes may have names
)

// recomputed are the flags that follow from the edges; a shape stores only the other flags.
const recomputed = SoleParent | SoleReader | Sink

// AppendShape appends the structure of the graph to dst (FORMAT-shape.md): functions with their options and the
// names of their types, scopes, edges, regions and joins, and names of nodes, but neither constants nor bodies. It takes
// about 4 bytes a task and 1 to 3 bytes an edge, and for a name its length less what the one before begins with.
func (g *Graph) AppendShape(dst []byte) []byte {
	version := byte(shapeVersion)
	switch {
	case g.needsResources():
		version = needyShapeVersion
	case g.names != nil:
		version = namedShapeVersion
	}
	dst = append(dst, version)
	dst = binary.AppendUvarint(dst, uint64(len(g.functions)))
	for _, f := range g.functions {
		dst = f.appendShape(dst, version == needyShapeVersion)
	}
	dst = wire.AppendText(dst, g.resultType.Name())
	dst = binary.AppendUvarint(dst, uint64(len(g.scopes)))
	for i := range g.scopes {
		dst = g.scopes[i].appendShape(dst)
	}
	if version != shapeVersion {
		dst = g.appendNames(dst)
	}
	return dst
}

func (g *Graph) needsResources() bool {
	return slices.ContainsFunc(g.functions, func(f *Function) bool { return f.opts.needsResources() })
}

// Executable reports whether this process alone can run the graph. It cannot if a function has no body here. No
// function of DecodeShape has a body, and those of DecodeGraph have one only if it was found.
func (g *Graph) Executable() bool {
	for i := range g.functions {
		if !g.Runs(i) {
			return false
		}
	}
	return !g.resultType.IsForeign()
}

// append writes the options, with the resources only where the version of what they are in has them.
func (o Options) append(dst []byte, resources bool) []byte {
	for _, v := range []int64{int64(o.Version), int64(o.Retries), int64(o.Timeout), int64(o.MaxConcurrent)} {
		dst = binary.AppendUvarint(dst, wire.Zigzag(v))
	}
	dst = wire.AppendBool(dst, o.Impure)
	if resources {
		dst = binary.AppendUvarint(dst, uint64(math.Round(1000*o.CPUs)))
		dst = binary.AppendUvarint(dst, uint64(o.Memory))
	}
	return dst
}

func (f *Function) appendShape(dst []byte, resources bool) []byte {
	dst = f.opts.append(wire.AppendText(dst, f.name), resources)
	dst = binary.AppendUvarint(dst, uint64(len(f.in)))
	for _, t := range f.in {
		dst = wire.AppendText(dst, t.Name())
	}
	return wire.AppendText(dst, f.out.Name())
}

func (s *Scope) appendShape(dst []byte) []byte {
	for _, v := range []uint32{uint32(s.up + 1), s.expand, s.tasks, s.expands, s.joins} {
		dst = binary.AppendUvarint(dst, uint64(v))
	}
	for _, f := range s.functions {
		dst = binary.AppendUvarint(dst, uint64(f))
	}
	for n := range s.Len() {
		parents := s.Parents(n)
		dst = binary.AppendUvarint(dst, uint64(len(parents)))
		for i, p := range parents {
			if i == 0 {
				dst = binary.AppendUvarint(dst, wire.Zigzag(int64(n)-int64(p)))
			} else {
				dst = binary.AppendUvarint(dst, uint64(p-parents[i-1]-1))
			}
		}
	}
	for _, f := range s.flags {
		dst = append(dst, byte(f&^recomputed))
	}
	for _, j := range s.joinOf {
		dst = binary.AppendUvarint(dst, uint64(j.expand-s.tasks))
		dst = wire.AppendBool(dst, j.readsOuter)
		dst = binary.AppendUvarint(dst, uint64(len(j.waits)))
		for i, w := range j.waits {
			if i > 0 {
				w -= j.waits[i-1] + 1
			}
			dst = binary.AppendUvarint(dst, uint64(w))
		}
	}
	return dst
}
