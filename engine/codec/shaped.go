package codec

import (
	"fmt"
	"reflect"
)

// Shaped is implemented by types such as matrices and images that define their own encoding: dimensions, followed by
// raw bytes. The methods must be those of the type itself, not of its pointer, and must not modify the value; the
// pointer implements ShapedDecoder. It is used if such a type is the input or the output of a function; inside a
// struct, a slice or a map the type is encoded by its exported fields like any other type.
type Shaped interface {
	// AppendShape appends the dimensions: at most 8, each from 0 to 2^31 - 1.
	AppendShape(dst []int) []int
	// RawBytes returns how many bytes AppendRaw will append, in constant time.
	RawBytes() int64
	// AppendRaw appends the raw bytes; see AppendNumbers.
	AppendRaw(dst []byte) ([]byte, error)
}

// ShapedDecoder is implemented by the pointers of Shaped types.
type ShapedDecoder interface {
	// DecodeRaw sets the value. Neither slice may be kept; both may be hostile, so DecodeRaw has to check that they fit
	// together before it allocates, and must not panic. See DecodeNumbers.
	DecodeRaw(shape []int, raw []byte) error
}

// describeShaped picks the codec of types that define their own encoding.
func (t *Type) describeShaped() bool {
	isShaped := t.rt.Kind() != reflect.Pointer && t.rt.Implements(reflect.TypeFor[Shaped]())
	if !isShaped || !reflect.PointerTo(t.rt).Implements(reflect.TypeFor[ShapedDecoder]()) {
		return false
	}
	ofZero := t.zero.(Shaped).RawBytes()
	t.codec = shaped{t.rt}
	t.size = func(v any) int64 {
		if s, isSet := v.(Shaped); isSet {
			return s.RawBytes()
		}
		return ofZero
	}
	return true
}

// shaped is the codec of types that define their own encoding.
type shaped struct{ rt reflect.Type }

func (shaped) id() codecID { return shapedCodec }

func (shaped) shape(dst []int, v any) []int { return v.(Shaped).AppendShape(dst) }

func (shaped) append(dst []byte, v any) ([]byte, error) {
	s := v.(Shaped)
	start, want := len(dst), s.RawBytes()
	dst, err := s.AppendRaw(dst)
	if err == nil && int64(len(dst)-start) != want {
		err = fmt.Errorf("AppendRaw gave %d bytes, expected the %d of RawBytes", len(dst)-start, want)
	}
	return dst, err
}

func (c shaped) decode(shape []int, raw []byte) (any, error) {
	v := reflect.New(c.rt)
	if err := v.Interface().(ShapedDecoder).DecodeRaw(shape, raw); err != nil {
		return nil, err
	}
	return v.Elem().Interface(), nil
}
