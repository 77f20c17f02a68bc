package shared

import (
	"slices"

	"github.com/dagscope/dagscope/engine"
)

// provideFor gives others access to what they need of an end: its output, and the inputs of a node that another session
// may execute next. False while that is being stored.
func (s *share) provideFor(en *ending, d *draft) bool {
	if !s.provideAll(en.needs, d) {
		return false
	}
	o := en.out
	if o == nil || o.stage == stored {
		return true
	}
	if !o.must && o.stage == held {
		border := s.readers(en)
		soon := border == heldFor && o.bytes > s.rules.InlineBytes && s.hasAllForReaders(en)
		switch {
		case border == heldFor && en.at.degree() <= maxHeld && s.mayDelay(o, soon):
			s.delay(o, soon)
			return true
		case border == noReader && !o.line.tooLong():
			return true
		}
	}
	return s.provide(o, d)
}

// readership says which sessions read an output.
type readership int

const (
	noReader readership = iota // none but this one
	heldFor                    // perhaps others, for nodes that this one could execute too
	anyone                     // others
)

// readers is the readership of the output of an end.
func (s *share) readers(en *ending) readership {
	who := noReader
	for i := range en.at.degree() {
		c := en.at.child(i)
		n, class := c.node(), c.class()
		if en.strand && n.owned() {
			continue
		}
		isReady := n.arrived == s.waits(c) // and this session has not become it
		if !en.strand || isReady || !c.isTask() || !s.layout.canRun(class) || s.layout.isBounded(class) {
			return anyone
		}
		who = heldFor
	}
	return who
}

// hasAllForReaders reports whether this session has all inputs of the readers of an end, so that it will most likely
// execute them. It visits all those inputs, so it is only called for large outputs.
func (s *share) hasAllForReaders(en *ending) bool {
	for i := range en.at.degree() {
		if c := en.at.child(i); !c.node().owned() && !s.hasAllFor(c) {
			return false
		}
	}
	return true
}

// hasAllFor reports whether all parents of a node are, or were, executed by this session.
func (s *share) hasAllFor(c at) bool {
	for _, parent := range c.scope().Parents(c.local) {
		if c.sibling(parent).node().phase == away {
			return false
		}
	}
	return true
}

// mayDelay reports whether an output is large enough to wait here for the other inputs of its consumers: so large that it
// attracts them or, if they are likely to be executed here anyway, too large for a commit.
func (s *share) mayDelay(o *output, soon bool) bool {
	least := s.rules.ClusterBytes
	if soon {
		least = min(least, s.rules.InlineBytes+1)
	} else if s.rules.NoClustering {
		return false // the consumer's process has to fetch it in any case
	}
	return !s.rules.NoDelay && s.mayBecome() && o.bytes >= least && s.only <= s.limit
}

// delay holds a large output for Rules.HoldFor. After that it is stored.
func (s *share) delay(o *output, soon bool) {
	o.until, o.soon = s.now+int64(s.rules.HoldFor), soon
	s.delayed = append(s.delayed, o)
	s.saved.DelayedHeld++
}

// provideAll provides inputs whose ends were reported without them.
func (s *share) provideAll(needs []*output, d *draft) bool {
	all := true
	for _, o := range needs {
		all = s.provide(o, d) && all
	}
	return all
}

// provide adds an output to the commit if the store does not have it yet. A large one is put first, in the background;
// false while that takes.
func (s *share) provide(o *output, d *draft) bool {
	if o.stage == held {
		s.pack(o)
	}
	switch o.stage {
	case stored:
		return true
	case packed:
		s.attach(o, d)
		return true
	default:
		return false
	}
}

// pack encodes a small output, and has a large one put.
func (s *share) pack(o *output) {
	if s.rules.NoInline || engine.Exceeds(o.value, s.rules.InlineBytes) {
		o.stage = moving
		s.uploads = append(s.uploads, o)
		return
	}
	b, err := s.encode(o)
	if err != nil {
		s.broken[o.node] = err
		s.failed = true
		o.stage = moving // for ever: the session is abandoned
		return
	}
	s.packInline(o, b)
}

// encode encodes the value as others read it. It needs no lock.
func (s *share) encode(o *output) ([]byte, error) {
	return s.layout.graph.OutputType(s.numbering.Locate(o.node)).Append(nil, o.value)
}

func (s *share) packInline(o *output, b []byte) {
	if int64(len(b)) > s.rules.InlineBytes {
		o.stage = moving
		s.uploads = append(s.uploads, o)
		return
	}
	o.stage, o.encoded, o.size = packed, b, int64(len(b))
}

// attach adds an output to a commit.
func (s *share) attach(o *output, d *draft) {
	for _, other := range d.outs {
		if other == o {
			return
		}
	}
	d.outs = append(d.outs, o)
	d.call.Outputs = append(d.call.Outputs, Output{Node: o.node, Key: o.key, Inline: o.encoded})
	d.bytes += int64(len(o.encoded))
}

// put records that an output was stored under a key.
func (s *share) put(o *output, key string, size int64) {
	weight := o.weight()
	o.stage, o.key, o.size, o.putAt = packed, key, size, s.now
	s.used += o.weight() - weight
	s.only += o.weight() - weight
	s.urgent = true
}

// awaitsOthers reports whether nodes may have been reserved for this session without its knowledge.
func (s *share) awaitsOthers() bool {
	return slices.ContainsFunc(s.delayed, func(o *output) bool { return !o.soon })
}

// handOverDelayed stores all delayed outputs.
func (s *share) handOverDelayed() {
	for _, o := range s.delayed {
		if o.left > 0 && o.stage == held {
			s.handOver(o)
		}
	}
	s.delayed = nil
}

// expire stores delayed outputs whose time is over, and forgets those that all consumers have read.
func (s *share) expire() {
	rest := s.delayed[:0]
	for _, o := range s.delayed {
		switch {
		case o.left <= 0 || o.stage != held:
		case s.now >= o.until || s.only > s.limit:
			s.handOver(o)
		default:
			rest = append(rest, o)
		}
	}
	clear(s.delayed[len(rest):])
	s.delayed = rest
}

// nextExpiry is when the next delayed output is to be stored, 0 for none.
func (s *share) nextExpiry() (next int64) {
	for _, o := range s.delayed {
		if o.left > 0 && o.stage == held && (next == 0 || o.until < next) {
			next = o.until
		}
	}
	return next
}

// handOverInputs gives others access to the inputs of a node; false while that takes.
func (s *share) handOverInputs(p at) bool {
	needs := s.unstored(p)
	for _, o := range needs {
		switch from := s.find(o.node); {
		case from.node().phase != done:
			o.must = true // it is stored with its end
		case o.stage == held:
			s.handOver(o)
		}
	}
	s.urgent = s.urgent || len(needs) > 0
	return len(needs) == 0
}

// handOver has a held output stored, because others may execute its readers.
func (s *share) handOver(o *output) {
	for _, h := range s.handovers {
		if h.out == o {
			return
		}
	}
	if o.until > 0 {
		s.saved.DelayedStored++
	}
	o.until = 0
	s.handovers = append(s.handovers, &handover{at: s.find(o.node), out: o})
	s.urgent = true
}
