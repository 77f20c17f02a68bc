package dag

import (
	"fmt"
	"math"
	"time"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/internal/wire"
)

// maxUses bounds the number of scopes times the number of functions in a shape, because each scope counts the uses of
// each function.
const maxUses = 1 << 22

// DecodeShape reads what AppendShape wrote, which must be all of src. The graph has the same Hash, numbering,
// identities and flags as the encoded one, and can be drawn and replayed, but it is not Executable: its
// types are known by name and its functions fail. It fails with ErrMalformed (a number out of range, or a cycle,
// which it names), or with ErrUnknownVersion if a later version wrote the shape. It allocates in proportion to
// src, 4 bytes for each pair of a scope and a function, at most 4 million, and at most MaxNames bytes for names.
func DecodeShape(src []byte) (*Graph, error) {
	d := shapeDecoder{Reader: wire.Reader{Rest: src}, g: &Graph{}}
	version := d.Byte()
	if d.Err == nil && (version < shapeVersion || version > needyShapeVersion) {
		return nil, fmt.Errorf("%w: shape of version %d, expected %d to %d", codec.ErrUnknownVersion, version, shapeVersion, needyShapeVersion)
	}
	d.graph(version == needyShapeVersion)
	if version != shapeVersion {
		d.names()
	}
	if d.Err == nil && len(d.Rest) > 0 {
		d.Fail("%d bytes too many after it", len(d.Rest))
	}
	for i := 0; i < len(d.g.scopes) && d.Err == nil; i++ {
		d.link(int32(i))
	}
	for i := 0; i < len(d.g.scopes) && d.Err == nil; i++ {
		d.invert(int32(i))
		if cycle := d.g.cycle(int32(i)); d.Err == nil && cycle != "" {
			d.Fail("%s", cycle)
		}
	}
	if d.Err != nil {
		return nil, fmt.Errorf("%w: shape: %w", codec.ErrMalformed, d.Err)
	}
	d.g.flag()
	d.g.hash = d.g.structuralHash()
	return d.g, nil
}

// shapeDecoder decodes a graph in three passes: read the encoding, resolve references to other scopes, derive the rest.
type shapeDecoder struct {
	wire.Reader
	g     *Graph
	needs [][]need // of each scope: its edges
}

func (d *shapeDecoder) graph(resources bool) {
	n := d.Number("the number of functions", min(uint64(len(d.Rest)), math.MaxUint16))
	for range n {
		if d.Err == nil {
			d.g.functions = append(d.g.functions, d.function(resources))
		}
	}
	d.g.resultType = codec.Foreign(d.Text())
	scopes := d.Count("the number of scopes")
	if d.Err == nil && (scopes == 0 || scopes*len(d.g.functions) > maxUses) {
		d.Fail("%d scopes and %d functions, expected 1 scope or more, and at most %d pairs", scopes, len(d.g.functions), maxUses)
	}
	for i := 0; i < scopes && d.Err == nil; i++ {
		d.scope(int32(i))
	}
}

func (d *shapeDecoder) function(resources bool) *Function {
	f := &Function{name: d.Text(), opts: readOptions(&d.Reader, resources)}
	for range d.Count("the number of inputs") {
		if d.Err == nil {
			f.in = append(f.in, codec.Foreign(d.Text()))
		}
	}
	f.out = codec.Foreign(d.Text())
	return f.withoutBody()
}

func readOptions(r *wire.Reader, resources bool) (o Options) {
	o.Version, o.Retries = int(r.Zigzag()), int(r.Zigzag())
	o.Timeout, o.MaxConcurrent = time.Duration(r.Zigzag()), int(r.Zigzag())
	o.Impure = r.Bool()
	if resources {
		o.CPUs = float64(r.Number("the processors of a call", 1000*maxCPUs)) / 1000
		o.Memory = int64(r.Number("the memory of a call", math.MaxInt64))
	}
	return o
}

// scope reads one scope and checks what can be checked without later scopes.
func (d *shapeDecoder) scope(number int32) {
	s := Scope{up: int32(d.Number("an enclosing scope", uint64(number))) - 1}
	if (s.up < 0) != (number == 0) {
		d.Fail("scope %d is in scope %d, only scope 0 is in none", number, s.up)
	}
	s.expand = uint32(d.Number("an expansion", math.MaxUint32))
	s.tasks = uint32(d.Count("the number of tasks"))
	s.expands = uint32(d.Count("the number of expansions"))
	s.joins = uint32(d.Count("the number of joins"))
	if uint64(s.tasks)+uint64(s.expands)+uint64(s.joins) > uint64(len(d.Rest)) {
		d.Fail("scope %d has more nodes than there are bytes", number)
		return
	}
	s.functions = make([]uint16, s.tasks)
	s.functionUse = make([]uint32, len(d.g.functions))
	for i := range s.functions {
		f := d.Number("the number of a function", math.MaxUint16)
		if int(f) >= len(d.g.functions) {
			d.Fail("function %d is called, there are %d", f, len(d.g.functions))
			return
		}
		s.functions[i] = uint16(f)
		s.functionUse[f]++
	}
	needs := d.edges(&s)
	for _, f := range d.Bytes(int(s.Len())) {
		s.flags = append(s.flags, NodeFlags(f)&^recomputed)
	}
	s.regions = make([]region, s.expands)
	s.joinOf = make([]join, s.joins)
	for i := range s.joinOf {
		d.join(&s, &s.joinOf[i])
	}
	d.g.scopes = append(d.g.scopes, s)
	d.needs = append(d.needs, needs)
}

func (d *shapeDecoder) edges(s *Scope) []need {
	var needs []need
	for n := range s.Len() {
		parent := int64(-1)
		for i := range d.Count("the number of parents") {
			if i == 0 {
				parent = int64(n) - d.Zigzag()
			} else {
				parent += int64(d.Number("the distance of two parents", math.MaxUint32)) + 1
			}
			if parent < 0 || parent >= int64(s.Len()) {
				d.Fail("node %d waits for node %d, there are %d", n, parent, s.Len())
			}
			if d.Err != nil {
				return nil
			}
			needs = append(needs, need{n, uint32(parent)})
		}
	}
	return needs
}

func (d *shapeDecoder) join(s *Scope, j *join) {
	expand := d.Uvarint()
	if expand >= uint64(s.expands) {
		d.Fail("a join collects expansion %d, there are %d", expand, s.expands)
		return
	}
	j.expand = s.tasks + uint32(expand)
	j.readsOuter = d.Bool()
	node := int64(-1)
	for range d.Count("the number of nodes that a join waits for") {
		node += int64(d.Number("a node that a join waits for", math.MaxUint32)) + 1
		if node > math.MaxUint32 {
			d.Fail("a join waits for node %d", node)
		}
		if d.Err != nil {
			return
		}
		j.waits = append(j.waits, uint32(node))
	}
}

// link connects a scope with the expansion that instantiates it.
func (d *shapeDecoder) link(number int32) {
	s := &d.g.scopes[number]
	s.parentOff, s.parents = rows(d.needs[number], s.Len())
	s.childOff, s.children = transpose(s.parentOff, s.parents)
	if s.up < 0 {
		return
	}
	up := &d.g.scopes[s.up]
	if s.expand < up.tasks || s.expand >= up.tasks+up.expands {
		d.Fail("scope %d is expanded by node %d of scope %d, which is no expansion", number, s.expand, s.up)
		return
	}
	r := &up.regions[s.expand-up.tasks]
	if r.scope != 0 {
		d.Fail("node %d of scope %d expands the scopes %d and %d, expected one", s.expand, s.up, r.scope, number)
	}
	r.scope = number
}

// invert connects each join with its region, and the nodes of the region with the joins that wait for them.
func (d *shapeDecoder) invert(number int32) {
	s := &d.g.scopes[number]
	for i, r := range s.regions {
		if r.scope == 0 {
			d.Fail("node %d of scope %d expands no scope", int(s.tasks)+i, number)
			return
		}
	}
	for i := range s.joinOf {
		j, n := &s.joinOf[i], s.tasks+s.expands+uint32(i)
		if p := s.Parents(n); len(p) != 1 || p[0] != j.expand {
			d.Fail("join %d of scope %d waits for the nodes %v, expected its expansion %d", n, number, p, j.expand)
			return
		}
		r := &s.regions[j.expand-s.tasks]
		j.region = r.scope
		r.joins = append(r.joins, n)
		if size := d.g.scopes[j.region].Len(); len(j.waits) > 0 && j.waits[len(j.waits)-1] >= size {
			d.Fail("join %d of scope %d waits for node %d of scope %d, which has %d", n, number, j.waits[len(j.waits)-1], j.region, size)
			return
		}
	}
	for i := range s.regions {
		s.connectOuts(&s.regions[i], &d.g.scopes[s.regions[i].scope])
	}
	if number == 0 {
		s.outOff = make([]uint32, s.Len()+1)
	}
}

// connectOuts sets, for the nodes of a region, which joins of s, the scope around it, wait for them.
func (s *Scope) connectOuts(r *region, in *Scope) {
	in.outOff = make([]uint32, in.Len()+1)
	for _, j := range r.joins {
		for _, w := range s.join(j).waits {
			in.outOff[w+1]++
		}
	}
	for n := range in.Len() {
		in.outOff[n+1] += in.outOff[n]
	}
	in.outs = make([]uint32, in.outOff[in.Len()])
	next := append([]uint32(nil), in.outOff...)
	for _, j := range r.joins {
		for _, w := range s.join(j).waits {
			in.outs[next[w]] = j
			next[w]++
		}
	}
}
