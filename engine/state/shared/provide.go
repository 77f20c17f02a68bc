package shared

import (
	"slices"

	"github.com/dagscope/dagscope/engine"
)

// provideFor sees to it that others can get what they need of an end: its output, and the inputs of a node that
// somebody else runs next. False as long as something of it is being stored.
func (s *share) provideFor(en *ending, d *draft) bool {
	if !s.provideAll(en.needs, d) {
		return false
	}
	o := en.out
	if o == nil || o.stage == kept {
		return true
	}
	if !o.must && o.stage == held {
		border := s.readers(en)
		soon := border == heldFor && o.bytes > s.rules.InlineBytes && s.hasAllForReaders(en)
		switch {
		case border == heldFor && en.at.degree() <= maxHeld && s.mayDelay(o, soon):
			s.delay(o, soon)
			return true
		case border == nobody && !o.line.tooLong():
			return true
		}
	}
	return s.provide(o, d)
}

// readership is who reads an output.
type readership int

const (
	nobody    readership = iota // but nodes of this session
	heldFor                     // others, which this session could run too
	strangers                   // others
)

// readers finds out who reads the output of an end.
func (s *share) readers(en *ending) readership {
	who := nobody
	for i := range en.at.degree() {
		c := en.at.child(i)
		n, class := c.node(), c.class()
		if en.strand && n.owned() {
			continue
		}
		isReady := n.arrived == s.waits(c) // and this session has not taken it on
		if !en.strand || isReady || !c.isTask() || !s.layout.canRun(class) || s.layout.isBounded(class) {
			return strangers
		}
		who = heldFor
	}
	return who
}

// hasAllForReaders reports whether this session has all that others wait for which read the output of an end, so that it
// will most likely run them too. It looks at all that they wait for, so it is only asked about large outputs.
func (s *share) hasAllForReaders(en *ending) bool {
	for i := range en.at.degree() {
		if c := en.at.child(i); !c.node().owned() && !s.hasAllFor(c) {
			return false
		}
	}
	return true
}

// hasAllFor reports whether all that a node waits for is, or was, run by this session.
func (s *share) hasAllFor(c at) bool {
	for _, parent := range c.scope().Parents(c.local) {
		if c.sibling(parent).node().phase == away {
			return false
		}
	}
	return true
}

// mayDelay reports whether an output is large enough to wait here for the rest of what its consumers need: so large that
// it draws them here, or, where they will come soon anyway, too large to travel in a commit.
func (s *share) mayDelay(o *output, soon bool) bool {
	least := s.rules.ClusterBytes
	if soon {
		least = min(least, s.rules.InlineBytes+1)
	} else if s.rules.NoClustering {
		return false // whoever runs the consumer will have to fetch it
	}
	return !s.rules.NoDelay && s.takesOn() && o.bytes >= least && s.only <= s.limit
}

// delay holds a large output. When its time is over it is stored after all.
func (s *share) delay(o *output, soon bool) {
	o.until, o.soon = s.now+int64(s.rules.HoldFor), soon
	s.delayed = append(s.delayed, o)
	s.saved.DelayedHeld++
}

// provideAll does so for inputs whose ends were reported without them.
func (s *share) provideAll(needs []*output, d *draft) bool {
	all := true
	for _, o := range needs {
		all = s.provide(o, d) && all
	}
	return all
}

// provide adds an output to the commit where the store does not have it yet. What is large is put first, beside; false
// as long as that takes.
func (s *share) provide(o *output, d *draft) bool {
	if o.stage == held {
		s.pack(o)
	}
	switch o.stage {
	case kept:
		return true
	case packed:
		s.attach(o, d)
		return true
	default:
		return false
	}
}

// pack encodes an output that is small, and asks for others to be put.
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
		o.stage = moving // for ever: the session is given up
		return
	}
	s.packInline(o, b)
}

// encode is the value as others read it.
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

// attach lets an output travel in a commit.
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

// put notes that an output was stored under a key.
func (s *share) put(o *output, key string, size int64) {
	weight := o.weight()
	o.stage, o.key, o.size, o.putAt = packed, key, size, s.now
	s.used += o.weight() - weight
	s.only += o.weight() - weight
	s.urgent = true
}

// awaitsOthers reports whether nodes may be reserved for this session without its knowledge.
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

// handOverInputs sees to it that others can get the inputs of a node that are here; false as long as that takes.
func (s *share) handOverInputs(p at) bool {
	needs := s.unstored(p)
	for _, o := range needs {
		switch from := s.find(o.node); {
		case from.node().phase != over:
			o.must = true // it goes with its end
		case o.stage == held:
			s.handOver(o)
		}
	}
	s.urgent = s.urgent || len(needs) > 0
	return len(needs) == 0
}

// handOver stores what was held for nodes that others may run.
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
