package shared

import (
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/shared/internal/member"
)

// lane implements state.Lane. Its fields are guarded by mu of core, except that the lane's own goroutine reads at and
// starving without it.
type lane struct {
	c        *core
	slot     uint16
	node     member.Node
	claim    state.Claim
	held     bool
	head     bool // the claim is of a node from the queue, not one that this lane became
	starving bool // its last Claim found nothing
}

// Lane implements state.Run.
func (c *core) Lane(slot int) state.Lane {
	l := &lane{c: c, slot: uint16(slot)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lanes = append(c.lanes, l)
	return l
}

// Claim implements state.Lane.
func (l *lane) Claim() (state.Claim, bool) {
	c := l.c
	if l.starving && c.ready.Load() == 0 {
		return state.Claim{}, false
	}
	c.lock()
	defer c.unlockAndNotify()
	if c.self == nil || c.state.HasLeft() {
		return state.Claim{}, false
	}
	p, ok := c.state.Claim()
	l.starve(!ok)
	if !ok {
		return state.Claim{}, false
	}
	l.assign(p, true)
	return l.claim, true
}

// laneOf finds the lane that holds a claim, nil when the claim is over. The lock is held.
func (c *core) laneOf(claim state.Claim) *lane {
	for _, l := range c.lanes {
		if l.held && l.claim.Token == claim.Token {
			return l
		}
	}
	return nil
}

// starve records whether the lane waits for a node. The lock is held.
func (l *lane) starve(starving bool) {
	if l.starving == starving {
		return
	}
	l.starving = starving
	if starving {
		l.c.starving++
	} else {
		l.c.starving--
	}
}

// assign gives a node to the lane. The lock is held.
func (l *lane) assign(p member.Node, head bool) {
	c := l.c
	c.tokens++
	if !l.held {
		c.state.Occupy()
	}
	l.node, l.head, l.held = p, head, true
	l.claim = p.Claim(c.tokens)
	c.cfg.Board.Executing(int(l.slot), c.session.handle, p.ID())
}

// unassign takes the claim from the lane. The lock is held.
func (l *lane) unassign() {
	if !l.held {
		return
	}
	l.held = false
	l.c.state.Vacate()
	l.c.cfg.Board.Idle(int(l.slot))
}

// Release implements state.Lane.
func (l *lane) Release() {
	l.c.lock()
	defer l.c.unlockAndNotify()
	if l.held {
		l.unassign()
		l.c.state.Release(l.node)
	}
}

// Announce implements state.Lane.
func (l *lane) Announce(e *state.End) {
	c := l.c
	c.lock()
	defer c.unlockAndNotify()
	if l.held && l.claim.Node == e.Node {
		c.state.Announce(e, l.node, l.slot, l.head)
	}
}

// Abandon implements state.Lane.
func (l *lane) Abandon(e *state.End) {
	c := l.c
	c.lock()
	defer c.unlockAndNotify()
	if !l.held || l.claim.Node != e.Node {
		return
	}
	l.endAttempt(e, nil, dag.NoNode, false)
	l.unassign()
}

// Complete implements state.Lane.
func (l *lane) Complete(strand []state.End, next bool) state.Reply {
	outputs := l.prepare(strand)
	c := l.c
	c.lock()
	defer c.unlockAndNotify()
	if !l.held || l.claim.Node != strand[0].Node || !c.state.IsStrand(strand) {
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
	l.assign(c.state.Find(became), false)
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
		l.c.mu.Lock()
		p = l.c.state.Find(e.Node)
		l.c.mu.Unlock()
	}
	if !p.IsTask() {
		return nil
	}
	o, err := l.c.state.Prepare(p, e.Output, e.OutputBytes)
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
		Kind: record.StoreError, Task: l.c.state.Identity(p), Node: e.Node, Message: err.Error(), Worker: l.c.workerName(), Slot: int(l.slot),
		Epoch: int(e.Epoch), Attempt: int(e.Attempt), Time: l.c.wall(e.Ended),
	}
}

// endAttempt ends one attempt and returns the node that the lane becomes. The lock is held.
func (l *lane) endAttempt(e *state.End, out *member.Value, follower dag.NodeID, next bool) dag.NodeID {
	c := l.c
	s := c.state
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
