package ledger

import (
	"cmp"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
)

// set sets a bit on behalf of a session, which is nil if the session is over. The last bit of a child makes it ready.
func (t *transition) set(e *Edge, ses *Session) {
	if t.Bits.Has(e.Offset) {
		return
	}
	n := &t.Nodes[e.Child]
	waits := n.Status == Blocked && n.Awaits == 0
	if e.Hold > 0 && waits && !n.Bad && !e.Bad && !t.reserve(e, ses) {
		return
	}
	t.Bits.set(e.Offset)
	n.Arrived++
	if n.Status == Blocked {
		n.Bad = n.Bad || e.Bad
	}
	if waits && n.Arrived == e.Waits {
		t.readied(e.End, e.Child)
		t.makeReady(e.Child, e.Class)
	}
}

// reserve reserves a child for a session that holds an output for it. If another session holds a larger output, it
// returns false, and the session owes the edge.
func (t *transition) reserve(e *Edge, ses *Session) bool {
	r := &t.Nodes[e.Child].Reserved
	larger := cmp.Or(cmp.Compare(e.Hold, r.Size), cmp.Compare(e.Parent, r.Parent)) > 0
	if r.Session != "" && r.Session != ses.ID {
		if !larger {
			ses.owe(*e)
			return false
		}
		t.takeOver(e, t.Session(r.Session))
	}
	if larger || r.Session == "" {
		r.Size, r.Parent = e.Hold, e.Parent
	}
	r.Session = ses.ID
	at, _ := slices.BinarySearchFunc(r.Held, e.Offset, func(h HeldEdge, o uint32) int { return cmp.Compare(h.Offset, o) })
	r.Held = slices.Insert(r.Held, at, HeldEdge{e.Offset, e.Parent})
	return true
}

// takeOver ends another session's reservation: from now on, the outputs that the other session holds count only once
// they are stored.
func (t *transition) takeOver(e *Edge, loser *Session) {
	n := &t.Nodes[e.Child]
	for _, h := range n.Reserved.Held {
		t.Bits.clear(h.Offset)
		n.Arrived--
		loser.owe(Edge{Offset: h.Offset, Child: e.Child, Waits: e.Waits, Class: e.Class, Parent: h.Parent})
	}
	n.Reserved = Reservation{}
}

// owe records an edge that the session has to set again, without Hold.
func (ses *Session) owe(e Edge) {
	e.End, e.Hold = -1, 0
	at, _ := ses.owes(e.Offset)
	ses.Owed = slices.Insert(ses.Owed, at, e)
}

func (ses *Session) owes(offset uint32) (int, bool) {
	return slices.BinarySearchFunc(ses.Owed, offset, func(e Edge, o uint32) int { return cmp.Compare(e.Offset, o) })
}

// settle removes an edge from the edges that a session owes.
func (t *transition) settle(ses *Session, offset uint32) {
	if at, ok := ses.owes(offset); ok {
		ses.Owed = slices.Delete(ses.Owed, at, at+1)
	}
}

// unhold makes a node that was reserved for a session available to all.
func (t *transition) unhold(ses *Session, id dag.NodeID) {
	n := &t.Nodes[id]
	if n.Reserved.Session != ses.ID {
		return
	}
	n.Reserved = Reservation{}
	if at := slices.Index(ses.Ready, id); at >= 0 {
		ses.Ready = slices.Delete(ses.Ready, at, at+1)
		t.enqueue(id, false)
	}
}

// madeAgain records that one of the inputs that a node awaits has ended; bad means that it did not end as OK.
func (t *transition) madeAgain(id dag.NodeID, bad bool) {
	n := &t.Nodes[id]
	n.Bad = n.Bad || bad
	if n.Awaits--; n.Awaits == 0 {
		t.makeReady(id, n.Class)
	}
}
