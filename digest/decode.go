package digest

import "encoding/binary"

// UnmarshalBinary makes s the sketch that data encodes, of any kind and scale. It keeps no reference to data. The
// errors are ErrCorrupt and ErrVersion; s is then unchanged.
func (s *Sketch) UnmarshalBinary(data []byte) error {
	var e encoded
	if err := e.parse(data); err != nil {
		return err
	}
	*s = Sketch{kind: e.kind, shift: e.shift}
	s.absorb(&e)
	return nil
}

// MergeBinary adds all values of the sketch that data encodes, as Merge would after UnmarshalBinary, but directly from
// the bytes. The errors are those of these two methods; s is then unchanged.
func (s *Sketch) MergeBinary(data []byte) error {
	var e encoded
	if err := e.parse(data); err != nil {
		return err
	}
	if err := s.admit(e.kind, e.n); err != nil {
		return err
	}
	s.absorb(&e)
	return nil
}

// absorb merges a parsed sketch that s admits.
func (s *Sketch) absorb(e *encoded) {
	s.coarsen(e.shift)
	s.rejected = saturated(s.rejected, e.rejected)
	s.clamped += e.clamped
	if !e.full {
		s.absorbRaw(e)
		return
	}
	s.spill()
	s.absorbPages(e)
	s.moments.merge(s.kind, s.n, e.moments, e.n)
	s.zeros += e.zeros
	s.n += e.n
	s.refocus()
}

func (s *Sketch) absorbRaw(e *encoded) {
	var keys [ExactLimit]int64
	key, body := int64(0), e.body
	for i := range e.n {
		delta, size := binary.Uvarint(body)
		key += int64(delta)
		keys[i], body = key, body[size:]
	}
	if !s.full && s.n+e.n <= ExactLimit {
		s.raw = append(s.raw, keys[:e.n]...)
		s.n += e.n
		return
	}
	s.spill()
	s.foldKeys(keys[:e.n])
}

func (s *Sketch) absorbPages(e *encoded) {
	if e.pages == 0 {
		return
	}
	if e.shift != s.shift {
		o := Sketch{shift: e.shift}
		o.absorbPages(e)
		s.addShifted(&o)
		return
	}
	s.reserve(e.first, e.first+e.pages*page-1)
	into, rest, before := s.counts[e.first-s.first:], e.body, e.before
	var counts [page]uint64
	for at := range e.pages {
		if at < len(e.unpacked) {
			addCounts(into[at*page:], e.unpacked[at][:])
			continue
		}
		rest, _ = readPage(rest, &counts, before)
		before = counts[page-1]
		addCounts(into[at*page:], counts[:])
	}
}
