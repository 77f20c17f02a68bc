package dag

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/internal/wire"
)

// The first byte of an encoded graph: one that needs no resources is written as before there were any, so that earlier
// programs read it.
const (
	graphVersion      = 1
	needyGraphVersion = 2
)

// Limits of an encoded graph, so that few bytes cannot cause large allocations.
const (
	// maxReads bounds the number of values that arguments and lists consist of; a value counts each time it is read.
	maxReads = 1 << 24
	// maxNesting bounds how deep lists and maps nest within a type.
	maxNesting = 64
	// maxUp bounds how deep fan-outs nest.
	maxUp = 250
	// smallConstant is the largest encoding, in bytes, of a constant that is stored within the graph.
	smallConstant = 16 << 10
)

// wireKind says how a type is made of others.
type wireKind byte

const (
	wireNamed wireKind = iota // by its name alone
	wireList
	wireMap
)

// wireOperand says how an operand is written. Operands of the same scope are written without a number of scopes.
type wireOperand uint64

const (
	wireConstant wireOperand = iota
	wireTask
	wireOuterTask
	wireElement
	wireComposite
	wireOuterComposite

	wireOperandBits = 3
)

// AppendGraph appends to dst everything of the graph except the bodies of its functions (FORMAT-graph.md), for
// DecodeGraph in another process. Constants whose encoding exceeds 16 KiB are in the returned map instead, once each,
// keyed by the hash of their content in hex. It takes 1 or 2 bytes for each task, 1 to 4 for each argument, and for
// each distinct constant 10 bytes more than its value; 100,000 tasks take some 50 ms.
//
// The error is ErrInvalidGraph if the graph cannot be sent: a function has no body here, the result or a constant has
// no encoding, or it is larger than DecodeGraph accepts.
func (g *Graph) AppendGraph(dst []byte) ([]byte, map[string][]byte, error) {
	if err := g.canTravel(); err != nil {
		return dst, nil, fmt.Errorf("%w: %w", ErrInvalidGraph, err)
	}
	e := graphEncoder{g: g, version: graphVersion, types: map[reflect.Type]wireNumber{}, same: map[constantKey]uint32{}, large: map[string][]byte{}}
	if g.needsResources() {
		e.version = needyGraphVersion
	}
	var body []byte
	body = binary.AppendUvarint(body, uint64(len(g.functions)))
	for _, f := range g.functions {
		body = e.function(body, f)
	}
	body, err := e.constants(body)
	if err != nil {
		return dst, nil, fmt.Errorf("%w: %w", ErrInvalidGraph, err)
	}
	body = binary.AppendUvarint(body, uint64(len(g.scopes)))
	for i := range g.scopes {
		body = e.scope(body, int32(i))
	}
	body = binary.AppendUvarint(body, uint64(len(g.composites)))
	for i := range g.composites {
		body = e.composite(body, &g.composites[i])
	}
	for i := range g.scopes {
		body = e.operands(body, int32(i))
	}
	body = e.operand(body, g.result)
	if e.deep != nil {
		return dst, nil, fmt.Errorf("%w: %s nests deeper than %d lists and maps", ErrInvalidGraph, e.deep, maxNesting)
	}
	dst = append(dst, e.version)
	dst = binary.AppendUvarint(dst, uint64(len(e.types)))
	dst = append(dst, e.rows...)
	return append(dst, body...), e.large, nil
}

func (g *Graph) canTravel() error {
	if !g.Executable() || g.partial {
		return errors.New("not all of its functions and types are known here, expected one that Compile gives")
	}
	if err := g.resultType.Err(); err != nil {
		return fmt.Errorf("the result: %w", err)
	}
	if g.reads > maxReads {
		return fmt.Errorf("its arguments are made of %d values, at most %d can travel", g.reads, maxReads)
	}
	if n := len(g.scopes) * len(g.functions); n > maxUses {
		return fmt.Errorf("it has %d pairs of a scope and a function, at most %d can travel", n, maxUses)
	}
	return nil
}

// graphEncoder collects what several parts of a graph refer to.
type graphEncoder struct {
	g       *Graph
	version byte
	types   map[reflect.Type]wireNumber
	rows    []byte       // the types, in the order of their numbers
	deep    reflect.Type // a type that nests too deep
	same    map[constantKey]uint32
	moved   []uint32 // for each constant: its number in the encoding
	large   map[string][]byte
}

// constantKey is equal for equal constants. For constants that are stored outside of the graph it contains the hash.
type constantKey struct {
	rt   reflect.Type
	text string
}

// wireNumber is the number of a type, and how deep lists and maps nest in it.
type wireNumber struct {
	number uint32
	depth  int
}

// typ is the number of a type. The types that it consists of have smaller numbers.
func (e *graphEncoder) typ(rt reflect.Type) uint32 { return e.nested(rt).number }

func (e *graphEncoder) nested(rt reflect.Type) wireNumber {
	if known, isKnown := e.types[rt]; isKnown {
		return known
	}
	var row []byte
	var depth int
	switch kindOf(rt) {
	case wireList:
		elem := e.nested(rt.Elem())
		row = binary.AppendUvarint([]byte{byte(wireList)}, uint64(elem.number))
		depth = elem.depth + 1
	case wireMap:
		key, elem := e.nested(rt.Key()), e.nested(rt.Elem())
		row = binary.AppendUvarint([]byte{byte(wireMap)}, uint64(key.number))
		row = binary.AppendUvarint(row, uint64(elem.number))
		depth = elem.depth + 1
	default:
		row = wire.AppendText([]byte{byte(wireNamed)}, rt.String())
	}
	if depth > maxNesting {
		e.deep = rt
	}
	known := wireNumber{uint32(len(e.types)), depth}
	e.types[rt] = known
	e.rows = append(e.rows, row...)
	return known
}

// kindOf classifies types by how a graph assembles their values: as unnamed lists and maps, or not at all.
func kindOf(rt reflect.Type) wireKind {
	switch {
	case rt.Name() != "":
		return wireNamed
	case rt.Kind() == reflect.Slice:
		return wireList
	case rt.Kind() == reflect.Map:
		return wireMap
	default:
		return wireNamed
	}
}

func (e *graphEncoder) function(dst []byte, f *Function) []byte {
	dst = f.opts.append(wire.AppendText(dst, f.name), e.version == needyGraphVersion)
	dst = binary.AppendUvarint(dst, uint64(len(f.in)))
	for _, t := range f.in {
		dst = binary.AppendUvarint(dst, uint64(e.typ(t.GoType())))
	}
	return binary.AppendUvarint(dst, uint64(e.typ(f.out.GoType())))
}

// constants writes each distinct constant once.
func (e *graphEncoder) constants(dst []byte) ([]byte, error) {
	var rows, value []byte
	e.moved = make([]uint32, len(e.g.constants))
	for i, c := range e.g.constants {
		var err error
		if value, err = c.Type.Append(value[:0], c.Value); err != nil {
			return dst, fmt.Errorf("constant %d: %w", i, err)
		}
		key, isLarge := constantKey{rt: c.Type.GoType()}, len(value) > smallConstant
		if isLarge {
			sum := sha256.Sum256(value)
			key.text = string(sum[:])
		} else {
			key.text = string(value)
		}
		number, isKnown := e.same[key]
		if !isKnown {
			if err := readsBack(c.Type, value); err != nil {
				return dst, fmt.Errorf("constant %d of type %s is encoded as what cannot be read: %w", i, c.Type.Name(), err)
			}
			number = uint32(len(e.same))
			e.same[key] = number
			rows = binary.AppendUvarint(rows, uint64(e.typ(c.Type.GoType())))
			rows = wire.AppendBool(rows, isLarge)
			if isLarge {
				e.large[hex.EncodeToString([]byte(key.text))] = append([]byte(nil), value...)
				rows = append(rows, key.text...)
			} else {
				rows = wire.AppendText(rows, key.text)
			}
		}
		e.moved[i] = number
	}
	dst = binary.AppendUvarint(dst, uint64(len(e.same)))
	return append(dst, rows...), nil
}

// readsBack returns an error if workers could not read an encoded value, so that the run is refused instead of waiting
// for a worker that can. Bytes and raw numbers can always be read.
func readsBack(t *codec.Type, value []byte) error {
	if t.IsRaw() {
		return nil
	}
	_, err := t.Decode(value)
	return err
}

func (e *graphEncoder) scope(dst []byte, number int32) []byte {
	s := &e.g.scopes[number]
	if number > 0 {
		dst = binary.AppendUvarint(dst, uint64(s.up))
		dst = binary.AppendUvarint(dst, uint64(e.typ(e.g.region(number).elem)))
	}
	dst = binary.AppendUvarint(dst, uint64(s.tasks))
	for _, f := range s.functions {
		dst = binary.AppendUvarint(dst, uint64(f))
	}
	dst = binary.AppendUvarint(dst, uint64(s.joins))
	for _, j := range s.joinOf {
		dst = binary.AppendUvarint(dst, uint64(j.expand-s.tasks))
	}
	return dst
}

func (e *graphEncoder) composite(dst []byte, c *composite) []byte {
	dst = binary.AppendUvarint(dst, uint64(c.scope))
	dst = binary.AppendUvarint(dst, uint64(e.typ(c.rt)))
	if c.join != uint32(NoNode) {
		s := &e.g.scopes[c.scope]
		dst = binary.AppendUvarint(dst, uint64(c.join-s.tasks-s.expands)+1)
		return e.operand(dst, c.parts[0])
	}
	dst = binary.AppendUvarint(dst, 0)
	if c.keys >= 0 {
		dst = binary.AppendUvarint(dst, uint64(e.moved[c.keys]))
	}
	dst = binary.AppendUvarint(dst, uint64(len(c.parts)))
	for _, p := range c.parts {
		dst = e.operand(dst, p)
	}
	return dst
}

// operands writes what a scope's fan-outs and tasks read.
func (e *graphEncoder) operands(dst []byte, number int32) []byte {
	s := &e.g.scopes[number]
	for _, r := range s.regions {
		dst = e.operand(dst, r.source)
	}
	for _, a := range s.args {
		dst = e.operand(dst, a)
	}
	return dst
}

func (e *graphEncoder) operand(dst []byte, op operand) []byte {
	kind, x, isFar := wireConstant, op.index, false
	switch op.kind {
	case fromConstant:
		x = e.moved[op.index]
	case fromTask:
		kind, isFar = wireTask, op.up > 0
	case fromElement:
		kind, x = wireElement, uint32(op.up)
	case fromComposite:
		kind, isFar = wireComposite, op.up > 0
	}
	if isFar {
		kind++ // the next kind is the same for values further out
	}
	dst = binary.AppendUvarint(dst, uint64(x)<<wireOperandBits|uint64(kind))
	if isFar {
		dst = binary.AppendUvarint(dst, uint64(op.up))
	}
	return dst
}
