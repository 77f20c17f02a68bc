package ledger

import (
	"cmp"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
)

// Apply carries out one operation. It returns the reply and what the operation adds to the log, which may be nil.
func (s *State) Apply(op Op) (Reply, *Entry) {
	t := &transition{State: s, now: op.moment()}
	reply := Reply{Verdict: Gone}
	if !s.Status.Final() {
		reply = op.apply(t)
	}
	reply.Now, reply.Status, reply.Stopping = t.now, s.Status, s.Stopping
	reply.Readied = t.growth()
	return reply, t.entry
}

// transition is one operation being applied.
type transition struct {
	*State
	now   int64
	entry *Entry
	made  []dag.NodeID // made ready, but not queued yet
	grown []Readied    // how many ready nodes each class gained, ascending by class
}

func malformed(why string) Reply { return Reply{Verdict: Malformed, Why: why} }

func (s *State) contains(id dag.NodeID) bool { return int64(id) < int64(len(s.Nodes)) }

// live returns a session, nil if it is over.
func (s *State) live(id SessionID) *Session {
	if ses := s.Session(id); ses != nil && !ses.Over {
		return ses
	}
	return nil
}

// holds reports whether a session has claimed a node, to run it or to set its edges.
func (s *State) holds(session SessionID, id dag.NodeID) bool {
	n := &s.Nodes[id]
	return (n.Status == Claimed || n.PendingEdges == EdgesClaimed) && n.Session == session
}

// queue returns the queue of a class, and creates it if necessary.
func (s *State) queue(c Class) *Queue {
	i, ok := slices.BinarySearchFunc(s.Queues, c, func(q Queue, c Class) int { return cmp.Compare(q.Class, c) })
	if !ok {
		s.Queues = slices.Insert(s.Queues, i, Queue{Class: c})
	}
	return &s.Queues[i]
}

// hasRoom reports whether one more node of a class may be claimed.
func (s *State) hasRoom(c Class) bool {
	bound := s.MaxConcurrent[c]
	return bound <= 0 || s.queue(c).Claimed < bound
}

// makeReady makes a node ready; queueing it, or keeping it for the session, comes later. A node that can only be
// skipped or failed needs no function.
func (t *transition) makeReady(id dag.NodeID, c Class) {
	n := &t.Nodes[id]
	n.Status, n.Class = Ready, c
	if n.Bad || n.Poison {
		n.toEngine()
	}
	t.since(n)
	t.made = append(t.made, id)
}

// toEngine makes a node available to any worker, since its function will not be called.
func (n *Node) toEngine() { n.Class, n.Solo, n.Reserved = EngineClass, 0, Reservation{} }

// since records the moment at which a node became ready. It is always later than the previous one, even if the clock
// disagrees, so that it distinguishes the claims of a node.
func (t *transition) since(n *Node) {
	if n.Since == 0 {
		n.Since = t.now
		return
	}
	n.Since = max(t.now, n.Since+1)
}

// queueMade queues the nodes that were made ready and are not claimed.
func (t *transition) queueMade() {
	for _, id := range t.made {
		t.enqueue(id, false)
	}
	t.made = nil
}

// enqueue puts a ready node, or one with pending edges, into its queue.
func (t *transition) enqueue(id dag.NodeID, front bool) {
	n := &t.Nodes[id]
	if n.PendingEdges == EdgesQueued {
		n.Class = EngineClass
	}
	t.grow(n.Class, 1)
	if n.Reserved.Session != "" {
		ses := t.Session(n.Reserved.Session)
		ses.Ready = append(ses.Ready, id)
		return
	}
	q := t.queue(n.Class)
	list := &q.Ready
	if n.Solo > 0 && n.PendingEdges == NoPendingEdges {
		list = &q.Solo
	}
	t.Counts.Waiting++
	if front {
		*list = slices.Insert(*list, 0, id)
	} else {
		*list = append(*list, id)
	}
}

// returnClaim makes a claimed node available again, without counting an attempt.
func (t *transition) returnClaim(id dag.NodeID) {
	edgesOnly := t.Nodes[id].PendingEdges == EdgesClaimed
	t.unclaim(id)
	t.requeue(id, edgesOnly)
}

// requeue makes a node that was claimed ready again, at the front of its queue; with edgesOnly another session can claim
// it to set its edges.
func (t *transition) requeue(id dag.NodeID, edgesOnly bool) {
	n := &t.Nodes[id]
	switch {
	case edgesOnly:
		n.PendingEdges = EdgesQueued
	default:
		n.Status = Ready
		t.since(n)
	}
	t.enqueue(id, true)
}

// grow counts ready nodes that a class gains or, if by is negative, loses.
func (t *transition) grow(c Class, by int) {
	i, ok := slices.BinarySearchFunc(t.grown, c, func(r Readied, c Class) int { return cmp.Compare(r.Class, c) })
	if !ok {
		t.grown = slices.Insert(t.grown, i, Readied{Class: c})
	}
	t.grown[i].Nodes += by
}

func (t *transition) growth() []Readied {
	return slices.DeleteFunc(t.grown, func(r Readied) bool { return r.Nodes <= 0 })
}

// claim grants a node that is in no queue to a session.
func (t *transition) claim(ses *Session, id dag.NodeID) Claim {
	n := &t.Nodes[id]
	n.Session, n.Reserved = ses.ID, Reservation{}
	ses.Claims++
	t.Counts.Claims++
	if n.PendingEdges == EdgesQueued {
		n.PendingEdges = EdgesClaimed
		return t.claimOf(id)
	}
	n.Status, n.Started = Claimed, false
	t.queue(n.Class).Claimed++
	if n.Solo > 0 {
		ses.Solo++
	}
	return t.claimOf(id)
}

// unclaim removes the claim of a node; the caller sets the status that follows. A suspect then has one solo claim fewer
// left.
func (t *transition) unclaim(id dag.NodeID) {
	n := &t.Nodes[id]
	ses := t.Session(n.Session)
	n.Session = ""
	ses.Claims--
	t.Counts.Claims--
	if n.PendingEdges == EdgesClaimed {
		n.PendingEdges = NoPendingEdges
		return
	}
	n.Started = false
	t.queue(n.Class).Claimed--
	if n.Solo > 0 {
		ses.Solo--
		n.Solo--
	}
}

// claimOf describes the claim on a node.
func (s *State) claimOf(id dag.NodeID) Claim {
	n := &s.Nodes[id]
	if n.PendingEdges != NoPendingEdges {
		return Claim{Node: id, Class: EngineClass, Epoch: n.Epoch, EdgesOnly: true, EdgesBad: n.Status != OK}
	}
	return Claim{
		Node: id, Class: n.Class, Epoch: n.Epoch, Attempt: n.Attempts + 1, Errors: n.Errors, Losses: n.Losses, Since: n.Since,
		Skip: n.Bad, Poison: n.Poison, Solo: n.Solo > 0,
	}
}
