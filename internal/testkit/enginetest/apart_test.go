package enginetest_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

// having is the graph as a process with some of the functions decodes it.
func having(t *testing.T, g *dag.Graph, functions ...string) *dag.Graph {
	t.Helper()
	wire, _, err := g.AppendGraph(nil)
	require.NoError(t, err)
	none := func(string) ([]byte, error) { return nil, errors.New("there is no constant apart") }
	got, err := dag.DecodeGraph(wire, none, func(s engine.Signature) *engine.Function {
		for _, f := range g.Functions() {
			for _, has := range functions {
				if f.Name() == s.Name && has == s.Name {
					return f
				}
			}
		}
		return nil
	})
	require.NoError(t, err)
	return got
}

func TestEvaluateApart(t *testing.T) {
	g := nested(t)
	want, err := enginetest.Evaluate(t.Context(), g)
	require.NoError(t, err)
	require.Positive(t, want.Tasks)
	for seed := range uint64(10) {
		got, err := enginetest.EvaluateApart(t.Context(), seed, having(t, g, "grow"), having(t, g), having(t, g, "sum"))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestEvaluateApartNeedsEveryFunction(t *testing.T) {
	g := nested(t)
	_, err := enginetest.EvaluateApart(t.Context(), 1, having(t, g), having(t, g, "grow"))
	require.ErrorContains(t, err, "no process knows enough to continue")
}
