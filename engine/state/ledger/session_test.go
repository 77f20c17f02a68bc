package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

func TestReapTakesWhatIsOverdue(t *testing.T) {
	b := bench(t, flat(5))
	b.take("a", 3)
	b.commit("a", ledger.Commit{Started: ids(1)})
	assert.Empty(t, b.apply(ledger.Reap{Poison: 3}).Lost)
	b.now += 99
	b.take("b", 1)
	r := b.apply(ledger.Reap{Poison: 3, Limit: 2})
	require.Len(t, r.Lost, 2)
	assert.Equal(t, ledger.Lost{Session: "a", Claim: ledger.Claim{Node: 0, Class: 1, Attempt: 1, Since: 0}}, r.Lost[0])
	assert.True(t, r.Lost[1].Started)
	assert.Equal(t, []record.Step{{
		Kind: record.AttemptEnded, Outcome: record.OutcomeLost, Announced: true, Node: 1, Attempt: 1, Ended: b.now, Updated: b.now,
		Became: dag.NoNode,
	}}, b.entry.Plain)
	assert.Equal(t, ledger.Fenced, b.try("a", ledger.Commit{}).Verdict, "it is over, and holds one more")
	assert.Equal(t, ledger.Fenced, b.apply(ledger.Open{Session: "a"}).Verdict)
	r = b.apply(ledger.Reap{Poison: 3})
	require.Len(t, r.Lost, 1)
	assert.Equal(t, dag.NodeID(2), r.Lost[0].Claim.Node)
	assert.Equal(t, record.WorkerStopped, b.entry.Plain[0].Kind)
	assert.Nil(t, b.s.Session("a"))

	b.apply(ledger.Open{Session: "c", Lease: 100})
	r = b.commit("c", ledger.Commit{Want: 4})
	assert.Equal(t, []ledger.Claim{{Node: 2, Class: 1, Attempt: 1, Since: r.Claims[0].Since, Solo: true}}, r.Claims, "a suspect comes alone")
	r = b.commit("c", ledger.Commit{Want: 4, Onward: nil})
	assert.Empty(t, r.Claims, "and nothing else")
	r = b.commit("c", ledger.Commit{Ends: ended(record.OutcomeOK, 2), Steps: 1, Want: 4})
	require.Equal(t, ids(1), nodes(r))
	assert.Equal(t, uint16(2), r.Claims[0].Attempt, "the lost attempt had started")
}

// TestCulprit: a task that kills its worker is found, whichever tasks ran with it, and fails permanently.
func TestCulprit(t *testing.T) {
	b := bench(t, flat(3))
	culprit := dag.NodeID(1)
	var names []ledger.SessionID
	open := func() ledger.SessionID {
		names = append(names, ledger.SessionID("w"+string(rune('0'+len(names)))))
		b.apply(ledger.Open{Session: names[len(names)-1], Lease: 100})
		return names[len(names)-1]
	}
	b.take(open(), 2)
	lost := b.apply(ledger.Reap{Session: names[0], Poison: 3}).Lost
	require.Len(t, lost, 2)
	assert.False(t, lost[0].Charged || lost[1].Charged, "one of two")
	charged := 0
	for range 20 {
		id := open()
		r := b.commit(id, ledger.Commit{Want: 4, Classes: []ledger.Class{ledger.EngineClass, 1}})
		require.NotEmpty(t, r.Claims)
		switch c := r.Claims[0]; {
		case c.Poison:
			assert.Equal(t, culprit, c.Node)
			assert.Equal(t, uint16(3), c.Losses)
			assert.False(t, c.Solo)
			b.commit(id, ledger.Commit{Ends: ended(record.OutcomeFailed, culprit), Steps: 1})
			assert.Equal(t, 3, charged)
			return
		case c.Node == culprit:
			assert.True(t, c.Solo)
			lost := b.apply(ledger.Reap{Session: id, Poison: 3}).Lost
			require.True(t, lost[0].Charged)
			charged++
			assert.Equal(t, uint16(charged), lost[0].Claim.Losses)
		default:
			b.commit(id, ledger.Commit{Ends: ended(record.OutcomeOK, c.Node), Steps: 1})
			b.apply(ledger.Leave{Session: id})
		}
	}
	t.Fatal("the culprit is not found")
}

// TestSupervisor: if a supervisor knows what was running, only that is charged.
func TestSupervisor(t *testing.T) {
	tests := map[string]struct {
		running []dag.NodeID
		charged []dag.NodeID
		solo    []dag.NodeID
	}{
		"one":                 {ids(1), ids(1), ids(1)},
		"two":                 {ids(0, 1), nil, ids(0, 1)},
		"what was not held":   {ids(3), nil, ids(0, 1, 2)},
		"nothing is known":    {nil, nil, ids(0, 1, 2)},
		"one, and not a node": {ids(99, 2), ids(2), ids(2)},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			b := bench(t, flat(4))
			b.take("a", 3)
			r := b.apply(ledger.Reap{Session: "a", Running: c.running})
			require.Len(t, r.Lost, 3)
			var charged, solo []dag.NodeID
			for _, l := range r.Lost {
				if l.Charged {
					charged = append(charged, l.Claim.Node)
				}
			}
			for i := range b.s.Nodes {
				if b.s.Nodes[i].Solo > 0 {
					solo = append(solo, dag.NodeID(i))
				}
			}
			assert.Equal(t, c.charged, charged)
			assert.Equal(t, c.solo, solo)
			if len(c.running) > 0 && c.charged != nil {
				assert.Equal(t, c.charged[0], r.Lost[0].Claim.Node, "what was running comes first")
			}
		})
	}
}

func TestReservation(t *testing.T) {
	b := bench(t, gathered())
	b.take("a", 1)
	b.take("b", 1)
	b.commit("a", hands(0, 5))
	r := b.commit("b", hands(1, 0))
	assert.Equal(t, []ledger.Readied{{Class: 1, Nodes: 1}}, r.Readied)
	assert.Zero(t, r.Waiting, "no other session may claim it")
	assert.Empty(t, b.take("b", 1))
	assert.Equal(t, ids(2), b.take("a", 1))

	b = bench(t, gathered())
	b.take("a", 1)
	b.take("b", 1)
	b.commit("a", hands(0, 5))
	b.commit("b", hands(1, 0))
	assert.Equal(t, 1, b.commit("a", ledger.Commit{Unhold: ids(2)}).Waiting)
	assert.Equal(t, ids(2), b.take("b", 1))
	assert.Zero(t, b.commit("a", ledger.Commit{Unhold: ids(2)}).Waiting, "it is not reserved any more")
}

// TestTakeOver: if two outputs are held, the larger one attracts the child, and the other one has to be stored.
func TestTakeOver(t *testing.T) {
	for name, sizes := range map[string][2]int64{"larger": {3, 5}, "equal": {5, 5}, "smaller": {5, 3}} {
		t.Run(name, func(t *testing.T) {
			b := bench(t, gathered())
			b.take("a", 1)
			b.take("b", 1)
			b.commit("a", hands(0, sizes[0]))
			r := b.commit("b", hands(1, sizes[1]))
			winner, loser, owes := ledger.SessionID("b"), ledger.SessionID("a"), dag.NodeID(0)
			if sizes[1] < sizes[0] {
				winner, loser, owes = "a", "b", 1
				assert.Equal(t, ids(1), r.Store)
			}
			assert.Equal(t, ids(owes), b.commit(loser, ledger.Commit{}).Store)
			assert.Equal(t, ids(owes), b.commit(loser, ledger.Commit{Want: 1}).Store, "until it has")
			assert.Empty(t, b.take(winner, 1), "the other output is not there yet")
			r = b.commit(loser, ledger.Commit{Edges: []ledger.Edge{into(uint32(owes), -1, 0)}, Want: 1})
			assert.Empty(t, r.Store)
			assert.Empty(t, r.Claims)
			assert.Equal(t, []ledger.ReadiedBy{{Step: -1, Node: 2}}, b.entry.Readied)
			assert.Equal(t, ids(2), b.take(winner, 1))
		})
	}
}

// TestOwed: edges that a session had to set again are set when it is over, however it ended.
func TestOwed(t *testing.T) {
	for name, over := range map[string]ledger.Op{"reaped": ledger.Reap{Session: "a"}, "left": ledger.Leave{Session: "a"}} {
		t.Run(name, func(t *testing.T) {
			b := bench(t, gathered())
			b.take("a", 1)
			b.take("b", 1)
			b.commit("a", hands(0, 3))
			b.commit("b", hands(1, 5))
			b.apply(over)
			assert.Equal(t, ids(2), b.take("b", 1))
		})
	}
	b := bench(t, gathered())
	b.take("a", 1)
	b.take("b", 1)
	b.commit("a", hands(0, 3))
	b.commit("b", hands(1, 0))
	r := b.apply(ledger.Reap{Session: "a"})
	assert.Equal(t, []ledger.Readied{{Class: 1, Nodes: 1}}, r.Readied, "what was reserved for it is for anybody")
	assert.Equal(t, ids(2), b.take("b", 1))
}

func life(n dag.NodeID, epoch uint16) ledger.Life {
	return ledger.Life{Node: n, Class: 1, Epoch: epoch, Task: true}
}

// missed is a table in which b has claimed 2 and the output of 0 is lost.
func missed(t *testing.T) (*table, ledger.Invalidate) {
	b := bench(t, gathered())
	b.take("a", 2)
	b.commit("a", hands(0, 0))
	b.commit("a", hands(1, 0))
	c := b.commit("b", ledger.Commit{Want: 1}).Claims[0]
	return b, ledger.Invalidate{Session: "b", Consumer: 2, Epoch: c.Epoch, Since: c.Since, Lost: []ledger.Life{life(0, 0)}}
}

func TestInvalidate(t *testing.T) {
	b, op := missed(t)
	r := b.apply(op)
	assert.Equal(t, []ledger.Readied{{Class: 1, Nodes: 1}}, r.Readied)
	assert.Equal(t, 1, b.s.Counts.Done)
	assert.Equal(t, ledger.Repeated, b.apply(op).Verdict, "a lost answer is harmless")
	r = b.commit("b", ledger.Commit{Want: 2})
	assert.Equal(t, []ledger.Claim{{Node: 0, Class: 1, Epoch: 1, Attempt: 1, Since: b.now - 2}}, r.Claims)
	r = b.commit("b", ledger.Commit{Ends: hands(0, 0).Ends, Steps: 1, Edges: hands(0, 0).Edges, Keep: 1, Want: 1})
	require.Equal(t, ids(2), nodes(r), "ready by the end of what it awaits")
	assert.Equal(t, uint16(0), r.Claims[0].Epoch)
	assert.Empty(t, b.entry.Readied, "the log has it already")

	op.Since = r.Claims[0].Since
	again := b.apply(op)
	assert.Equal(t, ledger.Again, again.Verdict)
	assert.Equal(t, []uint16{1}, again.Epochs)
	op.Lost[0].Epoch = 1
	assert.Equal(t, ledger.Applied, b.apply(op).Verdict)
	assert.Equal(t, uint16(2), b.s.Nodes[0].Epoch)
}

func TestInvalidateMistakes(t *testing.T) {
	b, op := missed(t)
	for _, lost := range [][]ledger.Life{nil, {life(2, 0)}, {life(9, 0)}, {life(0, 0), life(0, 0)}} {
		op.Lost = lost
		assert.Equal(t, ledger.Malformed, b.apply(op).Verdict)
	}
	op.Lost, op.Since = []ledger.Life{life(0, 0)}, op.Since+1
	assert.Equal(t, ledger.Repeated, b.apply(op).Verdict, "that claim is not held")
}

// TestMadeAgainBadly: if a node that is computed again fails, nodes that await it are skipped, and so are those that
// miss it later.
func TestMadeAgainBadly(t *testing.T) {
	any := []ledger.Class{ledger.EngineClass, 1}
	fail := func(b *table) {
		e := ended(record.OutcomeFailed, 0)
		e[0].Sink = false
		b.commit("a", ledger.Commit{Ends: e, Steps: 1})
	}
	b, op := missed(t)
	b.apply(op)
	b.take("a", 1)
	fail(b)
	r := b.commit("b", ledger.Commit{Want: 1, Classes: any})
	require.True(t, r.Claims[0].Skip)

	c := flat(4) // {0, 1} → 2, 0 → 3
	c.Edges, c.Sinks, c.Roots = 3, 2, c.Roots[:2]
	b = bench(t, c)
	b.take("a", 2)
	both := hands(0, 0)
	both.Edges = append(both.Edges, ledger.Edge{Offset: 2, Child: 3, Waits: 1, Class: 1})
	b.commit("a", both)
	b.commit("a", hands(1, 0))
	first := b.commit("b", ledger.Commit{Want: 2}).Claims
	require.Len(t, first, 2)
	miss := func(c ledger.Claim) ledger.Reply {
		return b.apply(ledger.Invalidate{Session: "b", Consumer: c.Node, Epoch: c.Epoch, Since: c.Since, Lost: []ledger.Life{life(0, 0)}})
	}
	miss(first[0])
	b.take("a", 1)
	fail(b)
	r = miss(first[1])
	assert.Equal(t, ledger.Applied, r.Verdict)
	r = b.commit("b", ledger.Commit{Want: 2, Classes: any})
	require.Len(t, r.Claims, 2)
	assert.True(t, r.Claims[0].Skip && r.Claims[1].Skip)
	assert.Equal(t, first[1].Node, r.Claims[0].Node, "given back at the front")
}

func TestExpand(t *testing.T) {
	c := ledger.Config{Nodes: 2, Edges: 1, Sinks: 1, Limits: dag.Limits{Tasks: 3, Edges: 10}, Roots: []ledger.Grant{{Node: 0, Class: ledger.EngineClass}}}
	b := bench(t, c)
	any := []ledger.Class{ledger.EngineClass, 1}
	assert.Equal(t, ids(0), b.take("a", 1, any...))
	op := func(width uint32) ledger.Commit {
		x := &ledger.Expand{Width: width, Size: 2, EdgesPer: 2, TasksPer: 1, LimitEdges: 2, Roots: []ledger.Grant{{Node: 1, Class: 1}}}
		return ledger.Commit{
			Ends: []ledger.End{{Node: 0, Outcome: record.OutcomeOK, Expand: x}}, Steps: 1, Keep: 1, Want: 1, Classes: any,
			Edges: []ledger.Edge{{Offset: 0, Child: 1, Waits: 1 + width, Class: ledger.EngineClass}},
		}
	}
	assert.Equal(t, ledger.TooWide, b.try("a", op(4)).Verdict)
	assert.Equal(t, ledger.TooWide, b.try("a", op(1<<31)).Verdict)
	local := op(1)
	local.Ends[0].Local = true
	assert.Equal(t, ledger.Malformed, b.try("a", local).Verdict)
	r := b.commit("a", op(3))
	block := ledger.Block{Expansion: 0, Width: 3, First: 2, FirstEdge: 1}
	assert.Equal(t, []ledger.Block{block}, r.Blocks)
	assert.Equal(t, &block, b.entry.Block)
	assert.Equal(t, ids(3), nodes(r), "the root of the first instance")
	assert.Equal(t, ids(5, 7), b.take("b", 9))
	assert.Len(t, b.s.Nodes, 8)
	assert.Equal(t, uint32(7), b.s.Edges)
	assert.Empty(t, b.commit("b", ledger.Commit{Blocks: 1}).Blocks)
}

// TestMore: edges that do not fit into a commit are set later, by any session that is alive then.
func TestMore(t *testing.T) {
	c := flat(3) // 0 → {1, 2}
	c.Edges, c.Sinks, c.Roots = 2, 2, c.Roots[:1]
	edges := []ledger.Edge{{Offset: 0, Child: 1, Waits: 1, Class: 1}, {Offset: 1, Child: 2, Waits: 1, Class: 1}}
	first := hands(0, 0)
	first.Ends[0].More, first.Edges = true, edges[:1]
	second := ledger.Commit{Edges: []ledger.Edge{edges[1]}, EdgesDone: ids(0)}
	second.Edges[0].End = -1

	b := bench(t, c)
	b.take("a", 1)
	b.commit("a", first)
	assert.Equal(t, 1, b.s.Counts.Claims, "it keeps the claim to set the rest")
	assert.Equal(t, ledger.Malformed, b.try("a", ledger.Commit{Ends: first.Ends}).Verdict)
	b.commit("a", second)
	assert.Zero(t, b.s.Counts.Claims)
	assert.Equal(t, ids(1, 2), b.take("b", 2))
	b.commit("a", ledger.Commit{EdgesDone: ids(0)})

	b = bench(t, c)
	b.take("a", 1)
	b.commit("a", first)
	lost := b.apply(ledger.Reap{Session: "a", Poison: 1}).Lost
	require.Len(t, lost, 1)
	assert.True(t, lost[0].Claim.EdgesOnly)
	assert.False(t, lost[0].Charged)
	r := b.commit("b", ledger.Commit{Want: 1, Classes: []ledger.Class{ledger.EngineClass}})
	assert.Equal(t, []ledger.Claim{{Node: 0, Class: ledger.EngineClass, EdgesOnly: true}}, r.Claims)
	b.commit("b", ledger.Commit{Ends: []ledger.End{{Node: 0}}})
	r = b.commit("b", ledger.Commit{Want: 1, Classes: []ledger.Class{ledger.EngineClass}})
	assert.Len(t, r.Claims, 1, "given back, and claimed again")
	for i := range edges {
		edges[i].End = -1
	}
	b.commit("b", ledger.Commit{Edges: edges, EdgesDone: ids(0)})
	assert.Equal(t, ids(1, 2), b.take("b", 2))
}

// TestNextRevision: nodes that are OK stay OK, all others begin again.
func TestNextRevision(t *testing.T) {
	b := bench(t, gathered())
	b.take("a", 2)
	b.commit("a", hands(0, 0))
	bad := ended(record.OutcomeFailed, 1)
	bad[0].Sink = false
	b.commit("a", ledger.Commit{Ends: bad, Steps: 1})
	pending := func(id dag.NodeID) ledger.Pending {
		if id == 1 {
			return ledger.Pending{Class: 1}
		}
		return ledger.Pending{Class: 1, Sink: true, Bits: []ledger.PendingBit{{Offset: 0, Set: true}, {Offset: 1}}}
	}
	_, ok := ledger.Revise(b.s, b.s.Next(b.now, pending), b.now)
	require.False(t, ok, "the run is not over")
	b.apply(ledger.Stop{Status: record.Failed})
	require.Equal(t, record.Failed, b.s.Status)

	next := b.s.Next(b.now, pending)
	entry, ok := ledger.Revise(b.s, next, b.now)
	require.True(t, ok)
	require.NoError(t, next.Check())
	assert.Equal(t, b.s.Seq+1, entry.First)
	assert.Equal(t, []record.Step{{Kind: record.RunStarted, Became: dag.NoNode, Readied: ids(1)}}, entry.Plain)
	assert.Equal(t, record.Failed, b.s.Status, "the old state is as it was")
	_, ok = ledger.Revise(next, next, b.now)
	require.False(t, ok)

	b.s, b.numbers = next, map[ledger.SessionID]uint64{}
	assert.Equal(t, ledger.Fenced, b.try("a", ledger.Commit{}).Verdict)
	assert.Equal(t, uint16(2), b.apply(ledger.Open{Session: "c", Lease: 100}).Worker)
	r := b.commit("c", ledger.Commit{Want: 3})
	assert.Equal(t, []ledger.Claim{{Node: 1, Class: 1, Epoch: 1, Attempt: 1, Since: r.Claims[0].Since}}, r.Claims)
	again := hands(1, 0)
	again.Want, again.Keep = 1, 1
	assert.Equal(t, ids(2), nodes(b.commit("c", again)))
	b.commit("c", ledger.Commit{Ends: ended(record.OutcomeOK, 2), Steps: 1})
	assert.Equal(t, record.Succeeded, b.s.Status)
	assert.Equal(t, 3, b.s.Counts.Done)
}
