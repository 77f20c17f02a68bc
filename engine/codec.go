package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
)

// Errors of decoding.
var (
	// ErrMalformed: the bytes are not what the format's page (FORMAT-*.md) describes.
	ErrMalformed = errors.New("engine: malformed encoding")
	// ErrUnknownVersion: a later program wrote the bytes, which should be kept rather than dropped.
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
	r := reader{rest: src}
	if version := r.byte(); r.err == nil && version != valueVersion {
		return nil, fmt.Errorf("%w: value of version %d, expected %d", ErrUnknownVersion, version, valueVersion)
	}
	id := codecID(r.byte())
	name := r.text()
	dimensions := int(r.byte())
	if r.err == nil && dimensions > maxDimensions {
		r.fail("%d dimensions, at most %d are allowed", dimensions, maxDimensions)
	}
	var room [maxDimensions]int
	shape := room[:0]
	for range dimensions {
		if n := r.uvarint(); r.err == nil {
			if n > math.MaxInt32 {
				r.fail("a dimension of %d, at most %d are allowed", n, math.MaxInt32)
			}
			shape = append(shape, int(n))
		}
	}
	switch {
	case r.err != nil:
		return nil, fmt.Errorf("%w: value: %w", ErrMalformed, r.err)
	case name != t.name:
		return nil, fmt.Errorf("%w: value of type %s, expected %s", ErrMalformed, printable(name), t.name)
	case id != t.codec.id():
		return nil, fmt.Errorf("%w: value of type %s in codec %d, expected %d", ErrMalformed, t.name, id, t.codec.id())
	}
	v, err := t.codec.decode(shape, r.rest)
	if err != nil {
		return nil, fmt.Errorf("%w: value of type %s: %w", ErrMalformed, t.name, err)
	}
	return v, nil
}

// printable makes text from outside short and valid UTF-8, for errors.
func printable(s string) string {
	const most = 80
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "�")
}

// reader parses bytes that may be hostile. After the first error all its methods return zero values.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
		r.rest = nil
	}
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.fail("it ends too early")
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail("it ends within a number, or a number exceeds 64 bits")
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// bool is a flag of one byte.
func (r *reader) bool() bool {
	b := r.byte()
	if b > 1 {
		r.fail("the byte %d, expected 0 or 1", b)
	}
	return b == 1
}

// number reads an unsigned number and fails if it exceeds most.
func (r *reader) number(what string, most uint64) uint64 {
	v := r.uvarint()
	if v > most {
		r.fail("%s is %d, at most %d are possible", what, v, most)
		return 0
	}
	return v
}

// count reads how many things of at least one byte each follow, so it cannot exceed the number of bytes left.
func (r *reader) count(what string) int {
	return int(r.number(what, uint64(len(r.rest))))
}

// zigzag is a signed number.
func (r *reader) zigzag() int64 { return unzigzag(r.uvarint()) }

// bytes reads the next n bytes; they are not copied.
func (r *reader) bytes(n int) []byte {
	if n > len(r.rest) {
		r.fail("it ends too early")
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// text reads a string that follows its length.
func (r *reader) text() string { return string(r.bytes(r.count("the length of a text"))) }

func zigzag(v int64) uint64   { return uint64(v<<1) ^ uint64(v>>63) }
func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }
