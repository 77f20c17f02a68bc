package digest

import (
	"math"
	"math/big"
	"math/bits"
)

// wide is a 128-bit unsigned whole number. Sums saturate, which keeps addition associative: applying min(a+b, max) in
// any order gives min of the whole sum and max.
type wide struct{ hi, lo uint64 }

var widest = wide{math.MaxUint64, math.MaxUint64}

func (a wide) plus(b wide) wide {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	hi, carry := bits.Add64(a.hi, b.hi, carry)
	if carry != 0 {
		return widest
	}
	return wide{hi, lo}
}

// float returns the nearest float64.
func (a wide) float() float64 {
	if a.hi == 0 {
		return float64(a.lo)
	}
	zeros := bits.LeadingZeros64(a.hi)
	top := a.hi<<zeros | a.lo>>(64-zeros)
	if a.lo<<zeros != 0 {
		top |= 1 // a tie is decided by the bits cut off
	}
	return math.Ldexp(float64(top), 64-zeros)
}

func (a wide) big() *big.Int {
	v := new(big.Int).SetUint64(a.hi)
	return v.Or(v.Lsh(v, 64), new(big.Int).SetUint64(a.lo))
}

// moments are the running totals of a set of values; the number of values is kept separately.
type moments struct {
	low, high int64 // keys of the smallest and the largest value

	// For whole numbers. The sum cannot overflow, because there are fewer than 2^63 values below 2^63; the sum of
	// squares saturates.
	sum, squares wide

	// For floats. The totals stop at the largest float64.
	total, mean float64
	deviations  float64 // sum of squared deviations from the mean
}

// momentOf returns the moments of the single value that a key stands for.
func momentOf(kind Kind, key int64) moments {
	m := moments{low: key, high: key}
	if kind == Float {
		m.total = math.Float64frombits(uint64(key))
		m.mean = m.total
		return m
	}
	m.sum.lo = uint64(key)
	m.squares.hi, m.squares.lo = bits.Mul64(uint64(key), uint64(key))
	return m
}

// merge adds to m, the moments of n values, those of on further values.
func (m *moments) merge(kind Kind, n uint64, o moments, on uint64) {
	switch {
	case on == 0:
		return
	case n == 0:
		*m = o
		return
	}
	m.low, m.high = min(m.low, o.low), max(m.high, o.high)
	if kind == Integer {
		m.sum, m.squares = m.sum.plus(o.sum), m.squares.plus(o.squares)
		return
	}
	m.mergeFloats(float64(n), o, float64(on))
}

// mergeFloats is the pairwise update of Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for
// Computing Sample Variances" (1979), equations 2.1. The larger side always comes first, so that the order of the two
// does not change any bit.
func (m *moments) mergeFloats(n float64, o moments, on float64) {
	m.total = min(m.total+o.total, math.MaxFloat64)
	mean, other := m.mean, o.mean
	if on > n || on == n && other > mean {
		mean, other, n, on = other, mean, on, n
	}
	delta, share := other-mean, on/(n+on)
	m.mean = mean + delta*share
	m.deviations = min(m.deviations+o.deviations+delta*delta*n*share, math.MaxFloat64)
}

// variance returns the population variance of n > 0 whole numbers: (n*squares - sum^2) / n^2, in which the difference
// is computed in whole numbers, because almost everything in it cancels.
func (m *moments) variance(n uint64) float64 {
	count := new(big.Int).SetUint64(n)
	sum := m.sum.big()
	spread := m.squares.big()
	spread.Sub(spread.Mul(spread, count), sum.Mul(sum, sum))
	if spread.Sign() <= 0 {
		return 0 // negative only if a forged encoding claims impossible sums
	}
	quotient := new(big.Float).SetInt(spread)
	quotient.Quo(quotient, new(big.Float).SetInt(count.Mul(count, count)))
	v, _ := quotient.Float64()
	return v
}

// summed returns the moments of all values; they are kept as running totals only once the sketch is full.
func (s *Sketch) summed() moments {
	if s.full {
		return s.moments
	}
	var buf [ExactLimit]int64
	var m moments
	for i, key := range s.sorted(&buf) { // sorted, as sums of floats depend on the order
		m.merge(s.kind, uint64(i), momentOf(s.kind, key), 1)
	}
	return m
}
