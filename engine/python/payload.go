package python

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
)

// maxPassed bounds the descriptors of one payload, its own included; Linux passes 253 at once.
const maxPassed = 250

// An entry of a payload is the size of a value, its codec, and whether it lies apart, in a segment of its own.
const (
	entrySize  = 1<<56 - 1
	entryCodec = 56
	entryApart = 1 << 63
)

// payload is several values in one piece of bytes, the large ones apart in segments.
type payload struct {
	entries  []uint64
	parts    [][]byte   // with padding between them
	size     uint64     // of entries and parts
	segments []*segment // of values that lie apart; then, if it is not inline, its own
}

var padding [alignment]byte

// reset empties a payload and drops what it refers to.
func (p *payload) reset() {
	clear(p.parts)
	clear(p.segments)
	p.entries, p.parts, p.segments, p.size = p.entries[:0], p.parts[:0], p.segments[:0], 0
}

// pack puts the values of a call and its template, if it has one, into an empty payload.
func (p *payload) pack(values []Value, template Value) error {
	p.size = 8 * uint64(len(values)+1)
	for i := range len(values) + 1 {
		v := template
		if i < len(values) {
			v = values[i]
		} else if template.Codec == 0 {
			p.entries = append(p.entries, 0)
			break
		}
		entry := uint64(v.Size()) | uint64(v.codec())<<entryCodec
		if v.shared != nil && len(p.segments) < maxPassed-1 {
			p.entries = append(p.entries, entry|entryApart)
			p.segments = append(p.segments, v.shared)
			continue
		}
		data, err := v.Bytes()
		if err != nil {
			return err
		}
		if v.codec() != CBOR {
			p.add(padding[:aligned(p.size)-p.size])
		}
		p.add(data)
		p.entries = append(p.entries, entry)
	}
	if p.isInline() {
		return nil
	}
	own, err := newSegment(slices.Concat([][]byte{p.appendEntries(nil)}, p.parts)...)
	if err != nil {
		return err
	}
	p.segments = append(p.segments, own)
	return nil
}

func (p *payload) add(part []byte) {
	p.parts = append(p.parts, part)
	p.size += uint64(len(part))
}

func (p *payload) isInline() bool { return p.size <= inline }

func (p *payload) appendEntries(dst []byte) []byte {
	for _, e := range p.entries {
		dst = binary.LittleEndian.AppendUint64(dst, e)
	}
	return dst
}

// appendTo appends a payload that is inline.
func (p *payload) appendTo(dst []byte) []byte {
	dst = p.appendEntries(dst)
	for _, part := range p.parts {
		dst = append(dst, part...)
	}
	return dst
}

// unpack returns the values of a payload. files are those of the values that lie apart; they are used up, also on error.
func unpack(data []byte, count int, files []*os.File) (values []Value, err error) {
	defer func() { closeFiles(files) }()
	if len(data) < 8*count {
		return nil, fmt.Errorf("a payload of %d bytes for %d values", len(data), count)
	}
	entries, at := data[:8*count], 8*uint64(count)
	values = make([]Value, count)
	for i := range values {
		entry := binary.LittleEndian.Uint64(entries[8*i:])
		c, size := Codec(entry>>entryCodec&127), entry&entrySize
		switch {
		case entry&entryApart == 0:
			values[i], at, err = cut(data, at, c, size)
		case len(files) == 0:
			err = errors.New("more values apart than descriptors")
		default:
			values[i], err = receive(files[0], c, size)
			files = files[1:]
		}
		if err != nil {
			return nil, err
		}
	}
	if at != uint64(len(data)) || len(files) > 0 {
		return nil, fmt.Errorf("a payload of %d bytes, expected %d, and %d descriptors too many", len(data), at, len(files))
	}
	return values, nil
}

// cut copies the value that is next in a payload. end is where it ends.
func cut(data []byte, at uint64, c Codec, size uint64) (v Value, end uint64, err error) {
	if c != CBOR {
		at = aligned(at)
	}
	if at > uint64(len(data)) || size > uint64(len(data))-at {
		return Value{}, at, fmt.Errorf("a value of %d bytes at %d of %d", size, at, len(data))
	}
	own := slices.Clone(data[at : at+size])
	return Value{Codec: c, Data: own}, at + size, check(c, own)
}

// receive makes a value of the file that it lies in. What the file has is only checked by the interpreter that reads it.
func receive(file *os.File, c Codec, size uint64) (Value, error) {
	if c < CBOR || c > Pickle {
		_ = file.Close()
		return Value{}, check(c, nil)
	}
	s, err := adopt(file)
	if err != nil {
		return Value{}, err
	}
	if uint64(s.size) != size {
		_ = file.Close()
		return Value{}, fmt.Errorf("a segment of %d bytes, expected %d", s.size, size)
	}
	if openSegments.Load() <= maxSegments {
		return Value{Codec: c, shared: s}, nil
	}
	data, err := s.appendTo(nil)
	_ = s.file.Close() // rather than when it is found unused
	return Value{Codec: c, Data: data}, err
}

// readFile reads a payload that lies in a file, which it closes.
func readFile(file *os.File, size uint64) ([]byte, error) {
	s, err := adopt(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	if uint64(s.size) != size {
		return nil, fmt.Errorf("a payload of %d bytes, expected %d", s.size, size)
	}
	return s.appendTo(nil)
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}
