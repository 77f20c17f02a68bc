package worker_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
)

// BenchmarkTasks runs whole graphs; the metric to compare is the time for each task.
func BenchmarkTasks(b *testing.B) {
	leaf := engine.Func1("leaf", func(_ context.Context, a int) (int, error) { return a, nil })
	sum := engine.Func1("sum", func(_ context.Context, v []int) (int, error) {
		s := 0
		for _, x := range v {
			s += x
		}
		return s, nil
	})
	shapes := []struct {
		name  string
		build func(g *engine.Builder) engine.AnyRef
	}{
		{"tree", func(g *engine.Builder) engine.AnyRef { return tree(g, 65536, leaf, add) }},
		{"fan", func(g *engine.Builder) engine.AnyRef {
			root := leaf.Call(engine.Const(g, 1))
			parts := make([]engine.Ref[int], 10_000)
			for i := range parts {
				parts[i] = add.Call(root, engine.Const(g, i))
			}
			return sum.Call(engine.List(g, parts...))
		}},
		{"chain", func(g *engine.Builder) engine.AnyRef {
			x := leaf.Call(engine.Const(g, 1))
			for i := range 10_000 {
				x = add.Call(x, engine.Const(g, i))
			}
			return x
		}},
	}
	for _, s := range shapes {
		for _, mode := range []struct {
			name     string
			unlogged bool
		}{{"bare", true}, {"steps", false}} {
			b.Run(s.name+"/"+mode.name, func(b *testing.B) {
				pool, err := worker.New(worker.Config{State: memory.New()})
				require.NoError(b, err)
				e, err := engine.New(engine.Config{Executor: pool, Remember: 1})
				require.NoError(b, err)
				ctx, stop := context.WithCancel(context.Background())
				ended := make(chan error, 1)
				go func() { ended <- e.Run(ctx) }()
				g := build(b, s.build)
				b.ReportAllocs()
				b.ResetTimer()
				for range b.N {
					r, err := e.Submit(b.Context(), s.name, g, engine.RunOptions{Unlogged: mode.unlogged, Limits: dag.Limits{Tasks: 1 << 20}})
					require.NoError(b, err)
					require.NoError(b, r.Wait(b.Context()))
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(g.Tasks()), "ns/task")
				b.StopTimer()
				stop()
				require.NoError(b, <-ended)
			})
		}
	}
}
