package ledger

import (
	"cmp"
	"math"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

func (op Commit) moment() int64 { return op.Now }

func (op Commit) apply(t *transition) Reply {
	ses := t.live(op.Session)
	if ses == nil {
		return Reply{Verdict: Fenced}
	}
	if op.Number > 0 && op.Number <= ses.Last {
		return t.answer(&op, ses, Repeated, t.Held(op.Session))
	}
	if why := t.mistake(&op, ses); why != "" {
		return malformed(why)
	}
	if v := t.refusal(&op); v != Applied {
		return Reply{Verdict: v}
	}
	ses.Last, ses.Until = op.Number, op.Now+int64(op.Lease)
	t.pack(&op, ses.Worker)
	t.endAll(&op, ses)
	claims := t.become(&op, ses)
	for i := range op.Edges {
		t.settle(ses, op.Edges[i].Offset)
		t.set(&op.Edges[i], ses)
	}
	for _, id := range op.Unhold {
		t.unhold(ses, id)
	}
	t.due()
	claims = append(claims, t.grant(&op, ses)...)
	for _, id := range op.Started {
		if n := &t.Nodes[id]; n.Status == Claimed && n.Session == ses.ID {
			n.Started = true
		}
	}
	t.endRun()
	return t.answer(&op, ses, Applied, claims)
}

// answer is the reply to a commit that was applied just now or before.
func (s *State) answer(op *Commit, ses *Session, v Verdict, claims []Claim) Reply {
	r := Reply{Verdict: v, Claims: claims, Waiting: s.Counts.Waiting}
	if op.Blocks < len(s.Blocks) {
		r.Blocks = slices.Clone(s.Blocks[op.Blocks:])
	}
	for _, e := range ses.Owed {
		r.Store = append(r.Store, e.Parent)
	}
	slices.Sort(r.Store)
	r.Store = slices.Compact(r.Store)
	for i := range s.Queues {
		r.Suspects += len(s.Queues[i].Solo)
	}
	if len(s.Retries) > 0 {
		r.NextDue = s.Nodes[s.Retries[0]].Due
	}
	return r
}

// refusal is the verdict on a well-formed commit that would exceed the bounds of the run; Applied if it would not.
func (s *State) refusal(op *Commit) Verdict {
	if len(op.Ends) == 0 {
		return Applied
	}
	switch e := &op.Ends[0]; {
	case e.Outcome == record.OutcomeRetrying && s.Counts.Retries >= max(MinRetries, s.Counts.Tasks/5):
		return Exhausted
	case e.Expand != nil && !s.fits(e.Expand):
		return TooWide
	default:
		return Applied
	}
}

// fits reports whether a fan-out stays within the limits, and its node and edge numbers within their types.
func (s *State) fits(x *Expand) bool {
	w := uint64(x.Width)
	within := func(have int, per uint32, limit uint64) bool { return uint64(have)+w*uint64(per) <= limit }
	return w <= uint64(s.Limits.Tasks) &&
		within(s.Counts.Tasks, x.TasksPer, uint64(s.Limits.Tasks)) &&
		within(s.Counts.Edges, x.LimitEdges, uint64(s.Limits.Edges)) &&
		within(len(s.Nodes), x.Size, math.MaxUint32) && within(int(s.Edges), x.EdgesPer, math.MaxUint32)
}

// endAll ends attempts, and the claims on nodes whose last edges are now set.
func (t *transition) endAll(op *Commit, ses *Session) {
	for i := range op.Ends {
		e := &op.Ends[i]
		t.end(e, ses)
		if e.Expand != nil {
			t.expand(e)
		}
	}
	for _, id := range op.EdgesDone {
		if n := &t.Nodes[id]; n.PendingEdges == EdgesClaimed && n.Session == ses.ID {
			t.unclaim(id)
		}
	}
}

// end ends one attempt.
func (t *transition) end(e *End, ses *Session) {
	n := &t.Nodes[e.Node]
	switch {
	case e.Outcome == record.NoOutcome:
		if t.holds(ses.ID, e.Node) {
			t.returnClaim(e.Node)
		}
		return
	case e.Local:
		n.Class = e.Class
	case n.Session != "":
		t.unclaim(e.Node)
	}
	switch e.Outcome {
	case record.OutcomeOK:
		t.terminate(e, OK)
	case record.OutcomeSkipped:
		t.terminate(e, Skipped)
	case record.OutcomeCancelled:
		t.terminate(e, Cancelled)
	case record.OutcomeFailed:
		t.terminate(e, Failed)
		if t.Policy != record.Continue {
			t.stop(record.Failed)
		}
	case record.OutcomeRetrying:
		n.Attempts++
		n.Errors++
		t.Counts.Retries++
		t.wait(e.Node, t.now+int64(e.Delay))
	}
	if e.More {
		n.PendingEdges = EdgesQueued
		t.claim(ses, e.Node)
	}
}

// terminate gives a node its terminal status and notifies the nodes that await it.
func (t *transition) terminate(e *End, status NodeStatus) {
	n := &t.Nodes[e.Node]
	n.Status, n.Reserved = status, Reservation{}
	if e.Sink {
		t.Counts.Open--
	}
	switch {
	case status == OK && e.Task:
		t.Counts.Done++
	case status == Skipped && e.Task:
		t.Counts.Skipped++
	case status == Failed:
		t.Counts.Failed++
	}
	for _, id := range n.Awaited {
		t.madeAgain(id, status != OK)
	}
	n.Awaited = nil
}

// wait lets a node wait until a moment.
func (t *transition) wait(id dag.NodeID, due int64) {
	n := &t.Nodes[id]
	n.Status, n.Due = Waiting, due
	at, _ := slices.BinarySearchFunc(t.Retries, id, func(a, b dag.NodeID) int {
		return cmp.Or(cmp.Compare(t.Nodes[a].Due, t.Nodes[b].Due), cmp.Compare(a, b))
	})
	t.Retries = slices.Insert(t.Retries, at, id)
}

// due makes nodes ready that have waited long enough.
func (t *transition) due() {
	n := 0
	for n < min(MaxDue, len(t.Retries)) && t.Nodes[t.Retries[n]].Due <= t.now {
		n++
	}
	for _, id := range t.Retries[:n] {
		node := &t.Nodes[id]
		if node.Bad { // an input failed while the node waited to fetch its inputs again
			node.toEngine()
		}
		node.Status = Ready
		t.since(node)
		t.enqueue(id, false)
	}
	t.Retries = slices.Delete(t.Retries, 0, n)
}

// expand appends the instances of a fan-out.
func (t *transition) expand(e *End) {
	x := e.Expand
	b := Block{Expansion: e.Node, Width: x.Width, First: dag.NodeID(len(t.Nodes)), FirstEdge: t.Edges}
	t.Blocks = append(t.Blocks, b)
	t.Nodes = append(t.Nodes, make([]Node, x.Width*x.Size)...)
	t.Edges += x.Width * x.EdgesPer
	t.Bits = t.Bits.grow(t.Edges)
	t.Counts.Tasks += int(x.Width * x.TasksPer)
	t.Counts.Edges += int(x.Width * x.LimitEdges)
	t.Counts.Open += int(x.Width * x.SinksPer)
	for i := range x.Width {
		for _, r := range x.Roots {
			t.makeReady(b.First+dag.NodeID(i*x.Size)+r.Node, r.Class)
		}
	}
	t.log().Block = &b
}

// become claims the nodes of Onward, which the session becomes.
func (t *transition) become(op *Commit, ses *Session) (claims []Claim) {
	for _, g := range op.Onward {
		n := &t.Nodes[g.Node]
		if n.Status != Blocked || n.Awaits > 0 || t.Stopping != "" {
			continue
		}
		n.Class = g.Class
		t.since(n)
		claims = append(claims, t.claim(ses, g.Node))
	}
	return claims
}
