package ledger_test

import (
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// fault is a guard that is removed: it changes operations and states from outside, so that the ledger behaves as if it
// lacked the guard. The zero value is none.
type fault struct {
	// before changes a state before an operation is applied to it, and may return another operation.
	before func(s *ledger.State, op ledger.Op) ledger.Op
	// after changes the resulting state.
	after func(s *ledger.State, op ledger.Op, r ledger.Reply)
	// keepsClaim: a process that lacks an input does not give up its claim.
	keepsClaim bool
}

func (f *fault) is() bool { return f.before != nil || f.after != nil }

// apply is State.Apply without the guard.
func (f *fault) apply(s *ledger.State, op ledger.Op) (ledger.Reply, *ledger.Entry) {
	if f.before != nil {
		op = f.before(s, op)
	}
	r, entry := s.Apply(op)
	if f.after != nil {
		f.after(s, op, r)
	}
	return r, entry
}

// onCommit is a change before commits.
func onCommit(change func(s *ledger.State, c *ledger.Commit)) func(*ledger.State, ledger.Op) ledger.Op {
	return func(s *ledger.State, op ledger.Op) ledger.Op {
		if c, ok := op.(ledger.Commit); ok {
			change(s, &c)
			return c
		}
		return op
	}
}

// unqueue removes a node from the queues.
func unqueue(s *ledger.State, id dag.NodeID) {
	drop := func(list []dag.NodeID) []dag.NodeID {
		kept := slices.DeleteFunc(list, func(o dag.NodeID) bool { return o == id })
		s.Counts.Waiting -= len(list) - len(kept)
		return kept
	}
	for i := range s.Queues {
		s.Queues[i].Ready, s.Queues[i].Solo = drop(s.Queues[i].Ready), drop(s.Queues[i].Solo)
	}
	s.Retries = slices.DeleteFunc(s.Retries, func(o dag.NodeID) bool { return o == id })
}

// seize makes a session claim a node, whatever the node's state.
func seize(s *ledger.State, ses *ledger.Session, id dag.NodeID) {
	n := &s.Nodes[id]
	unqueue(s, id)
	if n.Session != "" {
		if other := s.Session(n.Session); other != nil {
			other.Claims--
		}
		s.Counts.Claims--
	}
	n.Status, n.Session, n.PendingEdges = ledger.Claimed, ses.ID, ledger.NoPendingEdges
	ses.Claims++
	s.Counts.Claims++
}

// unfenced lets a session apply a commit regardless of its earlier commits and claims; if the session is over, it is
// opened again.
func unfenced(s *ledger.State, c *ledger.Commit) {
	if s.Session(c.Session) == nil {
		s.Sessions = append(s.Sessions, ledger.Session{ID: c.Session, Worker: s.Workers, Until: 1})
		s.Workers++
	}
	ses := s.Session(c.Session)
	ses.Last = c.Number - 1
	for i := range c.Ends {
		e := &c.Ends[i]
		if n := &s.Nodes[e.Node]; !e.Local && n.Status != ledger.Blocked && n.Session != c.Session {
			seize(s, ses, e.Node)
		}
	}
}

// Faults that the exploration has to find.
var (
	// noFence: a commit of a session that is over is applied.
	noFence = fault{before: onCommit(func(s *ledger.State, c *ledger.Commit) {
		if s.Session(c.Session) == nil {
			unfenced(s, c)
		}
	})}
	// bareCounter: a bit that is set counts again.
	bareCounter = fault{before: onCommit(func(s *ledger.State, c *ledger.Commit) {
		for _, e := range c.Edges {
			if s.Bits.Has(e.Offset) {
				s.Bits[e.Offset/64] &^= 1 << (e.Offset % 64)
			}
		}
	})}
	// applyAgain: a commit that was applied before is applied again.
	applyAgain = fault{before: onCommit(func(s *ledger.State, c *ledger.Commit) {
		if ses := s.Session(c.Session); ses != nil && c.Number <= ses.Last {
			ses.Last = c.Number - 1
		}
	})}
	// expandAgain: an expansion that is repeated appends its instances again.
	expandAgain = fault{before: onCommit(func(s *ledger.State, c *ledger.Commit) {
		ses := s.Session(c.Session)
		if ses != nil && c.Number <= ses.Last && len(c.Ends) == 1 && c.Ends[0].Expand != nil {
			unfenced(s, c)
		}
	})}
	// noReservation: a node that is reserved for one session is handed out to any.
	noReservation = fault{after: func(s *ledger.State, _ ledger.Op, _ ledger.Reply) {
		for i := range s.Sessions {
			for _, id := range s.Sessions[i].Ready {
				n := &s.Nodes[id]
				n.Reserved = ledger.Reservation{}
				at := slices.IndexFunc(s.Queues, func(q ledger.Queue) bool { return q.Class >= n.Class })
				if at < 0 {
					at = len(s.Queues)
				}
				if at == len(s.Queues) || s.Queues[at].Class != n.Class {
					s.Queues = slices.Insert(s.Queues, at, ledger.Queue{Class: n.Class})
				}
				s.Queues[at].Ready = append(s.Queues[at].Ready, id)
				s.Counts.Waiting++
			}
			s.Sessions[i].Ready = nil
		}
	}}
	// reapNothing: a dead session is removed, and its claims stay.
	reapNothing = fault{after: func(s *ledger.State, _ ledger.Op, r ledger.Reply) {
		for _, l := range r.Lost {
			unqueue(s, l.Claim.Node)
			s.Nodes[l.Claim.Node].Status, s.Nodes[l.Claim.Node].Session = ledger.Claimed, l.Session
			s.Counts.Claims++
		}
	}}
	// anyEpoch: a node that was already computed again is computed once more, in the same epoch.
	anyEpoch = fault{
		before: func(s *ledger.State, op ledger.Op) ledger.Op {
			i, ok := op.(ledger.Invalidate)
			i.Lost = slices.Clone(i.Lost)
			for at, l := range i.Lost {
				i.Lost[at].Epoch = s.Nodes[l.Node].Epoch
			}
			if ok {
				return i
			}
			return op
		},
		after: func(s *ledger.State, op ledger.Op, r ledger.Reply) {
			i, ok := op.(ledger.Invalidate)
			for _, l := range i.Lost {
				if n := &s.Nodes[l.Node]; ok && r.Verdict == ledger.Applied && n.Epoch == l.Epoch+1 {
					n.Epoch--
				}
			}
		},
	}
	// stopAtOnce: a run that is stopped ends while claims are held.
	stopAtOnce = fault{before: func(s *ledger.State, op ledger.Op) ledger.Op {
		if _, ok := op.(ledger.Stop); ok {
			s.Counts.Claims = 0
		}
		return op
	}}
	// oweNothing: edges that a dead session had to set again are forgotten.
	oweNothing = fault{before: func(s *ledger.State, op ledger.Op) ledger.Op {
		if reap, ok := op.(ledger.Reap); ok {
			if ses := s.Session(reap.Session); ses != nil {
				ses.Owed = nil
			}
		}
		return op
	}}
	// forgetEdges: edges that a session had left for a later commit are forgotten, too.
	forgetEdges = fault{after: func(s *ledger.State, _ ledger.Op, _ ledger.Reply) {
		for i := range s.Nodes {
			if s.Nodes[i].PendingEdges == ledger.EdgesQueued {
				unqueue(s, dag.NodeID(i))
				s.Nodes[i].PendingEdges = ledger.NoPendingEdges
			}
		}
	}}
	// awaitNothing: a node that lacks an input is blocked, but not recorded as waiting for it.
	awaitNothing = fault{after: func(s *ledger.State, op ledger.Op, r ledger.Reply) {
		if i, ok := op.(ledger.Invalidate); ok && r.Verdict == ledger.Applied {
			forgetConsumer(s, i)
		}
	}}
	// keepConsumer: a node that lacks an input stays claimed, and keeps its slot, until the input exists.
	keepConsumer = fault{keepsClaim: true, after: func(s *ledger.State, op ledger.Op, r ledger.Reply) {
		if i, ok := op.(ledger.Invalidate); ok && r.Verdict == ledger.Applied {
			forgetConsumer(s, i)
			s.Nodes[i.Consumer].Awaits = 0
			seize(s, s.Session(i.Session), i.Consumer)
		}
	}}
)

// forgetConsumer removes a consumer from those that become ready when a missing input exists again.
func forgetConsumer(s *ledger.State, op ledger.Invalidate) {
	for _, l := range op.Lost {
		n := &s.Nodes[l.Node]
		n.Awaited = slices.DeleteFunc(n.Awaited, func(id dag.NodeID) bool { return id == op.Consumer })
	}
}
