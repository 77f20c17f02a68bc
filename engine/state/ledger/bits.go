package ledger

// Bits is a set of small numbers: the edges that have arrived.
type Bits []uint64

// Has reports whether i is in the set.
func (b Bits) Has(i uint32) bool { return int(i/64) < len(b) && b[i/64]>>(i%64)&1 == 1 }

// set adds i, for which grow must have made room.
func (b Bits) set(i uint32) { b[i/64] |= 1 << (i % 64) }

// clear removes i.
func (b Bits) clear(i uint32) { b[i/64] &^= 1 << (i % 64) }

// grow returns the set with room for the numbers below n.
func (b Bits) grow(n uint32) Bits {
	if more := (int(n)+63)/64 - len(b); more > 0 {
		b = append(b, make(Bits, more)...)
	}
	return b
}
