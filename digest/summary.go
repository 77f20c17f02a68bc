package digest

import "math"

// Summary is what is displayed about a distribution, in the unit of the values.
type Summary struct {
	// N is the number of values; Rejected, Clamped and Zeros are as the methods of Sketch.
	N, Rejected, Clamped, Zeros uint64

	// Sum, Mean, Min and Max are exact for whole numbers, apart from the rounding of a float64; they are 0 for an empty
	// sketch.
	Sum, Mean, Min, Max float64

	// Variance is the population variance, divided by n and not n-1, because the values are the whole population.
	// StdDev is its root, and CV is StdDev divided by the mean, 0 if the mean is 0.
	Variance, StdDev, CV float64

	// Saturated says that the sum of squares (for floats, also the sum) exceeded its 128 bits. Variance, StdDev and CV
	// are then estimated from the buckets.
	Saturated bool

	// P25 to P999 are quantiles.
	P25, P50, P75, P90, P95, P99, P999 Estimate

	// IQR is P75 - P25, and MAD the median distance from the median, not scaled to a normal distribution.
	IQR, MAD Estimate
}

// Summary returns all figures in one call, which costs less than requesting them one by one.
func (s *Sketch) Summary() Summary {
	r := Summary{N: s.n, Rejected: s.rejected, Clamped: s.clamped, Zeros: s.Zeros()}
	if s.n > 0 {
		s.describe(&r)
	}
	var room [7]Estimate
	q := s.AppendQuantiles(room[:0], 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)
	r.P25, r.P50, r.P75, r.P90, r.P95, r.P99, r.P999 = q[0], q[1], q[2], q[3], q[4], q[5], q[6]
	r.IQR = Estimate{
		Q: 0.5, N: s.n, Need: 1,
		Value: r.P75.Value - r.P25.Value,
		Low:   max(r.P75.Low-r.P25.High, 0),
		High:  r.P75.High - r.P25.Low,
	}
	r.MAD = s.deviation(r.P50)
	return r
}

// describe fills in what follows from the moments of n > 0 values.
func (s *Sketch) describe(r *Summary) {
	m := s.summed()
	n := float64(s.n)
	r.Min, r.Max = s.value(m.low), s.value(m.high)
	if s.kind == Float {
		r.Sum, r.Mean, r.Variance = m.total, m.mean, m.deviations/n
		r.Saturated = m.total == math.MaxFloat64 || m.deviations == math.MaxFloat64
	} else {
		r.Sum = m.sum.float()
		r.Mean = r.Sum / n
		if r.Saturated = m.squares == widest; !r.Saturated {
			r.Variance = m.variance(s.n)
		}
	}
	if r.Saturated {
		r.Variance = s.spread(r.Mean)
	}
	r.StdDev = math.Sqrt(r.Variance)
	if r.Mean > 0 {
		r.CV = r.StdDev / r.Mean
	}
}

// spread estimates the variance around a mean from the buckets; it stops at the largest float64.
func (s *Sketch) spread(mean float64) float64 {
	sum := 0.0
	for _, c := range s.cells() {
		d := c.Low/2 + c.High/2 - mean
		sum += d * d * (float64(c.Count) / float64(s.n))
	}
	return min(sum, math.MaxFloat64)
}

// deviation returns the median distance from the median.
func (s *Sketch) deviation(median Estimate) Estimate {
	e := Estimate{Q: 0.5, N: s.n, Need: 1}
	if s.n == 0 {
		return e
	}
	cells := s.cells()
	e.Low = s.medianOf(cells, func(c Bucket) float64 {
		return max(c.Low-median.High, median.Low-c.High, 0)
	})
	e.High = s.medianOf(cells, func(c Bucket) float64 {
		return max(c.High-median.Low, median.High-c.Low)
	})
	e.Value = s.medianOf(cells, func(c Bucket) float64 {
		return math.Abs(c.Low/2 + c.High/2 - median.Value)
	})
	e.Value = min(max(e.Value, e.Low), e.High)
	return e
}

// medianOf returns the type 7 median of a distance that first falls and then rises over the cells. It goes from both
// ends towards the minimum, because the largest remaining distance is always at one of the ends.
func (s *Sketch) medianOf(cells []Bucket, distance func(Bucket) float64) float64 {
	k, weight := place(0.5, s.n)
	left, right, above := 0, len(cells)-1, uint64(0)
	upper := math.NaN()
	for {
		at := left
		d := distance(cells[left])
		if r := distance(cells[right]); r > d {
			at, d = right, r
		}
		above += cells[at].Count
		if math.IsNaN(upper) && s.n-above <= k+1 {
			upper = d
		}
		if s.n-above <= k {
			return d + (upper-d)*weight
		}
		if at == left {
			left++
		} else {
			right--
		}
	}
}
