package worker_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/worker"
)

func TestEventsAreContiguousAndEnd(t *testing.T) {
	e := start(t, worker.Config{Width: 2}, engine.Config{})
	r, err := submit(t, e, engine.RunOptions{}, func(g *engine.Builder) engine.AnyRef {
		a := engine.FanOut(g, upto.Call(engine.Const(g, 20)), double.Call)
		return sum.Call(engine.FanOut(g, a, triple.Call))
	})
	require.NoError(t, err)
	counts := map[record.EventKind]int{}
	seq := uint64(0)
	for event, err := range r.Events(t.Context(), 1) {
		require.NoError(t, err)
		seq++
		require.Equal(t, seq, event.Seq)
		counts[event.Kind]++
	}
	require.Equal(t, 42, counts["task.finished"])
	require.Equal(t, 42, counts["task.ready"])
	require.Equal(t, 42, counts["task.started"])
	require.Equal(t, 1, counts["fanout.expanded"])
	require.Equal(t, 1, counts["run.finished"])
	for event, err := range r.Events(t.Context(), seq) {
		require.NoError(t, err)
		require.EqualValues(t, "run.finished", event.Kind)
	}
}
