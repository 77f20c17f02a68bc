package digest

import (
	"math"
	"math/bits"
)

// Add adds one whole number. A negative one, such as a duration measured across a clock that was set back, counts as
// zero and in Clamped. It panics on a float sketch.
func (s *Sketch) Add(v int64) {
	b := math.Float64bits(float64(v)) // as in bucketOf
	i := (b+carries[b>>slotShift%(1<<slotBits)])>>(s.innerShift&63) - s.innerFirst
	m := &s.moments
	if i >= uint64(len(s.inner)) || int64(m.squares.hi) < 0 {
		s.addRare(v)
		return
	}
	s.inner[i]++
	s.n++
	m.sum.lo += uint64(v)
	if m.sum.lo < uint64(v) {
		m.sum.hi++
	}
	hi, lo := bits.Mul64(uint64(v), uint64(v))
	var carry uint64
	m.squares.lo, carry = bits.Add64(m.squares.lo, lo, 0)
	m.squares.hi, _ = bits.Add64(m.squares.hi, hi, carry)
}

// addRare is Add for the cases that its fast path excludes: a sketch that is not full, a bucket without a counter,
// zero, negative and very large values.
func (s *Sketch) addRare(v int64) {
	s.must(Integer)
	if v < 0 {
		v = 0
		s.clamped++
	}
	s.take(v)
}

// take adds one valid key.
func (s *Sketch) take(key int64) {
	if !s.full {
		if len(s.raw) < ExactLimit {
			s.raw = append(s.raw, key)
			s.n++
			return
		}
		s.spill()
	}
	if key == 0 {
		s.zeros++
	} else {
		i := s.bucket(key)
		s.reserve(i, i)
		s.counts[i-s.first]++
	}
	s.moments.merge(s.kind, s.n, momentOf(s.kind, key), 1)
	s.n++
	s.refocus()
}

// AddSlice adds many whole numbers, several times faster than Add one by one and with the same result. It panics on a
// float sketch.
func (s *Sketch) AddSlice(vs []int64) {
	s.must(Integer)
	if !s.full {
		if len(vs) <= ExactLimit-len(s.raw) {
			for _, v := range vs {
				s.addRare(v)
			}
			return
		}
		s.spill()
	}
	for len(vs) > 0 {
		size := min(len(vs), ExactLimit)
		s.fold(vs[:size])
		vs = vs[size:]
	}
}

// refocus recomputes the inner buckets after the start of the counters, or the smallest or largest value, has changed.
// A value in an inner bucket is above the smallest, below the largest, and below 2^53. A float sketch has none.
func (s *Sketch) refocus() {
	s.inner = nil
	if s.kind == Float || len(s.counts) == 0 {
		return
	}
	from, to := s.first, s.bucket(min(s.moments.high, wholeFloat))
	if s.moments.low > 0 {
		from = s.bucket(s.moments.low) + 1
	}
	if from < to {
		s.inner = s.counts[from-s.first : to-s.first]
		s.innerFirst, s.innerShift = uint64(from), bucketShift+s.shift
	}
}

// must panics if a value is passed to a sketch of the other kind.
func (s *Sketch) must(kind Kind) {
	if s.kind != kind {
		panic("digest: Add and AddSlice need an Integer sketch, AddFloat and AddFloats a Float one")
	}
}

// spill moves the raw values into buckets.
func (s *Sketch) spill() {
	if s.full {
		return
	}
	keys := s.raw
	s.full, s.raw, s.n = true, nil, 0
	s.foldKeys(keys)
}

// foldKeys counts up to ExactLimit keys into the buckets of a full sketch.
func (s *Sketch) foldKeys(keys []int64) {
	if s.kind == Integer {
		s.fold(keys)
		return
	}
	var buf [ExactLimit]float64
	for i, key := range keys {
		buf[i] = math.Float64frombits(uint64(key))
	}
	s.foldFloats(buf[:len(keys)])
}

// fold counts up to ExactLimit whole numbers into the buckets of a full sketch.
func (s *Sketch) fold(vs []int64) {
	for len(vs) > 0 {
		vs = vs[s.foldInner(vs):]
		switch {
		case len(vs) == 0:
			return
		case vs[0] <= 0:
			s.foldRare(vs)
			return
		}
		known := s.foldKnown(vs)
		if known == 0 {
			s.take(vs[0])
			known = 1
		}
		vs = vs[known:]
	}
}

// foldInner counts the leading values that fall into inner buckets, and returns how many those are. This loop must be
// fast: a single comparison decides whether counting the value is enough.
func (s *Sketch) foldInner(vs []int64) int {
	counts, first, shift := s.inner, s.innerFirst, s.innerShift&63
	var sum, squaresHi, squaresLo, carry uint64
	n := 0
	for _, v := range vs {
		b := math.Float64bits(float64(v)) // as in bucketOf
		i := (b+carries[b>>slotShift%(1<<slotBits)])>>shift - first
		if i >= uint64(len(counts)) {
			break
		}
		counts[i]++
		n++
		sum += uint64(v)
		hi, lo := bits.Mul64(uint64(v), uint64(v))
		squaresLo, carry = bits.Add64(squaresLo, lo, 0)
		squaresHi, _ = bits.Add64(squaresHi, hi, carry)
	}
	s.n += uint64(n)
	s.moments.sum = s.moments.sum.plus(wide{0, sum})
	s.moments.squares = s.moments.squares.plus(wide{squaresHi, squaresLo})
	return n
}

// foldKnown counts the leading values from the smallest to the largest seen so far, and returns how many those are. It
// is for values that are mostly in the outermost buckets, such as equal values.
func (s *Sketch) foldKnown(vs []int64) int {
	low, high := s.moments.low, min(s.moments.high, wholeFloat)
	if low == 0 && len(s.counts) > 0 {
		low = int64(lowerBound(s.first, s.shift)) + 1 // the smallest value with a counter
	}
	var sum, squaresHi, squaresLo, carry uint64
	for k, v := range vs {
		if v < low || v > high {
			vs = vs[:k]
			break
		}
		sum += uint64(v)
		hi, lo := bits.Mul64(uint64(v), uint64(v))
		squaresLo, carry = bits.Add64(squaresLo, lo, 0)
		squaresHi, _ = bits.Add64(squaresHi, hi, carry)
	}
	for _, v := range vs {
		s.counts[bucketOf(float64(v))>>s.shift-s.first]++
	}
	s.n += uint64(len(vs))
	s.moments.sum = s.moments.sum.plus(wide{0, sum})
	s.moments.squares = s.moments.squares.plus(wide{squaresHi, squaresLo})
	return len(vs)
}

// foldRare is fold for values that include zeros or negative numbers.
func (s *Sketch) foldRare(vs []int64) {
	var positive [ExactLimit]int64
	kept, negative := 0, uint64(0)
	for _, v := range vs { // no branch on v: zeros come and go without a pattern
		positive[kept] = v
		kept += int(^uint64(v-1|v) >> 63)
		negative += uint64(v) >> 63
	}
	zeros := uint64(len(vs) - kept)
	s.moments.merge(Integer, s.n, moments{}, zeros)
	s.n += zeros
	s.zeros += zeros
	s.clamped += negative
	s.refocus()
	s.fold(positive[:kept])
}
