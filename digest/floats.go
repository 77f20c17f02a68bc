package digest

import "math"

// AddFloat adds one number. NaN, infinities and negative numbers only count in Rejected. It panics on an integer
// sketch.
func (s *Sketch) AddFloat(v float64) {
	s.must(Float)
	if !(v >= 0 && v <= math.MaxFloat64) {
		s.rejected++
		return
	}
	s.take(keyOf(v))
}

// keyOf returns the key of a number that is not negative. Negative zero is zero.
func keyOf(v float64) int64 {
	return int64(math.Float64bits(math.Abs(v)))
}

// AddFloats adds many numbers, several times faster than AddFloat one by one. The result is the same except for the
// last digits of mean and variance. It panics on an integer sketch.
func (s *Sketch) AddFloats(vs []float64) {
	s.must(Float)
	var valid [ExactLimit]float64
	for len(vs) > 0 {
		size := min(len(vs), ExactLimit)
		kept := 0
		for _, v := range vs[:size] {
			if v >= 0 && v <= math.MaxFloat64 {
				valid[kept] = math.Abs(v)
				kept++
			}
		}
		s.rejected += uint64(size - kept)
		s.addValid(valid[:kept])
		vs = vs[size:]
	}
}

// addValid adds up to ExactLimit finite numbers that are not negative.
func (s *Sketch) addValid(vs []float64) {
	if !s.full {
		if len(vs) <= ExactLimit-len(s.raw) {
			for _, v := range vs {
				s.take(keyOf(v))
			}
			return
		}
		s.spill()
	}
	s.foldFloats(vs)
}

// foldFloats is fold for floats.
func (s *Sketch) foldFloats(vs []float64) {
	if len(vs) == 0 {
		return
	}
	t := tallyFloats(vs)
	s.moments.merge(Float, s.n, t, uint64(len(vs)))
	s.n += uint64(len(vs))
	if t.high == 0 {
		s.zeros += uint64(len(vs))
		return
	}
	smallest := math.Inf(1)
	for _, v := range vs {
		if v > 0 {
			smallest = min(smallest, v)
		}
	}
	s.reserve(bucketOfFloat(smallest)>>s.shift, bucketOfFloat(s.value(t.high))>>s.shift)
	for _, v := range vs {
		if v == 0 {
			s.zeros++
			continue
		}
		s.counts[bucketOfFloat(v)>>s.shift-s.first]++
	}
}

// tallyFloats returns the moments of up to ExactLimit numbers, with the deviations in a separate pass, which loses no
// digits.
func tallyFloats(vs []float64) moments {
	low, high, total := vs[0], vs[0], 0.0
	for _, v := range vs {
		low, high = min(low, v), max(high, v)
		total += v
	}
	n := float64(len(vs))
	mean := total / n
	if math.IsInf(total, 1) {
		total, mean = math.MaxFloat64, 0
		for _, v := range vs {
			mean += v / n
		}
	}
	mean = min(max(mean, low), high) // rounding must not move the mean outside, for example if all values are equal
	deviations := 0.0
	for _, v := range vs {
		deviations += (v - mean) * (v - mean)
	}
	return moments{
		low: keyOf(low), high: keyOf(high),
		total: total, mean: mean, deviations: min(deviations, math.MaxFloat64),
	}
}
