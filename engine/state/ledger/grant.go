package ledger

import (
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
)

// grant claims the nodes that a session wants, and queues nodes that its commit made ready but that it does not get.
func (t *transition) grant(op *Commit, ses *Session) []Claim {
	g := grants{transition: t, op: op, ses: ses}
	switch {
	case !t.Active() || ses.Solo > 0:
	case ses.Claims == 0 && g.suspect():
	default:
		g.keep()
		g.reserved()
		t.queueMade()
		for _, c := range op.Classes {
			g.queued(c)
		}
	}
	t.queueMade()
	return g.claims
}

// grants collects the claims that one commit gets.
type grants struct {
	*transition
	op     *Commit
	ses    *Session
	claims []Claim
}

func (g *grants) full() bool { return len(g.claims) >= g.op.Want || g.ses.Claims >= MaxClaims }

// may reports whether the session accepts nodes of a class, and one more of them may be claimed.
func (g *grants) may(c Class) bool { return slices.Contains(g.op.Classes, c) && g.hasRoom(c) }

func (g *grants) give(id dag.NodeID) { g.claims = append(g.claims, g.claim(g.ses, id)) }

// take claims a node that was queued.
func (g *grants) take(id dag.NodeID) {
	g.grow(g.Nodes[id].Class, -1)
	g.give(id)
}

// suspect claims the first suspect, and nothing else.
func (g *grants) suspect() bool {
	for _, c := range g.op.Classes {
		q := g.queue(c)
		if len(q.Solo) == 0 || g.full() || !g.hasRoom(c) {
			continue
		}
		id := q.Solo[0]
		q.Solo = slices.Delete(q.Solo, 0, 1)
		g.Counts.Waiting--
		g.take(id)
		return true
	}
	return false
}

// keep claims nodes that the commit itself made ready, and queues the rest.
func (g *grants) keep() {
	var rest []dag.NodeID
	for _, id := range g.made {
		n := &g.Nodes[id]
		others := n.Reserved.Session != "" && n.Reserved.Session != g.ses.ID
		if others || n.Solo > 0 || len(g.claims) >= g.op.Keep || g.full() || !g.may(n.Class) {
			rest = append(rest, id)
			continue
		}
		g.give(id)
	}
	g.made = rest
	g.queueMade()
}

// reserved claims nodes that are ready and reserved for the session.
func (g *grants) reserved() {
	ready := g.ses.Ready
	g.ses.Ready = nil
	for _, id := range ready {
		if g.full() || !g.may(g.Nodes[id].Class) {
			g.ses.Ready = append(g.ses.Ready, id)
			continue
		}
		g.take(id)
	}
}

// queued claims nodes of a class in the order of its queue.
func (g *grants) queued(c Class) {
	q := g.queue(c)
	n := 0
	for n < len(q.Ready) && !g.full() && g.hasRoom(c) {
		g.Counts.Waiting--
		g.take(q.Ready[n])
		n++
	}
	q.Ready = slices.Delete(q.Ready, 0, n)
}
