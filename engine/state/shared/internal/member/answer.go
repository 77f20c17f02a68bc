package member

import (
	"slices"
	"strconv"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// Apply applies the answer to a commit that the ledger has applied, now or by an earlier call.
func (s *State) Apply(d *Draft, r *ledger.Reply) error {
	for _, o := range d.Outputs {
		s.confirm(o)
	}
	a := answer{s}
	for i, en := range d.ends {
		a.confirmEnd(en, d.Commit.Ends[i].More)
	}
	for _, g := range d.returns {
		g.node.state().forget()
	}
	for _, id := range d.Commit.EdgesDone {
		s.Find(id).state().claimed = false
	}
	err := a.applyLedger(r, d.Commit.Blocks)
	if d.forSuspects && d.Commit.Want > 0 && d.Granted(r) == 0 {
		s.foreign = s.suspects // others have to take them, or they are bounded
	}
	return err
}

// Granted is how many of the claims of an answer are new to the session.
func (d *Draft) Granted(r *ledger.Reply) int {
	n := len(r.Claims)
	for _, claim := range r.Claims {
		if slices.ContainsFunc(d.Commit.Onward, func(g ledger.Grant) bool { return g.Node == claim.Node }) {
			n--
		}
	}
	return n
}

// answer applies an answer.
type answer struct{ *State }

func (s answer) confirmEnd(en *ending, more bool) {
	n := en.node.state()
	n.claimed = more
	n.phase = done
	s.count(en)
	if en.outcome == record.OutcomeRetrying {
		n.phase, n.announced = away, false
	}
	if en.expands() && en.strand {
		for i := range en.node.degree() { // the ledger has their bits, and grants joins without instances
			c := en.node.child(i).state()
			c.arrived++
			c.reported++
		}
	}
}

// count counts a committed end for Progress.
func (s answer) count(en *ending) {
	if !en.node.IsTask() {
		return
	}
	switch en.outcome {
	case record.OutcomeOK:
		s.counted.Done++
	case record.OutcomeFailed:
		s.counted.Failed++
	case record.OutcomeSkipped:
		s.counted.Skipped++
	case record.OutcomeRetrying:
		s.counted.Retries++
	}
}

// applyLedger applies the status, claims and requests of an answer. Its blocks follow the first known ones.
func (s answer) applyLedger(r *ledger.Reply, known int) error {
	if known == 0 && len(r.Blocks) < len(s.dynamic) {
		return ErrRolledBack
	}
	if err := s.Learn(r.Blocks, known); err != nil {
		return err
	}
	s.status, s.stopping, s.suspects = r.Status, r.Stopping, r.Suspects
	for _, c := range r.Claims {
		s.acceptClaim(c)
	}
	s.releaseForSuspects()
	for _, id := range r.Store {
		if o := s.Value(id); o != nil {
			s.handOver(o)
		}
	}
	if s.stopping != "" {
		s.releaseQueued()
		s.dropUnclaimed()
		s.handOverDelayed() // for a retry, as far as there is time before the run ends
	}
	return nil
}

// acceptClaim applies a granted claim. A node that no lane executes is ended at once.
func (s answer) acceptClaim(c ledger.Claim) {
	p := s.Find(c.Node)
	n := p.state()
	if c.EdgesOnly {
		s.repeatEdges(p, c.EdgesBad)
		return
	}
	if n.claimed && n.since == c.Since {
		return // the answer repeats an earlier one
	}
	becameIt := n.owned() && !n.claimed
	n.claimed, n.since = true, c.Since
	if c.Solo {
		s.solo = c.Node
	}
	if becameIt {
		return
	}
	n.epoch, n.attempt, n.errors, n.ready, n.bad, n.announced = c.Epoch, c.Attempt, c.Errors, c.Since, c.Skip, false
	ends := completion(s)
	switch {
	case c.Skip:
		ends.endUnexecuted(p, record.OutcomeSkipped, nil)
	case c.Poison:
		ends.endUnexecuted(p, record.OutcomeFailed, s.poisoned(p, c))
	case p.kind() == dag.JoinNode:
		ends.endUnexecuted(p, record.OutcomeOK, nil)
	case s.stopping != "" || !s.takesNodes():
		s.returnClaim(p)
	default:
		n.phase = queued
		s.queue.add(p.ID(), s.now)
	}
}

// poisoned is the record of a task that is not executed any more, since it has taken workers down.
func (s answer) poisoned(p Node, c ledger.Claim) *record.ErrorRecord {
	return &record.ErrorRecord{
		Kind: record.PoisonError, Task: s.Identity(p), Node: p.ID(), Epoch: int(c.Epoch), Attempt: int(c.Attempt),
		Message: "it has taken down " + plural(int(c.Losses), "worker") + " that ran it alone",
	}
}

// releaseForSuspects releases the queue when the session is to take suspects, unless it holds one.
func (s answer) releaseForSuspects() {
	s.foreign = min(s.foreign, s.suspects)
	if s.Yields() && (s.solo == dag.NoNode || !s.Find(s.solo).state().claimed) {
		s.releaseQueued()
	}
}

// dropUnclaimed forgets ends and releases that a stopping run's ledger will not accept, since it lacks the claims.
func (s answer) dropUnclaimed() {
	s.returns = slices.DeleteFunc(s.returns, func(g *returnedClaim) bool { return !g.node.state().claimed })
	s.ends = slices.DeleteFunc(s.ends, func(en *ending) bool { return en.expands() && !en.node.state().claimed })
}

// StatusChanged sets the status and the one that the run will end with, and releases the queue of a stopping run.
func (s *State) StatusChanged(status, stopping record.Status) {
	s.SetStatus(status, stopping)
	if stopping != "" {
		s.releaseQueued()
	}
}

// Drain takes no more nodes, and releases those that no lane has.
func (s *State) Drain() {
	s.membership = max(s.membership, draining)
	s.releaseQueued()
}

// HandOver has everything stored that only this process has and others need. A session leaves after it.
func (s *State) HandOver(hasSession bool) {
	s.Drain()
	s.handOverDelayed()
	if hasSession && !s.unlogged {
		s.notes = append(s.notes, record.Step{Kind: record.WorkerStopped, Ended: s.now, Became: dag.NoNode})
	}
}

// Opened begins a session, whose worker has that number.
func (s *State) Opened(worker uint16, status, stopping record.Status) {
	s.worker, s.numbered = worker, true
	s.SetStatus(status, stopping)
	if !s.unlogged {
		s.notes = append([]record.Step{{Kind: record.WorkerStarted, Started: max(s.now, 0), Became: dag.NoNode}}, s.notes...)
	}
}

// plural is "1 worker" or "3 workers".
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
