package memory

import (
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
)

// record logs the end of an attempt that made nothing ready.
func (l *lane) record(p at, e *state.End, outcome record.Outcome) {
	if l.r.log != nil {
		l.recordAs(l.r.log.next(), p, e, record.AttemptEnded, outcome, nil, dag.NoNode)
	}
}

// recordAs logs one end under a number that was reserved before. The run must keep a log.
func (l *lane) recordAs(seq uint64, p at, e *state.End, kind record.StepKind, outcome record.Outcome, readied []dag.NodeID, became dag.NodeID) {
	log := l.r.log
	n := p.node()
	s := log.at(seq)
	s.Kind, s.Outcome, s.Announced = kind, outcome, e.Announced
	s.Node, s.Epoch, s.Attempt, s.Slot = e.Node, e.Epoch, e.Attempt, l.slot
	s.Head = l.head && e.Node == l.claim.Node
	s.Ready, s.Claimed, s.Started, s.Ended, s.Updated, s.Fetch = n.ready, e.Claimed, e.Started, e.Ended, max(e.Updated, e.Ended), e.Fetch
	s.Became, s.Readied, s.Usage = became, readied, e.Usage
	switch {
	case kind == record.FanOutExpanded && outcome == record.OutcomeOK:
		elements, _ := e.Output.([]any)
		s.Width = uint32(len(elements))
	case outcome == record.OutcomeOK:
		s.OutputBytes, s.Location = e.OutputBytes, record.LocationHeld
	case outcome == record.OutcomeRetrying:
		s.Delay = time.Duration(e.Delay)
	}
	publish(s, seq)
}

// evidence keeps the error and the log of an attempt, which its step does not have.
func (r *run) evidence(e *state.End) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.details = append(r.details, record.Detail{
		Node: e.Node, Epoch: int(e.Epoch), Attempt: int(e.Attempt), Log: e.Log, Error: e.Error,
	})
}
