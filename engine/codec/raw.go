package codec

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"slices"
)

// Number lists the types whose slices are encoded raw: in little endian, int and uint as eight bytes.
type Number interface {
	int | int8 | int16 | int32 | int64 | uint | uint8 | uint16 | uint32 | uint64 | float32 | float64
}

// AppendNumbers appends the values of s in little endian, int and uint as eight bytes each. It is meant for types
// that implement Shaped.
func AppendNumbers[E Number](dst []byte, s []E) []byte {
	switch s := any(s).(type) {
	case []uint8:
		return append(dst, s...)
	case []int8:
		return appendWords8(dst, s)
	case []int16:
		return appendWords16(dst, s)
	case []uint16:
		return appendWords16(dst, s)
	case []int32:
		return appendWords32(dst, s)
	case []uint32:
		return appendWords32(dst, s)
	case []float32:
		return appendFloats32(dst, s)
	case []int:
		return appendWords64(dst, s)
	case []int64:
		return appendWords64(dst, s)
	case []uint:
		return appendWords64(dst, s)
	case []uint64:
		return appendWords64(dst, s)
	case []float64:
		return appendFloats64(dst, s)
	}
	panic("engine: a number without an encoding")
}

// DecodeNumbers is the inverse of AppendNumbers. It copies, and fails if raw is not a whole number of values or, on
// 32-bit machines, if an int or uint does not fit.
func DecodeNumbers[E Number](raw []byte) ([]E, error) {
	width := numberBytes[E]()
	if len(raw)%width != 0 {
		return nil, fmt.Errorf("%d bytes, expected a multiple of %d", len(raw), width)
	}
	out := make([]E, len(raw)/width)
	var err error
	switch s := any(out).(type) {
	case []uint8:
		copy(s, raw)
	case []int8:
		for i := range s {
			s[i] = int8(raw[i])
		}
	case []int16:
		decodeWords16(s, raw)
	case []uint16:
		decodeWords16(s, raw)
	case []int32:
		decodeWords32(s, raw)
	case []uint32:
		decodeWords32(s, raw)
	case []float32:
		for i := range s {
			s[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
	case []int:
		err = decodeWords64(s, raw)
	case []int64:
		err = decodeWords64(s, raw)
	case []uint:
		err = decodeWords64(s, raw)
	case []uint64:
		err = decodeWords64(s, raw)
	case []float64:
		for i := range s {
			s[i] = math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:]))
		}
	}
	return out, err
}

// numberBytes is the encoded size of one value.
func numberBytes[E Number]() int {
	var zero E
	switch any(zero).(type) {
	case int8, uint8:
		return 1
	case int16, uint16:
		return 2
	case int32, uint32, float32:
		return 4
	default:
		return 8
	}
}

// extend grows dst by n bytes and returns the whole slice and the added part.
func extend(dst []byte, n int) (all, added []byte) {
	all = slices.Grow(dst, n)[:len(dst)+n]
	return all, all[len(dst):]
}

func appendWords8[E int8 | uint8](dst []byte, s []E) []byte {
	dst, out := extend(dst, len(s))
	for i, x := range s {
		out[i] = byte(x)
	}
	return dst
}

func appendWords16[E int16 | uint16](dst []byte, s []E) []byte {
	dst, out := extend(dst, 2*len(s))
	for i, x := range s {
		binary.LittleEndian.PutUint16(out[2*i:], uint16(x))
	}
	return dst
}

func appendWords32[E int32 | uint32](dst []byte, s []E) []byte {
	dst, out := extend(dst, 4*len(s))
	for i, x := range s {
		binary.LittleEndian.PutUint32(out[4*i:], uint32(x))
	}
	return dst
}

func appendFloats32(dst []byte, s []float32) []byte {
	dst, out := extend(dst, 4*len(s))
	for i, x := range s {
		binary.LittleEndian.PutUint32(out[4*i:], math.Float32bits(x))
	}
	return dst
}

func appendWords64[E int | int64 | uint | uint64](dst []byte, s []E) []byte {
	dst, out := extend(dst, 8*len(s))
	for i, x := range s {
		binary.LittleEndian.PutUint64(out[8*i:], uint64(x))
	}
	return dst
}

func appendFloats64(dst []byte, s []float64) []byte {
	dst, out := extend(dst, 8*len(s))
	for i, x := range s {
		binary.LittleEndian.PutUint64(out[8*i:], math.Float64bits(x))
	}
	return dst
}

func decodeWords16[E int16 | uint16](s []E, raw []byte) {
	for i := range s {
		s[i] = E(binary.LittleEndian.Uint16(raw[2*i:]))
	}
}

func decodeWords32[E int32 | uint32](s []E, raw []byte) {
	for i := range s {
		s[i] = E(binary.LittleEndian.Uint32(raw[4*i:]))
	}
}

func decodeWords64[E int | int64 | uint | uint64](s []E, raw []byte) error {
	for i := range s {
		x := binary.LittleEndian.Uint64(raw[8*i:])
		s[i] = E(x)
		if uint64(s[i]) != x {
			return fmt.Errorf("%d does not fit into the integers of this machine", x)
		}
	}
	return nil
}

// raw is the codec of one built-in type.
type raw struct {
	of    reflect.Type
	fixed int64
	size  func(v any) int64
	// length is the only dimension of v, negative for a nil slice. It is not called for types without a shape.
	length     func(v any) int
	appendTo   func(dst []byte, v any) []byte
	decodeFrom func(raw []byte) (any, error)
	width      int // bytes of one element, 0 for types without a shape
}

func (*raw) id() codecID { return rawCodec }

func (c *raw) shape(dst []int, v any) []int {
	if c.width == 0 {
		return dst
	}
	if n := c.length(v); n >= 0 {
		return append(dst, n)
	}
	return dst
}

func (c *raw) append(dst []byte, v any) ([]byte, error) { return c.appendTo(dst, v), nil }

func (c *raw) decode(shape []int, src []byte) (any, error) {
	switch {
	case c.width == 0 && len(shape) == 0:
		return c.decodeFrom(src)
	case c.width == 0 || len(shape) > 1:
		return nil, fmt.Errorf("the shape %v, expected none or a length", shape)
	case len(shape) == 0 && len(src) == 0:
		return reflect.Zero(c.of).Interface(), nil
	case len(shape) == 0 || shape[0]*c.width != len(src):
		return nil, fmt.Errorf("the shape %v with %d bytes, expected a length and %d bytes for each", shape, len(src), c.width)
	}
	return c.decodeFrom(src)
}
