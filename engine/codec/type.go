package codec

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/dagscope/dagscope/engine/internal/wire"
)

// UnknownSize is what Size returns for a value whose size is known only after encoding it.
const UnknownSize int64 = -1

// Type is what the engine knows of a Go type at run time: its name, and how its values are sized and sent
// between machines (FORMAT-values.md). Immutable and safe for concurrent use.
//
// Every method accepts nil for the zero value. Bytes, strings, booleans, numbers and slices of numbers are encoded raw
// in little endian; types that implement Shaped define their own encoding; everything else is CBOR by exported fields.
// Types that would lose something in their encoding have no codec, see Err.
type Type struct {
	name  string
	err   error
	rt    reflect.Type
	zero  any
	fixed int64             // the size of every value, UnknownSize if it varies
	size  func(v any) int64 // computes sizes that vary; nil if that would not take constant time
	codec valueCodec        // nil if values can be neither encoded nor decoded
	list  Lists             // of lists of this type; empty if the type was found by reflection only
	alien bool              // known by name only, see Foreign and ForeignList
}

// codec converts between values and the shape and raw bytes of an envelope. v is never nil.
type valueCodec interface {
	id() codecID
	// shape appends the dimensions of v.
	shape(dst []int, v any) []int
	append(dst []byte, v any) ([]byte, error)
	// decode must not keep raw, and must not allocate more than in proportion to raw and the size of the type.
	decode(shape []int, raw []byte) (any, error)
}

// types keeps the description of every type requested, by reflect.Type: TypeOf is called for each constant and each
// reference, and describing a type walks all types that it consists of.
var types sync.Map

// TypeOf describes T. The first call walks the type, later ones cost about 20 ns.
func TypeOf[T any]() *Type {
	rt := reflect.TypeFor[T]()
	if t, isKnown := types.Load(rt); isKnown {
		return t.(*Type)
	}
	described := describe(rt)
	described.list = ListsOf[T]()
	t, _ := types.LoadOrStore(rt, described)
	return t.(*Type)
}

// typeFor is TypeOf for a type that is not known when the program is compiled.
func TypeFor(rt reflect.Type) *Type {
	t, isKnown := types.Load(rt)
	if !isKnown {
		t, _ = types.LoadOrStore(rt, describe(rt))
	}
	return t.(*Type)
}

// describe picks the codec of a type.
func describe(rt reflect.Type) *Type {
	t := &Type{name: rt.String(), rt: rt, fixed: UnknownSize}
	if rt.Kind() == reflect.Interface {
		t.err = fmt.Errorf("engine: %s is an interface and has no codec, use a concrete type", rt)
		return t
	}
	t.zero = reflect.Zero(rt).Interface()
	if t.describeShaped() || t.describeRaw() {
		return t
	}
	w := walk{seen: map[reflect.Type]bool{}}
	if t.err = w.check(rt, rt.String()); t.err == nil {
		t.codec = structured{rt, w.repeats}
	}
	return t
}

// Foreign describes a type of another program, of which only the name is known.
func Foreign(name string) *Type {
	return &Type{
		name: name, fixed: UnknownSize, alien: true,
		err: fmt.Errorf("engine: of %s only the name is known, expected a type of this program", wire.Printable(name)),
	}
}

// ForeignList describes lists of a type of another program, nested depth deep: they cannot be encoded, and are decoded
// to lists of the right length with nil elements, which is all that a fan-out over them needs.
func ForeignList(name string, depth int) *Type {
	lists := hollow{}
	for range depth - 1 {
		inner := lists
		lists = hollow{&inner}
	}
	t := Foreign(name)
	t.codec = lists
	return t
}

// Name is the type as Go writes it.
func (t *Type) Name() string { return t.name }

// GoType is the Go type itself, nil for a foreign type.
func (t *Type) GoType() reflect.Type { return t.rt }

// IsForeign reports whether the type belongs to another program, so that only its name is known: see Foreign and
// ForeignList.
func (t *Type) IsForeign() bool { return t.alien }

// Decodes reports whether values can be decoded here. It is true for all types with a nil Err, and for a ForeignList.
func (t *Type) Decodes() bool { return t.codec != nil }

// IsRaw reports whether values are encoded as they are in memory, so that everything that was encoded can be decoded.
func (t *Type) IsRaw() bool { return t.codec != nil && t.codec.id() == rawCodec }

// Err says why values of the type cannot be encoded, nil if they can: it is or contains an interface, a channel, a
// function, a complex number, an unsafe pointer, or an unexported field that would be lost.
func (t *Type) Err() error { return t.err }

// Size is the number of raw bytes that v takes on the wire, without the envelope, if that is known in constant time,
// else UnknownSize. v must be nil or of this type. It does not allocate.
func (t *Type) Size(v any) int64 {
	if t.size == nil {
		return t.fixed
	}
	return t.size(v)
}

// Append encodes v, which must be nil or of this type, and appends it to dst. It copies v. Values that contain
// themselves through pointers cannot be encoded and exhaust the stack.
func (t *Type) Append(dst []byte, v any) ([]byte, error) {
	if t.err != nil {
		return dst, t.err
	}
	if v == nil {
		v = t.zero
	} else if rt := reflect.TypeOf(v); rt != t.rt {
		return dst, fmt.Errorf("engine: a value of type %s is encoded as %s, expected that type", rt, t.name)
	}
	return appendEnvelope(dst, t, v)
}

// Decode is the inverse of Append. What it returns shares no memory with src. It fails with ErrMalformed, or with
// ErrUnknownVersion if a later version wrote the value. The only code of the type that it runs is its ShapedDecoder or
// encoding.BinaryUnmarshaler. It allocates in proportion to src and the size of the types that t consists of.
func (t *Type) Decode(src []byte) (any, error) {
	if t.codec == nil {
		return nil, t.err
	}
	return decodeEnvelope(src, t)
}
