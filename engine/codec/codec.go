package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/dagscope/dagscope/engine/internal/wire"
)

// Errors of decoding.
var (
	// ErrMalformed: the bytes are not what the format's page (FORMAT-*.md) describes.
	ErrMalformed = errors.New("engine: malformed encoding")
	// ErrUnknownVersion: a later version of the program wrote the bytes, so keep them rather than drop them.
	ErrUnknownVersion = errors.New("engine: unknown version of an encoding")
)

// valueVersion is the first byte of every encoded value.
const valueVersion = 1

// maxDimensions bounds the shape of a value.
const maxDimensions = 8

// codecID says how the raw bytes of a value are to be read. The numbers are stored: new ones may be added, none reused.
type codecID byte

const (
	rawCodec        codecID = 1 // bytes, text, numbers in little endian
	shapedCodec     codecID = 2 // as the type itself defines
	structuredCodec codecID = 3 // CBOR
)

// appendEnvelope writes version, codec, name and shape, then the raw bytes.
func appendEnvelope(dst []byte, t *Type, v any) ([]byte, error) {
	start := len(dst)
	dst = append(dst, valueVersion, byte(t.codec.id()))
	dst = binary.AppendUvarint(dst, uint64(len(t.name)))
	dst = append(dst, t.name...)
	var room [maxDimensions]int
	shape := t.codec.shape(room[:0], v)
	if len(shape) > maxDimensions {
		return dst[:start], fmt.Errorf("engine: a %s has %d dimensions, at most %d are allowed", t.name, len(shape), maxDimensions)
	}
	dst = append(dst, byte(len(shape)))
	for _, n := range shape {
		if n < 0 || n > math.MaxInt32 {
			return dst[:start], fmt.Errorf("engine: a %s has the shape %v, expected no dimension below 0 or above %d", t.name, shape, math.MaxInt32)
		}
		dst = binary.AppendUvarint(dst, uint64(n))
	}
	out, err := t.codec.append(dst, v)
	if err != nil {
		return dst[:start], fmt.Errorf("engine: a %s cannot be encoded: %w", t.name, err)
	}
	return out, nil
}

// decodeEnvelope checks everything before the raw bytes and passes those to the codec.
func decodeEnvelope(src []byte, t *Type) (any, error) {
	r := wire.Reader{Rest: src}
	if version := r.Byte(); r.Err == nil && version != valueVersion {
		return nil, fmt.Errorf("%w: value of version %d, expected %d", ErrUnknownVersion, version, valueVersion)
	}
	id := codecID(r.Byte())
	name := r.Text()
	dimensions := int(r.Byte())
	if r.Err == nil && dimensions > maxDimensions {
		r.Fail("%d dimensions, at most %d are allowed", dimensions, maxDimensions)
	}
	var room [maxDimensions]int
	shape := room[:0]
	for range dimensions {
		if n := r.Uvarint(); r.Err == nil {
			if n > math.MaxInt32 {
				r.Fail("a dimension of %d, at most %d are allowed", n, math.MaxInt32)
			}
			shape = append(shape, int(n))
		}
	}
	switch {
	case r.Err != nil:
		return nil, fmt.Errorf("%w: value: %w", ErrMalformed, r.Err)
	case name != t.name:
		return nil, fmt.Errorf("%w: value of type %s, expected %s", ErrMalformed, wire.Printable(name), t.name)
	case id != t.codec.id():
		return nil, fmt.Errorf("%w: value of type %s in codec %d, expected %d", ErrMalformed, t.name, id, t.codec.id())
	}
	v, err := t.codec.decode(shape, r.Rest)
	if err != nil {
		return nil, fmt.Errorf("%w: value of type %s: %w", ErrMalformed, t.name, err)
	}
	return v, nil
}
