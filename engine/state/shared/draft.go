package shared

import (
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// Bounds of one commit, so that no script blocks the store for long.
const (
	maxEdges = 1000
	// maxHeld is how many readers an output may have that is held for them. heldCost is how many other edges an edge to
	// such a reader counts as, and an edge that is set again once the output is stored. madeAgainCost is how many edges
	// the end of a recomputed task counts as, which others may await.
	maxHeld       = 128
	heldCost      = 5
	madeAgainCost = 250
	maxBytes      = 1 << 20 // of outputs and details in it
)

// draft is a commit being built, with what is needed when it is answered.
type draft struct {
	call      Call
	ends      []*ending        // of the first of Commit.Ends
	returns   []*returnedClaim // of the last of Commit.Ends
	handed    []*handover
	outs      []*output // of Call.Outputs
	details   []engine.Detail
	steps     []engine.Step
	continued *at // a node of whose edges it has a further part
	bytes     int64
	edges     int  // cost of its edges, at most maxEdges
	alone     bool // its only end may be refused, so it has nothing else
	// forSuspects: a session that holds nothing asks for a suspect.
	forSuspects bool
}

// isEmpty reports whether the commit changes nothing but claims and the lease.
func (d *draft) isEmpty() bool {
	c := &d.call.Commit
	return len(c.Ends) == 0 && len(c.Edges) == 0 && len(c.EdgesDone) == 0 && c.Steps == 0
}

// pending reports whether there is anything to commit.
func (s *share) pending() bool {
	return len(s.outbox)+len(s.returns)+len(s.handovers)+len(s.edgesLeft)+len(s.notes)+len(s.announced) > 0
}

// draft moves what can be reported now into a commit: at most ends of attempts, parents before children. What has to
// wait until an output is stored stays in the outbox, and so does what depends on it.
func (s *share) draft(ends int) *draft {
	d := &draft{}
	s.mark++
	s.urgent = false
	s.draftEdgesLeft(d)
	s.draftHandovers(d)
	s.draftEnds(d, min(ends, ledger.MaxEnds))
	s.draftReturns(d)
	for i, en := range d.ends {
		s.draftEdges(d, en, i)
	}
	s.draftSteps(d)
	return d
}

func (d *draft) room() int { return maxEdges - d.edges }

// draftEdgesLeft adds further edges of a node that has too many for one commit.
func (s *share) draftEdgesLeft(d *draft) {
	if len(s.edgesLeft) == 0 {
		return
	}
	t := s.edgesLeft[0]
	d.continued = &t.at
	for ; t.next < t.at.degree() && d.room() > 0; t.next++ {
		d.edges++
		s.draftEdge(d, edgeFrom{at: t.at, bad: t.bad, end: -1}, t.next)
	}
	if t.next == t.at.degree() {
		d.call.Commit.EdgesDone = append(d.call.Commit.EdgesDone, t.at.id())
		s.edgesLeft = s.edgesLeft[1:]
	}
}

// repeatEdges sets all edges of a node again whose session was lost before it had set them.
func (s *share) repeatEdges(p at, bad bool) {
	for _, t := range s.edgesLeft {
		if t.at == p {
			return
		}
	}
	p.node().claimed = true
	s.edgesLeft = append(s.edgesLeft, &pendingEdges{at: p, bad: bad})
	s.urgent = true
}

// draftHandovers gives others access to held outputs that are stored now.
func (s *share) draftHandovers(d *draft) {
	rest := s.handovers[:0]
	for _, h := range s.handovers {
		degree := h.at.degree()
		if degree > maxHeld {
			degree = 0 // it was never held for readers
		}
		cost := heldCost * degree
		if d.edges > 0 && d.room() < cost || !s.provide(h.out, d) {
			rest = append(rest, h)
			continue
		}
		d.edges += cost
		d.handed = append(d.handed, h)
		for i := range degree {
			if c := h.at.child(i); c.node().phase == away {
				s.draftEdge(d, edgeFrom{at: h.at, end: -1}, i)
				d.call.Commit.Unhold = append(d.call.Commit.Unhold, c.id())
			}
		}
	}
	s.handovers = rest
}

// draftEnds adds the ends that can be reported.
func (s *share) draftEnds(d *draft, most int) {
	rest := s.outbox[:0]
	for i, en := range s.outbox {
		alone := en.outcome == engine.OutcomeRetrying || en.expands()
		degree := en.at.degree()
		begun := len(d.ends) > 0 || len(d.handed) > 0 || d.edges > 0 || len(d.call.Commit.EdgesDone) > 0
		full := len(d.ends) >= most || d.bytes > maxBytes || d.alone || begun && (alone || d.room() < degree)
		if full {
			rest = append(rest, s.outbox[i:]...)
			break
		}
		if !s.reportable(en) || !s.provideFor(en, d) {
			rest = append(rest, en)
			continue
		}
		d.alone = alone
		d.edges += cost(en)
		s.draftEnd(d, en)
	}
	clear(s.outbox[len(rest):])
	s.outbox = rest
}

// cost is what the edges of an end count as.
func cost(en *ending) int {
	degree := en.at.degree()
	switch {
	case en.at.node().epoch > 0:
		return degree + madeAgainCost
	case en.out != nil && en.out.until != 0 && en.out.stage == held:
		return heldCost * degree
	default:
		return degree
	}
}

func (e *ending) expands() bool {
	return e.outcome == engine.OutcomeOK && e.step.Kind == engine.FanOutExpanded
}

// reportable reports whether the ledger has all edges to the node, with this commit at the latest.
func (s *share) reportable(en *ending) bool {
	n := en.at.node()
	return n.claimed || !en.expands() && n.reported == s.waits(en.at)
}

// draftEnd adds one end.
func (s *share) draftEnd(d *draft, en *ending) {
	p, n := en.at, en.at.node()
	n.mark = s.mark
	end := ledger.End{
		Node: p.id(), Class: p.class(), Outcome: en.outcome, Local: !n.claimed, Task: p.isTask(), Sink: p.is(engine.Sink), Delay: en.step.Delay,
	}
	if en.expands() {
		end.Expand = s.layout.expand(p.scope().Region(p.local), en.width)
	}
	end.More = en.spreads(s.policy) && p.degree() > maxEdges
	d.call.Commit.Ends = append(d.call.Commit.Ends, end)
	d.ends = append(d.ends, en)
	if en.detail != nil {
		d.details = append(d.details, *en.detail)
		d.bytes += int64(len(en.detail.Log)) + 256
	}
	if en.strand && !en.counted && en.spreads(s.policy) && !en.expands() {
		en.counted = true
		s.countReported(en)
	}
}

// countReported counts the edges of an end as reported. A node that the session continued with is made ready, in the log,
// by the last of its parents that is reported, which need not be the last that has ended.
func (s *share) countReported(en *ending) {
	became := engine.NoNode
	for i := range en.at.degree() {
		c := en.at.child(i)
		n := c.node()
		if n.reported++; n.owned() && !n.claimed && n.reported == s.waits(c) {
			en.step.Readied = append(en.step.Readied, c.id())
			if c.id() == en.step.Became {
				became = c.id()
			}
		}
	}
	en.step.Became = became
}

// draftReturns releases claims that the ledger knows, once others can get their inputs.
func (s *share) draftReturns(d *draft) {
	rest := s.returns[:0]
	for _, g := range s.returns {
		n := g.at.node()
		if d.alone || len(d.call.Commit.Ends) >= ledger.MaxEnds || !n.claimed || !s.provideAll(g.needs, d) {
			rest = append(rest, g)
			continue
		}
		d.returns = append(d.returns, g)
		d.call.Commit.Ends = append(d.call.Commit.Ends, ledger.End{Node: g.at.id(), Class: g.at.class(), Task: g.at.isTask()})
	}
	s.returns = rest
}

// draftEdges adds the bits that an end sets, or as many as fit.
func (s *share) draftEdges(d *draft, en *ending, end int) {
	if !en.spreads(s.policy) {
		return
	}
	from := edgeFrom{at: en.at, bad: en.bad(), end: end, en: en}
	if en.out != nil && en.out.until != 0 && en.out.stage == held {
		from.hold = max(en.out.bytes, 1)
	}
	degree := en.at.degree()
	last := degree
	if d.call.Commit.Ends[end].More {
		last = maxEdges
		s.edgesLeft = append(s.edgesLeft, &pendingEdges{at: en.at, bad: from.bad, next: last})
	}
	for i := range last {
		s.draftEdge(d, from, i)
	}
}

// edgeFrom is the node that an edge leaves.
type edgeFrom struct {
	at   at
	en   *ending // nil when its end was reported before
	end  int
	bad  bool
	hold int64
}

// draftEdge adds one bit, unless the session ends the child by the same commit or continues with it.
func (s *share) draftEdge(d *draft, from edgeFrom, i int) {
	c := from.at.child(i)
	n := c.node()
	if n.mark == s.mark {
		return
	}
	waits := s.waits(c)
	if from.en != nil && from.en.expands() { // this sets the width for its joins
		waits += from.en.width * uint32(len(c.scope().JoinWaits(c.local)))
	}
	if n.owned() && !n.claimed && n.reported == waits {
		n.mark = s.mark
		d.call.Commit.Onward = append(d.call.Commit.Onward, ledger.Grant{Node: c.id(), Class: c.class()})
		return
	}
	e := ledger.Edge{Offset: from.at.offset(i), Child: c.id(), Waits: waits, Class: c.class(), End: from.end, Bad: from.bad, Parent: from.at.id()}
	if from.hold > 0 && !n.owned() {
		e.Hold = from.hold
	}
	d.call.Commit.Edges = append(d.call.Commit.Edges, e)
}

// draftSteps adds the steps of the ends, then those of announced attempts that the ledger knows, then notes.
func (s *share) draftSteps(d *draft) {
	for _, en := range d.ends {
		s.recordLocation(en)
		d.steps = append(d.steps, en.step)
	}
	// Nodes made ready by edges of earlier ends have to be in a step of this commit.
	for _, h := range d.handed {
		d.steps = append(d.steps, handedOn(h.at, h.out.size, s.now))
	}
	if d.continued != nil {
		d.steps = append(d.steps, handedOn(*d.continued, 0, s.now))
	}
	if !d.alone {
		s.draftAnnounced(d)
		d.steps = append(d.steps, s.notes...)
		s.notes = nil
	}
	if s.unlogged {
		d.steps = nil
	}
	for i := range d.steps {
		d.steps[i].Seq, d.steps[i].Worker = uint64(i+1), s.worker
	}
	d.call.Commit.Steps = len(d.steps)
}

func handedOn(p at, stored, now int64) engine.Step {
	return engine.Step{Kind: engine.HandedOn, Node: p.id(), StoredBytes: stored, Ended: now, Updated: now, Became: engine.NoNode}
}

func (s *share) draftAnnounced(d *draft) {
	rest := s.announced[:0]
	for _, step := range s.announced {
		n := s.find(step.Node).node()
		switch {
		case n.phase != running || n.attempt != step.Attempt || n.epoch != step.Epoch: // it has ended since
		case !n.claimed && n.mark != s.mark:
			rest = append(rest, step)
		default:
			n.announced = true
			d.steps = append(d.steps, step)
			d.call.Commit.Started = append(d.call.Commit.Started, step.Node)
		}
	}
	s.announced = rest
}

// recordLocation fills in where the output of an end is when it is reported.
func (s *share) recordLocation(en *ending) {
	o := en.out
	switch {
	case en.outcome != engine.OutcomeOK || !en.at.isTask() || o == nil:
		return
	case o.stage == held || o.stage == moving:
		en.step.Location = engine.LocationHeld
	case o.key != "":
		en.step.Location, en.step.StoredBytes = engine.LocationStored, o.size
		en.step.Updated = max(en.step.Updated, o.putAt)
	default:
		en.step.Location, en.step.StoredBytes = engine.LocationInline, o.size
	}
}
