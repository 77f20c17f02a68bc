package dag

import (
	"crypto/sha256"
	"encoding/binary"
)

// structuralHash digests functions with versions, edges and regions.
func (g *Graph) structuralHash() [32]byte {
	var b []byte
	number := func(v uint32) { b = binary.AppendUvarint(b, uint64(v)) }
	numbers := func(vs []uint32) {
		number(uint32(len(vs)))
		for _, v := range vs {
			number(v)
		}
	}
	number(uint32(len(g.functions)))
	for _, f := range g.functions {
		number(uint32(len(f.name)))
		b = append(b, f.name...)
		number(uint32(f.opts.Version))
	}
	number(uint32(len(g.scopes)))
	for i := range g.scopes {
		s := &g.scopes[i]
		number(uint32(s.up + 1))
		number(s.expand)
		number(s.tasks)
		number(s.expands)
		number(s.joins)
		for _, f := range s.functions {
			number(uint32(f))
		}
		numbers(s.parentOff)
		numbers(s.parents)
		for _, r := range s.regions {
			number(uint32(r.scope))
			numbers(r.joins)
		}
		for _, j := range s.joinOf {
			number(j.expand)
			numbers(j.waits)
		}
	}
	return sha256.Sum256(b)
}
