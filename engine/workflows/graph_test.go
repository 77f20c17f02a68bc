package workflows

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

// TestApart shares every case among processes of which each has a part of the functions: graphs and values travel
// encoded, and the results are right all the same.
func TestApart(t *testing.T) {
	for seed, c := range galleryCases() {
		t.Run(c.workflow+"/"+c.name, func(t *testing.T) {
			if (c.heavy || c.large) && (testing.Short() || raceEnabled) {
				t.Skip("heavy")
			}
			g, args := c.graph(t)
			all := g.Functions()
			half := len(all) / 2
			copies := []*dag.Graph{decoded(t, g, all[:half]), decoded(t, g, all[half:])}
			whole := decoded(t, g, all)
			require.True(t, whole.Executable())
			require.Same(t, g.ResultType(), whole.ResultType())
			if !slices.ContainsFunc(copies, func(g *dag.Graph) bool { return g.ResultType().Err() == nil }) {
				copies = append(copies, whole)
			}
			out, err := enginetest.EvaluateApart(attempt(t.Context(), max(1, c.attempt)), uint64(seed), copies...)
			require.NoError(t, err)
			require.Equal(t, []int{c.tasks, c.roots, c.depth}, []int{out.Tasks, out.Roots, out.Depth}, "tasks, roots, depth")
			c.check(t, args, out.Result)
		})
	}
}

// decoded is the graph as a process with the given functions gets it.
func decoded(t *testing.T, g *dag.Graph, has []*engine.Function) *dag.Graph {
	wire, constants, err := g.AppendGraph(nil)
	require.NoError(t, err)
	fetch := func(hash string) ([]byte, error) {
		if value, isKnown := constants[hash]; isKnown {
			return value, nil
		}
		return nil, errors.New("there is no such constant")
	}
	got, err := dag.DecodeGraph(wire, fetch, func(s engine.Signature) *engine.Function {
		i := slices.IndexFunc(has, func(f *engine.Function) bool { return f.Name() == s.Name })
		if i < 0 {
			return nil
		}
		return has[i]
	})
	require.NoError(t, err)
	require.Equal(t, g.Hash(), got.Hash())
	require.Equal(t, g.AppendShape(nil), got.AppendShape(nil))
	for i, f := range got.Functions() {
		require.Equal(t, slices.Contains(has, f), got.Runs(i), f.Name())
	}
	return got
}
