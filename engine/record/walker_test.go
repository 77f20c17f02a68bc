package record_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

func TestWalker(t *testing.T) {
	w := record.NewWalker(enginetest.FanOutGraph(t))
	next := func(s record.Step, want bool) {
		t.Helper()
		isNew, err := w.Next(&s)
		require.NoError(t, err)
		require.Equal(t, want, isNew)
	}
	function := func(id dag.NodeID, want string) {
		t.Helper()
		number, isTask := w.Function(id)
		require.Equal(t, want != "", isTask, "node %d", id)
		if isTask {
			require.Equal(t, want, w.Numbering().Graph().Functions()[number].Name())
		}
	}
	next(record.Step{Seq: 1, Kind: record.RunStarted, Readied: []dag.NodeID{0}, Became: dag.NoNode}, true)
	expanded := record.Step{Seq: 3, Kind: record.FanOutExpanded, Outcome: record.OutcomeOK, Node: 2, Width: 3, Readied: []dag.NodeID{4, 6, 8}, Became: dag.NoNode}
	function(4, "")
	next(expanded, true)
	require.Equal(t, dag.NodeID(4), w.Grown().First)
	for id, name := range []string{"upto", "sum", "", "", "double", "add", "double", "add", "double", "add", ""} {
		function(dag.NodeID(id), name)
	}
	function(0, "upto")
	function(dag.NoNode, "")
	next(expanded, false)
	require.Equal(t, uint64(3), w.Seq())
	expanded.Seq = 4
	next(expanded, true)
	require.Nil(t, w.Grown(), "a fan-out expands once")
	require.Equal(t, 10, w.Numbering().Nodes())

	_, err := w.Next(&record.Step{Seq: 5, Kind: record.AttemptEnded, Node: 10, Became: dag.NoNode})
	require.ErrorIs(t, err, codec.ErrMalformed)
	next(record.Step{Seq: 5, Kind: record.AttemptEnded, Became: dag.NoNode}, false)
	next(record.Step{Seq: 6, Kind: record.AttemptEnded, Node: 9, Became: dag.NoNode}, true)

	_, err = w.Next(&record.Step{Seq: 7, Kind: record.AttemptEnded, Node: 9, Became: dag.NoNode, Readied: []dag.NodeID{10}})
	require.ErrorIs(t, err, codec.ErrMalformed, "it makes a node ready that does not exist")
	_, err = w.Next(&record.Step{Seq: 8, Kind: record.AttemptEnded, Node: 9, Became: 10})
	require.ErrorIs(t, err, codec.ErrMalformed, "it becomes a node that does not exist")
}

func TestAttempts(t *testing.T) {
	var a record.Attempts
	a.Start(&record.Step{Node: 1, Epoch: 1, Attempt: 2, Claimed: 5, Started: 6, Head: true})
	a.Start(&record.Step{Node: 2, Attempt: 1})
	a.Start(&record.Step{Node: 3, Attempt: 1})
	a.Start(&record.Step{Node: 4, Attempt: 1})
	require.Equal(t, 4, a.Len())
	b, ok := a.End(&record.Step{Node: 1, Epoch: 1, Attempt: 2})
	require.True(t, ok)
	require.Equal(t, record.Begin{Epoch: 1, Attempt: 2, Claimed: 5, Started: 6, Head: true}, b)
	_, ok = a.End(&record.Step{Node: 1, Epoch: 1, Attempt: 2})
	require.False(t, ok, "it has ended")
	_, ok = a.End(&record.Step{Node: 2, Attempt: 2})
	require.False(t, ok, "another attempt was announced")
	_, ok = a.End(&record.Step{Node: 4, Epoch: 1, Attempt: 1})
	require.False(t, ok, "an attempt of another epoch was announced")
	for node := range a.Nodes {
		require.Equal(t, dag.NodeID(3), node)
	}
	require.Equal(t, 1, a.Len())
	a.Clear()
	require.Zero(t, a.Len())
}

// TestWalkerBoundsNodes: nodes are bounded, not only tasks, which are half of the nodes of this body.
func TestWalkerBoundsNodes(t *testing.T) {
	b := engine.NewBuilder()
	lists := engine.FanOut(b, enginetest.Upto.Call(engine.Const(b, 2)), func(e engine.Ref[int]) engine.Ref[int] {
		return enginetest.Sum.Call(engine.FanOut(b, enginetest.Upto.Call(e), func(e engine.Ref[int]) engine.Ref[int] {
			return enginetest.Double.Call(e)
		}))
	})
	g, err := b.Compile(lists)
	require.NoError(t, err)
	require.Equal(t, uint32(2), g.Scope(1).Tasks())
	require.Equal(t, uint32(4), g.Scope(1).Len())
	for _, c := range []struct {
		width uint32
		fits  bool
	}{{1<<24 - 1, true}, {1 << 24, false}} {
		w := record.NewWalker(g)
		_, err := w.Next(&record.Step{
			Seq: 1, Kind: record.FanOutExpanded, Outcome: record.OutcomeOK, Node: 1, Width: c.width, Became: dag.NoNode,
		})
		require.Equal(t, c.fits, err == nil, "%v", err)
	}
}
