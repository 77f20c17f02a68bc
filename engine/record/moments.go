package record

// Ordered returns the moments of an attempt, from Ready to over, in order. Clocks may disagree: a moment that is not
// between ready and the end, or is before its predecessor, is moved, and fetch is cut to the time between claimed and
// started.
func (s *Step) Ordered() (claimed, started, ended, over, fetch int64) {
	over = max(s.Updated, s.Ended, s.Ready)
	claimed = min(max(s.Claimed, s.Ready), over)
	started = min(max(s.Started, claimed), over)
	ended = min(max(s.Ended, started), over)
	return claimed, started, ended, over, min(max(s.Fetch, 0), started-claimed)
}

// Over is the moment at which a step of any kind was over.
func (s *Step) Over() int64 { return max(s.Started, s.Ended, s.Updated) }

// LostUnseen reports whether the step is the loss of an attempt, reported by a process that did not see the attempt
// begin. Then its moments up to Started are known only from its announcement, if there was one.
func (s *Step) LostUnseen() bool { return s.Outcome == OutcomeLost && s.Started == 0 }
