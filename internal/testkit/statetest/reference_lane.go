package statetest

import (
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/protocol"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
)

// Lane implements state.Run.
func (r *referenceRun) Lane(slot int) state.Lane {
	return &referenceLane{r: r, by: protocol.Holder{Slot: uint16(slot)}}
}

// referenceLane implements state.Lane. All of it is guarded by the run's lock.
type referenceLane struct {
	r     *referenceRun
	by    protocol.Holder
	claim protocol.Claim // Token is 0 without one
}

// Claim implements state.Lane.
func (l *referenceLane) Claim() (state.Claim, bool) {
	r := l.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.drained {
		return state.Claim{}, false
	}
	for i := range r.state.Nodes {
		if !r.state.Claimable(dag.NodeID(i)) {
			continue
		}
		r.tokens++
		reply := r.apply(protocol.Take{By: l.by, Grants: []protocol.Grant{{Node: dag.NodeID(i), Token: r.tokens}}})
		if len(reply.Claims) == 0 {
			break
		}
		l.claim = reply.Claims[0]
		return state.Claim(l.claim), true
	}
	return state.Claim{}, false
}

// Announce implements state.Lane.
func (l *referenceLane) Announce(e *state.End) {
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	l.r.apply(protocol.Announce{Token: l.claim.Token, End: Model(e)})
}

// Complete implements state.Lane.
func (l *referenceLane) Complete(strand []state.End, next bool) state.Reply {
	r := l.r
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tokens++
	op := protocol.Complete{Now: r.Now(), Token: l.claim.Token, Next: next && !r.drained, NextToken: r.tokens, Prefer: dag.NoNode}
	for i := range strand {
		op.Ends = append(op.Ends, Model(&strand[i]))
	}
	if l.claim.Token == 0 {
		return state.Reply{Stale: true}
	}
	l.claim = protocol.Claim{}
	if !r.holds(op.Ends[0].Node, op.Token) {
		return state.Reply{Stale: true}
	}
	r.keep(strand)
	reply := r.apply(op)
	if reply.Verdict == protocol.Refused {
		panic("statetest: " + reply.Why)
	}
	r.settle(strand)
	if len(reply.Claims) == 0 {
		return state.Reply{}
	}
	l.claim = reply.Claims[0]
	return state.Reply{Next: state.Claim(l.claim), HasNext: true}
}

// Release implements state.Lane.
func (l *referenceLane) Release() {
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	l.r.apply(protocol.Release{Now: l.r.Now(), Token: l.claim.Token, Node: l.claim.Node})
	l.claim = protocol.Claim{}
}

// Abandon implements state.Lane.
func (l *referenceLane) Abandon(e *state.End) {
	r := l.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.holds(e.Node, l.claim.Token) {
		return
	}
	r.keep([]state.End{*e})
	if reply := r.apply(protocol.Abandon{Now: r.Now(), Token: l.claim.Token, End: Model(e)}); reply.Verdict == protocol.Refused {
		panic("statetest: " + reply.Why)
	}
	r.settle([]state.End{*e})
	l.claim = protocol.Claim{}
}

func (r *referenceRun) holds(id dag.NodeID, token uint64) bool {
	n := &r.state.Nodes[id]
	return n.Status == protocol.Claimed && n.Token == token
}

// keep stores the outputs and the evidence of a strand that is about to be applied, so that they are there when the
// run ends by it.
func (r *referenceRun) keep(strand []state.End) {
	for _, e := range strand {
		if e.Outcome == record.OutcomeOK {
			r.values[e.Node] = e.Output
		}
		if e.Error != nil || len(e.Log) > 0 {
			r.details = append(r.details, record.Detail{
				Node: e.Node, Epoch: int(e.Epoch), Attempt: int(e.Attempt), Log: e.Log, Error: e.Error,
			})
		}
		if r.first == nil && r.state.Stopping == "" && r.state.Outcome(Model(&e)) == record.OutcomeFailed {
			r.first = e.Error
			if r.first == nil {
				r.first = &record.ErrorRecord{Kind: record.LimitError, Node: e.Node, Message: fmt.Sprintf("node %d is too wide", e.Node)}
			}
		}
	}
}

// settle sets the timers of what the strand left waiting.
func (r *referenceRun) settle(strand []state.End) {
	last := strand[len(strand)-1].Node
	n := &r.state.Nodes[last]
	if n.Status != protocol.Waiting {
		return
	}
	time.AfterFunc(time.Duration(n.Due-r.Now()), func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.apply(protocol.Due{Now: r.Now(), Node: last})
	})
}

// Model is an end in the terms of the protocol.
func Model(e *state.End) protocol.End {
	m := protocol.End{
		Node: e.Node, Epoch: e.Epoch, Attempt: e.Attempt, Outcome: e.Outcome, Announced: e.Announced, Claimed: e.Claimed,
		Started: e.Started, Ended: e.Ended, Updated: e.Updated, Fetch: e.Fetch, OutputBytes: e.OutputBytes,
		Delay: time.Duration(e.Delay),
	}
	if elements, ok := e.Output.([]any); ok && e.Outcome == record.OutcomeOK {
		m.Width = uint32(len(elements))
	}
	return m
}
