package ledger

import (
	"cmp"
	"slices"

	"github.com/dagscope/dagscope/engine"
)

// Apply carries out one operation and gives the reply and what it adds to the log, nil for nothing.
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
	made  []engine.NodeID // made ready, and not queued yet
	grown []Readied       // by how much ready nodes grew, ascending by class
}

func malformed(why string) Reply { return Reply{Verdict: Malformed, Why: why} }

func (s *State) contains(id engine.NodeID) bool { return int64(id) < int64(len(s.Nodes)) }

// live finds a session that is not over.
func (s *State) live(id SessionID) *Session {
	if ses := s.Session(id); ses != nil && !ses.Over {
		return ses
	}
	return nil
}

// holds reports whether a session has claimed a node, to run it or to tell of it.
func (s *State) holds(session SessionID, id engine.NodeID) bool {
	n := &s.Nodes[id]
	return (n.Status == Claimed || n.Telling == TellClaimed) && n.Session == session
}

// queue finds the queue of a class, and makes it where there is none.
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

// makeReady makes a node ready that is queued, or kept, later on. What can only be skipped or given up needs no function.
func (t *transition) makeReady(id engine.NodeID, c Class) {
	n := &t.Nodes[id]
	n.Status, n.Class = Ready, c
	if n.Bad || n.Poison {
		n.toEngine()
	}
	t.since(n)
	t.made = append(t.made, id)
}

// toEngine lets any worker have a node, since it will not be run.
func (n *Node) toEngine() { n.Class, n.Solo, n.Reserved = EngineClass, 0, Reservation{} }

// since notes the moment of readiness. A later one is larger, whatever the clock says, so that it tells claims apart.
func (t *transition) since(n *Node) {
	if n.Since == 0 {
		n.Since = t.now
		return
	}
	n.Since = max(t.now, n.Since+1)
}

// queueMade queues what was made ready and nobody has got.
func (t *transition) queueMade() {
	for _, id := range t.made {
		t.enqueue(id, false)
	}
	t.made = nil
}

// enqueue puts a ready node, or one to be told of, into its queue.
func (t *transition) enqueue(id engine.NodeID, front bool) {
	n := &t.Nodes[id]
	if n.Telling == TellQueued {
		n.Class = EngineClass
	}
	t.grow(n.Class, 1)
	if n.Reserved.Session != "" && t.broken&noReservation == 0 {
		ses := t.Session(n.Reserved.Session)
		ses.Ready = append(ses.Ready, id)
		return
	}
	q := t.queue(n.Class)
	list := &q.Ready
	if n.Solo > 0 && n.Telling == ToldAll {
		list = &q.Solo
	}
	t.Counts.Waiting++
	if front {
		*list = slices.Insert(*list, 0, id)
	} else {
		*list = append(*list, id)
	}
}

// giveBack takes a claim back, and no attempt is counted.
func (t *transition) giveBack(id engine.NodeID) {
	telling := t.Nodes[id].Telling == TellClaimed
	t.unclaim(id)
	t.requeue(id, telling)
}

// requeue makes a node that was claimed ready again, at the front, or lets somebody else tell of it.
func (t *transition) requeue(id engine.NodeID, telling bool) {
	n := &t.Nodes[id]
	switch {
	case telling && t.broken&tellNobody != 0:
		return
	case telling:
		n.Telling = TellQueued
	default:
		n.Status = Ready
		t.since(n)
	}
	t.enqueue(id, true)
}

// grow notes that there are more ready nodes of a class, or fewer.
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

// claim hands a node out, which is in no queue.
func (t *transition) claim(ses *Session, id engine.NodeID) Claim {
	n := &t.Nodes[id]
	n.Session, n.Reserved = ses.ID, Reservation{}
	ses.Claims++
	t.Counts.Claims++
	if n.Telling == TellQueued {
		n.Telling = TellClaimed
		return t.claimOf(id)
	}
	n.Status, n.Started = Claimed, false
	t.queue(n.Class).Claimed++
	if n.Solo > 0 {
		ses.Solo++
	}
	return t.claimOf(id)
}

// unclaim takes the claim from a node; the caller says what it is then. A suspect has one claim less to go.
func (t *transition) unclaim(id engine.NodeID) {
	n := &t.Nodes[id]
	ses := t.Session(n.Session)
	n.Session = ""
	ses.Claims--
	t.Counts.Claims--
	if n.Telling == TellClaimed {
		n.Telling = ToldAll
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
func (s *State) claimOf(id engine.NodeID) Claim {
	n := &s.Nodes[id]
	if n.Telling != ToldAll {
		return Claim{Node: id, Class: EngineClass, Epoch: n.Epoch, Tell: true, TellBad: n.Status != OK}
	}
	return Claim{
		Node: id, Class: n.Class, Epoch: n.Epoch, Attempt: n.Attempts + 1, Errors: n.Errors, Losses: n.Losses, Since: n.Since,
		Skip: n.Bad, Poison: n.Poison, Solo: n.Solo > 0,
	}
}
