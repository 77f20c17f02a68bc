package digest

import (
	"math"
	"slices"
)

// Estimate is an estimate of a quantile or a spread, with the interval that is proven to contain the true value.
type Estimate struct {
	// Q is the requested quantile, from 0 to 1; for a spread, 0.5.
	Q float64
	// Value is the answer, in the unit of the values; 0 when there are none.
	Value float64
	// Low and High enclose the true answer; all three are equal when it is exact.
	Low, High float64
	// N is the number of values that it is based on.
	N uint64
	// Need is the number of values from which on the estimate is meaningful: 100 for p99, 1,000 for p99.9.
	Need uint64
}

// Exact reports whether Value is the true answer, apart from the rounding of a float64.
func (e Estimate) Exact() bool { return e.Low == e.High }

// Bound is the largest relative error that Value can have: |Value - true| is at most Bound times true. It is +Inf if
// the true answer may be zero and Value is not.
func (e Estimate) Bound() float64 {
	if e.Exact() {
		return 0
	}
	return max((e.Value-e.Low)/e.Low, (e.High-e.Value)/e.High)
}

// Enough reports whether N is at least Need. If not, show N and Need instead of Value.
func (e Estimate) Enough() bool { return e.N >= e.Need }

// needed returns how many values a quantile needs: in the outermost hundredths, enough that one value on average lies
// beyond it, elsewhere any number.
func needed(q float64) uint64 {
	tail := q
	if q > 0.5 {
		tail = 1 - q
	}
	if tail <= 0 || tail > 0.0100001 {
		return 1
	}
	return uint64(int64(1/tail + 0.5))
}

// Quantile returns the value below which a share q of the values lies: type 7 of Hyndman and Fan, "Sample Quantiles in
// Statistical Packages" (1996), which interpolates between the two order statistics around rank q*(n-1), as NumPy and R
// do by default. A q outside of 0 to 1 counts as the nearer end, NaN as 0.
func (s *Sketch) Quantile(q float64) Estimate {
	var one [1]Estimate
	return s.AppendQuantiles(one[:0], q)[0]
}

// AppendQuantiles appends an answer for each q to dst, in one pass over the sketch if they are ascending: from its upper
// end down if the last one is in the upper half, so that the buckets below the first one are not read.
func (s *Sketch) AppendQuantiles(dst []Estimate, qs ...float64) []Estimate {
	if !s.full {
		var buf [ExactLimit]int64
		keys := s.sorted(&buf)
		for _, q := range qs {
			dst = append(dst, s.exactQuantile(keys, q))
		}
		return dst
	}
	r := ranks{
		counts: s.counts, first: s.first, shift: s.shift, whole: s.kind == Integer, n: s.n, zeros: s.zeros,
		low: s.value(s.moments.low), high: s.value(s.moments.high), bound: s.Bound(),
	}
	if len(qs) > 0 && qs[len(qs)-1] >= 0.5 {
		r.at, r.below = len(s.counts), s.n-s.zeros
	}
	start := len(dst)
	dst = slices.Grow(dst, len(qs))[:start+len(qs)]
	for i := len(qs) - 1; i >= 0; i-- {
		r.quantile(&dst[start+i], qs[i])
	}
	return dst
}

// place splits the type 7 rank of q among n > 0, fewer than 2^63, values into the lower of two ranks and the weight of the upper.
func place(q float64, n uint64) (k uint64, weight float64) {
	h := q * float64(int64(n-1))
	whole := int64(h)
	if k = uint64(whole); k >= n-1 {
		return n - 1, 0
	}
	return k, h - float64(whole)
}

func share(q float64) float64 {
	switch {
	case q >= 1:
		return 1
	case q > 0:
		return q
	}
	return 0
}

func (s *Sketch) exactQuantile(keys []int64, q float64) Estimate {
	q = share(q)
	e := Estimate{Q: q, N: s.n, Need: needed(q)}
	if s.n == 0 {
		return e
	}
	k, weight := place(q, s.n)
	v := s.value(keys[k])
	if weight > 0 {
		v = between(v, s.value(keys[k+1]), weight)
	}
	e.Value, e.Low, e.High = v, v, v
	return e
}

// between is the point between a and b at the given weight; rounding never moves it outside.
func between(a, b, weight float64) float64 {
	return clamp(a+(b-a)*weight, a, b)
}

// clamp limits v to low and high. It takes a third of the time of min and max, which have to handle NaN and negative
// zero.
func clamp(v, low, high float64) float64 {
	if v < low {
		return low
	}
	if v > high {
		return high
	}
	return v
}

// ranks finds order statistics among the buckets of a full sketch. Ranks may be requested in any order.
type ranks struct {
	counts    []uint64
	first     int
	shift     uint8
	whole     bool // the values are whole numbers
	n, zeros  uint64
	low, high float64 // smallest and largest value
	bound     float64

	cell  cell   // the bucket that contains the last rank
	at    int    // the counters before this one, a multiple of step, …
	below uint64 // … contain this many values
}

const step = 16 // counters that the walk skips at a time

// quantile fills in e field by field, because copying a struct that was just written would stall until the writes are
// done.
func (r *ranks) quantile(e *Estimate, q float64) {
	q = share(q)
	e.Q, e.N, e.Need = q, r.n, needed(q)
	k, weight := place(q, r.n)
	value, low, high := r.order(k)
	if weight > 0 {
		next, nextLow, nextHigh := r.order(k + 1)
		value = between(value, next, weight)
		if low != nextLow || high != nextHigh {
			low, high = between(low, nextLow, weight), between(high, nextHigh, weight)
		}
	}
	e.Value, e.Low, e.High = value, low, high
}

// order returns an estimate of the order statistic of rank k, and the interval that contains the true value.
func (r *ranks) order(k uint64) (value, low, high float64) {
	switch {
	case k < r.zeros:
		return 0, 0, 0
	case k == 0:
		return r.low, r.low, r.low
	case k == r.n-1:
		return r.high, r.high, r.high
	}
	rank := k - r.zeros
	if rank-r.cell.before >= r.cell.count {
		r.seek(rank)
	}
	return r.estimate(rank - r.cell.before), r.cell.low, r.cell.high
}

// seek sets cell to the bucket that contains a rank among the values that are not zero, walking up or down from where the
// one before was found.
func (r *ranks) seek(rank uint64) {
	at, below, counts := r.at, r.below, r.counts
	if rank < below {
		for rank < below {
			at -= step
			below -= sum((*[step]uint64)(counts[at:]))
		}
	} else {
		for {
			next := below + sum((*[step]uint64)(counts[at:]))
			if rank < next {
				break
			}
			at, below = at+step, next
		}
	}
	r.at, r.below = at, below
	for left := rank - below; left >= counts[at]; at++ {
		left -= counts[at]
		below += counts[at]
	}
	r.enter(at, below, counts[at])
}

func sum(c *[step]uint64) uint64 {
	return (c[0] + c[1]) + (c[2] + c[3]) + ((c[4] + c[5]) + (c[6] + c[7])) +
		((c[8] + c[9]) + (c[10] + c[11]) + ((c[12] + c[13]) + (c[14] + c[15])))
}

// cell is a bucket and what is known about the values in it.
type cell struct {
	before, count uint64
	lower         float64 // the lower boundary of the bucket
	unit          float64 // the width divided by the number of values
	low, high     float64 // where its values can be
	from, to      float64 // where an estimate may be: close enough to both low and high
}

// enter sets cell to the bucket of a counter, with count values, at least one, after before others. It does so field by
// field for the same reason as quantile.
func (r *ranks) enter(at int, before, count uint64) {
	lower, upper := lowerBound(r.first+at, r.shift), lowerBound(r.first+at+1, r.shift)
	low, high := lower, upper
	if r.whole {
		low, high = math.Floor(lower)+1, math.Floor(upper)
	}
	if low < r.low {
		low = r.low
	}
	if high > r.high {
		high = r.high
	}
	from, to := high*(1-r.bound), low*(1+r.bound)
	if r.whole {
		from, to = math.Ceil(from), math.Floor(to)
	}
	if from < low {
		from = low
	}
	if to > high {
		to = high
	}
	c := &r.cell
	c.before, c.count, c.unit = before, count, (upper-lower)/float64(int64(count))
	c.lower, c.low, c.high, c.from, c.to = lower, low, high, from, to
}

// estimate returns the value at a position in the bucket, assuming that values are spread evenly.
func (r *ranks) estimate(position uint64) float64 {
	c := &r.cell
	v := c.lower + c.unit*(float64(int64(position))+0.5)
	if r.whole {
		v = math.Floor(v + 0.5)
	}
	return clamp(v, c.from, c.to)
}
