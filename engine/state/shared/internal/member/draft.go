package member

import (
	"iter"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// Bounds of one commit, so that no script blocks the store for long.
const (
	maxEdges = 1000
	// maxHeld is how many readers an output may have that is held for them. heldCost is how many other edges an edge to
	// such a reader counts as, and an edge that is set again once the output is stored. recomputedCost is how many edges
	// the end of a recomputed task counts as, which others may await.
	maxHeld        = 128
	heldCost       = 5
	recomputedCost = 250
	maxBytes       = 1 << 20 // of outputs and details in it
)

// Draft is a commit being built, with what is needed when it is answered. Session, number, lease and wishes of Commit, the
// packed steps and the details are left to the caller.
type Draft struct {
	Commit    ledger.Commit
	ends      []*ending        // of the first of Commit.Ends
	returns   []*returnedClaim // of the last of Commit.Ends
	handed    []*handover
	Outputs   []*Value // to be stored with it
	Details   []record.Detail
	Steps     []record.Step
	continued *Node // a node of whose edges it has a further part
	bytes     int64
	edges     int  // cost of its edges, at most maxEdges
	alone     bool // its only end may be refused, so it has nothing else
	// forSuspects: a session that yields asks for a suspect.
	forSuspects bool
}

// IsEmpty reports whether the commit changes nothing but claims and the lease.
func (d *Draft) IsEmpty() bool {
	c := &d.Commit
	return len(c.Ends) == 0 && len(c.Edges) == 0 && len(c.EdgesDone) == 0 && c.Steps == 0
}

// FirstFailure is the record of the first attempt that it ends as failed, nil for none.
func (d *Draft) FirstFailure() *record.ErrorRecord {
	for _, en := range d.ends {
		if en.outcome == record.OutcomeFailed && en.detail != nil {
			return en.detail.Error
		}
	}
	return nil
}

// Poisoned returns the records of tasks that are not executed any more, since they have taken workers down, and when each
// ended, for the caller to complete.
func (d *Draft) Poisoned() iter.Seq2[*record.ErrorRecord, int64] {
	return func(yield func(*record.ErrorRecord, int64) bool) {
		for _, en := range d.ends {
			if en.detail != nil && en.detail.Error != nil && en.detail.Error.Kind == record.PoisonError && !yield(en.detail.Error, en.step.Ended) {
				return
			}
		}
	}
}

// HasPending reports whether there is anything to commit.
func (s *State) HasPending() bool {
	return len(s.ends)+len(s.returns)+len(s.handovers)+len(s.edgesLeft)+len(s.notes)+len(s.announced) > 0
}

// IsDue reports whether something pending should be committed at once.
func (s *State) IsDue() bool { return s.urgent || s.awaited || len(s.ends) >= ledger.MaxEnds }

// Draft moves what can be reported now into a commit: at most ends of attempts, parents before children. What has to
// wait until a value is stored stays in the outbox, and so does what depends on it.
func (s *State) Draft(ends int) *Draft {
	b := drafting{s, &Draft{forSuspects: s.Yields()}}
	s.mark++
	s.urgent, s.awaited = false, false
	b.addEdgesLeft()
	b.addHandovers()
	b.addEnds(min(ends, ledger.MaxEnds))
	b.addReturns()
	for i, en := range b.d.ends {
		b.addEdges(en, i)
	}
	b.addSteps()
	return b.d
}

// IsAlone reports whether the ledger may refuse its only end, so that it is not to be sent with other commits.
func (d *Draft) IsAlone() bool { return d.alone }

func (d *Draft) room() int { return maxEdges - d.edges }

// drafting builds a draft.
type drafting struct {
	*State
	d *Draft
}

// addEdgesLeft adds further edges of a node that has too many for one commit.
func (s drafting) addEdgesLeft() {
	if len(s.edgesLeft) == 0 {
		return
	}
	t := s.edgesLeft[0]
	s.d.continued = &t.node
	for ; t.next < t.node.degree() && s.d.room() > 0; t.next++ {
		s.d.edges++
		s.addEdge(edgeFrom{node: t.node, bad: t.bad, end: -1}, t.next)
	}
	if t.next == t.node.degree() {
		s.d.Commit.EdgesDone = append(s.d.Commit.EdgesDone, t.node.ID())
		s.edgesLeft = s.edgesLeft[1:]
	}
}

// addHandovers gives others access to held outputs that are stored now.
func (s drafting) addHandovers() {
	rest := s.handovers[:0]
	for _, h := range s.handovers {
		degree := h.node.degree()
		if degree > maxHeld {
			degree = 0 // it was never held for readers
		}
		cost := heldCost * degree
		if s.d.edges > 0 && s.d.room() < cost || !s.provide(h.out) {
			rest = append(rest, h)
			continue
		}
		s.d.edges += cost
		s.d.handed = append(s.d.handed, h)
		for i := range degree {
			if c := h.node.child(i); c.state().phase == away {
				s.addEdge(edgeFrom{node: h.node, end: -1}, i)
				s.d.Commit.Unhold = append(s.d.Commit.Unhold, c.ID())
			}
		}
	}
	s.handovers = rest
}

// addEnds adds the ends that can be reported.
func (s drafting) addEnds(most int) {
	rest := s.ends[:0]
	for i, en := range s.ends {
		alone := en.outcome == record.OutcomeRetrying || en.expands()
		degree := en.node.degree()
		begun := len(s.d.ends) > 0 || len(s.d.handed) > 0 || s.d.edges > 0 || len(s.d.Commit.EdgesDone) > 0
		full := len(s.d.ends) >= most || s.d.bytes > maxBytes || s.d.alone || begun && (alone || s.d.room() < degree)
		if full {
			rest = append(rest, s.ends[i:]...)
			break
		}
		if !s.reportable(en) || !s.provideFor(en) {
			rest = append(rest, en)
			continue
		}
		s.d.alone = alone
		s.d.edges += cost(en)
		s.addEnd(en)
	}
	clear(s.ends[len(rest):])
	s.ends = rest
}

// cost is what the edges of an end count as.
func cost(en *ending) int {
	degree := en.node.degree()
	switch {
	case en.node.state().epoch > 0:
		return degree + recomputedCost
	case en.out != nil && en.out.until != 0 && en.out.stage == held:
		return heldCost * degree
	default:
		return degree
	}
}

func (e *ending) expands() bool {
	return e.outcome == record.OutcomeOK && e.step.Kind == record.FanOutExpanded
}

// reportable reports whether the ledger has all edges to the node, with this commit at the latest.
func (s drafting) reportable(en *ending) bool {
	n := en.node.state()
	return n.claimed || !en.expands() && n.reported == s.waits(en.node)
}

// addEnd adds one end.
func (s drafting) addEnd(en *ending) {
	p, n := en.node, en.node.state()
	n.mark = s.mark
	end := ledger.End{
		Node: p.ID(), Class: p.class(), Outcome: en.outcome, Local: !n.claimed, Task: p.IsTask(), Sink: p.is(dag.Sink), Delay: en.step.Delay,
	}
	if en.expands() {
		end.Expand = s.layout.expand(p.scope().Region(p.local), en.width)
	}
	end.More = en.spreads(s.policy) && p.degree() > maxEdges
	s.d.Commit.Ends = append(s.d.Commit.Ends, end)
	s.d.ends = append(s.d.ends, en)
	if en.detail != nil {
		s.d.Details = append(s.d.Details, *en.detail)
		s.d.bytes += int64(len(en.detail.Log)) + 256
	}
	if en.strand && !en.counted && en.spreads(s.policy) && !en.expands() {
		en.counted = true
		s.countReported(en)
	}
}

// countReported counts the edges of an end as reported. A node that the session continued with is made ready, in the log,
// by the last of its parents that is reported, which need not be the last that has ended.
func (s drafting) countReported(en *ending) {
	became := dag.NoNode
	for i := range en.node.degree() {
		c := en.node.child(i)
		n := c.state()
		if n.reported++; n.owned() && !n.claimed && n.reported == s.waits(c) {
			en.step.Readied = append(en.step.Readied, c.ID())
			if c.ID() == en.step.Became {
				became = c.ID()
			}
		}
	}
	en.step.Became = became
}

// addReturns releases claims that the ledger knows, once others can get their inputs.
func (s drafting) addReturns() {
	rest := s.returns[:0]
	for _, g := range s.returns {
		n := g.node.state()
		if s.d.alone || len(s.d.Commit.Ends) >= ledger.MaxEnds || !n.claimed || !s.provideAll(g.needs) {
			rest = append(rest, g)
			continue
		}
		s.d.returns = append(s.d.returns, g)
		s.d.Commit.Ends = append(s.d.Commit.Ends, ledger.End{Node: g.node.ID(), Class: g.node.class(), Task: g.node.IsTask()})
	}
	s.returns = rest
}

// addEdges adds the bits that an end sets, or as many as fit.
func (s drafting) addEdges(en *ending, end int) {
	if !en.spreads(s.policy) {
		return
	}
	from := edgeFrom{node: en.node, bad: en.bad(), end: end, en: en}
	if en.out != nil && en.out.until != 0 && en.out.stage == held {
		from.hold = max(en.out.Bytes, 1)
	}
	degree := en.node.degree()
	last := degree
	if s.d.Commit.Ends[end].More {
		last = maxEdges
		s.edgesLeft = append(s.edgesLeft, &pendingEdges{node: en.node, bad: from.bad, next: last})
	}
	for i := range last {
		s.addEdge(from, i)
	}
}

// edgeFrom is the node that an edge leaves.
type edgeFrom struct {
	node Node
	en   *ending // nil when its end was reported before
	end  int
	bad  bool
	hold int64
}

// addEdge adds one bit, unless the session ends the child by the same commit or continues with it.
func (s drafting) addEdge(from edgeFrom, i int) {
	c := from.node.child(i)
	n := c.state()
	if n.mark == s.mark {
		return
	}
	waits := s.waits(c)
	if from.en != nil && from.en.expands() { // this sets the width for its joins
		waits += from.en.width * uint32(len(c.scope().JoinWaits(c.local)))
	}
	if n.owned() && !n.claimed && n.reported == waits {
		n.mark = s.mark
		s.d.Commit.Onward = append(s.d.Commit.Onward, ledger.Grant{Node: c.ID(), Class: c.class()})
		return
	}
	e := ledger.Edge{Offset: from.node.offset(i), Child: c.ID(), Waits: waits, Class: c.class(), End: from.end, Bad: from.bad, Parent: from.node.ID()}
	if from.hold > 0 && !n.owned() {
		e.Hold = from.hold
	}
	s.d.Commit.Edges = append(s.d.Commit.Edges, e)
}

// addSteps adds the steps of the ends, then those of announced attempts that the ledger knows, then notes.
func (s drafting) addSteps() {
	for _, en := range s.d.ends {
		s.recordLocation(en)
		s.d.Steps = append(s.d.Steps, en.step)
	}
	// Nodes made ready by edges of earlier ends have to be in a step of this commit.
	for _, h := range s.d.handed {
		s.d.Steps = append(s.d.Steps, handedOn(h.node, h.out.Size, s.now))
	}
	if s.d.continued != nil {
		s.d.Steps = append(s.d.Steps, handedOn(*s.d.continued, 0, s.now))
	}
	if !s.d.alone {
		s.addAnnounced()
		s.d.Steps = append(s.d.Steps, s.notes...)
		s.notes = nil
	}
	if s.unlogged {
		s.d.Steps = nil
	}
	for i := range s.d.Steps {
		s.d.Steps[i].Seq, s.d.Steps[i].Worker = uint64(i+1), s.worker
	}
	s.d.Commit.Steps = len(s.d.Steps)
}

func handedOn(p Node, stored, now int64) record.Step {
	return record.Step{Kind: record.HandedOn, Node: p.ID(), StoredBytes: stored, Ended: now, Updated: now, Became: dag.NoNode}
}

func (s drafting) addAnnounced() {
	rest := s.announced[:0]
	for _, step := range s.announced {
		n := s.Find(step.Node).state()
		switch {
		case n.phase != running || n.attempt != step.Attempt || n.epoch != step.Epoch: // it has ended since
		case !n.claimed && n.mark != s.mark:
			rest = append(rest, step)
		default:
			n.announced = true
			s.d.Steps = append(s.d.Steps, step)
			s.d.Commit.Started = append(s.d.Commit.Started, step.Node)
		}
	}
	s.announced = rest
}

// recordLocation fills in where the output of an end is when it is reported.
func (s drafting) recordLocation(en *ending) {
	o := en.out
	switch {
	case en.outcome != record.OutcomeOK || !en.node.IsTask() || o == nil:
		return
	case o.stage == held || o.stage == moving:
		en.step.Location = record.LocationHeld
	case o.Key != "":
		en.step.Location, en.step.StoredBytes = record.LocationStored, o.Size
		en.step.Updated = max(en.step.Updated, o.putAt)
	default:
		en.step.Location, en.step.StoredBytes = record.LocationInline, o.Size
	}
}
