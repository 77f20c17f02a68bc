package codec

import (
	"fmt"
	"reflect"
)

// describeRaw picks the raw codec for types of a kind that has one; named types are converted to and from the built-in
// type.
func (t *Type) describeRaw() bool {
	c := rawOf(t.rt)
	if c == nil {
		return false
	}
	t.codec, t.fixed, t.size = c, c.fixed, c.size
	if c.of != t.rt {
		t.codec = &renamed{raw: c, rt: t.rt}
		if c.size != nil {
			width := int64(c.width)
			t.size = func(v any) int64 {
				if v == nil {
					return 0
				}
				return width * int64(reflect.ValueOf(v).Len())
			}
		}
	}
	return true
}

// rawOf returns the codec of the built-in type that rt is, or is derived from; nil if it has none.
func rawOf(rt reflect.Type) *raw {
	switch rt.Kind() {
	case reflect.Bool:
		return boolean()
	case reflect.String:
		return text()
	case reflect.Slice:
		return rawSlice(rt.Elem())
	case reflect.Int:
		return scalar[int]()
	case reflect.Int8:
		return scalar[int8]()
	case reflect.Int16:
		return scalar[int16]()
	case reflect.Int32:
		return scalar[int32]()
	case reflect.Int64:
		return scalar[int64]()
	case reflect.Uint:
		return scalar[uint]()
	case reflect.Uint8:
		return scalar[uint8]()
	case reflect.Uint16:
		return scalar[uint16]()
	case reflect.Uint32:
		return scalar[uint32]()
	case reflect.Uint64:
		return scalar[uint64]()
	case reflect.Float32:
		return scalar[float32]()
	case reflect.Float64:
		return scalar[float64]()
	default:
		return nil
	}
}

// rawSlice returns the codec of slices of a built-in number; slices of named ones cannot be converted and use CBOR.
func rawSlice(elem reflect.Type) *raw {
	if elem.PkgPath() != "" {
		return nil
	}
	switch elem.Kind() {
	case reflect.Int:
		return numbers[int]()
	case reflect.Int8:
		return numbers[int8]()
	case reflect.Int16:
		return numbers[int16]()
	case reflect.Int32:
		return numbers[int32]()
	case reflect.Int64:
		return numbers[int64]()
	case reflect.Uint:
		return numbers[uint]()
	case reflect.Uint8:
		return numbers[uint8]()
	case reflect.Uint16:
		return numbers[uint16]()
	case reflect.Uint32:
		return numbers[uint32]()
	case reflect.Uint64:
		return numbers[uint64]()
	case reflect.Float32:
		return numbers[float32]()
	case reflect.Float64:
		return numbers[float64]()
	default:
		return nil
	}
}

func boolean() *raw {
	return &raw{
		of: reflect.TypeFor[bool](), fixed: 1,
		appendTo: func(dst []byte, v any) []byte {
			if v.(bool) {
				return append(dst, 1)
			}
			return append(dst, 0)
		},
		decodeFrom: func(src []byte) (any, error) {
			if len(src) != 1 || src[0] > 1 {
				return nil, fmt.Errorf("the bytes %x, expected 00 or 01", src[:min(len(src), 8)])
			}
			return src[0] == 1, nil
		},
	}
}

func text() *raw {
	return &raw{
		of: reflect.TypeFor[string](), fixed: UnknownSize, width: 1,
		size:       func(v any) int64 { s, _ := v.(string); return int64(len(s)) },
		length:     func(v any) int { return len(v.(string)) },
		appendTo:   func(dst []byte, v any) []byte { return append(dst, v.(string)...) },
		decodeFrom: func(src []byte) (any, error) { return string(src), nil },
	}
}

func scalar[E Number]() *raw {
	width := numberBytes[E]()
	return &raw{
		of: reflect.TypeFor[E](), fixed: int64(width),
		appendTo: func(dst []byte, v any) []byte { return AppendNumbers(dst, []E{v.(E)}) },
		decodeFrom: func(src []byte) (any, error) {
			if len(src) != width {
				return nil, fmt.Errorf("%d bytes, expected %d", len(src), width)
			}
			one, err := DecodeNumbers[E](src)
			if err != nil {
				return nil, err
			}
			return one[0], nil
		},
	}
}

func numbers[E Number]() *raw {
	width := numberBytes[E]()
	return &raw{
		of: reflect.TypeFor[[]E](), fixed: UnknownSize, width: width,
		size: func(v any) int64 { s, _ := v.([]E); return int64(width) * int64(len(s)) },
		length: func(v any) int {
			if s := v.([]E); s != nil {
				return len(s)
			}
			return -1
		},
		appendTo:   func(dst []byte, v any) []byte { return AppendNumbers(dst, v.([]E)) },
		decodeFrom: func(src []byte) (any, error) { return DecodeNumbers[E](src) },
	}
}

// renamed is the codec of a named type whose kind has a raw codec. It converts each value once, by reflection.
type renamed struct {
	*raw
	rt reflect.Type
}

func (c *renamed) shape(dst []int, v any) []int { return c.raw.shape(dst, c.plain(v)) }

func (c *renamed) append(dst []byte, v any) ([]byte, error) { return c.raw.append(dst, c.plain(v)) }

func (c *renamed) decode(shape []int, src []byte) (any, error) {
	v, err := c.raw.decode(shape, src)
	if err != nil {
		return nil, err
	}
	return reflect.ValueOf(v).Convert(c.rt).Interface(), nil
}

func (c *renamed) plain(v any) any { return reflect.ValueOf(v).Convert(c.of).Interface() }
