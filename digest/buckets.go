package digest

import (
	"iter"
	"math"
	"slices"
)

// Bucket is a number of values in an interval.
type Bucket struct {
	// Low and High enclose the values: above Low, up to and including High. They are equal if the value is known, as
	// for zeros and while the sketch is exact.
	Low, High float64
	// Count is the number of values.
	Count uint64
}

// Buckets yields the buckets that are not empty, ascending: the zeros, then either each distinct value (while the
// sketch is exact) or the buckets of the grid. Buckets of two sketches of the same scale are equal or disjoint.
func (s *Sketch) Buckets() iter.Seq[Bucket] {
	return func(yield func(Bucket) bool) {
		if !s.full {
			s.distinct(yield)
			return
		}
		if s.zeros > 0 && !yield(Bucket{Count: s.zeros}) {
			return
		}
		for i, count := range s.counts {
			if count == 0 {
				continue
			}
			i += s.first
			if !yield(Bucket{lowerBound(i, s.shift), lowerBound(i+1, s.shift), count}) {
				return
			}
		}
	}
}

// distinct yields each raw value once.
func (s *Sketch) distinct(yield func(Bucket) bool) {
	var buf [ExactLimit]int64
	keys := s.sorted(&buf)
	for len(keys) > 0 {
		same := 1
		for same < len(keys) && keys[same] == keys[0] {
			same++
		}
		v := s.value(keys[0])
		if !yield(Bucket{v, v, uint64(same)}) {
			return
		}
		keys = keys[same:]
	}
}

// Histogram returns bars for a chart with a logarithmic axis: buckets of the grid, which are adjacent and are joined
// two by two until at most limit are left, so that the bars of several sketches line up. Empty buckets in between are
// included. Zeros, which have no position on such an axis, are an additional first bar, which does not count towards
// limit. A limit below 2 means 2.
func (s *Sketch) Histogram(limit int) []Bucket {
	grid := s.binned()
	var bars []Bucket
	if grid.zeros > 0 {
		bars = append(bars, Bucket{Count: grid.zeros})
	}
	if len(grid.counts) == 0 {
		return bars
	}
	low, high := grid.span()
	joined := uint8(0)
	for high>>joined-low>>joined >= max(limit, 2) {
		joined++
	}
	from := low >> joined
	shift := grid.shift + joined
	start := len(bars)
	for i := from; i <= high>>joined; i++ {
		bars = append(bars, Bucket{lowerBound(i, shift), lowerBound(i+1, shift), 0})
	}
	for i := low; i <= high; i++ {
		bars[start+i>>joined-from].Count += grid.counts[i-grid.first]
	}
	return bars
}

// binned returns the sketch, or a copy that has its values in buckets.
func (s *Sketch) binned() *Sketch {
	if s.full {
		return s
	}
	c := s.Clone()
	c.spill()
	return c
}

// Point is one step of a distribution function.
type Point struct {
	// X is a value.
	X float64
	// P is the share of the values that are at most X, from 0 to 1, exact.
	P float64
}

// ECDF returns the empirical distribution function at the upper end of each bucket that is not empty, because there its
// value is known exactly; the last point is at the largest value.
func (s *Sketch) ECDF() []Point {
	var points []Point
	below, high := uint64(0), s.value(s.summed().high)
	for b := range s.Buckets() {
		below += b.Count
		points = append(points, Point{min(b.High, high), float64(below) / float64(s.n)})
	}
	return points
}

// Rank returns the share of the values that are at most v, from 0 to 1; between the ends of a bucket it is
// interpolated. It is 0 for an empty sketch.
func (s *Sketch) Rank(v float64) float64 {
	if s.n == 0 || !(v >= 0) {
		return 0
	}
	m := s.summed()
	low, high := s.value(m.low), s.value(m.high)
	switch {
	case v < low:
		return 0
	case v >= high:
		return 1
	}
	below := 0.0
	for b := range s.Buckets() {
		if v < b.High {
			from, to := max(b.Low, low), min(b.High, high)
			if v > from {
				below += float64(b.Count) * (v - from) / (to - from)
			}
			break
		}
		below += float64(b.Count)
	}
	return below / float64(s.n)
}

// cells returns the buckets narrowed to where their values can be.
func (s *Sketch) cells() []Bucket {
	cells := slices.Collect(s.Buckets())
	if !s.full {
		return cells
	}
	low, high := s.value(s.moments.low), s.value(s.moments.high)
	for i, b := range cells {
		if b.High > 0 && s.kind == Integer {
			b.Low, b.High = math.Floor(b.Low)+1, math.Floor(b.High)
		}
		cells[i].Low, cells[i].High = max(b.Low, low), min(b.High, high)
	}
	return cells
}
