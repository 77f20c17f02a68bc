package member

// provideFor gives others access to what they need of an end: its output, and the inputs of a node that another session
// may execute next. False while that is being stored.
func (s drafting) provideFor(en *ending) bool {
	if !s.provideAll(en.needs) {
		return false
	}
	o := en.out
	if o == nil || o.stage == stored {
		return true
	}
	if !o.must && o.stage == held {
		who := s.readers(en)
		soon := who == heldFor && o.Bytes > s.rules.InlineBytes && s.hasAllForReaders(en)
		switch {
		case who == heldFor && en.node.degree() <= maxHeld && s.mayDelay(o, soon):
			s.delay(o, soon)
			return true
		case who == noReader && !o.line.tooLong():
			return true
		}
	}
	return s.provide(o)
}

// readership says which sessions read an output.
type readership int

const (
	noReader readership = iota // none but this one
	heldFor                    // perhaps others, for nodes that this one could execute too
	anyone                     // others
)

// readers is the readership of the output of an end.
func (s drafting) readers(en *ending) readership {
	who := noReader
	for i := range en.node.degree() {
		c := en.node.child(i)
		n, class := c.state(), c.class()
		if en.strand && n.owned() {
			continue
		}
		isReady := n.arrived == s.waits(c) // and this session has not become it
		if !en.strand || isReady || !c.IsTask() || !s.layout.mayBecome(class) {
			return anyone
		}
		who = heldFor
	}
	return who
}

// hasAllForReaders reports whether this session has all inputs of the readers of an end, so that it will most likely
// execute them. It visits all those inputs, so it is only called for large outputs.
func (s drafting) hasAllForReaders(en *ending) bool {
	for i := range en.node.degree() {
		if c := en.node.child(i); !c.state().owned() && !c.hasAllInputs() {
			return false
		}
	}
	return true
}

// hasAllInputs reports whether all parents of a node are, or were, executed by this session.
func (p Node) hasAllInputs() bool {
	for _, parent := range p.scope().Parents(p.local) {
		if p.sibling(parent).state().phase == away {
			return false
		}
	}
	return true
}

// mayDelay reports whether an output is large enough to wait here for the other inputs of its consumers: so large that it
// attracts them or, if they are likely to be executed here anyway, too large for a commit.
func (s drafting) mayDelay(o *Value, soon bool) bool {
	least := s.rules.ClusterBytes
	if soon {
		least = min(least, s.rules.InlineBytes+1)
	} else if s.rules.NoClustering {
		return false // the consumer's process has to fetch it in any case
	}
	return !s.rules.NoDelay && s.mayBecome() && o.Bytes >= least && s.only <= s.limit
}

// provideAll provides inputs whose ends were reported without them.
func (s drafting) provideAll(needs []*Value) bool {
	all := true
	for _, o := range needs {
		all = s.provide(o) && all
	}
	return all
}

// provide adds a value to the commit if the store does not have it yet. A large one is put first, in the background;
// false while that takes.
func (s drafting) provide(o *Value) bool {
	if o.stage == held {
		s.pack(o)
	}
	switch o.stage {
	case stored:
		return true
	case packed:
		s.attach(o)
		return true
	default:
		return false
	}
}

// attach adds a value to the commit.
func (s drafting) attach(o *Value) {
	for _, other := range s.d.Outputs {
		if other == o {
			return
		}
	}
	s.d.Outputs = append(s.d.Outputs, o)
	s.d.bytes += int64(len(o.Encoded))
}
