package shared

import (
	"strconv"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// share is the state of one process in one run: the nodes that its session has claimed or has become, the ends that are
// not reported, and the values in memory. It is plain data with explicit time: the run guards it by mu, and makes the calls
// that it asks for. What belongs to a lost session is dropped by resetSession.
type share struct {
	nodeTable
	outputCache
	rules  engine.Rules
	policy engine.Policy
	width  int // lanes to keep busy, see run.want
	busy   int // lanes that have a node
	worker uint16
	limit  int64  // most weight of outputs that only this process has
	now    int64  // on the run's clock, set by the caller
	mark   uint32 // of the latest draft, see node.mark
	// others is how many other sessions are known; without any, no one waits for what is not reported.
	others int
	first  bool // no other session has a smaller number
	// suspects is how many waiting nodes may have taken a worker down, foreign how many of them this session did not get
	// when it asked, solo the latest that it got. See yields.
	suspects, foreign int
	solo              engine.NodeID

	status   engine.Status // of the latest answer
	stopping engine.Status
	draining bool // the session takes no more nodes

	queue     queue
	outbox    []*ending // in the order in which they ended
	returns   []*returnedClaim
	handovers []*handover
	edgesLeft []*pendingEdges
	delayed   []*output     // large outputs held for their consumers
	uploads   []*output     // to be encoded and put by the run
	notes     []engine.Step // steps without effect on the ledger
	announced []engine.Step // of attempts under way
	pace      pace
	saved     engine.Savings
	counted   engine.Progress // committed ends of this process
	unlogged  bool
	urgent    bool // another session may wait for what is not reported
	failed    bool // an output cannot be encoded, so the session is abandoned
	broken    map[engine.NodeID]error

	work       []*ending   // scratch of spread: ends whose edges are to be followed
	candidates []candidate // scratch of chooseNext: made ready by what ended just now
}

func newShare(l *layout, policy engine.Policy, rules engine.Rules) *share {
	return &share{nodeTable: newNodeTable(l), policy: policy, rules: rules, status: engine.Running, others: 1, solo: engine.NoNode, broken: map[engine.NodeID]error{}}
}

// resetSession forgets what belonged to a session that is over, except for values that the store has.
func (s *share) resetSession() {
	s.queue.takeAll()
	s.clear()
	s.outbox, s.returns, s.handovers, s.edgesLeft, s.uploads, s.announced = nil, nil, nil, nil, nil, nil
	s.delayed = nil
	s.urgent = false
	s.outputCache = outputCache{}
	for b := range s.blocks() {
		for i := range b.nodes {
			if o := b.nodes[i].out; o != nil {
				o.listed = false
				s.add(o)
			}
		}
	}
}

// clearOutputs drops all values.
func (s *share) clearOutputs() {
	s.outputCache = outputCache{}
	for b := range s.blocks() {
		for i := range b.nodes {
			b.nodes[i].out = nil
		}
	}
}

// isRunning reports whether nodes may be handed to lanes.
func (s *share) isRunning() bool {
	return s.status == engine.Running && s.stopping == "" && !s.draining
}

// mayBecome reports whether the session may become nodes that its ends make ready.
func (s *share) mayBecome() bool {
	return !s.rules.NoBecome && s.stopping == "" && !s.status.Final() && !s.draining && !s.yields()
}

// yields reports whether the session takes nothing but suspects. These are granted only to a session that holds nothing;
// so that they do not wait until all else is done, the first session executes them one by one while the others continue.
func (s *share) yields() bool { return s.suspects > s.foreign && s.first }

// releaseForSuspects releases the queue when the session is to take suspects, unless it holds one.
func (s *share) releaseForSuspects() {
	s.foreign = min(s.foreign, s.suspects)
	if s.yields() && (s.solo == engine.NoNode || !s.find(s.solo).node().claimed) {
		s.releaseQueued()
	}
}

// isIdle reports whether the session holds nothing but ends that the next commit reports.
func (s *share) isIdle() bool { return s.busy == 0 && s.queue.len() == 0 && len(s.returns) == 0 }

// pop hands a node to a lane.
func (s *share) pop() (at, bool) {
	if !s.isRunning() {
		return at{}, false
	}
	id, ok := s.queue.pop()
	if !ok {
		return at{}, false
	}
	p := s.find(id)
	p.node().phase = running
	return p, true
}

// occupy counts one more lane that has a node.
func (s *share) occupy() {
	if s.busy++; s.busy == 1 {
		s.pace.last = s.now
	}
}

// claimOf is the claim that a lane gets on a node.
func claimOf(p at, token uint64) state.Claim {
	n := p.node()
	return state.Claim{Node: p.id(), Epoch: n.epoch, Attempt: n.attempt, Token: token, Ready: n.ready}
}

// acceptClaim applies a granted claim. A node that no lane executes is ended at once.
func (s *share) acceptClaim(c ledger.Claim, now int64) {
	p := s.find(c.Node)
	n := p.node()
	if c.EdgesOnly {
		s.repeatEdges(p, c.EdgesBad)
		return
	}
	if n.claimed && n.since == c.Since {
		return // the answer repeats an earlier one
	}
	takenOn := n.owned() && !n.claimed
	n.claimed, n.since = true, c.Since
	if c.Solo {
		s.solo = c.Node
	}
	if takenOn {
		return
	}
	n.epoch, n.attempt, n.errors, n.ready, n.bad, n.announced = c.Epoch, c.Attempt, c.Errors, c.Since, c.Skip, false
	switch {
	case c.Skip:
		s.endUnexecuted(p, engine.OutcomeSkipped, now, nil)
	case c.Poison:
		s.endUnexecuted(p, engine.OutcomeFailed, now, s.poisoned(p, c))
	case p.kind() == engine.JoinNode:
		s.endUnexecuted(p, engine.OutcomeOK, now, nil)
	case s.stopping != "" || s.draining:
		s.returnClaim(p)
	default:
		n.phase = queued
		s.queue.add(p.id(), now)
	}
}

// poisoned is the record of a task that is not executed any more, since it has taken workers down.
func (s *share) poisoned(p at, c ledger.Claim) *engine.ErrorRecord {
	return &engine.ErrorRecord{
		Kind: engine.PoisonError, Task: s.identity(p), Node: p.id(), Epoch: int(c.Epoch), Attempt: int(c.Attempt),
		Message: "it has taken down " + plural(int(c.Losses), "worker") + " that ran it alone",
	}
}

// identity names a task, or says which node of the engine's own it is.
func (s *share) identity(p at) string {
	if !p.isTask() {
		return ""
	}
	return s.numbering.Identity(p.place()).String()
}

// returnClaim has a claim released by the next commit that can.
func (s *share) returnClaim(p at) {
	p.node().phase = ended
	s.returns = append(s.returns, &returnedClaim{at: p, needs: s.unstored(p)})
	s.urgent = true
}

// unstored lists the inputs of a node that only this process has.
func (s *share) unstored(p at) []*output {
	var needs []*output
	for _, parent := range p.scope().Parents(p.local) {
		if o := p.sibling(parent).node().out; o != nil && o.stage != stored {
			needs = append(needs, o)
		}
	}
	return needs
}

// releaseQueued releases all nodes that wait for a lane.
func (s *share) releaseQueued() {
	for _, id := range s.queue.takeAll() {
		s.release(s.find(id))
	}
}

// release releases a node that no lane has. A stopping run does not grant a node that the ledger does not know as a claim,
// so that is forgotten.
func (s *share) release(p at) {
	n := p.node()
	if s.stopping != "" && !n.claimed {
		n.phase = away
		return
	}
	s.returnClaim(p)
}

// target is how many nodes should wait for lanes: as many as these execute in batchTime.
func (s *share) target() int {
	ahead := s.pace.ahead(max(1, s.width), s.busy > 0, s.now)
	if s.rules.NoBecome {
		return min(ahead, 2*pipelined) // one batch of commits is made while another is under way
	}
	return ahead
}

// pace is how long tasks take.
type pace struct {
	mean float64
	last int64 // when the last one ended, or lanes became busy
}

// batchTime is how much work, in ns, is kept here while others might be idle, and how long a strand may be unreported.
const batchTime = int64(5 * time.Millisecond)

// Bounds of the local queue.
const (
	maxQueuedPerLane = 64
	maxQueued        = 256
)

// add averages in a task that has just ended; about the last twenty count.
func (p *pace) add(ns, now int64) {
	p.last = now
	if p.mean == 0 {
		p.mean = float64(max(ns, 1))
		return
	}
	p.mean += (float64(ns) - p.mean) / 20
}

// ahead is how many tasks n lanes execute within batchTime, rounded up while tasks are short; n when nothing is known yet.
// If busy lanes have ended nothing for a while, tasks have become longer.
func (p *pace) ahead(n int, isBusy bool, now int64) int {
	mean := p.mean
	if since := now - p.last; isBusy && since > batchTime {
		mean = max(mean, float64(since))
	}
	if mean == 0 {
		return n
	}
	tasks := float64(n) * float64(batchTime) / max(mean, 1)
	if tasks < 1 {
		if mean < 10*float64(batchTime) {
			return 1
		}
		return 0
	}
	return min(int(tasks), n*maxQueuedPerLane, maxQueued)
}

// plural is "1 worker" or "3 workers".
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
