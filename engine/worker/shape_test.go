package worker_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

var (
	upto = engine.Func1("upto", func(_ context.Context, n int) ([]int, error) {
		v := make([]int, n)
		for i := range v {
			v[i] = i
		}
		return v, nil
	})
	double = engine.Func1("double", func(_ context.Context, a int) (int, error) { return 2 * a, nil })
	triple = engine.Func1("triple", func(_ context.Context, a int) (int, error) { return 3 * a, nil })
	sum    = engine.Func1("sum", func(_ context.Context, v []int) (int, error) {
		s := 0
		for _, x := range v {
			s += x
		}
		return s, nil
	})
)

// TestFanOuts compares every execution with the sequential one.
func TestFanOuts(t *testing.T) {
	e := start(t, worker.Config{}, engine.Config{})
	for _, width := range []int{0, 1, 7, 1000} {
		shapes := map[string]func(g *engine.Builder) engine.AnyRef{
			"map, map, reduce": func(g *engine.Builder) engine.AnyRef {
				a := engine.FanOut(g, upto.Call(engine.Const(g, width)), double.Call)
				return sum.Call(engine.FanOut(g, a, triple.Call))
			},
			"first map used twice": func(g *engine.Builder) engine.AnyRef {
				a := engine.FanOut(g, upto.Call(engine.Const(g, width)), double.Call)
				s := sum.Call(a)
				return sum.Call(engine.FanOut(g, a, func(x engine.Ref[int]) engine.Ref[int] { return add.Call(x, s) }))
			},
			"fan-out inside a fan-out": func(g *engine.Builder) engine.AnyRef {
				k := double.Call(engine.Const(g, 1))
				return engine.FanOut(g, upto.Call(engine.Const(g, min(width, 40))), func(x engine.Ref[int]) engine.Ref[int] {
					return sum.Call(engine.FanOut(g, upto.Call(x), func(y engine.Ref[int]) engine.Ref[int] {
						return sum.Call(engine.List(g, x, y, k))
					}))
				})
			},
			"unused results": func(g *engine.Builder) engine.AnyRef {
				x := double.Call(engine.Const(g, width))
				engine.FanOut(g, upto.Call(x), double.Call)
				return x
			},
		}
		for name, f := range shapes {
			t.Run(fmt.Sprintf("%s of %d", name, width), func(t *testing.T) {
				g := build(t, f)
				want, err := enginetest.Evaluate(t.Context(), g)
				require.NoError(t, err)
				for range 20 {
					r, err := e.Submit(t.Context(), name, g, engine.RunOptions{})
					require.NoError(t, err)
					require.NoError(t, r.Wait(t.Context()))
					require.Equal(t, want.Result, r.Value())
					require.Equal(t, want.Tasks, r.Progress().Done)
				}
			})
		}
	}
}

// TestFusedFanOutsPipeline holds the first element back until the last has passed through both fan-outs.
func TestFusedFanOutsPipeline(t *testing.T) {
	const width = 4
	passed := make(chan struct{})
	first := engine.Func1("first", func(ctx context.Context, a int) (int, error) {
		if a == 0 {
			<-passed
		}
		return a, nil
	})
	second := engine.Func1("second", func(_ context.Context, a int) (int, error) {
		if a == width-1 {
			close(passed)
		}
		return a, nil
	})
	e := start(t, worker.Config{Width: 2}, engine.Config{})
	r, err := submit(t, e, engine.RunOptions{}, func(g *engine.Builder) engine.AnyRef {
		a := engine.FanOut(g, upto.Call(engine.Const(g, width)), first.Call)
		return engine.FanOut(g, a, second.Call)
	})
	require.NoError(t, err)
	require.Equal(t, []int{0, 1, 2, 3}, r.Value())
}

// TestRandomGraphs compares layered graphs from a seed with their sequential evaluation.
func TestRandomGraphs(t *testing.T) {
	e := start(t, worker.Config{}, engine.Config{})
	for seed := range uint64(60) {
		g := build(t, func(b *engine.Builder) engine.AnyRef { return layered(b, rand.New(rand.NewPCG(seed, 1))) })
		want, err := enginetest.Evaluate(t.Context(), g)
		require.NoError(t, err)
		r, err := e.Submit(t.Context(), "random", g, engine.RunOptions{})
		require.NoError(t, err)
		require.NoError(t, r.Wait(t.Context()), "seed %d", seed)
		require.Equal(t, want.Result, r.Value(), "seed %d", seed)
		require.Equal(t, want.Tasks, r.Progress().Done, "seed %d", seed)
	}
}

// layered builds a few layers of tasks that use outputs of any earlier layer.
func layered(b *engine.Builder, rnd *rand.Rand) engine.AnyRef {
	made := []engine.Ref[int]{engine.Const(b, 1), engine.Const(b, 2)}
	pick := func() engine.Ref[int] { return made[rnd.IntN(len(made))] }
	small := engine.Func1("small", func(_ context.Context, a int) (int, error) { return (a%5 + 5) % 5, nil })
	for range 2 + rnd.IntN(40) {
		switch rnd.IntN(6) {
		case 0:
			parts := make([]engine.Ref[int], rnd.IntN(5))
			for i := range parts {
				parts[i] = pick()
			}
			made = append(made, sum.Call(engine.List(b, parts...)))
		case 1:
			made = append(made, double.Call(pick()))
		case 2:
			k := pick()
			made = append(made, sum.Call(engine.FanOut(b, upto.Call(small.Call(pick())), func(x engine.Ref[int]) engine.Ref[int] {
				return add.Call(x, k)
			})))
		default:
			made = append(made, add.Call(pick(), pick()))
		}
	}
	return engine.List(b, made...)
}

func TestLargeShapes(t *testing.T) {
	if testing.Short() {
		t.Skip("builds graphs of up to 100,000 tasks")
	}
	e := start(t, worker.Config{}, engine.Config{})
	for name, c := range map[string]struct {
		build func(g *engine.Builder) engine.AnyRef
		want  any
	}{
		"chain of 100,000": {func(g *engine.Builder) engine.AnyRef {
			x := double.Call(engine.Const(g, 0))
			for range 99_999 {
				x = add.Call(x, engine.Const(g, 1))
			}
			return x
		}, 99_999},
		"fan of 10,000": {func(g *engine.Builder) engine.AnyRef {
			x := double.Call(engine.Const(g, 1))
			parts := make([]engine.Ref[int], 10_000)
			for i := range parts {
				parts[i] = add.Call(x, engine.Const(g, i))
			}
			return sum.Call(engine.List(g, parts...))
		}, 10_000*9_999/2 + 2*10_000},
		"10,000 fan-outs in a row": {func(g *engine.Builder) engine.AnyRef {
			list := upto.Call(engine.Const(g, 2))
			for range 10_000 {
				s := sum.Call(list)
				list = engine.FanOut(g, list, func(x engine.Ref[int]) engine.Ref[int] { return addMod.Call(x, s) })
			}
			return sum.Call(list)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			g := build(t, c.build)
			r, err := e.Submit(t.Context(), name, g, engine.RunOptions{})
			require.NoError(t, err)
			require.NoError(t, r.Wait(t.Context()))
			if c.want != nil {
				require.Equal(t, c.want, r.Value())
			}
		})
	}
}

var addMod = engine.Func2("addMod", func(_ context.Context, a, b int) (int, error) { return (a + b) % 1009, nil })

func TestRefusedGraphs(t *testing.T) {
	e := start(t, worker.Config{}, engine.Config{})
	g := build(t, func(g *engine.Builder) engine.AnyRef {
		return double.Call(double.Call(double.Call(engine.Const(g, 1))))
	})
	_, err := e.Submit(t.Context(), "large", g, engine.RunOptions{Limits: dag.Limits{Tasks: 2}})
	require.ErrorIs(t, err, dag.ErrInvalidGraph)
	require.ErrorContains(t, err, "3 tasks, at most 2")
	_, err = submit(t, e, engine.RunOptions{Limits: dag.Limits{Tasks: 50}}, func(g *engine.Builder) engine.AnyRef {
		return engine.FanOut(g, upto.Call(engine.Const(g, 100)), double.Call)
	})
	var failure *engine.RunError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, record.LimitError, failure.First.Kind)
}
