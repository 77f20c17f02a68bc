package digest

import (
	"math"
	"math/bits"
)

const (
	// finest is the scale of the tables below: 2^6 buckets an octave. Because buckets of adjacent scales nest, the
	// index on a coarser grid is the index on this one, shifted right.
	finest = 6

	// page is the number of buckets that are kept, merged and stored together: one octave of the finest grid.
	page = 1 << finest

	mantissaBits = 52
	slotBits     = 7 // 128 slots an octave, each narrower than the narrowest bucket
	slotShift    = mantissaBits - slotBits
	bucketShift  = mantissaBits - finest

	// wholeFloat is the largest whole number up to which float64 holds every whole number.
	wholeFloat = 1 << 53

	// subnormalLift makes every subnormal float64 a normal one when multiplied by 2^subnormalLift.
	subnormalLift = 54
)

// fractions holds the boundaries inside an octave: word j is the whole part of (2^(j/64) - 1) * 2^64. All but the first
// are irrational, so no value equals one, and every comparison with the truncated number has the same result as with
// the exact one.
var fractions = [page]uint64{
	0x0000000000000000, 0x02c9a3e778060ee6, 0x059b0d31585743ae, 0x0874518759bc808c,
	0x0b5586cf9890f629, 0x0e3ec32d3d1a2020, 0x11301d0125b50a4e, 0x1429aaea92ddfb34,
	0x172b83c7d517adcd, 0x1a35beb6fcb753cb, 0x1d4873168b9aa780, 0x2063b88628cd63b8,
	0x2387a6e75623866c, 0x26b4565e27cdd257, 0x29e9df51fdee12c2, 0x2d285a6e4030b400,
	0x306fe0a31b7152de, 0x33c08b26416ff4c9, 0x371a7373aa9caa71, 0x3a7db34e59ff6ea1,
	0x3dea64c12342235b, 0x4160a21f72e29f84, 0x44e086061892d031, 0x486a2b5c13cd013c,
	0x4bfdad5362a271d4, 0x4f9b2769d2ca6ad3, 0x5342b569d4f81df0, 0x56f4736b527da66e,
	0x5ab07dd48542958c, 0x5e76f15ad21486e9, 0x6247eb03a5584b1f, 0x6623882552224912,
	0x6a09e667f3bcc908, 0x6dfb23c651a2ef22, 0x71f75e8ec5f73dd2, 0x75feb564267c8bf6,
	0x7a11473eb0186d7d, 0x7e2f336cf4e62105, 0x82589994cce128ac, 0x868d99b4492ec80e,
	0x8ace5422aa0db5ba, 0x8f1ae991577362b9, 0x93737b0cdc5e4f45, 0x97d829fde4e4f8b9,
	0x9c49182a3f0901c7, 0xa0c667b5de564b29, 0xa5503b23e255c8b4, 0xa9e6b5579fdbf43e,
	0xae89f995ad3ad5e8, 0xb33a2b84f15faf6b, 0xb7f76f2fb5e46eaa, 0xbcc1e904bc1d2247,
	0xc199bdd85529c222, 0xc67f12e57d14b4a2, 0xcb720dcef9069150, 0xd072d4a07897b8d0,
	0xd5818dcfba48725d, 0xda9e603db3285708, 0xdfc97337b9b5eb96, 0xe502ee78b3ff6273,
	0xea4afa2a490d9858, 0xefa1bee615a27771, 0xf50765b6e4540674, 0xfa7c1819e90d82e9,
}

// carries turns the bits of a float64 into its bucket: see bucketOf.
var carries = newCarries()

func newCarries() (table [1 << slotBits]uint64) {
	next := uint64(0) // the first boundary that the slots so far do not reach
	for slot := range uint64(len(table)) {
		start := slot << slotShift
		above := uint64(math.MaxUint64)
		if next < page {
			above = fractions[next]>>(64-mantissaBits) + 1 // the first mantissa above the boundary
		}
		if above < start+1<<slotShift {
			table[slot] = next<<bucketShift - above // from that mantissa on, the sum carries into the next bucket
			next++
		} else {
			table[slot] = (next-1)<<bucketShift - start // the slot is inside one bucket and never carries
		}
	}
	return table
}

// bucketOf returns the index, on the finest grid, of the bucket (lo, hi] that holds v, a normal
// positive float64. Bucket 1023*64 begins just above 1.
//
// The bits of a float64, read as a whole number, are the exponent followed by the mantissa; shifted right, they are the
// index on a grid that is linear inside each octave. The true, logarithmic grid is ahead of that. The difference is
// looked up by the top bits of the mantissa and added before the shift: a slot contains at most one boundary, and its
// table entry makes the sum carry exactly from that boundary on. A power of two is itself a boundary: its sum borrows,
// so that it falls into the octave that it closes.
func bucketOf(v float64) int {
	b := math.Float64bits(v)
	return int((b + carries[b>>slotShift%(1<<slotBits)]) >> bucketShift)
}

// bucketOfFloat is bucketOf for every positive finite float64.
func bucketOfFloat(v float64) int {
	const smallestNormal = 0x1p-1022
	if v < smallestNormal {
		return bucketOf(v*(1<<subnormalLift)) - subnormalLift*page
	}
	return bucketOf(v)
}

// bucketOfInt is bucketOf for every positive int64, even those that float64 cannot represent exactly.
func bucketOfInt(v int64) int {
	if v <= wholeFloat {
		return bucketOf(float64(v))
	}
	zeros := bits.LeadingZeros64(uint64(v))
	octave := (1023 + 63 - zeros) * page
	fraction := uint64(v) << (zeros + 1)
	if fraction == 0 {
		return octave - 1 // a power of two closes the octave below it
	}
	j := int(fraction >> (64 - finest)) // the linear grid is never ahead of the logarithmic one
	for j+1 < page && fraction > fractions[j+1] {
		j++
	}
	return octave + j
}

// bucketOfKey is bucketOf for a positive key of either kind.
func bucketOfKey(kind Kind, key int64) int {
	if kind == Float {
		return bucketOfFloat(math.Float64frombits(uint64(key)))
	}
	return bucketOfInt(key)
}

// lowerBound returns the open lower boundary of bucket i on the grid of scale finest-shift: the largest float64 that is
// not above that boundary. The upper, closed boundary of i is the lower boundary of i+1.
func lowerBound(i int, shift uint8) float64 {
	i <<= shift
	exponent, fraction := i>>finest, fractions[i&(page-1)]>>(64-mantissaBits)
	switch {
	case exponent >= 2047:
		return math.MaxFloat64
	case exponent <= 0:
		return math.Float64frombits((1<<mantissaBits | fraction) >> (1 - exponent)) // subnormal
	}
	return math.Float64frombits(uint64(exponent)<<mantissaBits | fraction)
}
