package codec

import (
	"bytes"
	"encoding"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// toCBOR is deterministic: sorted keys, definite lengths, floating-point numbers in their own width.
var toCBOR = must(cbor.EncOptions{
	Sort: cbor.SortCoreDeterministic, ShortestFloat: cbor.ShortestFloatNone,
	NaNConvert: cbor.NaNConvertNone, InfConvert: cbor.InfConvertNone, IndefLength: cbor.IndefLengthForbidden,
	Time: cbor.TimeRFC3339Nano,
}.UserBufferEncMode())

// fromCBOR refuses what toCBOR never writes. Lengths are checked against the input before anything is allocated, so that
// the limits on elements can be wide.
var fromCBOR = must(cbor.DecOptions{
	DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, MaxNestedLevels: maxDepth,
	MaxArrayElements: math.MaxInt32, MaxMapPairs: math.MaxInt32, UTF8: cbor.UTF8DecodeInvalid,
	FieldNameMatching: cbor.FieldNameMatchingCaseSensitive, ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
}.DecMode())

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// maxDepth is how deep lists, maps and structs may be nested.
const maxDepth = 10_000

// structured is the codec of structs, maps and nested slices.
type structured struct {
	rt reflect.Type
	// nests is set if the type, and so its values, may contain itself.
	nests bool
}

func (structured) id() codecID { return structuredCodec }

func (structured) shape(dst []int, _ any) []int { return dst }

func (c structured) append(dst []byte, v any) ([]byte, error) {
	if c.nests && !endsWithin(reflect.ValueOf(v), maxDepth) {
		return dst, fmt.Errorf("it contains itself, or is nested more than %d levels deep", maxDepth)
	}
	b := bytes.NewBuffer(dst)
	err := toCBOR.MarshalToBuffer(v, b)
	return b.Bytes(), err
}

func (c structured) decode(shape []int, raw []byte) (any, error) {
	if len(shape) > 0 {
		return nil, fmt.Errorf("the shape %v, expected none", shape)
	}
	v := reflect.New(c.rt)
	if err := fromCBOR.Unmarshal(raw, v.Interface()); err != nil {
		return nil, err
	}
	return v.Elem().Interface(), nil
}

// endsWithin reports whether nothing in v is nested deeper than levels. It is false for a value that contains itself.
func endsWithin(v reflect.Value, levels int) bool {
	if levels < 0 {
		return false
	}
	switch v.Kind() {
	case reflect.Pointer:
		return v.IsNil() || endsWithin(v.Elem(), levels-1)
	case reflect.Slice, reflect.Array:
		for i := 0; i < v.Len() && !isFlat(v.Type().Elem()); i++ {
			if !endsWithin(v.Index(i), levels-1) {
				return false
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if !endsWithin(it.Value(), levels-1) {
				return false
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !endsWithin(v.Field(i), levels) {
				return false
			}
		}
	}
	return true
}

// walk visits all types that a type consists of.
type walk struct {
	seen    map[reflect.Type]bool
	repeats bool // a type was met twice, so it may contain itself
}

// check returns an error if something in rt would be lost in an encoding; path is where rt occurs.
func (w *walk) check(rt reflect.Type, path string) error {
	if encodesItself(rt) {
		return nil
	}
	if w.seen[rt] {
		w.repeats = w.repeats || !isFlat(rt) && rt.Kind() != reflect.String
		return nil
	}
	w.seen[rt] = true
	switch rt.Kind() {
	case reflect.Interface:
		return fmt.Errorf("engine: %s is the interface %s and has no codec, use a concrete type", path, rt)
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Uintptr, reflect.Complex64, reflect.Complex128:
		return fmt.Errorf("engine: %s is of type %s and has no codec, expected data", path, rt)
	case reflect.Pointer:
		return w.check(rt.Elem(), path)
	case reflect.Slice, reflect.Array:
		return w.check(rt.Elem(), path+"[]")
	case reflect.Map:
		if err := w.check(rt.Key(), "a key of "+path); err != nil {
			return err
		}
		return w.check(rt.Elem(), path+"[]")
	case reflect.Struct:
		return w.checkFields(rt, path)
	default:
		return nil
	}
}

func (w *walk) checkFields(rt reflect.Type, path string) error {
	for f := range rt.Fields() {
		at := path + "." + f.Name
		switch {
		case isLeftOut(f):
			continue
		case !f.IsExported() && !(f.Anonymous && f.Type.Kind() == reflect.Struct):
			return fmt.Errorf("engine: %s is unexported and would be lost, export it, leave it out by the tag `cbor:\"-\"`, or implement codec.Shaped", at)
		}
		if err := w.check(f.Type, at); err != nil {
			return err
		}
	}
	return nil
}

// isLeftOut reports whether a field's tag excludes it from the encoding.
func isLeftOut(f reflect.StructField) bool {
	tag, isTagged := f.Tag.Lookup("cbor")
	if !isTagged {
		tag = f.Tag.Get("json")
	}
	return tag == "-" || f.Name == "_"
}

// encodesItself reports whether the CBOR library leaves the encoding of rt to its own methods, or knows rt.
func encodesItself(rt reflect.Type) bool {
	if rt == reflect.TypeFor[time.Time]() || rt == reflect.TypeFor[big.Int]() {
		return true
	}
	p := reflect.PointerTo(rt)
	return rt.Implements(reflect.TypeFor[cbor.Marshaler]()) && p.Implements(reflect.TypeFor[cbor.Unmarshaler]()) ||
		rt.Implements(reflect.TypeFor[encoding.BinaryMarshaler]()) && p.Implements(reflect.TypeFor[encoding.BinaryUnmarshaler]())
}
