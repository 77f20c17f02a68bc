package engine

import "encoding/binary"

// shapeVersion is the first byte of every encoded shape.
const shapeVersion = 1

// recomputed are the flags that follow from the edges; a shape stores the others.
const recomputed = SoleParent | SoleReader | Sink

// AppendShape appends the structure of the graph to dst (FORMAT-shape.md): functions with their options and the
// names of their types, scopes, edges, regions and joins, but neither constants nor bodies. It takes about 4 bytes a
// task and 1 to 3 bytes an edge.
func (g *Graph) AppendShape(dst []byte) []byte {
	dst = append(dst, shapeVersion)
	dst = binary.AppendUvarint(dst, uint64(len(g.functions)))
	for _, f := range g.functions {
		dst = f.appendShape(dst)
	}
	dst = appendText(dst, g.resultType.name)
	dst = binary.AppendUvarint(dst, uint64(len(g.scopes)))
	for i := range g.scopes {
		dst = g.scopes[i].appendShape(dst)
	}
	return dst
}

// Executable reports whether this process alone can run the graph. It cannot if a function has no body here: none
// of DecodeShape has one, nor has one of DecodeGraph that was not found.
func (g *Graph) Executable() bool {
	for i := range g.functions {
		if !g.Runs(i) {
			return false
		}
	}
	return !g.resultType.alien
}

func (o Options) append(dst []byte) []byte {
	for _, v := range []int64{int64(o.Version), int64(o.Retries), int64(o.Timeout), int64(o.MaxConcurrent)} {
		dst = binary.AppendUvarint(dst, zigzag(v))
	}
	return appendBool(dst, o.Impure)
}

func (f *Function) appendShape(dst []byte) []byte {
	dst = f.opts.append(appendText(dst, f.name))
	dst = binary.AppendUvarint(dst, uint64(len(f.in)))
	for _, t := range f.in {
		dst = appendText(dst, t.name)
	}
	return appendText(dst, f.out.name)
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
				dst = binary.AppendUvarint(dst, zigzag(int64(n)-int64(p)))
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
		dst = appendBool(dst, j.readsOuter)
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

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, 1)
	}
	return append(dst, 0)
}
