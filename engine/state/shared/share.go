package shared

import (
	"strconv"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// share is what one process does in one run: the nodes that its session has claimed or goes on with, what ended and has
// not been reported, and the values that it holds. It is plain data with explicit time: a run guards it by its lock and
// does for it what takes long. What comes of a session that was lost is dropped with reset.
type share struct {
	territory
	holdings
	rules  engine.Rules
	policy engine.Policy
	width  int // lanes that are worth feeding, see run.want
	busy   int // lanes that have a node
	worker uint16
	limit  int64  // weight of outputs that may be nowhere else
	now    int64  // on the run's clock, set by whoever calls
	mark   uint32 // of the latest draft, see node.mark
	// outside is how many other sessions are known to take part; without any, nobody waits for what is not reported.
	outside int
	first   bool // none of them has a smaller number
	// suspects is how many nodes wait that may have taken a worker down, foreign how many of them this session was not
	// given when it asked, solo the latest that it got. See yields.
	suspects, foreign int
	solo              engine.NodeID

	status   engine.Status // as the ledger last told
	stopping engine.Status
	draining bool // nothing more is taken on

	queue     queue
	outbox    []*ending // in the order in which they ended
	returns   []*giving
	handovers []*handover
	tellings  []*telling
	delayed   []*output     // large ones that wait for their consumers
	uploads   []*output     // to be encoded and put, by the run
	notes     []engine.Step // steps that change nothing
	announced []engine.Step // of attempts under way
	pace      pace
	saved     engine.Savings
	counted   engine.Progress // ends that this process has reported
	unlogged  bool
	urgent    bool // somebody outside may wait for what is not reported
	failed    bool // an output cannot be encoded: see giveUp
	broken    map[engine.NodeID]error

	work       []*ending   // whose edges are to be followed
	candidates []candidate // made ready by what ended just now
}

func newShare(l *layout, policy engine.Policy, rules engine.Rules) *share {
	return &share{territory: newTerritory(l), policy: policy, rules: rules, status: engine.Running, outside: 1, solo: engine.NoNode, broken: map[engine.NodeID]error{}}
}

// reset forgets all that belonged to a session that is over. Values that the store has are good for the next one.
func (s *share) reset() {
	s.queue.takeAll()
	s.clear()
	s.outbox, s.returns, s.handovers, s.tellings, s.uploads, s.announced = nil, nil, nil, nil, nil, nil
	s.delayed = nil
	s.urgent = false
	s.holdings = holdings{}
	for b := range s.blocks() {
		for i := range b.nodes {
			if o := b.nodes[i].out; o != nil {
				o.listed = false
				s.add(o)
			}
		}
	}
}

// forgetOutputs drops all values.
func (s *share) forgetOutputs() {
	s.holdings = holdings{}
	for b := range s.blocks() {
		for i := range b.nodes {
			b.nodes[i].out = nil
		}
	}
}

// goesOn reports whether nodes may be handed to lanes.
func (s *share) goesOn() bool { return s.status == engine.Running && s.stopping == "" && !s.draining }

// takesOn reports whether the session may go on with what its ends make ready.
func (s *share) takesOn() bool {
	return !s.rules.NoBecome && s.stopping == "" && !s.status.Final() && !s.draining && !s.yields()
}

// yields reports whether the session takes nothing but suspects. Only who holds nothing gets these; so that they do not
// wait until nothing else is left to do, the first session works them off, one by one, while the others go on.
func (s *share) yields() bool { return s.suspects > s.foreign && s.first }

// giveWay gives back what waits in the queue, for the sake of suspects, unless that is one.
func (s *share) giveWay() {
	s.foreign = min(s.foreign, s.suspects)
	if s.yields() && (s.solo == engine.NoNode || !s.find(s.solo).node().claimed) {
		s.relax()
	}
}

// isIdle reports whether the session holds nothing but ends that the next commit reports.
func (s *share) isIdle() bool { return s.busy == 0 && s.queue.len() == 0 && len(s.returns) == 0 }

// pop hands a node to a lane.
func (s *share) pop() (at, bool) {
	if !s.goesOn() {
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

// occupy notes that one more lane has a node.
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

// take accepts a claim. What a lane has no part in is ended at once.
func (s *share) take(c ledger.Claim, now int64) {
	p := s.find(c.Node)
	n := p.node()
	if c.Tell {
		s.tell(p, c.TellBad)
		return
	}
	if n.claimed && n.since == c.Since {
		return // an answer repeats what was told before
	}
	takenOn := n.owned() && !n.claimed
	n.claimed, n.since = true, c.Since
	if c.Solo {
		s.solo = c.Node
	}
	if takenOn {
		return
	}
	n.epoch, n.attempt, n.errors, n.ready, n.bad, n.told = c.Epoch, c.Attempt, c.Errors, c.Since, c.Skip, false
	switch {
	case c.Skip:
		s.close(p, engine.OutcomeSkipped, now, nil)
	case c.Poison:
		s.close(p, engine.OutcomeFailed, now, s.poisoned(p, c))
	case p.kind() == engine.JoinNode:
		s.close(p, engine.OutcomeOK, now, nil)
	case s.stopping != "" || s.draining:
		s.giveBack(p)
	default:
		n.phase = queued
		s.queue.add(p.id(), now)
	}
}

// poisoned is the record of a task that is given up.
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

// giveBack lets others have a node that waits in the queue.
func (s *share) giveBack(p at) {
	p.node().phase = ended
	s.returns = append(s.returns, &giving{at: p, needs: s.unstored(p)})
	s.urgent = true
}

// unstored lists the inputs of a node that nobody else can get.
func (s *share) unstored(p at) []*output {
	var needs []*output
	for _, parent := range p.scope().Parents(p.local) {
		if o := p.sibling(parent).node().out; o != nil && o.stage != kept {
			needs = append(needs, o)
		}
	}
	return needs
}

// relax gives back what waits in the queue of a run that is being stopped, or that this process leaves.
func (s *share) relax() {
	for _, id := range s.queue.takeAll() {
		s.release(s.find(id))
	}
}

// release gives back a node that no lane has. One that the ledger does not know to be of this session is none of it.
func (s *share) release(p at) {
	n := p.node()
	if s.stopping != "" && !n.claimed {
		n.phase = away
		return
	}
	s.giveBack(p)
}

// target is how many nodes should wait for lanes: what these execute in the time that a batch may take.
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
	last int64 // when one has ended, or lanes began to be busy
}

// batchTime is how much work, in ns, is kept here while others might be idle, and how long a strand may go unreported.
const batchTime = int64(5 * time.Millisecond)

// Bounds of the local queue.
const (
	maxQueuedPerLane = 64
	maxQueued        = 256
)

// add takes a task into account that has just ended; about the last twenty count.
func (p *pace) add(ns, now int64) {
	p.last = now
	if p.mean == 0 {
		p.mean = float64(max(ns, 1))
		return
	}
	p.mean += (float64(ns) - p.mean) / 20
}

// ahead is how many tasks n lanes execute within batchTime, rounded up while tasks are short; as many as lanes when
// nothing is known yet. Where busy lanes have ended nothing for a while, tasks take longer than they did.
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
