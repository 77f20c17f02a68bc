package digest

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Errors of merging and decoding. The sketch is then unchanged.
var (
	// ErrKind says that integer and float sketches do not mix.
	ErrKind = errors.New("digest: sketches must be of one kind")
	// ErrOverflow says that the result would have 2^63 values or more.
	ErrOverflow = errors.New("digest: the number of values must stay below 2^63")
	// ErrCorrupt says that the bytes are not a sketch.
	ErrCorrupt = errors.New("digest: the bytes must be an encoded sketch")
	// ErrVersion says that the bytes are in a format, or of a scale, newer than this package: keep them as they are,
	// for a newer reader.
	ErrVersion = errors.New("digest: the format must be one this version knows")
)

const (
	// DefaultScale is the resolution of a sketch unless Config asks for another: 2^6 buckets an octave.
	DefaultScale = finest

	// ExactLimit is the number of values up to which a sketch keeps each of them.
	ExactLimit = 512

	maxCount = math.MaxInt64
)

// Kind is the kind of the values of a sketch. Sketches of different kinds do not merge.
type Kind uint8

// The kinds of values.
const (
	// Integer is for whole numbers: nanoseconds, bytes, counts. Everything is exact except the position of a value
	// inside its bucket, and merging gives the same bits in any order.
	Integer Kind = iota
	// Float is for ratios and rates. Mean and variance are merged in floating point, so their last
	// digits depend on the order of merges once there are more than ExactLimit values.
	Float
)

// Config says how a sketch is made. The zero value is an integer sketch of the default scale.
type Config struct {
	// Kind of the values; the default is Integer.
	Kind Kind
	// Scale is the resolution: 2^Scale buckets an octave, from 1 to 6; 0 means DefaultScale. One less
	// halves the memory and doubles the bound on the error.
	Scale int
}

// Sketch summarises many non-negative numbers: see the package comment. The zero value is an empty integer sketch of
// the default scale. Any number of goroutines may read a sketch while none changes it.
type Sketch struct {
	// inner is the part of counts between the buckets of the smallest and the largest value: see refocus.
	inner      []uint64
	innerFirst uint64 // index of inner[0]
	innerShift uint8  // bits between a float64 and an index of the sketch's grid

	shift uint8 // how much coarser the grid is than the finest one
	kind  Kind
	full  bool // the sketch has more than ExactLimit values: they are in buckets, and raw is nil

	n       uint64
	moments moments // used when full

	counts []uint64 // bucket counters, whole pages; the first and the last page are never empty
	first  int      // index of counts[0] on the sketch's own grid, a multiple of page

	zeros    uint64 // used when full
	rejected uint64
	clamped  uint64

	// raw contains the key of each value until the sketch is full. A key is the value itself, or the bits of a float64,
	// which are ordered like the numbers because none is negative.
	raw []int64
}

// New returns an empty sketch.
func New(cfg Config) (*Sketch, error) {
	if cfg.Scale == 0 {
		cfg.Scale = DefaultScale
	}
	if cfg.Scale < 1 || cfg.Scale > finest {
		return nil, fmt.Errorf("digest: Scale is %d, must be from 1 to %d", cfg.Scale, finest)
	}
	if cfg.Kind > Float {
		return nil, fmt.Errorf("digest: Kind is %d, must be Integer or Float", cfg.Kind)
	}
	return &Sketch{kind: cfg.Kind, shift: uint8(finest - cfg.Scale)}, nil
}

// Kind returns the kind of the sketch's values.
func (s *Sketch) Kind() Kind { return s.kind }

// Scale is the resolution: 2^Scale buckets an octave.
func (s *Sketch) Scale() int { return finest - int(s.shift) }

// Bound is the proven relative error of an order statistic that is not exact: 0.01 at the default scale, doubled by
// each coarser scale. Each Estimate has its own bound, which is often smaller.
func (s *Sketch) Bound() float64 { return 0.01 * float64(int(1)<<s.shift) }

// Exact reports whether the sketch still keeps every value, so that every answer is exact; it does up to ExactLimit
// values.
func (s *Sketch) Exact() bool { return !s.full }

// N is the number of values added: zeros and clamped ones are counted, rejected ones are not.
func (s *Sketch) N() uint64 { return s.n }

// Rejected is the number of values refused: NaN, infinities and negative floats.
func (s *Sketch) Rejected() uint64 { return s.rejected }

// Clamped is the number of negative integers that were counted as zero.
func (s *Sketch) Clamped() uint64 { return s.clamped }

// Zeros is the number of values that are zero.
func (s *Sketch) Zeros() uint64 {
	if s.full {
		return s.zeros
	}
	zeros := uint64(0)
	for _, key := range s.raw {
		if key == 0 {
			zeros++
		}
	}
	return zeros
}

// Clone returns an independent copy.
func (s *Sketch) Clone() *Sketch {
	c := *s
	c.counts, c.raw = slices.Clone(s.counts), slices.Clone(s.raw)
	c.refocus()
	return &c
}

// Reset empties the sketch and keeps its kind, scale and memory.
func (s *Sketch) Reset() {
	*s = Sketch{kind: s.kind, shift: s.shift, counts: s.counts[:0], raw: s.raw[:0]}
}

// value is the number that a key stands for.
func (s *Sketch) value(key int64) float64 {
	if s.kind == Float {
		return math.Float64frombits(uint64(key))
	}
	return float64(key)
}

// sorted copies the raw keys into buf and sorts the copy, because reading must not reorder keys that other goroutines
// read.
func (s *Sketch) sorted(buf *[ExactLimit]int64) []int64 {
	keys := buf[:copy(buf[:], s.raw)]
	slices.Sort(keys)
	return keys
}

// reserve makes room for the buckets from low to high. The caller must be about to count in both, because the first and
// the last page are never left empty.
func (s *Sketch) reserve(low, high int) {
	from, to := low&^(page-1), high&^(page-1)+page
	if len(s.counts) == 0 {
		s.counts, s.first = grown(s.counts, to-from), from
		return
	}
	if from < s.first {
		more := s.first - from
		old := len(s.counts)
		s.counts = grown(s.counts, old+more)
		copy(s.counts[more:], s.counts[:old])
		clear(s.counts[:more])
		s.first = from
	}
	if size := to - s.first; size > len(s.counts) {
		s.counts = grown(s.counts, size)
	}
}

// grown returns counts extended by zeros to the given length.
func grown(counts []uint64, size int) []uint64 {
	old := len(counts)
	counts = slices.Grow(counts, size-old)[:size]
	clear(counts[old:])
	return counts
}

// coarsen moves the sketch to a grid that is shift steps coarser than the finest one.
func (s *Sketch) coarsen(shift uint8) {
	if shift <= s.shift {
		return
	}
	finer := *s
	s.shift, s.counts, s.first = shift, nil, 0
	s.addShifted(&finer)
	s.refocus()
}

// addShifted adds the buckets of a sketch of a finer grid.
func (s *Sketch) addShifted(o *Sketch) {
	if len(o.counts) == 0 {
		return
	}
	by := s.shift - o.shift
	low, high := o.span()
	s.reserve(low>>by, high>>by)
	for i, c := range o.counts {
		if c != 0 {
			s.counts[(o.first+i)>>by-s.first] += c
		}
	}
}

// span returns the indexes of the lowest and the highest bucket that is not empty; there must be one.
func (s *Sketch) span() (low, high int) {
	for s.counts[low] == 0 {
		low++
	}
	high = len(s.counts) - 1
	for s.counts[high] == 0 {
		high--
	}
	return s.first + low, s.first + high
}
