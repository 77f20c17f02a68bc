package ledger

import "slices"

func (op Invalidate) moment() int64 { return op.Now }

func (op Invalidate) apply(t *transition) Reply {
	ses := t.live(op.Session)
	if ses == nil {
		return Reply{Verdict: Fenced}
	}
	if why := op.mistake(t.State); why != "" {
		return malformed(why)
	}
	n := &t.Nodes[op.Consumer]
	if n.Status != Claimed || n.Session != op.Session || n.Epoch != op.Epoch || n.Since != op.Since {
		return Reply{Verdict: Repeated}
	}
	if !slices.ContainsFunc(op.Lost, func(l Life) bool { return t.missing(l) || t.Nodes[l.Node].Status != OK }) {
		r := Reply{Verdict: Again}
		for _, l := range op.Lost {
			r.Epochs = append(r.Epochs, t.Nodes[l.Node].Epoch)
		}
		return r
	}
	t.unclaim(op.Consumer)
	n.Status = Blocked
	for _, l := range op.Lost {
		if t.missing(l) {
			t.makeAgain(l)
		}
	}
	crowded := slices.ContainsFunc(op.Lost, func(l Life) bool { return len(t.Nodes[l.Node].Awaited) >= MaxAwaited })
	for _, l := range op.Lost {
		switch lost := &t.Nodes[l.Node]; {
		case lost.Status.Terminal():
			n.Bad = n.Bad || lost.Status != OK
		case crowded:
		default:
			lost.Awaited = append(lost.Awaited, op.Consumer)
			n.Awaits++
		}
	}
	t.queueMade()
	switch {
	case n.Awaits > 0:
	case crowded:
		t.wait(op.Consumer, t.now+int64(LookAgain))
	default:
		n.toEngine() // one of them has failed
		t.requeue(op.Consumer, false)
	}
	t.endRun()
	return Reply{}
}

// missing reports whether the lost output is the latest one of its node.
func (s *State) missing(l Life) bool {
	n := &s.Nodes[l.Node]
	return n.Status == OK && n.Epoch == l.Epoch
}

// makeAgain makes a node ready in its next epoch. Pending edges are dropped: its next end sets them all again.
func (t *transition) makeAgain(l Life) {
	n := &t.Nodes[l.Node]
	switch n.PendingEdges {
	case EdgesQueued:
		q := t.queue(EngineClass)
		at := slices.Index(q.Ready, l.Node)
		q.Ready = slices.Delete(q.Ready, at, at+1)
		t.Counts.Waiting--
		t.grow(EngineClass, -1)
	case EdgesClaimed:
		t.unclaim(l.Node)
	}
	*n = Node{Epoch: n.Epoch + 1, Arrived: n.Arrived}
	if l.Sink {
		t.Counts.Open++
	}
	if l.Task {
		t.Counts.Done--
	}
	t.makeReady(l.Node, l.Class)
}
