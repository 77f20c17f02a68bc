package compare_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/workflows"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/metricsstore/analysis"
	"github.com/dagscope/dagscope/metricsstore/compare"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

func side(t testing.TB, id string, g *dag.Graph, steps []record.Step) *compare.Side {
	t.Helper()
	table := runtable.New(g)
	require.NoError(t, table.Steps(steps))
	table.Complete()
	r := analysis.New(table, nil, false)
	s, err := compare.NewSide(record.RunID(id), r.Path().Phases.Total(), r)
	require.NoError(t, err)
	return s
}

// noisy changes each execution time by up to 1 % in either direction.
func noisy(rng *rand.Rand, ns int64) int64 { return ns + int64(float64(ns)*(rng.Float64()-0.5)/50) }

// galleryGraphs are the built-in workflows with their defaults that execute something.
func galleryGraphs(t testing.TB) []*dag.Graph {
	t.Helper()
	var graphs []*dag.Graph
	for _, w := range workflows.All() {
		args, err := w.Arguments(nil, nil)
		require.NoError(t, err)
		g, err := w.Graph(args)
		require.NoError(t, err)
		if g.Tasks() <= 300 {
			graphs = append(graphs, g)
		}
	}
	return graphs
}

// executed picks the function of a random task that ran.
func executed(rng *rand.Rand, g *dag.Graph, steps []record.Step) string {
	walker := record.NewWalker(g)
	var names []string
	for i := range steps {
		_, _ = walker.Next(&steps[i])
		if f, isTask := walker.Function(steps[i].Node); isTask && steps[i].Kind == record.AttemptEnded {
			names = append(names, g.Functions()[f].Name())
		}
	}
	return names[rng.IntN(len(names))]
}

// TestSlowFunction slows one function of a random gallery graph by 30 % among noise of 1 %.
func TestSlowFunction(t *testing.T) {
	graphs := galleryGraphs(t)
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 17))
		g := graphs[rng.IntN(len(graphs))]
		steps := enginetest.SimulateSteps(g, seed, 1+rng.IntN(4))
		slow := executed(rng, g, steps)
		as := func(factor float64) []record.Step {
			r := rerun{delay: func(string) int64 { return 0 }, execute: func(function string, ns int64) int64 {
				if function == slow {
					return noisy(rng, int64(factor*float64(ns)))
				}
				return noisy(rng, ns)
			}}
			return r.of(g, steps)
		}
		c, err := compare.Pair(side(t, "base", g, as(1)), side(t, "slow", g, as(1.3)))
		require.NoError(t, err)
		first := c.Functions[0]
		require.Equal(t, slow, first.Function, "seed %d", seed)
		require.InDelta(t, 1.3, *first.Ratio, 0.05, "seed %d", seed)
		require.True(t, first.Noticeable, "seed %d", seed)
		require.Zero(t, c.Alignment.Added+c.Alignment.Removed, "seed %d", seed)
		requireSums(t, seed, c)
	}
}

func requireSums(t *testing.T, seed uint64, c *compare.Comparison) {
	t.Helper()
	d := c.Decomposition
	total := d.Rest
	for _, p := range d.Parts {
		total += p.Difference
	}
	require.Equal(t, c.Run.MakespanNS-c.Base.MakespanNS, d.Difference, "seed %d", seed)
	require.Equal(t, d.Difference, total, "seed %d: parts and rest add up", seed)
	require.Zero(t, d.Rest, "seed %d", seed)
	require.Equal(t, d.Difference, d.Waiting+d.Working+d.Repeating, "seed %d", seed)
	part := int64(0)
	for _, task := range d.Tasks {
		part += task.Difference
	}
	if len(d.Tasks) < compare.MaxListed {
		require.GreaterOrEqual(t, float64(max(part, -part)), compare.MostOf*float64(max(d.Difference, -d.Difference)), "seed %d", seed)
	}
}

// TestSlowByWaiting lets the tasks of one function wait although their lanes are free.
func TestSlowByWaiting(t *testing.T) {
	graphs := galleryGraphs(t)
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 19))
		g := graphs[rng.IntN(len(graphs))]
		steps := enginetest.SimulateSteps(g, seed, 1+rng.IntN(4))
		as := func(delay int64) []record.Step {
			r := rerun{
				delay: func(function string) int64 {
					if function == "" {
						return 0
					}
					return delay
				},
				execute: func(_ string, ns int64) int64 { return noisy(rng, ns) },
			}
			return r.of(g, steps)
		}
		c, err := compare.Pair(side(t, "base", g, as(0)), side(t, "late", g, as(30_000)))
		require.NoError(t, err)
		requireSums(t, seed, c)
		require.Equal(t, "queue", c.Decomposition.Parts[0].Phase, "seed %d", seed)
		require.Greater(t, c.Decomposition.Waiting, c.Decomposition.Difference*3/4, "seed %d", seed) // noise may move the path
		for _, f := range c.Functions {
			require.False(t, f.Noticeable, "seed %d: %s", seed, f.Function)
		}
	}
}

// TestRunAgainstSet resamples runs; the interval holds the factor by which the function was slowed.
func TestRunAgainstSet(t *testing.T) {
	g := enginetest.TreeGraph(t, 64)
	rng := rand.New(rand.NewPCG(5, 5))
	as := func(id string, factor float64) *compare.Side {
		luck := factor * (1 + (rng.Float64()-0.5)/10) // of the whole run
		r := rerun{delay: func(string) int64 { return 0 }, execute: func(_ string, ns int64) int64 { return noisy(rng, int64(luck*float64(ns))) }}
		return side(t, id, g, r.of(g, enginetest.SimulateSteps(g, 1, 2)))
	}
	var set []*compare.Side
	for _, id := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		set = append(set, as(id, 1))
	}
	slow := as("slow", 1.3)
	c, err := compare.Against(set, slow)
	require.NoError(t, err)
	require.Equal(t, 8, c.Against.N)
	interval := c.Functions[0].Interval
	require.NotNil(t, interval)
	require.Greater(t, interval[0], 1.15)
	require.Less(t, interval[1], 1.45)
	require.Less(t, interval[0], interval[1])
	requireSums(t, 5, c)

	c, err = compare.Against(set[:1], slow)
	require.NoError(t, err)
	require.Nil(t, c.Functions[0].Interval, "one pair proves nothing")
	require.Contains(t, c.Evidence, "One pair proves nothing")
}

// TestDifferentSizes aligns what is in the same place of two sizes of a workflow.
func TestDifferentSizes(t *testing.T) {
	small, large := enginetest.TreeGraph(t, 16), enginetest.TreeGraph(t, 32)
	c, err := compare.Pair(side(t, "small", small, enginetest.SimulateSteps(small, 1, 2)), side(t, "large", large, enginetest.SimulateSteps(large, 2, 2)))
	require.NoError(t, err)
	require.Equal(t, "identity and level", c.Alignment.Method)
	require.Equal(t, large.Tasks(), c.Alignment.Aligned+c.Alignment.Added)
	require.Equal(t, small.Tasks(), c.Alignment.Aligned+c.Alignment.Removed)
	require.Positive(t, c.Alignment.Aligned)
	require.Len(t, c.Alignment.AddedTasks, c.Alignment.Added)
	requireSums(t, 1, c)
}

// TestSoFar compares the first half of a run with a whole one: half of the tasks of each function is no change of it.
func TestSoFar(t *testing.T) {
	g := enginetest.TreeGraph(t, 64)
	steps := enginetest.SimulateSteps(g, 1, 2)
	half := runtable.New(g)
	require.NoError(t, half.Steps(steps[:len(steps)/2]))
	live, err := compare.NewSide("live", 0, analysis.New(half, nil, false))
	require.NoError(t, err)
	whole := side(t, "whole", g, steps)
	for _, pair := range [][2]*compare.Side{{whole, live}, {live, whole}} {
		c, err := compare.Pair(pair[0], pair[1])
		require.NoError(t, err)
		require.Nil(t, c.Decomposition)
		require.Contains(t, c.Evidence, "has not ended")
		pairs := 0
		for _, f := range c.Functions {
			require.Equal(t, f.Pairs, f.BaseTasks)
			require.Equal(t, f.Pairs, f.RunTasks)
			require.Zero(t, f.Changed)
			pairs += f.Pairs
		}
		require.Positive(t, pairs)
		require.Equal(t, min(c.Base.Executed, c.Run.Executed), pairs)
	}
	_, err = compare.NewSide("empty", 0, analysis.New(ended(t, g), nil, false))
	require.ErrorIs(t, err, compare.ErrNoPath)
}

// ended is the table of a run that ended before it executed anything.
func ended(t *testing.T, g *dag.Graph) *runtable.Table {
	t.Helper()
	table := runtable.New(g)
	table.Complete()
	return table
}

func TestDifferentWorkflows(t *testing.T) {
	tree, other := enginetest.TreeGraph(t, 8), enginetest.FanOutGraph(t)
	_, err := compare.Pair(side(t, "tree", tree, enginetest.SimulateSteps(tree, 1, 1)), side(t, "other", other, enginetest.SimulateSteps(other, 1, 1)))
	require.ErrorIs(t, err, compare.ErrDifferent)
	require.ErrorContains(t, err, "expected at least half")
}

// TestRanks compares with gonum's KS and with counting all pairs.
func TestRanks(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 23))
		values := func() []float64 {
			v := make([]float64, 1+rng.IntN(40))
			at := 0.0
			for i := range v {
				at += float64(rng.IntN(4))
				v[i] = at
			}
			return v
		}
		x, y := values(), values()
		slower, p, ks := compare.Ranks(x, y)
		pairs := 0.0
		for _, b := range y {
			for _, a := range x {
				switch {
				case b > a:
					pairs++
				case b == a:
					pairs += 0.5
				}
			}
		}
		require.InDelta(t, pairs/float64(len(x)*len(y)), slower, 1e-12, "seed %d", seed)
		require.InDelta(t, stat.KolmogorovSmirnov(x, nil, y, nil), ks, 1e-12, "seed %d", seed)
		require.False(t, p < 0 || p > 1, "seed %d: p is %g", seed, p)
	}
}

// TestPValue compares with the share of permutations that are as far from the middle.
func TestPValue(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 29))
	all := make([]float64, 30)
	for i := range all {
		all[i] = float64(rng.IntN(20)) + float64(i/15)*3
	}
	far := func() float64 {
		x, y := slices.Sorted(slices.Values(all[:15])), slices.Sorted(slices.Values(all[15:]))
		slower, _, _ := compare.Ranks(x, y)
		return max(slower, 1-slower)
	}
	x, y := slices.Sorted(slices.Values(all[:15])), slices.Sorted(slices.Values(all[15:]))
	_, p, _ := compare.Ranks(x, y)
	seen, as := far(), 0
	const permutations = 20_000
	for range permutations {
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		if far() >= seen {
			as++
		}
	}
	require.InDelta(t, float64(as)/permutations, p, 0.02)
	_, p, _ = compare.Ranks([]float64{1, 1}, []float64{1, 1, 1})
	require.True(t, math.IsNaN(p), "nothing is known where all values are equal")
}
