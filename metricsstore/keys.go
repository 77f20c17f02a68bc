package metricsstore

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// Back ends that order bytes share these keys and values: the bytes of keys are ordered as the keys are.

// DetailKeyLen is the length of an encoded DetailKey.
const DetailKeyLen = 12

// Append appends the encoded key to dst, fields in order and big endian.
func (k DetailKey) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, k.Revision)
	dst = binary.BigEndian.AppendUint32(dst, uint32(k.Node))
	dst = binary.BigEndian.AppendUint16(dst, k.Epoch)
	return binary.BigEndian.AppendUint16(dst, k.Attempt)
}

// ParseDetailKey is the inverse of DetailKey.Append.
func ParseDetailKey(b []byte) (DetailKey, error) {
	if len(b) != DetailKeyLen {
		return DetailKey{}, fmt.Errorf("%w: key of %d bytes, expected %d", ErrCorrupt, len(b), DetailKeyLen)
	}
	return DetailKey{
		Revision: binary.BigEndian.Uint32(b), Node: dag.NodeID(binary.BigEndian.Uint32(b[4:])),
		Epoch: binary.BigEndian.Uint16(b[8:]), Attempt: binary.BigEndian.Uint16(b[10:]),
	}, nil
}

// Compare orders keys by their fields.
func (k DetailKey) Compare(o DetailKey) int {
	var a, b [DetailKeyLen]byte
	return bytes.Compare(k.Append(a[:0]), o.Append(b[:0]))
}

// Append appends the encoded position to dst, so that what Store.Runs lists first has the smallest bytes.
func (p Position) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, ^(uint64(p.Started) ^ 1<<63))
	for _, c := range []byte(p.Run) {
		dst = append(dst, ^c)
	}
	return append(dst, 0xff) // an ID follows the longer ones that begin with it
}

// ParsePosition is the inverse of Position.Append.
func ParsePosition(b []byte) (Position, error) {
	if len(b) < 9 || b[len(b)-1] != 0xff {
		return Position{}, fmt.Errorf("%w: position of %d bytes", ErrCorrupt, len(b))
	}
	id := make([]byte, 0, len(b)-9)
	for _, c := range b[8 : len(b)-1] {
		id = append(id, ^c)
	}
	return Position{Started: int64(^binary.BigEndian.Uint64(b) ^ 1<<63), Run: record.RunID(id)}, nil
}

// Append appends the encoded key to dst. Texts end with 0 1, and a 0 within them is written 0 2, so that every text
// is kept and none is mistaken for the beginning of another.
func (k RollupKey) Append(dst []byte) []byte {
	dst = appendText(dst, k.Function)
	dst = binary.BigEndian.AppendUint64(dst, uint64(int64(k.Version))^1<<63)
	dst = appendText(dst, string(k.Metric))
	dst = binary.BigEndian.AppendUint32(dst, uint32(k.Day)^1<<31)
	return append(dst, k.Run...)
}

// ParseRollupKey is the inverse of RollupKey.Append.
func ParseRollupKey(b []byte) (RollupKey, error) {
	function, b, ok := parseText(b)
	if !ok || len(b) < 8 {
		return RollupKey{}, fmt.Errorf("%w: key of a roll-up", ErrCorrupt)
	}
	version := int(int64(binary.BigEndian.Uint64(b) ^ 1<<63))
	metric, b, ok := parseText(b[8:])
	if !ok || len(b) < 4 {
		return RollupKey{}, fmt.Errorf("%w: key of a roll-up", ErrCorrupt)
	}
	return RollupKey{
		Function: function, Version: version, Metric: Metric(metric),
		Day: Day(binary.BigEndian.Uint32(b) ^ 1<<31), Run: record.RunID(b[4:]),
	}, nil
}

// Compare orders keys by their fields.
func (k RollupKey) Compare(o RollupKey) int { return bytes.Compare(k.Append(nil), o.Append(nil)) }

// Prefix is what the keys that a query for a function selects have in common as bytes; empty for all functions.
func (q *RollupQuery) Prefix() []byte {
	if q.Function == "" {
		return nil
	}
	return appendText(nil, q.Function)
}

func appendText(dst []byte, s string) []byte {
	for _, c := range []byte(s) {
		if c == 0 {
			dst = append(dst, 0, 2)
			continue
		}
		dst = append(dst, c)
	}
	return append(dst, 0, 1)
}

func parseText(b []byte) (s string, rest []byte, ok bool) {
	var text []byte
	for i := 0; i+1 < len(b); i++ {
		switch {
		case b[i] != 0:
			text = append(text, b[i])
		case b[i+1] == 1:
			return string(text), b[i+2:], true
		case b[i+1] == 2:
			text = append(text, 0)
			i++
		default:
			return "", nil, false
		}
	}
	return "", nil, false
}

// AppendValue appends a block to dst, without First, which is its key.
func (b *Block) AppendValue(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, b.Last-b.First)
	dst = binary.AppendVarint(dst, b.From)
	dst = binary.AppendVarint(dst, b.To)
	return append(dst, b.Data...)
}

// ParseBlock is the inverse of Block.AppendValue. The block keeps value.
func ParseBlock(first uint64, value []byte) (Block, error) {
	n, i := binary.Uvarint(value)
	from, j := binary.Varint(value[max(i, 0):])
	to, k := binary.Varint(value[max(i, 0)+max(j, 0):])
	if i <= 0 || j <= 0 || k <= 0 || n >= 1<<64-1-first {
		return Block{}, fmt.Errorf("%w: head of the block at step %d", ErrCorrupt, first)
	}
	return Block{First: first, Last: first + n, From: from, To: to, Data: value[i+j+k:]}, nil
}

// sameHeader compares headers as they are stored.
func sameHeader(a, b *Header) bool {
	x, err := json.Marshal(a)
	y, other := json.Marshal(b)
	return err == nil && other == nil && bytes.Equal(x, y)
}
