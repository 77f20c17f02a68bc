package dag

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"reflect"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/internal/wire"
)

// DecodeGraph decodes what AppendGraph wrote, which must be all of src. The graph has the same Hash, numbering,
// identities, flags and options of functions as the encoded one. constants returns the constants that are not in src by
// their hash; it is called at most once for each, and not for constants that this process cannot use. find returns the
// function of a signature, nil if this process does not have it; see Runs. All values that tasks, fan-outs and the result
// read have exactly the Go types that the functions of this process take: the types of lists and maps follow from
// those.
//
// It fails with ErrMalformed, with ErrUnknownVersion if a later version wrote the graph, with ErrInvalidGraph if two
// functions of this process disagree about a type of the graph, and with the error of constants. It allocates in
// proportion to src, to the constants, and to the number of values that arguments consist of, which can be 16
// million; 100,000 tasks take some 60 ms. It keeps no reference to src.
func DecodeGraph(src []byte, constants func(hash string) ([]byte, error), find func(Signature) *Function) (*Graph, error) {
	d := graphDecoder{Reader: wire.Reader{Rest: src}, g: &Graph{}, fetch: constants, find: find}
	version := d.Byte()
	if d.Err == nil && version != graphVersion && version != needyGraphVersion {
		return nil, fmt.Errorf("%w: graph of version %d, expected %d or %d", codec.ErrUnknownVersion, version, graphVersion, needyGraphVersion)
	}
	d.needy = version == needyGraphVersion
	for _, read := range []func(){
		d.typeTable, d.functions, d.constants, d.scopes, d.composites, d.operands, d.check, d.build, d.finish,
	} {
		if read(); d.Err != nil {
			break
		}
	}
	var refused *refusedError
	switch {
	case errors.As(d.Err, &refused):
		return nil, refused.err
	case d.Err != nil:
		return nil, fmt.Errorf("%w: graph: %w", codec.ErrMalformed, d.Err)
	}
	return d.g, nil
}

// graphDecoder decodes a graph in three passes: read the encoding, check that it fits together, derive the rest.
type graphDecoder struct {
	wire.Reader
	g     *Graph
	needy bool // functions may need resources
	fetch func(hash string) ([]byte, error)
	find  func(Signature) *Function
	types wireTypes
	outs  []uint32 // types: of each function's output
	ins   [][]uint32
	known []uint32 // types: of each constant
	elems []uint32 // types: of each scope's element
	depth []uint8  // for each scope: how many scopes enclose it
	made  []uint32 // types: of each composite
}

// refusedError is an error that is not caused by malformed bytes.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }

func (d *graphDecoder) refuse(err error) { d.Fail("%w", &refusedError{err}) }

// below reads a number that must be smaller than n.
func (d *graphDecoder) below(what string, n int) uint32 {
	v := d.Uvarint()
	if d.Err == nil && v >= uint64(n) {
		d.Fail("%s is %d, there are %d", what, v, n)
	}
	return uint32(v)
}

func (d *graphDecoder) typ(what string) uint32 { return d.below(what, len(d.types)) }

// functions reads the functions and finds the ones that this process has; types are derived from these.
func (d *graphDecoder) functions() {
	named := map[string]bool{}
	for range d.Number("the number of functions", min(uint64(len(d.Rest)), math.MaxUint16)) {
		f := &Function{name: d.Text(), opts: readOptions(&d.Reader, d.needy)}
		var in []uint32
		for range d.Count("the number of inputs") {
			in = append(in, d.typ("the type of an input"))
		}
		out := d.typ("the type of an output")
		if named[f.name] {
			d.Fail("two functions are named %s", wire.Printable(f.name))
		}
		if d.Err != nil {
			return
		}
		named[f.name] = true
		d.g.functions, d.ins, d.outs = append(d.g.functions, f), append(d.ins, in), append(d.outs, out)
	}
	for i, f := range d.g.functions {
		d.g.functions[i] = d.local(f, d.ins[i], d.outs[i])
	}
	d.types.complete()
	for i := range d.types {
		d.g.partial = d.g.partial || d.types[i].rt == nil
	}
	for i, f := range d.g.functions {
		if f.bodiless {
			d.g.partial = true
			for _, in := range d.ins[i] {
				f.in = append(f.in, d.types.typ(in))
			}
			f.out = d.types.typ(d.outs[i])
		}
	}
}

// local is this process's function for f, with the options of f, which belong to the run. If this process has none of
// the same version and types, it is f without a body.
func (d *graphDecoder) local(f *Function, in []uint32, out uint32) *Function {
	s := Signature{Name: f.name, Output: d.types[out].name, CPUs: f.opts.CPUs, Memory: f.opts.Memory}
	for _, t := range in {
		s.Inputs = append(s.Inputs, d.types[t].name)
	}
	l := d.find(s)
	if l == nil || l.bodiless || l.opts.Version != f.opts.Version || !l.Signature().Equal(s) {
		return f.withoutBody()
	}
	err := d.types.bind(out, l.out.GoType())
	for i := 0; err == nil && i < len(in); i++ {
		err = d.types.bind(in[i], l.in[i].GoType())
	}
	if err != nil {
		d.refuse(fmt.Errorf("%w: function %s: %w", ErrInvalidGraph, wire.Printable(f.name), err))
	}
	if l.opts == f.opts {
		return l
	}
	own := *l
	own.opts = f.opts
	return &own
}

// constants decodes the constants whose type is known.
func (d *graphDecoder) constants() {
	for i := range d.Count("the number of constants") {
		number := d.typ("the type of a constant")
		if d.Err != nil {
			return
		}
		t := d.types.typ(number)
		value := d.constant(t)
		c := Constant{Type: t}
		switch {
		case d.Err != nil:
		case t.Decodes():
			var err error
			if c.Value, err = t.Decode(value); err != nil {
				d.refuse(fmt.Errorf("engine: constant %d of a graph: %w", i, err))
			}
		case !t.IsForeign():
			d.Fail("constant %d: %w", i, t.Err())
		}
		d.g.constants, d.known = append(d.g.constants, c), append(d.known, number)
	}
}

// constant returns the encoding of the next constant.
func (d *graphDecoder) constant(t *codec.Type) []byte {
	if isLarge := d.Bool(); !isLarge {
		return d.Bytes(d.Count("the length of a constant"))
	}
	sum := d.Bytes(sha256.Size)
	if d.Err != nil || !t.Decodes() {
		return nil
	}
	value, err := d.fetch(hex.EncodeToString(sum))
	if err != nil {
		d.refuse(fmt.Errorf("engine: a constant of a graph: %w", err))
		return nil
	}
	if got := sha256.Sum256(value); string(got[:]) != string(sum) {
		d.Fail("the constant %x has the hash %x", sum, got)
	}
	return value
}

// scopes reads the scopes: their nodes, and which functions the tasks call.
func (d *graphDecoder) scopes() {
	count := d.Count("the number of scopes")
	if d.Err == nil && (count == 0 || count*len(d.g.functions) > maxUses) {
		d.Fail("%d scopes and %d functions, expected 1 scope or more, and at most %d pairs", count, len(d.g.functions), maxUses)
	}
	for i := 0; i < count && d.Err == nil; i++ {
		d.scope(int32(i))
	}
	for i := range d.g.scopes {
		s := &d.g.scopes[i]
		for j := range s.joinOf {
			if join := &s.joinOf[j]; d.Err == nil {
				d.join(int32(i), join, s.tasks+s.expands+uint32(j))
			}
		}
	}
}

func (d *graphDecoder) scope(number int32) {
	s := Scope{up: -1, functionUse: make([]uint32, len(d.g.functions))}
	elem, depth := uint32(0), uint8(0)
	if number > 0 {
		s.up = int32(d.below("an enclosing scope", int(number)))
		elem = d.typ("the type of an element")
		if d.Err != nil {
			return
		}
		up := &d.g.scopes[s.up]
		s.expand = up.tasks + up.expands
		up.expands++
		up.regions = append(up.regions, region{scope: number, list: d.types.list(elem), elem: d.types[elem].rt})
		if depth = d.depth[s.up] + 1; depth > maxUp {
			d.Fail("scope %d stands in %d others, at most %d are possible", number, depth, maxUp)
		}
	}
	s.tasks = uint32(d.Count("the number of tasks"))
	s.functions = make([]uint16, s.tasks)
	for i := range s.functions {
		f := d.below("a function", len(d.g.functions))
		if d.Err != nil {
			return
		}
		s.functions[i] = uint16(f)
		s.functionUse[f]++
	}
	s.joins = uint32(d.Count("the number of joins"))
	s.joinOf = make([]join, s.joins)
	for i := range s.joinOf {
		s.joinOf[i].expand = uint32(d.Number("an expansion", math.MaxInt32))
		s.joinOf[i].composite = uint32(NoNode)
	}
	d.g.scopes, d.elems, d.depth = append(d.g.scopes, s), append(d.elems, elem), append(d.depth, depth)
}

// join connects a join with the region whose results it collects.
func (d *graphDecoder) join(scope int32, j *join, node uint32) {
	s := &d.g.scopes[scope]
	if j.expand >= s.expands {
		d.Fail("a join of scope %d collects expansion %d, there are %d", scope, j.expand, s.expands)
		return
	}
	r := &s.regions[j.expand]
	j.expand, j.region = s.tasks+j.expand, r.scope
	r.joins = append(r.joins, node)
}

// composites reads lists, maps and what joins collect. The parts of each precede it.
func (d *graphDecoder) composites() {
	for i := range d.Count("the number of lists, maps and joins") {
		c := composite{scope: int32(d.below("the scope of a list", len(d.g.scopes))), join: uint32(NoNode), keys: -1}
		number := d.typ("the type of a list")
		join := d.Uvarint()
		if d.Err != nil {
			return
		}
		s := &d.g.scopes[c.scope]
		switch t := &d.types[number]; {
		case join > uint64(s.joins):
			d.Fail("join %d of scope %d is made, there are %d", join-1, c.scope, s.joins)
		case join > 0 && s.joinOf[join-1].composite != uint32(NoNode):
			d.Fail("join %d of scope %d is made twice", join-1, c.scope)
		case join > 0:
			s.joinOf[join-1].composite = uint32(i)
			c.join = s.tasks + s.expands + uint32(join-1)
			c.parts = []operand{d.operand()}
		case t.kind == wireMap:
			c.keys = int32(d.below("the keys of a map", len(d.g.constants)))
			fallthrough
		default:
			c.parts = make([]operand, d.Count("the number of parts"))
			for k := range c.parts {
				c.parts[k] = d.operand()
			}
		}
		d.g.composites, d.made = append(d.g.composites, c), append(d.made, number)
	}
}

// operands reads the operands of fan-outs, tasks and the result.
func (d *graphDecoder) operands() {
	for i := range d.g.scopes {
		s := &d.g.scopes[i]
		for k := range s.regions {
			s.regions[k].source = d.operand()
		}
		s.argOff = make([]uint32, 1, s.tasks+1)
		for _, f := range s.functions {
			for range d.ins[f] {
				s.args = append(s.args, d.operand())
			}
			if d.Err != nil {
				return
			}
			s.argOff = append(s.argOff, uint32(len(s.args)))
		}
	}
	d.g.result = d.operand()
	if d.Err == nil && len(d.Rest) > 0 {
		d.Fail("%d bytes too many after it", len(d.Rest))
	}
}

func (d *graphDecoder) operand() operand {
	v := d.Uvarint()
	op, x := operand{}, v>>wireOperandBits
	kind := wireOperand(v & (1<<wireOperandBits - 1))
	switch kind {
	case wireConstant:
		op.kind = fromConstant
	case wireTask, wireOuterTask:
		op.kind = fromTask
	case wireElement:
		op.kind = fromElement
	case wireComposite, wireOuterComposite:
		op.kind = fromComposite
	default:
		d.Fail("an operand of kind %d", kind)
	}
	switch {
	case kind == wireElement && x <= maxUp:
		op.up = uint8(x)
		return op
	case x > math.MaxUint32 || kind == wireElement:
		d.Fail("an operand reads number %d", x)
	case kind == wireOuterTask || kind == wireOuterComposite:
		op.up = uint8(d.Number("how far up an operand stands", maxUp))
	}
	op.index = uint32(x)
	return op
}

// build sets the functions that assemble composites.
func (d *graphDecoder) build() {
	for i := range d.g.composites {
		c, t := &d.g.composites[i], &d.types[d.made[i]]
		c.rt = t.rt
		switch {
		case t.kind == wireList:
			c.build, c.hollow = d.types.list(t.elem).Join, d.types.isNothing(t.elem)
		case t.rt == nil:
			c.build, c.hollow = func([]any) any { return nil }, true
		default:
			keys := d.g.constants[c.keys].Value
			if n := reflect.ValueOf(keys).Len(); n != len(c.parts) {
				d.Fail("a map of %d keys and %d values", n, len(c.parts))
				return
			}
			c.build = codec.MapFor(t.rt, keys)
		}
	}
}

// finish derives what follows from the rest, as compiling does.
func (d *graphDecoder) finish() {
	if !d.g.link(maxReads) {
		d.Fail("its arguments are made of more than %d values", maxReads)
		return
	}
	for i := range d.g.scopes {
		if cycle := d.g.cycle(int32(i)); cycle != "" {
			d.Fail("%s", cycle)
			return
		}
	}
	d.g.hash = d.g.structuralHash()
}
