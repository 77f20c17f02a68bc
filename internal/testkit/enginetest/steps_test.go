package enginetest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

// nested is a fan-out within a fan-out, after a row of tasks.
func nested(t *testing.T) *dag.Graph {
	t.Helper()
	grow := engine.Func1("grow", func(_ context.Context, n int) ([]int, error) { return make([]int, n), nil })
	sum := engine.Func1("sum", func(_ context.Context, v []int) (int, error) { return len(v), nil })
	g := engine.NewBuilder()
	list := grow.Call(engine.Const(g, 3))
	graph, err := g.Compile(sum.Call(engine.FanOut(g, list, func(e engine.Ref[int]) engine.Ref[int] {
		return sum.Call(engine.FanOut(g, grow.Call(e), func(f engine.Ref[int]) engine.Ref[int] {
			return sum.Call(engine.List(g, e, f))
		}))
	})))
	require.NoError(t, err)
	return graph
}

func TestSimulatedStepsAreLegal(t *testing.T) {
	for seed := range uint64(50) {
		g := nested(t)
		steps := enginetest.SimulateSteps(g, seed, 3)
		require.Equal(t, steps, enginetest.SimulateSteps(g, seed, 3))
		checkLog(t, g, steps)
	}
}

// checkLog replays a log and fails where it could not have happened.
func checkLog(t *testing.T, g *dag.Graph, steps []record.Step) {
	t.Helper()
	numbering := dag.NewNumbering(g)
	readied, done := map[dag.NodeID]bool{}, map[dag.NodeID]int64{}
	free := map[string]int64{}
	for i, s := range steps {
		require.Equal(t, uint64(i+1), s.Seq)
		if s.Kind == record.FanOutExpanded {
			_, err := numbering.Expand(s.Node, int(s.Width), dag.Limits{})
			require.NoError(t, err)
		}
		if s.Kind == record.AttemptEnded || s.Kind == record.FanOutExpanded {
			require.True(t, readied[s.Node], "step %d: node %d starts before it is ready", s.Seq, s.Node)
			require.True(t, s.Ready <= s.Claimed && s.Claimed+s.Fetch <= s.Started && s.Started <= s.Ended && s.Ended <= s.Updated)
			lane := fmt.Sprint(s.Worker, "/", s.Slot)
			require.LessOrEqual(t, free[lane], s.Claimed, "step %d: lane %s is busy", s.Seq, lane)
			free[lane] = s.Updated
			p := numbering.Locate(s.Node)
			for _, parent := range g.Scope(p.Block.Scope).Parents(p.Local) {
				if end, isKnown := done[p.Node(parent)]; isKnown {
					require.LessOrEqual(t, end, s.Claimed)
				}
			}
			if s.Outcome != record.OutcomeRetrying {
				require.NotContains(t, done, s.Node)
				done[s.Node] = s.Updated
			}
		}
		for _, n := range s.Readied {
			require.False(t, readied[n], "step %d: node %d is readied twice", s.Seq, n)
			readied[n] = true
		}
	}
	require.Equal(t, record.RunFinished, steps[len(steps)-1].Kind)
	require.Equal(t, len(readied), len(done), "every node that was readied ended")
	for id := range numbering.Nodes() {
		p := numbering.Locate(dag.NodeID(id))
		isJoin := g.Scope(p.Block.Scope).Kind(p.Local) == dag.JoinNode
		require.True(t, isJoin || readied[dag.NodeID(id)], "node %d never ran", id)
	}
}
