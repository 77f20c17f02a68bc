package protocol_test

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/protocol"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/statetest"
)

// machine applies random operations to one run, legal and illegal ones.
type machine struct {
	t       *rapid.T
	s       *protocol.State
	numbers *dag.Numbering // kept beside, to compare
	tokens  uint64
	now     int64
	ended   map[dag.NodeID]int // accepted good ends
	last    uint64             // number of the last step
}

func newMachine(t *rapid.T, g *dag.Graph, policy record.Policy) *machine {
	m := &machine{t: t, s: protocol.New(g, policy, dag.Limits{}), numbers: dag.NewNumbering(g), ended: map[dag.NodeID]int{}}
	require.Equal(t, protocol.Accepted, m.apply(protocol.Start{}).Verdict)
	return m
}

// apply holds every operation against the invariants; what is not accepted must not change anything.
func (m *machine) apply(op protocol.Op) protocol.Reply {
	before := m.s.Key()
	reply, steps := m.s.Apply(op)
	require.NoError(m.t, m.s.Check(), "after %+v", op)
	if reply.Verdict != protocol.Accepted {
		require.Equal(m.t, before, m.s.Key(), "after %+v", op)
		require.Empty(m.t, steps)
	}
	for _, s := range steps {
		m.last++
		require.Equal(m.t, m.last, s.Seq)
		if s.Kind == record.FanOutExpanded {
			_, err := m.numbers.Expand(s.Node, int(s.Width), dag.Limits{})
			require.NoError(m.t, err)
		}
		if s.Kind == record.FanOutExpanded || s.Kind == record.AttemptEnded && s.Outcome == record.OutcomeOK {
			m.ended[s.Node]++
		}
	}
	return reply
}

// pick draws a node of the given status, NoNode where there is none.
func (m *machine) pick(status protocol.NodeStatus) dag.NodeID {
	var ids []dag.NodeID
	for i := range m.s.Nodes {
		if m.s.Nodes[i].Status == status {
			ids = append(ids, dag.NodeID(i))
		}
	}
	if len(ids) == 0 {
		return dag.NoNode
	}
	return rapid.SampledFrom(ids).Draw(m.t, "node")
}

func (m *machine) token() uint64 { m.tokens++; return m.tokens }

func (m *machine) end(id dag.NodeID, outcome record.Outcome) protocol.End {
	e := protocol.End{Node: id, Attempt: m.s.Nodes[id].Attempts + 1, Outcome: outcome, Ended: m.now, Delay: time.Duration(m.now % 3)}
	if m.s.Kind(id) == dag.ExpandNode && outcome == record.OutcomeOK {
		e.Width = width(m.numbers, id)
	}
	return e
}

// width depends on where the expansion stands and not on when it expands.
func width(n *dag.Numbering, id dag.NodeID) uint32 {
	h := fnv.New32a()
	for p := n.Locate(id); ; p = n.Up(p) {
		_, _ = h.Write([]byte{byte(p.Local), byte(p.Instance), byte(p.Block.Scope)})
		if p.Block.Expansion == dag.NoNode {
			return h.Sum32() / 7 % 4
		}
	}
}

// strand is the claimed node and some of what may follow behind it.
func (m *machine) strand(id dag.NodeID, outcome record.Outcome) []protocol.End {
	ends := []protocol.End{m.end(id, record.OutcomeOK)}
	for n := dag.NodeID(0); int(n) < len(m.s.Nodes) && m.s.Kind(id) == dag.TaskNode && len(ends) < 4; n++ {
		bounded := m.s.Kind(n) == dag.TaskNode && m.numbers.Function(m.numbers.Locate(n)).Options().MaxConcurrent > 0
		if m.s.Kind(n) != dag.JoinNode && !bounded && slices.Equal(m.s.Parents(n), []dag.NodeID{id}) && rapid.Bool().Draw(m.t, "on") {
			ends, id = append(ends, m.end(n, record.OutcomeOK)), n
		}
	}
	ends[len(ends)-1] = m.end(id, outcome)
	return ends
}

// legal does something that a store must accept; mishaps says whether things may go wrong.
func (m *machine) legal(mishaps bool) {
	m.now++
	if m.s.Status == record.Paused {
		m.apply(protocol.Resume{})
		return
	}
	if id := m.pick(protocol.Waiting); id != dag.NoNode && m.now >= m.s.Nodes[id].Due {
		require.Equal(m.t, protocol.Accepted, m.apply(protocol.Due{Now: m.now, Node: id}).Verdict)
	}
	held := m.pick(protocol.Claimed)
	if free := m.pick(protocol.Ready); free != dag.NoNode && m.s.GoesOn() && (held == dag.NoNode || rapid.Bool().Draw(m.t, "claim")) {
		m.apply(protocol.Take{Grants: []protocol.Grant{{Node: free, Token: m.token()}}})
		return
	}
	if held == dag.NoNode {
		return
	}
	token := m.s.Nodes[held].Token
	k := 9
	if mishaps {
		k = rapid.IntRange(0, 9).Draw(m.t, "mishap")
	}
	var reply protocol.Reply
	switch {
	case k == 0:
		reply = m.apply(protocol.Release{Token: token, Node: held})
	case k == 1:
		reply = m.apply(protocol.Abandon{Token: token, End: m.end(held, record.OutcomeRetrying)})
	case k == 2:
		reply = m.apply(protocol.Complete{Token: token, Ends: m.strand(held, record.OutcomeFailed)})
	case k == 3 && rapid.IntRange(0, 9).Draw(m.t, "rarely") == 0:
		m.apply(protocol.Stop{Status: record.Cancelled})
		return
	case k == 4:
		m.apply(protocol.Pause{})
		return
	default:
		op := protocol.Complete{Token: token, Ends: m.strand(held, record.OutcomeOK), Next: true, NextToken: m.token(), Prefer: dag.NoNode}
		reply = m.apply(op)
		require.Equal(m.t, reply, m.apply(op), "a repetition gets the same answer")
	}
	require.Equal(m.t, protocol.Accepted, reply.Verdict, reply.Why)
}

// illegal does something that a store must not accept.
func (m *machine) illegal() {
	id := dag.NodeID(rapid.IntRange(0, len(m.s.Nodes)).Draw(m.t, "any"))
	e := protocol.End{Node: id, Attempt: 1, Outcome: record.OutcomeOK}
	var ops []protocol.Op
	ops = append(ops, protocol.Complete{Token: 1 << 60, Ends: []protocol.End{e}}, protocol.Release{Token: 1 << 60, Node: id},
		protocol.Abandon{Token: 1 << 60, End: e}, protocol.Announce{Token: 1 << 60, End: e}, protocol.Start{},
		protocol.Complete{}, protocol.Note{Step: record.Step{Kind: record.RunFinished}})
	if held := m.pick(protocol.Claimed); held != dag.NoNode {
		good := m.end(held, record.OutcomeOK)
		other, odd := good, good
		other.Attempt++
		odd.Outcome = record.OutcomeLost
		for _, ends := range [][]protocol.End{{other}, {odd}, {good, good}, {good, e}} {
			if len(ends) == 2 && int(id) < len(m.s.Nodes) && len(m.s.Parents(id)) == 1 {
				continue // could be legal
			}
			ops = append(ops, protocol.Complete{Token: m.s.Nodes[held].Token, Ends: ends})
		}
	}
	op := rapid.SampledFrom(ops).Draw(m.t, "illegal")
	require.NotEqual(m.t, protocol.Accepted, m.apply(op).Verdict, "%+v", op)
}

// finished names the tasks that are OK.
func (m *machine) finished() (names []string) {
	for i := range m.s.Nodes {
		id := dag.NodeID(i)
		if m.s.Kind(id) == dag.TaskNode && m.s.Nodes[i].Status == protocol.OK {
			p := m.numbers.Locate(id)
			names = append(names, m.numbers.Identity(p).String())
		}
	}
	slices.Sort(names)
	return names
}

// play works until the run is over. A run that does not end is caught by the bound.
func (m *machine) play(mishaps bool) {
	for n := 0; !m.s.Status.Final(); n++ {
		require.Less(m.t, n, 100_000, "the run does not end: %+v", m.s.Counts)
		m.legal(mishaps && n < 300)
		if mishaps && rapid.IntRange(0, 4).Draw(m.t, "legal") == 0 {
			m.illegal()
		}
	}
	require.Equal(m.t, m.numbers.Nodes(), len(m.s.Nodes))
	require.Equal(m.t, m.numbers.Tasks(), m.s.Counts.Tasks)
	for i, b := range m.s.Blocks {
		want := m.numbers.Block(i)
		require.Equal(m.t, protocol.Block{First: want.First, Scope: want.Scope, Instances: want.Instances, Expansion: want.Expansion}, b)
	}
	for id, n := range m.ended {
		require.Equal(m.t, 1, n, "node %d", id)
	}
	if m.s.Stopping == "" {
		for i := range m.s.Nodes {
			require.True(m.t, m.s.Nodes[i].Status.Terminal(), "node %d", i)
		}
	}
}

func TestRandomOrders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "graph")
		g := statetest.RandomGraph(rand.New(rand.NewPCG(seed, 1)), rapid.IntRange(1, 30).Draw(t, "size"))
		calm, other := newMachine(t, g, record.FailFast), newMachine(t, g, record.FailFast)
		calm.play(false)
		other.play(false)
		require.Equal(t, record.Succeeded, calm.s.Status)
		require.Equal(t, calm.finished(), other.finished(), "whatever the order, the same tasks run")
		policy := rapid.SampledFrom([]record.Policy{record.FailFast, record.Continue}).Draw(t, "policy")
		newMachine(t, g, policy).play(true)
	})
}
