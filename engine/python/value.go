package python

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/fxamacker/cbor/v2"
)

// Codec says what a reader of a value has to be able to do; each includes the ones before it.
type Codec uint8

// The codecs.
const (
	CBOR   Codec = 1 // one item
	Array  Codec = 2 // a document: an item, and buffers that arrays in it are in
	Pickle Codec = 3 // a document, and something in it is a pickle: who reads it may execute any code
)

// String names the codec.
func (c Codec) String() string {
	switch c {
	case CBOR:
		return "cbor"
	case Array:
		return "array"
	case Pickle:
		return "pickle"
	default:
		return fmt.Sprintf("Codec(%d)", uint8(c))
	}
}

// Value is a Python value as FORMAT.md encodes it. The zero Value is None. It is immutable and safe for concurrent use.
//
// It is a value of the engine's codec: as the input or output of a function it is a codec.Shaped type, and as a part of a
// list or a struct it encodes itself as well.
type Value struct {
	Codec Codec
	// Data are its bytes, nil if they are in memory that processes share; Bytes has them in any case.
	Data   []byte
	shared *segment
}

// none is the encoding of None.
var none = []byte{0xf6}

// Encode encodes None, booleans, numbers, texts, bytes, lists and maps of Go as the Python values that correspond to them,
// structs as dicts.
func Encode(v any) (Value, error) {
	data, err := cbor.Marshal(v)
	if err != nil {
		return Value{}, fmt.Errorf("python: a %T has no value of Python: %w", v, err)
	}
	return Value{Codec: CBOR, Data: data}, nil
}

// Size is how many bytes the value takes.
func (v Value) Size() int64 {
	if v.shared != nil {
		return v.shared.size
	}
	return int64(len(v.data()))
}

// Bytes returns the bytes of the value. They must not be changed; of shared memory they are a copy.
func (v Value) Bytes() ([]byte, error) {
	if v.shared != nil {
		return v.shared.appendTo(nil)
	}
	return v.data(), nil
}

// codec is what the zero Value leaves open.
func (v Value) codec() Codec { return max(v.Codec, CBOR) }

// data are the bytes of a value that is not shared.
func (v Value) data() []byte {
	if v.Codec == 0 && v.Data == nil {
		return none
	}
	return v.Data
}

// AppendShape implements codec.Shaped: a value is its codec and its bytes, without dimensions.
func (v Value) AppendShape(dst []int) []int { return dst }

// RawBytes implements codec.Shaped.
func (v Value) RawBytes() int64 { return 1 + v.Size() }

// AppendRaw implements codec.Shaped.
func (v Value) AppendRaw(dst []byte) ([]byte, error) {
	dst = append(slices.Grow(dst, int(v.RawBytes())), byte(v.codec()))
	if v.shared != nil {
		return v.shared.appendTo(dst)
	}
	return append(dst, v.data()...), nil
}

// DecodeRaw implements codec.ShapedDecoder. It checks the codec and the lengths of a document; what the item is, only the
// interpreter finds out. Large values come to lie in shared memory, where interpreters need them.
func (v *Value) DecodeRaw(shape []int, raw []byte) error {
	if len(shape) > 0 || len(raw) < 2 {
		return fmt.Errorf("a Python value of shape %v with %d bytes, expected none and at least 2 bytes", shape, len(raw))
	}
	c, data := Codec(raw[0]), raw[1:]
	if err := check(c, data); err != nil {
		return err
	}
	*v = keep(c, data)
	return nil
}

// MarshalBinary implements encoding.BinaryMarshaler, for values in lists and structs.
func (v Value) MarshalBinary() ([]byte, error) { return v.AppendRaw(nil) }

// UnmarshalBinary implements encoding.BinaryUnmarshaler.
func (v *Value) UnmarshalBinary(raw []byte) error { return v.DecodeRaw(nil, raw) }

// keep makes a value of a copy of its bytes.
func keep(c Codec, data []byte) Value {
	if len(data) > inline && openSegments.Load() < maxSegments {
		if s, err := newSegment(data); err == nil { // else none are to be had: the heap serves
			return Value{Codec: c, shared: s}
		}
	}
	return Value{Codec: c, Data: slices.Clone(data)}
}

var errDocument = errors.New("the lengths of a document do not add up")

// alignment of buffers, for vector instructions.
const alignment = 64

func aligned(at uint64) uint64 { return (at + alignment - 1) &^ (alignment - 1) }

// check checks what can be checked without reading items.
func check(c Codec, data []byte) error {
	switch c {
	case CBOR:
		if len(data) == 0 {
			return errors.New("a value without bytes, expected an item")
		}
		return nil
	case Array, Pickle:
		_, _, err := openDocument(data)
		return err
	default:
		return fmt.Errorf("the codec %d, expected 1 to 3", c)
	}
}

// openDocument returns the item and the buffers of a document, which are parts of it.
func openDocument(data []byte) (item []byte, buffers [][]byte, err error) {
	const head = 8 // bytes of the item, number of the buffers
	if len(data) < head {
		return nil, nil, errDocument
	}
	size, count := uint64(binary.LittleEndian.Uint32(data)), uint64(binary.LittleEndian.Uint32(data[4:]))
	all, at := uint64(len(data)), head+8*count
	if at+size > all {
		return nil, nil, errDocument
	}
	item, at = data[at:at+size], at+size
	buffers = make([][]byte, count)
	for i := range buffers {
		length := binary.LittleEndian.Uint64(data[head+8*i:])
		at = aligned(at)
		if at > all || length > all-at {
			return nil, nil, errDocument
		}
		buffers[i], at = data[at:at+length], at+length
	}
	if at != all {
		return nil, nil, errDocument
	}
	return item, buffers, nil
}
