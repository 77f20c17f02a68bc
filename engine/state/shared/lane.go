package shared

import (
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state"
)

// lane implements state.Lane. Its fields are guarded by the run's mu, except that the lane's own goroutine reads at and
// starving without it.
type lane struct {
	r        *run
	slot     uint16
	at       at
	claim    state.Claim
	held     bool
	head     bool // the claim is of a node from the queue, not one that this lane became
	starving bool // its last Claim found nothing
}

// Lane implements state.Run.
func (r *run) Lane(slot int) state.Lane {
	l := &lane{r: r, slot: uint16(slot)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lanes = append(r.lanes, l)
	return l
}

// Claim implements state.Lane.
func (l *lane) Claim() (state.Claim, bool) {
	r := l.r
	if l.starving && r.ready.Load() == 0 {
		return state.Claim{}, false
	}
	r.lock()
	defer r.unlockAndNotify()
	if r.self == nil || r.left {
		return state.Claim{}, false
	}
	p, ok := r.share.pop()
	l.starve(!ok)
	if !ok {
		return state.Claim{}, false
	}
	l.assign(p, true)
	return l.claim, true
}

// starve records whether the lane waits for a node. The lock is held.
func (l *lane) starve(starving bool) {
	if l.starving == starving {
		return
	}
	l.starving = starving
	if starving {
		l.r.starving++
	} else {
		l.r.starving--
	}
}

// assign gives a node to the lane. The lock is held.
func (l *lane) assign(p at, head bool) {
	r := l.r
	r.tokens++
	if !l.held {
		r.share.occupy()
	}
	l.at, l.head, l.held = p, head, true
	l.claim = claimOf(p, r.tokens)
	r.store.cfg.Board.Executing(int(l.slot), r.session.handle, p.id())
}

// unassign takes the claim from the lane. The lock is held.
func (l *lane) unassign() {
	if !l.held {
		return
	}
	l.held = false
	l.r.share.busy--
	l.r.store.cfg.Board.Idle(int(l.slot))
}

// Release implements state.Lane.
func (l *lane) Release() {
	l.r.lock()
	defer l.r.unlockAndNotify()
	if l.held {
		l.unassign()
		l.r.share.release(l.at)
	}
}

// Announce implements state.Lane.
func (l *lane) Announce(e *state.End) {
	r := l.r
	r.lock()
	defer r.unlockAndNotify()
	if !l.held || l.claim.Node != e.Node || r.job.Options.Unlogged {
		return
	}
	step := stepOf(e, l.at, l.slot, l.head)
	step.Kind, step.Outcome = engine.AttemptStarted, engine.NoOutcome
	step.Ended, step.Updated = step.Started, step.Started
	r.share.announced = append(r.share.announced, step)
	r.share.urgent = true
}

// Abandon implements state.Lane.
func (l *lane) Abandon(e *state.End) {
	r := l.r
	r.lock()
	defer r.unlockAndNotify()
	if !l.held || l.claim.Node != e.Node {
		return
	}
	l.endAttempt(e, nil, engine.NoNode, false)
	l.unassign()
}

// Complete implements state.Lane.
func (l *lane) Complete(strand []state.End, next bool) state.Reply {
	outputs := l.prepare(strand)
	r := l.r
	r.lock()
	defer r.unlockAndNotify()
	if !l.held || l.claim.Node != strand[0].Node || !l.isStrand(strand) {
		return state.Reply{Stale: true}
	}
	became := engine.NoNode
	for i := range strand {
		follower := engine.NoNode
		if i+1 < len(strand) {
			follower = strand[i+1].Node
		}
		became = l.endAttempt(&strand[i], outputs[i], follower, next && i+1 == len(strand))
	}
	if became == engine.NoNode {
		l.unassign()
		return state.Reply{}
	}
	l.assign(r.share.find(became), false)
	return state.Reply{Next: l.claim, HasNext: true}
}

// prepare makes the outputs of a strand. An attempt fails if others need its output and it cannot be encoded.
func (l *lane) prepare(strand []state.End) []*output {
	var room [1]*output
	outputs := room[:0]
	for i := range strand {
		e := &strand[i]
		var o *output
		if e.Outcome == engine.OutcomeOK {
			o = l.output(e)
		}
		outputs = append(outputs, o)
	}
	return outputs
}

func (l *lane) output(e *state.End) *output {
	p := l.at
	if p.id() != e.Node { // a later node of the strand
		l.r.mu.Lock()
		p = l.r.share.find(e.Node)
		l.r.mu.Unlock()
	}
	if !p.isTask() {
		return nil
	}
	o, err := l.r.share.prepare(p, e.Output, e.OutputBytes)
	if err != nil {
		l.unstorable(e, p, err)
		return nil
	}
	return o
}

// unstorable turns an end into the failure that its output cannot be stored.
func (l *lane) unstorable(e *state.End, p at, err error) {
	e.Outcome, e.Output, e.OutputBytes = engine.OutcomeFailed, nil, 0
	e.Error = &engine.ErrorRecord{
		Kind: engine.StoreError, Task: l.r.share.identity(p), Node: e.Node, Message: err.Error(), Worker: l.r.name, Slot: int(l.slot),
		Epoch: int(e.Epoch), Attempt: int(e.Attempt), Time: l.r.wall(e.Ended),
	}
}

// isStrand reports whether the session may become each node after the first. The lock is held.
func (l *lane) isStrand(strand []state.End) bool {
	s := l.r.share
	for i := 1; i < len(strand); i++ {
		p := s.find(strand[i].Node)
		before := strand[i-1]
		follows := p.is(engine.SoleParent) && p.sibling(p.scope().Parents(p.local)[0]).id() == before.Node
		if !follows || before.Outcome != engine.OutcomeOK || before.Epoch > 0 || !s.mayBecome() || s.layout.isBounded(p.class()) || !s.layout.canRun(p.class()) {
			return false
		}
	}
	return true
}

// endAttempt ends one attempt and returns the node that the lane becomes. The lock is held.
func (l *lane) endAttempt(e *state.End, out *output, follower engine.NodeID, next bool) engine.NodeID {
	r := l.r
	s := r.share
	if err := s.broken[e.Node]; err != nil && e.Outcome == engine.OutcomeOK {
		l.unstorable(e, s.find(e.Node), err)
		out = nil
	}
	if e.Outcome == engine.OutcomeCancelled && s.stopping == "" {
		s.release(s.find(e.Node)) // it was cancelled by something other than the end of the run
		return engine.NoNode
	}
	return s.completeAttempt(e, l.slot, l.head && e.Node == l.claim.Node, out, follower, next)
}
