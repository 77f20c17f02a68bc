package ledgertest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

// lease is how long sessions last; an operation takes a few units of time.
const lease = 120

// game is one run being played: the model, and what its sessions remember.
type game struct {
	rng     *rand.Rand
	layout  *Layout
	config  ledger.Config
	model   *ledger.State
	first   *ledger.Entry
	now     int64
	players []*player // in the order in which their sessions opened
	opened  int
	endedBy map[dag.NodeID]ledger.SessionID
	retries int // of a hundred ends
	holds   int // of a hundred edges
}

// player is one session.
type player struct {
	id   ledger.SessionID
	last ledger.Commit                // that was sent
	left map[dag.NodeID][]ledger.Edge // of ends with More: edges that were not sent
}

func newGame(rng *rand.Rand) *game {
	l := NewLayout(enginetest.RandomGraph(rng, 1+rng.IntN(14)))
	policy := record.Continue
	if rng.IntN(4) == 0 {
		policy = record.FailFast
	}
	var limits dag.Limits
	if rng.IntN(4) == 0 {
		limits = dag.Limits{Tasks: l.Graph.Tasks() + rng.IntN(6), Edges: l.Graph.Edges() + rng.IntN(12)}
	}
	g := &game{rng: rng, layout: l, config: l.Config(policy, limits), endedBy: map[dag.NodeID]ledger.SessionID{}}
	g.model, g.first = ledger.New(g.config)
	g.retries, g.holds = 10, 90*rng.IntN(2)
	if rng.IntN(8) == 0 {
		g.retries = 60 // uses the budget up
	}
	return g
}

// one is true with a probability of 1/n.
func (g *game) one(n int) bool { return g.rng.IntN(n) == 0 }

// live lists players whose sessions are not over.
func (g *game) live() []*player {
	var out []*player
	for _, p := range g.players {
		if ses := g.model.Session(p.id); ses != nil && !ses.Over {
			out = append(out, p)
		}
	}
	return out
}

// next chooses an operation.
func (g *game) next() ledger.Op {
	g.now += int64(g.rng.IntN(8))
	live := g.live()
	if len(live) == 0 {
		return g.open()
	}
	p := live[g.rng.IntN(len(live))]
	if g.model.Status == record.Paused && g.one(4) {
		return ledger.Resume{Now: g.now}
	}
	switch k := g.rng.IntN(1000); {
	case k < 55 && len(live) < 4:
		return g.open()
	case k < 60:
		return ledger.Open{Now: g.now, Session: p.id, Lease: lease}
	case k < 80:
		return g.reap(p)
	case k < 88:
		return ledger.Leave{Now: g.now, Session: p.id}
	case k < 145:
		return g.invalidate(p)
	case k < 175:
		return g.late()
	case k < 225 && p.last.Number > 0:
		again := p.last
		again.Now = g.now
		return again
	case k < 235:
		return ledger.Pause{Now: g.now}
	case k < 240:
		return ledger.Resume{Now: g.now}
	case k < 243:
		return g.stop()
	default:
		return g.commit(p)
	}
}

func (g *game) open() ledger.Op {
	g.opened++
	p := &player{id: ledger.SessionID(fmt.Sprintf("s%d", g.opened)), left: map[dag.NodeID][]ledger.Edge{}}
	g.players = append(g.players, p)
	return ledger.Open{Now: g.now, Session: p.id, Lease: lease}
}

func (g *game) stop() ledger.Op {
	op := ledger.Stop{Now: g.now, Status: record.Cancelled, Reason: record.CancelRequested}
	switch g.rng.IntN(4) {
	case 0:
		op.Status, op.Reason = record.Failed, record.RunDeadline
	case 1:
		op.Status, op.Reason = record.Failed, 0
	case 2:
		op.Status = record.Succeeded // a mistake
	}
	return op
}

func (g *game) reap(p *player) ledger.Op {
	op := ledger.Reap{Now: g.now, Limit: g.rng.IntN(4), Poison: 1 + g.rng.IntN(3)}
	switch g.rng.IntN(4) {
	case 0: // some time has passed
		g.now += lease / 2
		op.Now = g.now
	case 1:
	case 2:
		op.Session = p.id
	default:
		op.Session = p.id
		for _, c := range g.model.Held(p.id) {
			if g.one(2) {
				op.Running = append(op.Running, c.Node)
			}
		}
		if g.one(4) {
			op.Running = append(op.Running, dag.NodeID(g.rng.IntN(len(g.model.Nodes))))
		}
	}
	return op
}

// late is an operation of a session that may be over.
func (g *game) late() ledger.Op {
	p := g.players[g.rng.IntN(len(g.players))]
	switch g.rng.IntN(3) {
	case 0:
		return ledger.Leave{Now: g.now, Session: p.id}
	case 1:
		return ledger.Invalidate{Now: g.now, Session: p.id, Consumer: 0, Lost: []ledger.Life{g.layout.Life(dag.NodeID(len(g.model.Nodes)-1), 0)}}
	default:
		op := p.last
		op.Now, op.Session = g.now, p.id
		op.Number += uint64(g.rng.IntN(3))
		return op
	}
}

// invalidate returns a claim some of whose inputs are lost.
func (g *game) invalidate(p *player) ledger.Op {
	held := g.model.Held(p.id)
	held = slices.DeleteFunc(held, func(c ledger.Claim) bool { return c.EdgesOnly || c.Skip || c.Poison })
	if len(held) == 0 {
		return g.commit(p)
	}
	c := held[g.rng.IntN(len(held))]
	op := ledger.Invalidate{Now: g.now, Session: p.id, Consumer: c.Node, Epoch: c.Epoch, Since: c.Since}
	for _, id := range g.layout.Reads(c.Node) {
		if g.one(2) {
			continue
		}
		epoch := g.model.Nodes[id].Epoch
		if epoch > 0 && g.one(2) {
			epoch--
		}
		op.Lost = append(op.Lost, g.layout.Life(id, epoch))
	}
	if g.one(20) {
		op.Since--
	}
	if len(op.Lost) == 0 && !g.one(10) {
		return g.commit(p)
	}
	return op
}

// learn records the consequences of an operation.
func (g *game) learn(op ledger.Op, r ledger.Reply) {
	for _, b := range g.model.Blocks[g.layout.Blocks():] {
		g.layout.Append(b)
	}
	c, ok := op.(ledger.Commit)
	if !ok || r.Verdict != ledger.Applied {
		return
	}
	i := slices.IndexFunc(g.players, func(p *player) bool { return p.id == c.Session })
	p := g.players[i]
	p.last = c
	for _, e := range c.Ends {
		if g.model.Nodes[e.Node].Status.Terminal() {
			g.endedBy[e.Node] = c.Session
		}
		delete(p.left, e.Node)
		if e.More {
			p.left[e.Node] = g.leftOut(&c, e.Node, e.Outcome != record.OutcomeOK)
		}
	}
}

// leftOut lists the edges of a node that a commit has not set.
func (g *game) leftOut(c *ledger.Commit, id dag.NodeID, bad bool) []ledger.Edge {
	all := g.edges(id, bad)
	return slices.DeleteFunc(all, func(e ledger.Edge) bool {
		return slices.ContainsFunc(c.Edges, func(o ledger.Edge) bool { return o.Offset == e.Offset })
	})
}

// edges are those of a node that has ended, in a later commit.
func (g *game) edges(id dag.NodeID, bad bool) []ledger.Edge {
	all := g.layout.Edges(id, 0)
	for i := range all {
		all[i].Bad = bad
	}
	return all
}

// pending describes how a node that is not OK begins in the next revision.
func (g *game) pending(id dag.NodeID) ledger.Pending {
	p := ledger.Pending{Class: g.layout.Class(id), Sink: g.layout.IsSink(id)}
	for _, parent := range g.layout.Parents(id) {
		for _, e := range g.layout.Edges(parent, 0) {
			if e.Child == id {
				p.Bits = append(p.Bits, ledger.PendingBit{Offset: e.Offset, Set: g.model.Nodes[parent].Status == ledger.OK})
			}
		}
	}
	return p
}
