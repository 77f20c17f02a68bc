package python

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/dagscope/dagscope/engine/internal/wire"
)

// shownElements bounds the arrays whose elements become JSON.
const shownElements = 1000

// MarshalJSON implements json.Marshaler, for people who look at a result: what JSON does not have is shown as what is
// nearest. Tuples and sets are lists, dataclasses objects, bytes text in base64; keys that are no text are the text of
// their JSON; numbers that JSON does not have are the text NaN, Infinity or -Infinity. Arrays are lists of numbers, or an
// object of dtype and shape if they have more than 1,000 elements or ones that are no numbers; a pickle is an object of its
// size. The error wraps what is wrong with the encoding.
func (v Value) MarshalJSON() ([]byte, error) {
	data, err := v.Bytes()
	if err != nil {
		return nil, err
	}
	t := transcriber{}
	if t.Rest = data; v.codec() != CBOR {
		if t.Rest, t.buffers, err = openDocument(data); err != nil {
			return nil, err
		}
	}
	t.item(0)
	if len(t.Rest) > 0 {
		t.Fail("%d bytes after an item", len(t.Rest))
	}
	return t.out, t.Err
}

// transcriber reads items and writes JSON.
type transcriber struct {
	wire.Reader
	buffers [][]byte
	out     []byte
}

// Major types of CBOR (RFC 8949, section 3.1).
const (
	majorPositive = iota
	majorNegative
	majorBytes
	majorText
	majorList
	majorMap
	majorTag
	majorSimple
)

// Tags, see FORMAT.md.
const (
	tagBigPositive = 2
	tagBigNegative = 3
	tagObject      = 27
	tagSet         = 258
	tagTuple       = 61001
	tagArray       = 61002
	tagScalar      = 61003
	tagPickle      = 61004
)

// maxDepth bounds the nesting of items.
const maxDepth = 128

// head reads the beginning of an item: its major type, and the number that is its value, length, or tag.
func (t *transcriber) head() (major byte, info byte, n uint64) {
	first := t.Byte()
	major, info = first>>5, first&31
	if info < 24 {
		return major, info, uint64(info)
	}
	if info > 27 {
		t.Fail("an item of the length %d, expected a definite one", info)
		return major, info, 0
	}
	var wide [8]byte
	width := 1 << (info - 24)
	copy(wide[8-width:], t.Bytes(width))
	return major, info, binary.BigEndian.Uint64(wide[:])
}

// expect reads the head of an item of a major type. Texts, bytes, lists and maps have no more parts than bytes are left.
func (t *transcriber) expect(major byte, what string) uint64 {
	got, _, n := t.head()
	if got != major {
		t.Fail("an item of major type %d as %s, expected %d", got, what, major)
	}
	return t.bounded(got, n)
}

func (t *transcriber) bounded(major byte, n uint64) uint64 {
	if major >= majorBytes && major <= majorMap && n > uint64(len(t.Rest)) {
		t.Fail("%d parts in %d bytes", n, len(t.Rest))
		return 0
	}
	return n
}

// text reads a text.
func (t *transcriber) text(what string) string {
	return string(t.Bytes(int(t.expect(majorText, what))))
}

func (t *transcriber) item(depth int) {
	if depth > maxDepth {
		t.Fail("nested more than %d levels deep", maxDepth)
	}
	major, info, n := t.head()
	n = t.bounded(major, n)
	if t.Err != nil {
		return
	}
	switch major {
	case majorPositive:
		t.out = strconv.AppendUint(t.out, n, 10)
	case majorNegative:
		t.integer(new(big.Int).Not(new(big.Int).SetUint64(n)))
	case majorBytes:
		t.quote(base64.StdEncoding.EncodeToString(t.Bytes(int(n))))
	case majorText:
		t.quote(string(t.Bytes(int(n))))
	case majorList:
		t.list(n, depth)
	case majorMap:
		t.object(n, depth)
	case majorTag:
		t.tagged(n, depth)
	default:
		t.simple(info, n)
	}
}

func (t *transcriber) integer(n *big.Int) { t.out = n.Append(t.out, 10) }

// quote writes a text; bytes that are no UTF-8 are replaced.
func (t *transcriber) quote(s string) {
	quoted, err := json.Marshal(s)
	if err != nil {
		t.Fail("a text: %v", err)
	}
	t.out = append(t.out, quoted...)
}

func (t *transcriber) list(n uint64, depth int) {
	t.out = append(t.out, '[')
	for i := uint64(0); i < n && t.Err == nil; i++ {
		if i > 0 {
			t.out = append(t.out, ',')
		}
		t.item(depth + 1)
	}
	t.out = append(t.out, ']')
}

func (t *transcriber) object(n uint64, depth int) {
	t.out = append(t.out, '{')
	for i := uint64(0); i < n && t.Err == nil; i++ {
		if i > 0 {
			t.out = append(t.out, ',')
		}
		t.key(depth)
		t.out = append(t.out, ':')
		t.item(depth + 1)
	}
	t.out = append(t.out, '}')
}

// key writes the key of an object: a text as it is, everything else as the text of its JSON.
func (t *transcriber) key(depth int) {
	start := len(t.out)
	t.item(depth + 1)
	if t.Err != nil || t.out[start] == '"' {
		return
	}
	text := string(t.out[start:])
	t.out = t.out[:start]
	t.quote(text)
}

func (t *transcriber) simple(info byte, n uint64) {
	switch info {
	case 20, 21:
		t.out = strconv.AppendBool(t.out, info == 21)
	case 22:
		t.out = append(t.out, "null"...)
	case 25:
		t.out = appendFloat(t.out, halfFloat(uint16(n)))
	case 26:
		t.out = appendFloat(t.out, float64(math.Float32frombits(uint32(n))))
	case 27:
		t.out = appendFloat(t.out, math.Float64frombits(n))
	default:
		t.Fail("a simple value %d, expected false, true, null or a floating-point number", n)
	}
}

func (t *transcriber) tagged(tag uint64, depth int) {
	switch tag {
	case tagBigPositive, tagBigNegative:
		n := new(big.Int).SetBytes(t.Bytes(int(t.expect(majorBytes, "a large number"))))
		if tag == tagBigNegative {
			n.Not(n)
		}
		t.integer(n)
	case tagTuple, tagSet:
		t.list(t.expect(majorList, "a tuple or a set"), depth)
	case tagObject:
		t.fields("a dataclass", 2)
		_ = t.text("the name of a dataclass")
		t.object(t.expect(majorMap, "the fields of a dataclass"), depth)
	case tagArray:
		t.fields("an array", 3)
		dtype := t.text("a dtype")
		t.array(dtype, t.shape())
	case tagScalar:
		t.fields("a scalar", 2)
		dtype := t.text("a dtype")
		t.elements(dtype, nil, t.Bytes(int(t.expect(majorBytes, "a scalar"))))
	case tagPickle:
		t.fields("a pickle", 2)
		size := t.expect(majorBytes, "a pickle")
		t.Bytes(int(size))
		t.out = strconv.AppendUint(append(t.out, `{"pickle":`...), size, 10)
		t.out = append(t.out, '}')
		t.skipNumbers()
	default:
		t.Fail("an item with the tag %d", tag)
	}
}

// fields reads the head of a list of n parts.
func (t *transcriber) fields(what string, n uint64) {
	if got := t.expect(majorList, what); got != n {
		t.Fail("%s of %d parts, expected %d", what, got, n)
	}
}

func (t *transcriber) skipNumbers() {
	for range t.expect(majorList, "the buffers of a pickle") {
		t.expect(majorPositive, "the number of a buffer")
	}
}

// maxDimensions of an array.
const maxDimensions = 32

// shape reads the lengths of an array.
func (t *transcriber) shape() []uint64 {
	n := t.expect(majorList, "a shape")
	if n > maxDimensions {
		t.Fail("an array of %d dimensions, expected at most %d", n, maxDimensions)
		return nil
	}
	lengths := make([]uint64, n)
	for i := range lengths {
		lengths[i] = t.expect(majorPositive, "a length")
	}
	return lengths
}

// array reads the number of an array's buffer and writes what is in it.
func (t *transcriber) array(dtype string, shape []uint64) {
	number := t.expect(majorPositive, "the number of a buffer")
	if number >= uint64(len(t.buffers)) {
		t.Fail("the buffer %d of %d", number, len(t.buffers))
		return
	}
	t.elements(dtype, shape, t.buffers[number])
}

// elements writes the elements of an array or a scalar as lists, or describes them.
func (t *transcriber) elements(dtype string, shape []uint64, raw []byte) {
	if t.Err != nil {
		return
	}
	width, write := elementOf(dtype)
	count := uint64(1)
	for _, n := range shape {
		if n > 0 && count > math.MaxUint32/n {
			count = math.MaxUint32 // enough to be described; a length of 0 may follow
			continue
		}
		count *= n
	}
	if write == nil || count > shownElements {
		t.describe(dtype, shape)
		return
	}
	if uint64(len(raw)) != count*uint64(width) {
		t.Fail("an array of %s and shape %v with %d bytes", dtype, shape, len(raw))
		return
	}
	t.nest(shape, raw, write)
}

// nest writes lists of the first dimension of lists of the others.
func (t *transcriber) nest(shape []uint64, raw []byte, write func(dst, raw []byte) []byte) {
	if len(shape) == 0 {
		t.out = write(t.out, raw)
		return
	}
	t.out = append(t.out, '[')
	if len(raw) > 0 { // else lists of nothing, which may be very many
		each := len(raw) / int(shape[0])
		for i := range int(shape[0]) {
			if i > 0 {
				t.out = append(t.out, ',')
			}
			t.nest(shape[1:], raw[i*each:(i+1)*each], write)
		}
	}
	t.out = append(t.out, ']')
}

func (t *transcriber) describe(dtype string, shape []uint64) {
	t.out = append(t.out, `{"dtype":`...)
	t.quote(dtype)
	t.out = fmt.Appendf(t.out, `,"shape":%s}`, strings.ReplaceAll(fmt.Sprint(shape), " ", ","))
}
