package ledger_test

import (
	"errors"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// mayRevise reports whether the run, which is over, can be continued in a revision.
func (w *world) mayRevise() bool { return w.left.revise > 0 && w.s.Status != record.Succeeded }

// revise begins the next revision. Processes do not know about it, and copies of old commits may still arrive.
func (w *world) revise() error {
	w.left.revise--
	next := w.s.Next(1, w.pending)
	entry, ok := ledger.Revise(w.s, next, 1)
	if !ok {
		return errors.New("the run is over and cannot be revised")
	}
	for i := range next.Nodes {
		if w.s.Nodes[i].Status != ledger.OK { // it is accepted once in its new epoch, independent of earlier ones
			w.accepted[i], w.stored[i], w.readied[i] = next.Nodes[i].Epoch, false, false
		}
	}
	w.s, w.over = next, false
	for i := range w.procs {
		w.procs[i].reset()
	}
	return w.fold(entry)
}

// pending describes what a node that is not OK waits for.
func (w *world) pending(id dag.NodeID) ledger.Pending {
	p := ledger.Pending{Class: w.facts.nodes[id].class, Sink: w.facts.layout.IsSink(id)}
	for _, parent := range w.facts.nodes[id].parents {
		for _, e := range w.facts.nodes[parent].edges {
			if e.Child == id {
				p.Bits = append(p.Bits, ledger.PendingBit{Offset: e.Offset, Set: w.s.Nodes[parent].Status == ledger.OK})
			}
		}
	}
	return p
}
