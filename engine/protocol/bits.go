package protocol

import "math/bits"

// Bits is a set of small numbers.
type Bits []uint64

// Has reports whether i is in the set.
func (b Bits) Has(i int) bool { return i/64 < len(b) && b[i/64]>>(i%64)&1 == 1 }

// Count is how many numbers are in the set.
func (b Bits) Count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// set adds i, for which there must be room.
func (b Bits) set(i int) { b[i/64] |= 1 << (i % 64) }

// grow gives room for the numbers below n.
func (b Bits) grow(n int) Bits {
	for len(b)*64 < n {
		b = append(b, 0)
	}
	return b
}
