package ledger

import (
	"slices"

	"github.com/dagscope/dagscope/engine"
)

// Pending says of a node that is not OK how it begins in the next revision.
type Pending struct {
	Class Class
	Sink  bool
	// Bits are all that it waits for; it is ready where all of them are set. Those of the instances of an expansion that
	// has not expanded are not known, and not needed.
	Bits []PendingBit
}

// PendingBit is one bit of a pending node: set where the node that it stands for is OK.
type PendingBit struct {
	Offset uint32
	Set    bool
}

// Next is the state that the next revision of a final one begins with: what is OK stays, everything else is pending
// again in its next epoch, as if it had never been tried. The retry budget is new. What is OK but has lost its output
// is found out by those who need it.
func (s *State) Next(now int64, pending func(engine.NodeID) Pending) *State {
	next := s.Clone()
	next.Revision++
	next.Status, next.Stopping = engine.Running, ""
	next.Sessions, next.Queues, next.Retries = nil, nil, nil
	c := s.Counts
	next.Counts = Counts{Tasks: c.Tasks, Edges: c.Edges, Done: c.Done}
	t := &transition{State: next, now: now}
	for i := range next.Nodes {
		n := &next.Nodes[i]
		if n.Status == OK {
			*n = Node{Status: OK, Epoch: n.Epoch, Arrived: n.Arrived}
			continue
		}
		id := engine.NodeID(i)
		p := pending(id)
		*n = Node{Epoch: n.Epoch + 1}
		if p.Sink {
			next.Counts.Open++
		}
		for _, b := range p.Bits {
			next.Bits.clear(b.Offset)
			if b.Set {
				next.Bits.set(b.Offset)
				n.Arrived++
			}
		}
		if !slices.ContainsFunc(p.Bits, func(b PendingBit) bool { return !b.Set }) {
			t.makeReady(id, p.Class)
		}
	}
	t.queueMade()
	return next
}

// Revise lets next take the place of a run's state, and gives the entry that tells of it: steps and sessions are
// numbered on. It reports false, and changes nothing, where old is not final or next is not of the revision behind it.
func Revise(old, next *State, now int64) (*Entry, bool) {
	if !old.Status.Final() || next.Revision != old.Revision+1 {
		return nil, false
	}
	next.Seq, next.Workers = old.Seq, old.Workers
	t := &transition{State: next, now: now}
	started := engine.Step{Kind: engine.RunStarted, Became: engine.NoNode}
	for i := range next.Nodes {
		if next.Nodes[i].Status == Ready {
			started.Readied = append(started.Readied, engine.NodeID(i))
		}
	}
	t.plain(started)
	t.endRun()
	return t.entry, true
}
