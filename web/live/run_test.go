package live_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	statememory "github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// execute runs a graph on a real engine that records into store, and calls f meanwhile.
func execute(t *testing.T, store metricsstore.Store, g *dag.Graph, f func(*engine.Run)) {
	t.Helper()
	rec, err := metricsstore.NewRecorder(metricsstore.Config{Store: store})
	require.NoError(t, err)
	pool, err := worker.New(worker.Config{State: statememory.New(), MaxSlots: 8})
	require.NoError(t, err)
	e, err := engine.New(engine.Config{Executor: pool, Recorder: rec})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	parts.Go(func() { _ = e.Run(ctx) })
	parts.Go(func() { _ = rec.Run(ctx) })
	run, err := e.Submit(ctx, "w", g, engine.RunOptions{})
	require.NoError(t, err)
	f(run)
	require.NoError(t, run.WaitRecorded(ctx))
	cancel()
	parts.Wait()
}

// TestCutOften: a viewer that is cut off 50 times during a run of 5,000 tasks ends with exactly the server's table,
// while another one watches undisturbed.
func TestCutOften(t *testing.T) {
	store := memory.New()
	s := serve(t, store, nil)
	flaky := func(ctx context.Context, n int) (int, error) {
		if n%500 == 7 && engine.Task(ctx).Attempt == 1 {
			return 0, context.DeadlineExceeded
		}
		time.Sleep(2 * time.Millisecond)
		return n, nil
	}
	g := wide(t, 5000, flaky)
	random := rand.New(rand.NewPCG(1, 2))
	execute(t, store, g, func(run *engine.Run) {
		steady, cut := s.watch(run.ID()), s.watch(run.ID())
		var other sync.WaitGroup
		other.Go(steady.awaitEnd)
		live := 0
		for range 50 {
			for n := random.IntN(5); n > 0 && !cut.copy.Ended(); n-- {
				_, err := cut.read()
				require.NoError(t, err)
			}
			cut.cut()
			if !cut.copy.Ended() {
				live++
			}
			cut.resume(s, run.ID())
		}
		cut.awaitEnd()
		other.Wait()
		t.Logf("cut %d times while the run was live; %d frames, %d snapshots, undisturbed %d frames", live, cut.frames, cut.snapshots, steady.frames)
		assert.GreaterOrEqual(t, live, 10)
		assert.LessOrEqual(t, steady.snapshots, 2, "one of them before there was a step")
		assert.Equal(t, 5001, cut.copy.Tasks())
		s.requireSame(cut, run.ID())
		s.requireSame(steady, run.ID())
		cut.cut()
		steady.cut()
	})
	s.stop()
}
