package digest

import (
	"encoding"
	"encoding/binary"
	"math"
)

var (
	_ encoding.BinaryAppender    = (*Sketch)(nil)
	_ encoding.BinaryMarshaler   = (*Sketch)(nil)
	_ encoding.BinaryUnmarshaler = (*Sketch)(nil)
)

// The first two bytes of an encoding: see FORMAT.md.
const (
	formatVersion = 1

	traitScale = 0x0f // the scale
	traitFloat = 0x10 // a float sketch
	traitFull  = 0x20 // buckets, not raw values
)

// AppendBinary appends the sketch, in the format of FORMAT.md, to dst. Sketches with equal content have the same bytes.
// It allocates nothing if dst has room, and the error is always nil.
func (s *Sketch) AppendBinary(dst []byte) ([]byte, error) {
	traits := byte(s.Scale())
	if s.kind == Float {
		traits |= traitFloat
	}
	if s.full {
		traits |= traitFull
	}
	dst = append(dst, formatVersion, traits)
	dst = binary.AppendUvarint(dst, s.n)
	dst = binary.AppendUvarint(dst, s.rejected)
	dst = binary.AppendUvarint(dst, s.clamped)
	if !s.full {
		return s.appendRaw(dst), nil
	}
	dst = binary.AppendUvarint(dst, s.zeros)
	dst = s.appendMoments(dst)
	return s.appendCounts(dst), nil
}

// MarshalBinary returns the sketch in the format of FORMAT.md; the error is always nil.
func (s *Sketch) MarshalBinary() ([]byte, error) { return s.AppendBinary(nil) }

func (s *Sketch) appendRaw(dst []byte) []byte {
	var buf [ExactLimit]int64
	before := int64(0)
	for _, key := range s.sorted(&buf) {
		dst = binary.AppendUvarint(dst, uint64(key-before))
		before = key
	}
	return dst
}

func (s *Sketch) appendMoments(dst []byte) []byte {
	m := &s.moments
	dst = binary.AppendUvarint(dst, uint64(m.low))
	dst = binary.AppendUvarint(dst, uint64(m.high-m.low))
	if s.kind == Integer {
		for _, w := range [...]uint64{m.sum.hi, m.sum.lo, m.squares.hi, m.squares.lo} {
			dst = binary.AppendUvarint(dst, w)
		}
		return dst
	}
	for _, f := range [...]float64{m.total, m.mean, m.deviations} {
		dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(f))
	}
	return dst
}

// appendCounts appends the page at which the counters start, counted from the page just above 1, then the number of
// pages, and the pages.
func (s *Sketch) appendCounts(dst []byte) []byte {
	dst = binary.AppendVarint(dst, int64(s.first/page-s.firstAboveOne()))
	dst = binary.AppendUvarint(dst, uint64(len(s.counts)/page))
	before := uint64(0)
	for at := 0; at < len(s.counts); at += page {
		counts := (*[page]uint64)(s.counts[at:])
		dst = appendPage(dst, counts, before)
		before = counts[page-1]
	}
	return dst
}

// firstAboveOne is the page that starts at 1 or, if none does, the last page that starts below 1.
func (s *Sketch) firstAboveOne() int { return 1023 >> s.shift }
