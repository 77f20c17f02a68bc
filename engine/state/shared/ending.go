package shared

import (
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state"
)

// ending is the end of an attempt that has not been reported.
type ending struct {
	at      at
	outcome engine.Outcome
	step    engine.Step
	out     *output // of a task that is OK, where anybody may read it
	detail  *engine.Detail
	width   uint32 // of an expansion that is OK
	// needs are inputs that have to be stored first, because somebody else will run the node next.
	needs []*output
	// strand: what waits for the node may be run behind it. Not of what is made again, whose readers are elsewhere.
	strand bool
	told   bool // the edges are counted as reported
	border bool // nodes that are not of this session wait for it
}

// giving is a claim that is given back.
type giving struct {
	at    at
	needs []*output
}

// handover stores what was held for nodes that others may run after all.
type handover struct {
	at  at
	out *output
}

// telling is a node that has ended and whose edges do not fit into one commit.
type telling struct {
	at   at
	bad  bool
	next int // the edge to go on with
}

// candidate is a node that can be gone on with.
type candidate struct {
	at at
	by *ending
}

// spreads reports whether nodes that wait for it are told.
func (e *ending) spreads(p engine.Policy) bool {
	switch e.outcome {
	case engine.OutcomeOK, engine.OutcomeSkipped:
		return true
	case engine.OutcomeFailed:
		return p == engine.Continue
	default:
		return false
	}
}

// bad reports whether what waits for it is to be skipped.
func (e *ending) bad() bool { return e.outcome != engine.OutcomeOK }

// finish takes the end of an attempt that a lane has executed. It gives the node that the lane goes on with: follower
// where that is one that the end made ready, else with next the first of these, NoNode for none.
func (s *share) finish(e *state.End, slot uint16, head bool, out *output, follower engine.NodeID, next bool) engine.NodeID {
	p := s.find(e.Node)
	en := s.ended(p, e.Outcome)
	en.step = stepOf(e, p, slot, head)
	en.step.Announced = p.node().told
	en.detail = detailOf(e)
	switch {
	case e.Outcome == engine.OutcomeRetrying:
		en.needs = s.unstored(p)
	case e.Outcome != engine.OutcomeOK:
		en.needs = s.keepFrontier(p)
	case p.kind() == engine.ExpandNode:
		elements, _ := e.Output.([]any)
		en.width = uint32(len(elements))
		en.step.Kind, en.step.Width, en.step.OutputBytes = engine.FanOutExpanded, en.width, 0
	default:
		s.pace.add(e.Ended-e.Started, s.now)
		s.keepOutput(en, out, e.Ended-e.Started)
	}
	s.closeAttempt(en)
	return s.goOn(en, follower, next)
}

// keepFrontier has the inputs of a task that did not succeed stored, as far as nobody else has them: the next revision of
// the run begins with them.
func (s *share) keepFrontier(p at) []*output {
	needs := s.unstored(p)
	for _, o := range needs {
		o.must = true
	}
	return needs
}

// ended puts an ending into the outbox.
func (s *share) ended(p at, outcome engine.Outcome) *ending {
	n := p.node()
	n.phase = ended
	en := &ending{at: p, outcome: outcome, strand: n.epoch == 0 && !s.rules.NoBecome}
	s.outbox = append(s.outbox, en)
	return en
}

// closeAttempt does what follows from an end beside what it makes ready.
func (s *share) closeAttempt(en *ending) {
	switch {
	case en.outcome == engine.OutcomeRetrying || en.outcome == engine.OutcomeFailed || en.at.kind() == engine.ExpandNode:
		s.urgent = true
	case en.at.is(engine.Sink) || s.rules.NoBecome:
		s.urgent = true
	}
	if en.outcome == engine.OutcomeRetrying {
		return
	}
	s.letGo(en.at)
	if !en.spreads(s.policy) || en.outcome == engine.OutcomeOK && en.at.kind() == engine.ExpandNode {
		return // what an expansion makes ready is known when it was applied
	}
	s.spread(en, en.step.Ended)
}

// keepOutput takes the value of a task, with what would have to be repeated for it.
func (s *share) keepOutput(en *ending, o *output, ran int64) {
	if o == nil {
		return
	}
	p := en.at
	en.out = o
	o.line = line{1, ran}
	for _, parent := range p.scope().Parents(p.local) {
		if in := p.sibling(parent).node().out; in != nil && in.stage == held {
			o.line = o.line.join(in.line)
		}
	}
	o.left = int32(len(p.scope().Children(p.local)))
	p.node().out = o
	s.add(o)
	if o.stage == moving {
		s.uploads = append(s.uploads, o)
	}
}

// letGo notes that the node at p, which is over, reads its inputs no more.
func (s *share) letGo(p at) {
	for _, parent := range p.scope().Parents(p.local) {
		n := p.sibling(parent).node()
		o := n.out
		if o == nil {
			continue
		}
		if o.left--; o.left > 0 || o.must || o.stage == moving || o.stage == packed {
			continue
		}
		if o.stage == held {
			s.saved.NotStoredBytes += max(o.bytes, 0)
		}
		s.drop(o)
		n.out = nil
	}
}

// close ends a node that no lane has a part in: a join, one that is skipped, one that is poison.
func (s *share) close(p at, outcome engine.Outcome, now int64, failure *engine.ErrorRecord) {
	en := s.closing(p, outcome, now, failure)
	s.closeAttempt(en)
	s.goOn(en, engine.NoNode, false)
}

func (s *share) closing(p at, outcome engine.Outcome, now int64, failure *engine.ErrorRecord) *ending {
	en := s.ended(p, outcome)
	n := p.node()
	now = max(now, n.ready)
	en.step = engine.Step{
		Kind: engine.AttemptEnded, Outcome: outcome, Node: p.id(), Epoch: n.epoch, Attempt: n.attempt, Head: true,
		Ready: n.ready, Claimed: now, Started: now, Ended: now, Updated: now, Became: engine.NoNode,
	}
	if outcome == engine.OutcomeSkipped && p.isTask() {
		en.step = engine.Step{
			Kind: engine.TaskSkipped, Outcome: outcome, Node: p.id(), Epoch: n.epoch, Ended: now, Updated: now, Became: engine.NoNode,
		}
	}
	if failure != nil {
		en.detail = &engine.Detail{Node: p.id(), Epoch: int(n.epoch), Attempt: int(n.attempt), Error: failure}
	}
	return en
}

// spread follows the edges of an ending, and of those that are ended by it in turn. It works off a list: joins may
// follow each other endlessly.
func (s *share) spread(en *ending, now int64) {
	s.work = append(s.work[:0], en)
	for len(s.work) > 0 {
		en := s.work[len(s.work)-1]
		s.work = s.work[:len(s.work)-1]
		if !en.strand {
			en.border = en.at.degree() > 0
			continue
		}
		for i := range en.at.degree() {
			s.arrive(en, en.at.child(i), now)
		}
	}
}

// arrive notes that one more of what the node at c waits for has ended here. When that was the last, and all others
// have ended here too, nobody else can claim it, and the session goes on with it.
func (s *share) arrive(en *ending, c at, now int64) {
	n := c.node()
	n.arrived++
	n.ready = max(n.ready, en.step.Ended)
	n.bad = n.bad || en.bad()
	class := c.class()
	if n.phase != away || n.arrived < s.waits(c) || !s.takesOn() || s.layout.isBounded(class) || !n.bad && !s.layout.canRun(class) {
		en.border = true
		return
	}
	n.epoch, n.attempt, n.errors, n.told = 0, 1, 0, false
	if c.kind() != engine.JoinNode && !n.bad {
		s.candidates = append(s.candidates, candidate{c, en})
		return
	}
	outcome := engine.OutcomeOK
	if n.bad {
		outcome = engine.OutcomeSkipped
	}
	by := s.closing(c, outcome, now, nil)
	s.letGo(c)
	if c.is(engine.Sink) {
		s.urgent = true
	}
	s.work = append(s.work, by)
}

// goOn decides what the session does itself of what was made ready just now. The rest is left to whoever claims it.
func (s *share) goOn(en *ending, follower engine.NodeID, next bool) (became engine.NodeID) {
	became = engine.NoNode
	room := s.target() - s.queue.len()
	queue := s.candidates[:0]
	for _, c := range s.candidates {
		n := c.at.node()
		id := c.at.id()
		switch {
		case id == follower, follower == engine.NoNode && next && became == engine.NoNode && s.goesOn():
			became, n.phase = id, running
			s.saved.Became++
		case room > 0 || s.clusters(c):
			n.phase = queued
			queue = append(queue, c)
			s.saved.Became++
			room--
		default:
			c.by.border = true
			s.saved.Invoked++
		}
	}
	for i := len(queue) - 1; i >= 0; i-- {
		s.queue.push(queue[i].at.id(), s.now)
	}
	s.candidates = s.candidates[:0]
	en.step.Became = became
	s.urgent = s.urgent || en.border && s.outside > 0
	return became
}

// clusters reports whether a task is to run here because its input is large.
func (s *share) clusters(c candidate) bool {
	if s.rules.NoClustering || c.by.out == nil || c.by.out.bytes < s.rules.ClusterBytes {
		return false
	}
	s.saved.Clustered++
	return true
}

// refused turns an end that may not be tried again, or a fan-out that is too wide, into a failure. It goes back to the
// front of the outbox.
func (s *share) refused(en *ending, why string) {
	rec := &engine.ErrorRecord{Kind: engine.LimitError, Node: en.at.id(), Attempt: int(en.step.Attempt), Epoch: int(en.step.Epoch), Message: why}
	if en.outcome == engine.OutcomeRetrying {
		en.step.Delay = 0
		if en.detail != nil && en.detail.Error != nil {
			again := *en.detail.Error
			again.Message += " (not tried again: " + why + ")"
			rec = &again
		}
	}
	en.width, en.step.Width = 0, 0
	en.outcome, en.step.Outcome = engine.OutcomeFailed, engine.OutcomeFailed
	if en.detail == nil {
		en.detail = &engine.Detail{Node: en.at.id(), Epoch: int(en.step.Epoch), Attempt: int(en.step.Attempt)}
	}
	en.detail.Error = rec
	en.needs = nil
	s.outbox = append([]*ending{en}, s.outbox...)
	s.closeAttempt(en)
	s.goOn(en, engine.NoNode, false)
}

func detailOf(e *state.End) *engine.Detail {
	if e.Error == nil && len(e.Log) == 0 && len(e.Inputs) == 0 {
		return nil
	}
	return &engine.Detail{Node: e.Node, Epoch: int(e.Epoch), Attempt: int(e.Attempt), Log: e.Log, Error: e.Error, Inputs: e.Inputs}
}

// stepOf is the step that tells of an attempt. A node that is claimed from elsewhere may seem to be ready later than it
// was claimed here, because clocks differ: then all moments move.
func stepOf(e *state.End, p at, slot uint16, head bool) engine.Step {
	n := p.node()
	step := engine.Step{
		Kind: engine.AttemptEnded, Outcome: e.Outcome, Head: head, Node: e.Node, Epoch: e.Epoch, Attempt: e.Attempt, Slot: slot,
		Ready: n.ready, Fetch: e.Fetch, Became: engine.NoNode,
	}
	step.Claimed = max(e.Claimed, n.ready)
	step.Started = max(e.Started, step.Claimed)
	step.Ended = max(e.Ended, step.Started)
	step.Updated = max(e.Updated, step.Ended)
	switch e.Outcome {
	case engine.OutcomeOK:
		step.OutputBytes = e.OutputBytes
	case engine.OutcomeRetrying:
		step.Delay = time.Duration(e.Delay)
	}
	return step
}
