package ledgertest

import (
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// strand is a commit under construction.
type strand struct {
	*game
	player  *player
	op      ledger.Commit
	ended   map[dag.NodeID]bool
	onward  map[dag.NodeID]bool
	widths  map[dag.NodeID]uint32
	back    []ledger.End // claims to return
	epochs  map[dag.NodeID]uint16
	expands bool
}

// commit is the next commit of a player: some of its claims end, and it asks for more.
func (g *game) commit(p *player) ledger.Op {
	ses := g.model.Session(p.id)
	s := strand{
		game: g, player: p, ended: map[dag.NodeID]bool{}, onward: map[dag.NodeID]bool{},
		widths: map[dag.NodeID]uint32{}, epochs: map[dag.NodeID]uint16{},
		op: ledger.Commit{
			Now: g.now, Session: p.id, Number: ses.Last + 1, Lease: lease, Blocks: g.rng.IntN(len(g.model.Blocks) + 1),
			Keep: g.rng.IntN(3), Want: g.rng.IntN(5), Classes: g.classes(),
		},
	}
	held := g.model.Held(p.id)
	g.rng.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
	for _, c := range held {
		switch {
		case s.expands || g.one(3):
		case c.EdgesOnly:
			s.finishEdges(c)
		default:
			s.end(c)
		}
	}
	s.setEdges()
	s.op.Ends = append(s.op.Ends, s.back...)
	s.extra(ses)
	if g.one(25) {
		g.mistake(&s.op)
	}
	return s.op
}

// classes are some of the graph's classes, in any order.
func (g *game) classes() []ledger.Class {
	all := []ledger.Class{ledger.EngineClass}
	for i := range g.layout.Graph.Functions() {
		all = append(all, ledger.Class(i))
	}
	g.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if g.one(3) {
		return all[:g.rng.IntN(len(all)+1)]
	}
	return all
}

// finishEdges sets pending edges of a node that has ended.
func (s *strand) finishEdges(c ledger.Claim) {
	if s.one(8) {
		s.back = append(s.back, ledger.End{Node: c.Node, Class: c.Class})
		return
	}
	edges, mine := s.player.left[c.Node]
	if !mine {
		edges = s.edges(c.Node, c.EdgesBad)
	}
	if s.one(4) {
		s.op.Edges = append(s.op.Edges, edges[:s.rng.IntN(len(edges)+1)]...)
		return
	}
	s.op.Edges = append(s.op.Edges, edges...)
	s.op.EdgesDone = append(s.op.EdgesDone, c.Node)
}

// end ends a claim in one way or another.
func (s *strand) end(c ledger.Claim) {
	e := s.layout.End(c.Node)
	s.epochs[c.Node] = c.Epoch
	k := s.rng.IntN(100)
	switch {
	case c.Skip:
		e.Outcome = record.OutcomeSkipped
	case c.Poison:
		e.Outcome = record.OutcomeFailed
	case s.model.Stopping != "" && k < 40:
		e.Outcome = record.OutcomeCancelled
	case k < 8:
		e.Outcome = record.NoOutcome
		s.back = append(s.back, e)
		return
	case s.layout.Kind(c.Node) == dag.ExpandNode:
		if len(s.op.Ends)+len(s.back) == 0 {
			s.expand(e)
		}
		return
	case k < 8+s.retries && len(s.op.Ends)+len(s.back) == 0:
		e.Outcome, e.Delay = record.OutcomeRetrying, time.Duration(s.rng.IntN(20))
		s.expands = true
	case k > 92 || c.Epoch > 0 && s.one(3):
		e.Outcome = record.OutcomeFailed
	}
	s.add(e)
}

// expand ends an expansion, well or badly.
func (s *strand) expand(e ledger.End) {
	s.expands = true
	if s.one(8) {
		e.Outcome = record.OutcomeFailed
		s.add(e)
		return
	}
	width := uint32(s.rng.IntN(4))
	e.Expand = s.layout.Expand(e.Node, width)
	s.widths[e.Node] = width
	s.op.Ends, s.ended[e.Node] = append(s.op.Ends, e), true
}

// add ends a node, and becomes some of the nodes that waited for nothing else.
func (s *strand) add(e ledger.End) {
	s.op.Ends, s.ended[e.Node] = append(s.op.Ends, e), true
	if e.Outcome != record.OutcomeOK || s.epochs[e.Node] > 0 {
		return
	}
	for _, edge := range s.layout.Edges(e.Node, 0) {
		if !s.mine(edge.Child) {
			continue
		}
		switch s.rng.IntN(3) {
		case 0:
			s.op.Onward, s.onward[edge.Child] = append(s.op.Onward, ledger.Grant{Node: edge.Child, Class: edge.Class}), true
		case 1:
			s.local(edge.Child)
		}
	}
}

// mine reports whether a node waits for nothing but good ends of the player's.
func (s *strand) mine(id dag.NodeID) bool {
	n := &s.model.Nodes[id]
	if n.Status != ledger.Blocked || n.Awaits > 0 || n.Epoch > 0 || s.ended[id] || s.onward[id] || s.config.MaxConcurrent[s.layout.Class(id)] > 0 {
		return false
	}
	return !slices.ContainsFunc(s.layout.Parents(id), func(p dag.NodeID) bool {
		parent := &s.model.Nodes[p]
		if s.ended[p] {
			i := slices.IndexFunc(s.op.Ends, func(e ledger.End) bool { return e.Node == p })
			return s.op.Ends[i].Outcome != record.OutcomeOK || s.epochs[p] > 0
		}
		return s.endedBy[p] != s.player.id || parent.Status != ledger.OK || parent.Epoch > 0
	})
}

// local ends a node that was never claimed.
func (s *strand) local(id dag.NodeID) {
	if s.layout.Kind(id) == dag.ExpandNode {
		return
	}
	e := s.layout.End(id)
	e.Local = true
	if s.one(10) {
		e.Outcome = record.OutcomeFailed
	}
	s.add(e)
}

// setEdges sets the edges of the ends, except those into nodes of the strand itself. Some outputs are held, some edges
// are left for later.
func (s *strand) setEdges() {
	for i := range s.op.Ends {
		e := &s.op.Ends[i]
		bad := e.Outcome == record.OutcomeFailed || e.Outcome == record.OutcomeSkipped
		if !bad && e.Outcome != record.OutcomeOK || bad && s.model.Policy == record.FailFast && s.one(2) {
			continue
		}
		edges := s.layout.Edges(e.Node, s.widths[e.Node])
		for _, edge := range edges {
			if s.ended[edge.Child] || s.onward[edge.Child] {
				continue
			}
			if e.Expand == nil && s.one(15) {
				e.More = true
				continue
			}
			edge.End, edge.Bad = i, bad
			if e.Task && !bad && s.epochs[e.Node] == 0 && s.rng.IntN(100) < s.holds {
				edge.Hold = int64(1 + s.rng.IntN(3))
			}
			s.op.Edges = append(s.op.Edges, edge)
		}
	}
}

// extra adds the parts of a commit that do not depend on its ends.
func (s *strand) extra(ses *ledger.Session) {
	for _, e := range ses.Owed {
		if s.one(2) {
			s.op.Edges = append(s.op.Edges, e)
		}
	}
	for id := range s.model.Nodes {
		n := &s.model.Nodes[id]
		if n.Reserved.Session == s.player.id && s.one(6) {
			s.op.Unhold = append(s.op.Unhold, dag.NodeID(id))
		}
		if n.Status == ledger.Claimed && n.Session == s.player.id && s.one(3) {
			s.op.Started = append(s.op.Started, dag.NodeID(id))
		}
	}
	s.op.Steps = len(s.op.Ends) - len(s.back) + s.rng.IntN(2)
	for range s.op.Steps {
		s.op.Packed = append(s.op.Packed, byte(s.rng.IntN(256)))
	}
}

// mistake makes an operation that is most likely malformed.
func (g *game) mistake(op *ledger.Commit) {
	far := dag.NodeID(len(g.model.Nodes))
	id := dag.NodeID(g.rng.IntN(int(far)))
	edge := ledger.Edge{Offset: g.model.Edges, Child: id, Waits: 1, End: -1}
	switch g.rng.IntN(15) {
	case 0:
		op.Number++
	case 1:
		op.Number = 0
	case 2:
		op.Ends = append(op.Ends, g.layout.End(id))
	case 3:
		op.Ends = append(op.Ends, ledger.End{Node: far, Outcome: record.OutcomeOK})
	case 4:
		op.Ends = append(op.Ends, ledger.End{Node: id, Outcome: record.OutcomeLost})
	case 5:
		op.Ends = append(op.Ends, ledger.End{Node: id, Outcome: record.OutcomeOK, Local: true, Expand: &ledger.Expand{Width: 1, Size: 1}})
	case 6:
		op.Edges = append(op.Edges, edge)
	case 7:
		op.Onward = append(op.Onward, ledger.Grant{Node: far})
	case 8:
		op.Unhold = append(op.Unhold, far)
	case 9:
		op.Want = -1
	case 10:
		op.Edges = append(op.Edges, ledger.Edge{Child: far, Waits: 1, End: -1})
	case 11:
		op.Edges = append(op.Edges, ledger.Edge{Child: id, Waits: 1, End: len(op.Ends)})
	case 12:
		op.Ends = append(op.Ends, ledger.End{Node: id, Outcome: record.OutcomeRetrying, More: true})
	case 13:
		op.Started = append(op.Started, far)
	case 14:
		op.Ends = append(op.Ends, ledger.End{Node: id}) // none, but it may not be held
	}
}
