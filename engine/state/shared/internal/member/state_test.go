package member

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// chainOf is the state of a process with a session in a run of n tasks that follow each other.
func chainOf(t *testing.T, n int) *State {
	t.Helper()
	next := engine.Func1("next", func(_ context.Context, n int) (int, error) { return n + 1, nil })
	b := engine.NewBuilder()
	r := next.Call(engine.Const(b, 0))
	for range n - 1 {
		r = next.Call(r)
	}
	g, err := b.Compile(r)
	require.NoError(t, err)
	s := New(Config{Layout: NewLayout(g), Rules: record.Rules{}.WithDefaults(), Limit: 1 << 20})
	s.Enter(1)
	s.Opened(3, record.Running, "")
	return s
}

// grant answers the next commit with a claim on a node.
func grant(t *testing.T, s *State, id dag.NodeID) {
	t.Helper()
	d := s.Draft(ledger.MaxEnds)
	require.NoError(t, s.Apply(d, &ledger.Reply{
		Verdict: ledger.Applied, Status: record.Running, Claims: []ledger.Claim{{Node: id, Attempt: 1, Since: 5}},
	}))
}

// end ends the attempt of a lane as OK.
func end(t *testing.T, s *State, id dag.NodeID) dag.NodeID {
	t.Helper()
	out, err := s.Prepare(s.Find(id), 1, 8)
	require.NoError(t, err)
	return s.Complete(&state.End{Node: id, Attempt: 1, Outcome: record.OutcomeOK, Output: 1, OutputBytes: 8}, 0, true, out, dag.NoNode, true)
}

// A chain is executed without an answer of the ledger, and reported by one commit with the value of its last task alone.
func TestAChainIsOneCommit(t *testing.T) {
	s := chainOf(t, 3)
	assert.Equal(t, 1, s.Want(1, 1))
	grant(t, s, 0)
	p, ok := s.Claim()
	require.True(t, ok)
	require.Equal(t, dag.NodeID(0), p.ID())
	s.Occupy()
	assert.Equal(t, dag.NodeID(1), end(t, s, 0))
	assert.Equal(t, dag.NodeID(2), end(t, s, 1))
	assert.False(t, s.IsDue(), "no other session waits for a task within the chain")
	assert.Equal(t, dag.NoNode, end(t, s, 2))
	s.Vacate()
	assert.True(t, s.IsDue())
	d := s.Draft(ledger.MaxEnds)
	require.Len(t, d.Commit.Ends, 3)
	assert.False(t, d.Commit.Ends[0].Local)
	assert.True(t, d.Commit.Ends[1].Local)
	assert.True(t, d.Commit.Ends[2].Local)
	assert.Empty(t, d.Commit.Edges, "their children end by the same commit")
	require.Len(t, d.Outputs, 1)
	assert.Equal(t, dag.NodeID(2), d.Outputs[0].Node)
	require.NoError(t, s.Apply(d, &ledger.Reply{Verdict: ledger.Applied, Status: record.Succeeded}))
	assert.True(t, s.IsFinal())
	assert.Equal(t, 3, s.Progress().Done)
	assert.False(t, s.HasPending())
}

// Membership only moves on: what drains claims nothing, and releases what no lane has.
func TestAProcessThatDrainsReleasesItsQueue(t *testing.T) {
	s := chainOf(t, 2)
	grant(t, s, 0)
	assert.Equal(t, 1, s.Ready())
	s.Drain()
	assert.Zero(t, s.Ready())
	assert.Zero(t, s.Want(1, 1))
	_, ok := s.Claim()
	assert.False(t, ok)
	d := s.Draft(ledger.MaxEnds)
	require.Len(t, d.Commit.Ends, 1)
	assert.Equal(t, record.NoOutcome, d.Commit.Ends[0].Outcome, "a release")
	s.Enter(1)
	assert.Zero(t, s.Want(1, 1), "it drains all the same")
	s.Close()
	assert.True(t, s.HasLeft())
}

// The first session of a run releases what it has queued when there are suspects, which only a session that holds nothing
// gets.
func TestTheFirstSessionYieldsToSuspects(t *testing.T) {
	for _, first := range []bool{true, false} {
		s := chainOf(t, 2)
		s.SetSessions(1, first)
		grant(t, s, 0)
		d := s.Draft(ledger.MaxEnds)
		require.NoError(t, s.Apply(d, &ledger.Reply{Verdict: ledger.Applied, Status: record.Running, Suspects: 1}))
		assert.Equal(t, first, s.Yields())
		assert.Equal(t, first, s.Ready() == 0)
		d = s.Draft(ledger.MaxEnds)
		assert.Equal(t, first, len(d.Commit.Ends) == 1, "a release")
	}
}

// A value that is held for two readers, of which one fails and may be tried elsewhere, is stored for that retry. The other
// reader, which still waits for its other input, has to be left to all sessions then, not only once the value is dropped.
func TestARetryOfOneReaderLeavesTheOtherToAll(t *testing.T) {
	for _, rules := range []record.Rules{{ClusterBytes: 1}, {ClusterBytes: 1, NoInline: true}} {
		b := engine.NewBuilder()
		add := engine.Func2("add", func(_ context.Context, a, b int) (int, error) { return a + b, nil })
		next := engine.Func1("next", func(_ context.Context, n int) (int, error) { return n + 1, nil })
		shared := next.Call(engine.Const(b, 0))
		only := next.Call(shared)
		waiting := add.Call(shared, next.Call(engine.Const(b, 1)))
		g, err := b.Compile(engine.List(b, only, waiting))
		require.NoError(t, err)
		s := New(Config{Layout: NewLayout(g), Rules: rules.WithDefaults(), Limit: 1 << 20})
		s.Enter(1)
		s.Opened(3, record.Running, "")
		const value, once, both = dag.NodeID(0), dag.NodeID(1), dag.NodeID(3)
		require.Equal(t, []dag.NodeID{once, both}, []dag.NodeID{s.Find(value).child(0).ID(), s.Find(value).child(1).ID()})

		grant(t, s, value)
		_, ok := s.Claim()
		require.True(t, ok)
		s.Occupy()
		require.Equal(t, once, end(t, s, value))
		s.Complete(&state.End{Node: once, Attempt: 1, Outcome: record.OutcomeRetrying}, 0, false, nil, dag.NoNode, false)
		s.Vacate()

		var held, stored, left []dag.NodeID
		for range 4 {
			s.Expire()
			d := s.Draft(ledger.MaxEnds)
			for _, e := range d.Commit.Edges {
				if e.Hold > 0 {
					held = append(held, e.Child)
				}
			}
			for _, o := range d.Outputs {
				stored = append(stored, o.Node)
			}
			left = append(left, d.Commit.Unhold...)
			require.NoError(t, s.Apply(d, &ledger.Reply{Verdict: ledger.Applied, Status: record.Running}))
			uploads, failed := s.TakeUploads()
			require.False(t, failed)
			for _, o := range uploads {
				s.Stored(o, "key", 8)
			}
		}
		assert.Equal(t, []dag.NodeID{both}, held, "%+v", rules)
		assert.Equal(t, []dag.NodeID{value}, stored, "%+v", rules)
		assert.Contains(t, left, both, "%+v", rules)
		assert.Zero(t, s.NextExpiry())
	}
}
