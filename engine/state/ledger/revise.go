package ledger

import (
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// Pending describes how a node that is not OK begins in the next revision.
type Pending struct {
	Class Class
	Sink  bool
	// Bits are all the bits that it waits for; it is ready if all of them are set. Bits for instances of an expansion
	// that has not expanded yet do not exist and are left out.
	Bits []PendingBit
}

// PendingBit is one bit of a pending node; it is set if the node that the edge leaves is OK.
type PendingBit struct {
	Offset uint32
	Set    bool
}

// Next returns the state with which the next revision of a final state begins: nodes that are OK stay OK, all others
// are pending again in their next epoch, as if they had never been tried. The retry budget is full again. If an OK node
// has lost its output, the nodes that read it will notice.
func (s *State) Next(now int64, pending func(dag.NodeID) Pending) *State {
	next := s.Clone()
	next.Revision++
	next.Status, next.Stopping = record.Running, ""
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
		id := dag.NodeID(i)
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

// Revise prepares next to replace old as the state of a run, and returns the entry for the log. The numbers of steps and
// sessions continue. It returns false, and changes nothing, unless old is final and next is of the revision after it.
func Revise(old, next *State, now int64) (*Entry, bool) {
	if !old.Status.Final() || next.Revision != old.Revision+1 {
		return nil, false
	}
	next.Seq, next.Workers = old.Seq, old.Workers
	t := &transition{State: next, now: now}
	started := record.Step{Kind: record.RunStarted, Became: dag.NoNode}
	for i := range next.Nodes {
		if next.Nodes[i].Status == Ready {
			started.Readied = append(started.Readied, dag.NodeID(i))
		}
	}
	t.plain(started)
	t.endRun()
	return t.entry, true
}
