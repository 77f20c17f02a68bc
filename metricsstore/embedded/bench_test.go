package embedded

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/metricsstore"
)

// renumbered returns blocks of n steps without end: those of one simulated run, over and over, under later numbers.
func renumbered(b *testing.B, n int) func(i int) metricsstore.Block {
	b.Helper()
	p, err := metricsstore.NewPacker()
	require.NoError(b, err)
	var blocks []metricsstore.Block
	steps := enginetest.SimulateSteps(graph(20_000), 7, 16)
	for part := range slices.Chunk(steps[:len(steps)/n*n], n) {
		blocks = append(blocks, p.Pack(part))
	}
	return func(i int) metricsstore.Block {
		block := blocks[i%len(blocks)]
		block.First = uint64(i)*uint64(n) + 1
		block.Last = block.First + uint64(n) - 1
		return block
	}
}

func report(b *testing.B, steps int, bytes int64) {
	b.ReportMetric(float64(steps)/b.Elapsed().Seconds(), "steps/s")
	b.ReportMetric(float64(bytes)/float64(steps), "B/step")
}

// BenchmarkAppend appends with fsync: 1 to 16 runs at once, each waiting for its call, through the owner and through
// the logs of a client.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{100, 1000} {
		block := renumbered(b, n)
		b.Run(fmt.Sprintf("steps=%d/floor", n), func(b *testing.B) { floor(b, n, block) })
		for _, runs := range []int{1, 16} {
			for _, client := range []bool{false, true} {
				b.Run(fmt.Sprintf("steps=%d/runs=%d/client=%t", n, runs, client), func(b *testing.B) {
					appendRuns(b, n, runs, client, block)
				})
			}
		}
	}
}

// floor writes the same bytes to the end of a file, with fsync after each block.
func floor(b *testing.B, n int, block func(int) metricsstore.Block) {
	f, err := os.Create(filepath.Join(b.TempDir(), "floor"))
	require.NoError(b, err)
	bytes, i := int64(0), 0
	for b.Loop() {
		data := block(i).Data
		_, err := f.Write(data)
		require.NoError(b, err)
		require.NoError(b, f.Sync())
		bytes += int64(len(data))
		i++
	}
	report(b, i*n, bytes)
	require.NoError(b, f.Close())
}

func appendRuns(b *testing.B, n, runs int, client bool, block func(int) metricsstore.Block) {
	dir := b.TempDir()
	s, err := Open(b.Context(), Config{Dir: dir, Durability: Each, KeepLive: true})
	require.NoError(b, err)
	w := s
	if client {
		w, err = Open(b.Context(), Config{Dir: dir, Durability: Each, KeepLive: true})
		require.NoError(b, err)
	}
	for r := range runs {
		require.NoError(b, w.Begin(b.Context(), header(record.RunID(fmt.Sprint("r", r)), time.Now()), nil))
	}
	i := 0
	for b.Loop() {
		var group sync.WaitGroup
		for r := range runs {
			group.Go(func() {
				batch := metricsstore.Batch{Blocks: []metricsstore.Block{block(i)}}
				if err := w.Append(b.Context(), record.RunID(fmt.Sprint("r", r)), batch); err != nil {
					b.Error(err)
				}
			})
		}
		group.Wait()
		i++
	}
	b.StopTimer()
	elapsed := b.Elapsed()
	if client {
		require.NoError(b, w.Close())
	}
	require.NoError(b, s.Compact(b.Context()))
	info, err := os.Stat(filepath.Join(dir, dataFile))
	require.NoError(b, err)
	b.ReportMetric(float64(i*n*runs)/elapsed.Seconds(), "steps/s")
	b.ReportMetric(float64(info.Size())/float64(i*n*runs), "B/step")
	require.NoError(b, s.Close())
}
