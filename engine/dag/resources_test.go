package dag_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
)

// needy is a graph with a function that needs resources and one that needs none.
func needy(t testing.TB, o engine.Options) (*dag.Graph, error) {
	t.Helper()
	body := func(_ context.Context, n int) (int, error) { return n, nil }
	large, small := engine.Func1("large", body).With(o), engine.Func1("small", body)
	b := engine.NewBuilder()
	return b.Compile(small.Call(large.Call(engine.Const(b, 1))))
}

func TestResourcesTravel(t *testing.T) {
	g, err := needy(t, engine.Options{CPUs: 1.5, Memory: 3 << 30})
	require.NoError(t, err)
	shape, err := dag.DecodeShape(g.AppendShape(nil))
	require.NoError(t, err)
	data, _, err := g.AppendGraph(nil)
	require.NoError(t, err)
	sent, err := dag.DecodeGraph(data, nil, func(dag.Signature) *dag.Function { return nil })
	require.NoError(t, err)
	for _, got := range []*dag.Graph{g, shape, sent} {
		o := got.Functions()[0].Options()
		require.Equal(t, []any{1.5, int64(3 << 30)}, []any{o.CPUs, o.Memory})
		require.Zero(t, got.Functions()[1].Options().CPUs)
		require.Equal(t, g.Hash(), got.Hash())
	}
	named, err := shape.WithNames([]string{"first"})
	require.NoError(t, err)
	named, err = dag.DecodeShape(named.AppendShape(nil))
	require.NoError(t, err)
	require.Equal(t, "first", named.Name(0))
	require.Equal(t, 1.5, named.Functions()[0].Options().CPUs)
}

// TestWithoutResourcesNothingChanges: earlier programs read graphs that need none.
func TestWithoutResourcesNothingChanges(t *testing.T) {
	g, err := needy(t, engine.Options{})
	require.NoError(t, err)
	data, _, err := g.AppendGraph(nil)
	require.NoError(t, err)
	require.Equal(t, []byte{1, 1}, []byte{data[0], g.AppendShape(nil)[0]})
}

func TestImpossibleResources(t *testing.T) {
	for _, o := range []engine.Options{{CPUs: -1}, {CPUs: 0.0001}, {CPUs: math.NaN()}, {CPUs: 1 << 20}, {Memory: -1}} {
		_, err := needy(t, o)
		require.ErrorIs(t, err, dag.ErrInvalidGraph)
		require.ErrorContains(t, err, "large needs")
	}
}
