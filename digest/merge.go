package digest

import "math/bits"

// Merge adds all values of o, which is unchanged. For integer sketches the result is bit by bit the same as if every
// value had been added to one sketch, in any order and grouping of adds and merges; for float sketches, this is true
// for everything except mean, sum and variance. The result has the coarser of the two scales. Merging a sketch into
// itself doubles it.
//
// It returns ErrKind if the kinds differ and ErrOverflow if the sum would reach 2^63 values; s is then
// unchanged.
func (s *Sketch) Merge(o *Sketch) error {
	if err := s.admit(o.kind, o.n); err != nil {
		return err
	}
	s.coarsen(o.shift)
	s.rejected = saturated(s.rejected, o.rejected)
	s.clamped += o.clamped
	if !s.full && !o.full && s.n+o.n <= ExactLimit {
		s.raw = append(s.raw, o.raw...)
		s.n += o.n
		return nil
	}
	s.spill()
	if !o.full {
		s.foldKeys(o.raw)
		return nil
	}
	if s.shift == o.shift {
		s.addPages(o)
	} else {
		s.addShifted(o)
	}
	s.moments.merge(s.kind, s.n, o.moments, o.n)
	s.zeros += o.zeros
	s.n += o.n
	s.refocus()
	return nil
}

// admit returns an error if n values of that kind cannot be merged into s.
func (s *Sketch) admit(kind Kind, n uint64) error {
	switch {
	case s.kind != kind:
		return ErrKind
	case s.n > maxCount-n:
		return ErrOverflow
	}
	return nil
}

// addPages adds the buckets of a sketch of the same grid.
func (s *Sketch) addPages(o *Sketch) {
	if len(o.counts) == 0 {
		return
	}
	s.reserve(o.first, o.first+len(o.counts)-1)
	from, to := o.ends()
	addCounts(s.counts[from-s.first:to-s.first], o.counts[from-o.first:to-o.first])
}

// ends returns the range [from, to) of the buckets that may not be empty.
func (s *Sketch) ends() (from, to int) {
	from, to = s.first, s.bucket(s.moments.high)+1
	if s.moments.low > 0 {
		from = s.bucket(s.moments.low)
	}
	return from, to
}

// bucket is the index of a positive key.
func (s *Sketch) bucket(key int64) int { return bucketOfKey(s.kind, key) >> s.shift }

// addCounts adds counters to others of the same number, eight at a time: a merge spends most of its time here.
func addCounts(into, from []uint64) {
	for len(from) >= 8 && len(into) >= 8 {
		a, b := (*[8]uint64)(into), (*[8]uint64)(from)
		a[0] += b[0]
		a[1] += b[1]
		a[2] += b[2]
		a[3] += b[3]
		a[4] += b[4]
		a[5] += b[5]
		a[6] += b[6]
		a[7] += b[7]
		into, from = into[8:], from[8:]
	}
	for i, c := range from {
		into[i] += c
	}
}

// saturated returns a + b or, if that overflows, the largest number.
func saturated(a, b uint64) uint64 {
	sum, carry := bits.Add64(a, b, 0)
	return sum | -carry
}
