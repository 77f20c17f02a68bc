package layout

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
)

// acyclic draws a graph of one scope: edges from smaller numbers to larger ones, then renumbered.
func acyclic(t *rapid.T) (tasks int, edges []edge) {
	tasks = rapid.IntRange(0, 40).Draw(t, "tasks")
	if tasks > 1 {
		edges = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) edge {
			to := rapid.Int32Range(1, int32(tasks-1)).Draw(t, "to")
			return edge{rapid.Int32Range(0, to-1).Draw(t, "from"), to}
		}), 0, 3*tasks).Draw(t, "edges")
	}
	return tasks, renumbered(rapid.Permutation(numbers(tasks)).Draw(t, "numbers"), edges)
}

func numbers(n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = int32(i)
	}
	return out
}

func renumbered(by []int32, edges []edge) []edge {
	out := make([]edge, len(edges))
	for i, e := range edges {
		out[i] = edge{by[e.from], by[e.to]}
	}
	return out
}

var (
	one  = engine.Func1("one", func(_ context.Context, n int) (int, error) { return n, nil })
	two  = engine.Func2("two", func(_ context.Context, a, b int) (int, error) { return a + b, nil })
	many = engine.Func1("many", func(_ context.Context, n int) ([]int, error) { return make([]int, n), nil })
	sum  = engine.Func1("sum", func(_ context.Context, n []int) (int, error) { return len(n), nil })
)

// grown generates a graph with fan-outs, including nested and fused ones.
func grown(t *rapid.T) *dag.Graph {
	b := engine.NewBuilder()
	var grow func(depth int, refs ...engine.Ref[int]) engine.Ref[int]
	grow = func(depth int, refs ...engine.Ref[int]) engine.Ref[int] {
		body := func(e engine.Ref[int]) engine.Ref[int] { return grow(depth+1, append(slices.Clone(refs), e)...) }
		for range rapid.IntRange(0, 4).Draw(t, "steps") {
			a, z := rapid.SampledFrom(refs).Draw(t, "a"), rapid.SampledFrom(refs).Draw(t, "z")
			kind := rapid.IntRange(0, 5).Draw(t, "kind")
			switch {
			case kind < 2:
				refs = append(refs, one.Call(a))
			case kind < 4 || depth == 3:
				refs = append(refs, two.Call(a, z))
			case kind == 4:
				refs = append(refs, sum.Call(engine.FanOut(b, many.Call(a), body)))
			default:
				refs = append(refs, sum.Call(engine.FanOut(b, engine.FanOut(b, many.Call(a), body), one.Call)))
			}
		}
		return refs[len(refs)-1]
	}
	g, err := b.Compile(grow(0, engine.Const(b, 1)))
	require.NoError(t, err)
	return g
}

// nested is a fan-out in a fan-out with another one fused after it.
func nested(t testing.TB) *dag.Graph {
	t.Helper()
	b := engine.NewBuilder()
	lists := engine.FanOut(b, many.Call(engine.Const(b, 3)), func(e engine.Ref[int]) engine.Ref[int] {
		inner := engine.FanOut(b, many.Call(e), func(f engine.Ref[int]) engine.Ref[int] { return two.Call(one.Call(e), f) })
		return sum.Call(inner)
	})
	twice := engine.FanOut(b, lists, one.Call)
	g, err := b.Compile(two.Call(sum.Call(lists), sum.Call(twice)))
	require.NoError(t, err)
	return g
}
