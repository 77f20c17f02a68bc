package dag_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
)

// TestRefusedSubmissions: a graph that cannot be executed as it was meant is refused, and the text says what was
// expected.
func TestRefusedSubmissions(t *testing.T) {
	pool, err := worker.New(worker.Config{State: memory.New()})
	require.NoError(t, err)
	e, err := engine.New(engine.Config{Executor: pool})
	require.NoError(t, err)
	b := engine.NewBuilder()
	same := engine.Func1("same", func(_ context.Context, n int) (int, error) { return n, nil })
	g, err := b.Compile(same.Call(engine.Const(b, 1)))
	require.NoError(t, err)
	for _, policy := range []record.Policy{"Continue", "bogus", "fail_fast"} {
		_, err = e.Submit(t.Context(), "w", g, engine.RunOptions{Policy: policy})
		require.ErrorIs(t, err, engine.ErrInvalidParameter)
		require.ErrorContains(t, err, "expected fail-fast or continue")
	}
	_, err = e.Submit(t.Context(), "w", nil, engine.RunOptions{})
	require.ErrorIs(t, err, dag.ErrInvalidGraph)
	require.ErrorContains(t, err, "it is nil, expected one that Compile gives")
	_, err = engine.NewBuilder().Compile(nil)
	require.ErrorIs(t, err, dag.ErrInvalidGraph)
	require.ErrorContains(t, err, "the result is nil, expected a reference")
}

func TestNilBodies(t *testing.T) {
	for name, declare := range map[string]func(){
		"Func0": func() { engine.Func0[int]("f", nil) },
		"Func1": func() { engine.Func1[int, int]("f", nil) },
		"Func2": func() { engine.Func2[int, int, int]("f", nil) },
		"Func3": func() { engine.Func3[int, int, int, int]("f", nil) },
		"Func4": func() { engine.Func4[int, int, int, int, int]("f", nil) },
		"FuncN": func() { engine.FuncN[int, int]("f", nil) },
	} {
		assert.PanicsWithValue(t, "engine: function f is declared with nil, expected a Go function", declare, name)
	}
	b := engine.NewBuilder()
	list := engine.Const(b, []int{1})
	assert.PanicsWithValue(t, "engine: FanOut is called with a nil body, expected a function of an element", func() {
		engine.FanOut[int, int](b, list, nil)
	})
}

// TestConstantsReadBack: a constant that no worker could read cannot be sent.
func TestConstantsReadBack(t *testing.T) {
	type dated struct{ At time.Time }
	year := engine.Func1("year", func(_ context.Context, d dated) (int, error) { return d.At.Year(), nil })
	for at, ok := range map[time.Time]bool{
		time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC):  true,
		time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC): false,
	} {
		b := engine.NewBuilder()
		g, err := b.Compile(year.Call(engine.Const(b, dated{at})))
		require.NoError(t, err)
		_, _, err = g.AppendGraph(nil)
		if ok {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, dag.ErrInvalidGraph)
		require.ErrorContains(t, err, "is encoded as what cannot be read")
	}
}
