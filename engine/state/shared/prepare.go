package shared

import "fmt"

// prepare makes the output of a task that is OK, nil if it has no readers. If it has to be stored in any case, the lane
// encodes it here, so that lanes encode concurrently; the error says why it cannot be encoded. It needs no lock.
func (s *share) prepare(p at, value any, bytes int64) (*output, error) {
	reads := p.b.bits.uses[p.local]
	if reads == unread {
		return nil, nil
	}
	o := &output{node: p.id(), value: value, bytes: bytes}
	o.must = reads == spread || s.rules.StoreAll || s.layout.impure[p.class()]
	if !o.must {
		return o, nil
	}
	b, err := s.layout.graph.OutputType(p.place()).Append(nil, value)
	if err != nil {
		return nil, fmt.Errorf("the output cannot be stored: %w", err)
	}
	o.encoded, o.size = b, int64(len(b))
	o.stage = packed
	if s.rules.NoInline || o.size > s.rules.InlineBytes {
		o.stage = moving
	}
	return o, nil
}
