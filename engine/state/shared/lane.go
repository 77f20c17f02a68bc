package shared

import (
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/shared/internal/member"
)

// lane implements state.Lane. Its fields are guarded by the run's mu, except that the lane's own goroutine reads at and
// starving without it.
type lane struct {
	r        *run
	slot     uint16
	node     member.Node
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
	if r.self == nil || r.state.HasLeft() {
		return state.Claim{}, false
	}
	p, ok := r.state.Claim()
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
func (l *lane) assign(p member.Node, head bool) {
	r := l.r
	r.tokens++
	if !l.held {
		r.state.Occupy()
	}
	l.node, l.head, l.held = p, head, true
	l.claim = p.Claim(r.tokens)
	r.store.cfg.Board.Executing(int(l.slot), r.session.handle, p.ID())
}

// unassign takes the claim from the lane. The lock is held.
func (l *lane) unassign() {
	if !l.held {
		return
	}
	l.held = false
	l.r.state.Vacate()
	l.r.store.cfg.Board.Idle(int(l.slot))
}

// Release implements state.Lane.
func (l *lane) Release() {
	l.r.lock()
	defer l.r.unlockAndNotify()
	if l.held {
		l.unassign()
		l.r.state.Release(l.node)
	}
}

// Announce implements state.Lane.
func (l *lane) Announce(e *state.End) {
	r := l.r
	r.lock()
	defer r.unlockAndNotify()
	if l.held && l.claim.Node == e.Node {
		r.state.Announce(e, l.node, l.slot, l.head)
	}
}

// Abandon implements state.Lane.
func (l *lane) Abandon(e *state.End) {
	r := l.r
	r.lock()
	defer r.unlockAndNotify()
	if !l.held || l.claim.Node != e.Node {
		return
	}
	l.endAttempt(e, nil, dag.NoNode, false)
	l.unassign()
}

// Complete implements state.Lane.
func (l *lane) Complete(strand []state.End, next bool) state.Reply {
	outputs := l.prepare(strand)
	r := l.r
	r.lock()
	defer r.unlockAndNotify()
	if !l.held || l.claim.Node != strand[0].Node || !r.state.IsStrand(strand) {
		return state.Reply{Stale: true}
	}
	became := dag.NoNode
	for i := range strand {
		follower := dag.NoNode
		if i+1 < len(strand) {
			follower = strand[i+1].Node
		}
		became = l.endAttempt(&strand[i], outputs[i], follower, next && i+1 == len(strand))
	}
	if became == dag.NoNode {
		l.unassign()
		return state.Reply{}
	}
	l.assign(r.state.Find(became), false)
	return state.Reply{Next: l.claim, HasNext: true}
}

// prepare makes the outputs of a strand. An attempt fails if others need its output and it cannot be encoded.
func (l *lane) prepare(strand []state.End) []*member.Value {
	var room [1]*member.Value
	outputs := room[:0]
	for i := range strand {
		e := &strand[i]
		var o *member.Value
		if e.Outcome == record.OutcomeOK {
			o = l.output(e)
		}
		outputs = append(outputs, o)
	}
	return outputs
}

func (l *lane) output(e *state.End) *member.Value {
	p := l.node
	if p.ID() != e.Node { // a later node of the strand
		l.r.mu.Lock()
		p = l.r.state.Find(e.Node)
		l.r.mu.Unlock()
	}
	if !p.IsTask() {
		return nil
	}
	o, err := l.r.state.Prepare(p, e.Output, e.OutputBytes)
	if err != nil {
		l.unstorable(e, p, err)
		return nil
	}
	return o
}

// unstorable turns an end into the failure that its output cannot be stored.
func (l *lane) unstorable(e *state.End, p member.Node, err error) {
	e.Outcome, e.Output, e.OutputBytes = record.OutcomeFailed, nil, 0
	e.Error = &record.ErrorRecord{
		Kind: record.StoreError, Task: l.r.state.Identity(p), Node: e.Node, Message: err.Error(), Worker: l.r.name, Slot: int(l.slot),
		Epoch: int(e.Epoch), Attempt: int(e.Attempt), Time: l.r.wall(e.Ended),
	}
}

// endAttempt ends one attempt and returns the node that the lane becomes. The lock is held.
func (l *lane) endAttempt(e *state.End, out *member.Value, follower dag.NodeID, next bool) dag.NodeID {
	r := l.r
	s := r.state
	if err := s.Broken(e.Node); err != nil && e.Outcome == record.OutcomeOK {
		l.unstorable(e, s.Find(e.Node), err)
		out = nil
	}
	if e.Outcome == record.OutcomeCancelled && !s.IsStopping() {
		s.Release(s.Find(e.Node)) // it was cancelled by something other than the end of the run
		return dag.NoNode
	}
	return s.Complete(e, l.slot, l.head && e.Node == l.claim.Node, out, follower, next)
}
