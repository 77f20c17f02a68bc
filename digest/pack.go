package digest

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// A stored page is one byte, then width words of eight bytes: the 64 counters, or their differences, in width
// bits each. See FORMAT.md.
const (
	packedDeltas = 0x80 // differences, not the counters themselves
	packedWidth  = 0x7f
)

// appendPage appends a page in the shorter of the two forms. before is the counter before the page.
func appendPage(dst []byte, counts *[page]uint64, before uint64) []byte {
	var values [page]uint64
	var plainBits, deltaBits uint64
	for i, c := range counts {
		d := zigzag(int64(c - before))
		before = c
		values[i] = d
		plainBits |= c
		deltaBits |= d
	}
	width, header := bits.Len64(deltaBits), byte(packedDeltas)
	if w := bits.Len64(plainBits); w <= width {
		width, header, values = w, 0, *counts
	}
	dst = append(dst, header|byte(width))
	return appendBits(dst, &values, uint(width))
}

// appendBits appends the low width bits of each value, the first value in the lowest bits, and overwrites values. It
// joins groups of four adjacent values as long as they fit into a word, so that little is left to do bit by bit.
func appendBits(dst []byte, values *[page]uint64, width uint) []byte {
	size := int(width) * 8
	dst = slices.Grow(dst, size)[:len(dst)+size]
	out := dst[len(dst)-size:]
	count := page
	for ; 0 < width && width <= 16; width *= 4 {
		count /= 4
		join(values, count, width)
	}
	var word uint64
	used := uint(0)
	for _, v := range values[:count] {
		word |= v << (used & 63)
		if used += width; used >= 64 {
			binary.LittleEndian.PutUint64(out, word)
			out = out[8:]
			used -= 64
			word = v >> (width - used)
		}
	}
	return dst
}

// join combines every four values of width bits into one, giving count values.
func join(values *[page]uint64, count int, width uint) {
	for i := range min(count, page/4) {
		v := (*[4]uint64)(values[4*i:])
		values[i] = v[0] | v[1]<<(width&63) | (v[2]|v[3]<<(width&63))<<(2*width&63)
	}
}

// readPage reads a page into counts and returns the rest of src. before is the counter before the page.
func readPage(src []byte, counts *[page]uint64, before uint64) (rest []byte, ok bool) {
	if len(src) == 0 {
		return nil, false
	}
	header, src := src[0], src[1:]
	width := uint(header & packedWidth)
	if width > 64 || uint(len(src)) < width*8 {
		return nil, false
	}
	readBits(src, counts, width)
	if header&packedDeltas != 0 {
		for i, d := range counts {
			before += uint64(unzigzag(d))
			counts[i] = before
		}
	}
	return src[width*8:], true
}

// readBits is the inverse of appendBits; src must contain width words.
func readBits(src []byte, values *[page]uint64, width uint) {
	if width == 0 {
		clear(values[:])
		return
	}
	joined, count := width, page
	for ; joined <= 16; joined *= 4 {
		count /= 4
	}
	mask := ^uint64(0) >> (64 - joined)
	var word uint64
	left := uint(0) // bits of word that were not used yet
	for i := range values[:count] {
		v := word
		if left < joined {
			word = binary.LittleEndian.Uint64(src)
			src = src[8:]
			v |= word << left
			word >>= joined - left
			left += 64
		} else {
			word >>= joined
		}
		left -= joined
		values[i] = v & mask
	}
	for ; joined > width; count *= 4 {
		joined /= 4
		split(values, count, joined)
	}
}

// split separates each of the first count values into four of width bits.
func split(values *[page]uint64, count int, width uint) {
	mask := ^uint64(0) >> (64 - width)
	for i := min(count, page/4) - 1; i >= 0; i-- {
		v, into := values[i], (*[4]uint64)(values[4*i:])
		into[0] = v & mask
		into[1] = v >> (width & 63) & mask
		into[2] = v >> (2 * width & 63) & mask
		into[3] = v >> (3 * width & 63) & mask
	}
}

func zigzag(v int64) uint64 { return uint64(v<<1) ^ uint64(v>>63) }

func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }
