package shared

import (
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state"
)

// lane implements state.Lane. Its fields are guarded by the run's lock; at, epoch and attempt of a held claim may be
// read by the lane's own goroutine without it.
type lane struct {
	r        *run
	slot     uint16
	at       at
	claim    state.Claim
	held     bool
	head     bool // the claim is of a node from the queue, not one that this lane became
	starving bool // it has found nothing when it last looked
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
	defer r.unlock()
	if r.self == nil || r.left {
		return state.Claim{}, false
	}
	p, ok := r.share.pop()
	l.starve(!ok)
	if !ok {
		return state.Claim{}, false
	}
	l.hold(p, true)
	return l.claim, true
}

// starve notes whether the lane wants something that is not here.
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

// hold gives a node to the lane.
func (l *lane) hold(p at, head bool) {
	r := l.r
	r.tokens++
	if !l.held {
		r.share.occupy()
	}
	l.at, l.head, l.held = p, head, true
	l.claim = claimOf(p, r.tokens)
	r.store.cfg.Board.Executing(int(l.slot), r.session.handle, p.id())
}

// drop takes the claim from the lane.
func (l *lane) drop() {
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
	defer l.r.unlock()
	if l.held {
		l.drop()
		l.r.share.release(l.at)
	}
}

// Announce implements state.Lane.
func (l *lane) Announce(e *state.End) {
	r := l.r
	r.lock()
	defer r.unlock()
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
	defer r.unlock()
	if !l.held || l.claim.Node != e.Node {
		return
	}
	l.finish(e, nil, engine.NoNode, false)
	l.drop()
}

// Complete implements state.Lane.
func (l *lane) Complete(strand []state.End, next bool) state.Reply {
	outputs := l.prepare(strand)
	r := l.r
	r.lock()
	defer r.unlock()
	if !l.held || l.claim.Node != strand[0].Node || !l.isStrand(strand) {
		return state.Reply{Stale: true}
	}
	became := engine.NoNode
	for i := range strand {
		follower := engine.NoNode
		if i+1 < len(strand) {
			follower = strand[i+1].Node
		}
		became = l.finish(&strand[i], outputs[i], follower, next && i+1 == len(strand))
	}
	if became == engine.NoNode {
		l.drop()
		return state.Reply{}
	}
	l.hold(r.share.find(became), false)
	return state.Reply{Next: l.claim, HasNext: true}
}

// prepare makes the outputs of a strand. One that others need and that cannot be encoded fails its attempt.
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
	if p.id() != e.Node { // further behind in the strand
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

// unstorable turns an end into a failure.
func (l *lane) unstorable(e *state.End, p at, err error) {
	e.Outcome, e.Output, e.OutputBytes = engine.OutcomeFailed, nil, 0
	e.Error = &engine.ErrorRecord{
		Kind: engine.StoreError, Task: l.r.share.identity(p), Node: e.Node, Message: err.Error(), Worker: l.r.name, Slot: int(l.slot),
		Epoch: int(e.Epoch), Attempt: int(e.Attempt), Time: l.r.wall(e.Ended),
	}
}

// isStrand reports whether each end behind the first is of a node that the session can go on with by itself.
func (l *lane) isStrand(strand []state.End) bool {
	s := l.r.share
	for i := 1; i < len(strand); i++ {
		p := s.find(strand[i].Node)
		before := strand[i-1]
		follows := p.is(engine.SoleParent) && p.sibling(p.scope().Parents(p.local)[0]).id() == before.Node
		if !follows || before.Outcome != engine.OutcomeOK || before.Epoch > 0 || !s.takesOn() || s.layout.isBounded(p.class()) || !s.layout.canRun(p.class()) {
			return false
		}
	}
	return true
}

// finish ends one attempt.
func (l *lane) finish(e *state.End, out *output, follower engine.NodeID, next bool) engine.NodeID {
	r := l.r
	s := r.share
	if err := s.broken[e.Node]; err != nil && e.Outcome == engine.OutcomeOK {
		l.unstorable(e, s.find(e.Node), err)
		out = nil
	}
	if e.Outcome == engine.OutcomeCancelled && s.stopping == "" {
		s.release(s.find(e.Node)) // cut off by something else than the end of the run
		return engine.NoNode
	}
	return s.finish(e, l.slot, l.head && e.Node == l.claim.Node, out, follower, next)
}
