package redis

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/internal/testkit/redistest"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/embedded"
)

// graph is a row of tasks and their sum.
func graph(wide int) *dag.Graph {
	leaf := engine.Func1("leaf", func(_ context.Context, n int) (int, error) { return n, nil })
	sum := engine.FuncN("sum", func(_ context.Context, v []int) (int, error) { return len(v), nil })
	b := engine.NewBuilder()
	var row []engine.Ref[int]
	for i := range wide {
		row = append(row, leaf.Call(engine.Const(b, i)))
	}
	g, err := b.Compile(sum.Call(b, row...))
	if err != nil {
		panic(err)
	}
	return g
}

// packed packs steps into blocks of n.
func packed(t testing.TB, steps []record.Step, n int) []metricsstore.Block {
	t.Helper()
	p, err := metricsstore.NewPacker()
	require.NoError(t, err)
	var out []metricsstore.Block
	for part := range slices.Chunk(steps, n) {
		out = append(out, p.Pack(part))
	}
	return out
}

// benchmarked are the stores that are measured, each with what it keeps on disk.
func benchmarked(b *testing.B) map[string]func(*testing.B) metricsstore.Store {
	onRedis := func(args ...string) func(*testing.B) metricsstore.Store {
		return func(b *testing.B) metricsstore.Store {
			return open(b, redistest.Start(b, args...).Client(b), prefix())
		}
	}
	return map[string]func(*testing.B) metricsstore.Store{
		"redis-memory":   onRedis(),
		"redis-everysec": onRedis("--appendonly", "yes", "--appendfsync", "everysec"),
		"redis-always":   onRedis("--appendonly", "yes", "--appendfsync", "always"),
		"embedded": func(b *testing.B) metricsstore.Store {
			s, err := embedded.Open(b.Context(), embedded.Config{Dir: b.TempDir(), Durability: embedded.Each, KeepLive: true})
			require.NoError(b, err)
			b.Cleanup(func() { _ = s.Close() })
			return s
		},
	}
}

// BenchmarkAppend appends blocks one by one, each waited for.
func BenchmarkAppend(b *testing.B) {
	g := graph(20_000)
	steps := enginetest.SimulateSteps(g, 7, 16)
	for _, n := range []int{100, 1000} {
		blocks := packed(b, steps[:len(steps)/n*n], n)
		for name, openStore := range benchmarked(b) {
			b.Run(fmt.Sprintf("steps=%d/%s", n, name), func(b *testing.B) {
				s := openStore(b)
				require.NoError(b, s.Begin(b.Context(), header("r"), nil))
				i := 0
				for b.Loop() {
					block := blocks[i%len(blocks)]
					block.First = uint64(i*n + 1)
					block.Last = block.First + uint64(n) - 1
					require.NoError(b, s.Append(b.Context(), "r", metricsstore.Batch{Blocks: []metricsstore.Block{block}}))
					i++
				}
				b.ReportMetric(float64(i*n)/b.Elapsed().Seconds(), "steps/s")
			})
		}
	}
}

// BenchmarkArchive folds and archives a run of 100,000 tasks whose log came in small blocks.
func BenchmarkArchive(b *testing.B) {
	g := graph(100_000)
	steps := enginetest.SimulateSteps(g, 7, 16)
	small := packed(b, steps, 32)
	for name, openStore := range benchmarked(b) {
		b.Run(name, func(b *testing.B) {
			s := openStore(b)
			i := 0
			for b.Loop() {
				b.StopTimer()
				run := record.RunID(fmt.Sprint("r", i))
				h := header(run)
				h.Info.StartedAt = h.Info.StartedAt.Add(time.Duration(i))
				require.NoError(b, s.Begin(b.Context(), h, g.AppendShape(nil)))
				for some := range slices.Chunk(small, 512) {
					require.NoError(b, s.Append(b.Context(), run, metricsstore.Batch{Blocks: some}))
				}
				a, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: s})
				require.NoError(b, err)
				b.StartTimer()
				_, err = a.Rebuild(b.Context(), run)
				require.NoError(b, err)
				i++
			}
			b.ReportMetric(float64(i*len(steps))/b.Elapsed().Seconds(), "steps/s")
		})
	}
}
