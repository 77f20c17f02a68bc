package shared_test

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/internal/testkit/sharedtest"
)

// A process that has given up its claims while the run was paused, or stopped, finds out the status of the run.
func TestAFencedProcessLearnsTheStatus(t *testing.T) {
	for _, c := range []struct {
		name  string
		while func(exec execution.Execution)
		then  func(exec execution.Execution)
		want  record.Status
	}{
		{"paused and resumed", execution.Execution.Pause, execution.Execution.Resume, record.Succeeded},
		{"cancelled", execution.Execution.Cancel, func(execution.Execution) {}, record.Cancelled},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.end()
				watcher := w.process(nil, idle)
				p := w.process(noNews, nil)
				g := engine.NewBuilder()
				long := sleeper(20 * time.Second)
				graph := compile(t, g, long.Call(long.Call(engine.Const(g, 1))))
				exec := w.submit(watcher, graph, engine.RunOptions{})
				time.Sleep(time.Second)
				c.while(exec)
				time.Sleep(6 * time.Second) // its heartbeat has informed the process
				p.backend.Cut()
				time.Sleep(20 * time.Second)
				p.backend.Heal()
				time.Sleep(time.Second)
				c.then(exec)
				begun := time.Now()
				end, _ := w.await(exec)
				assert.Equal(t, c.want, end.Status)
				assert.Less(t, time.Since(begun), 50*time.Second)
				time.Sleep(15 * time.Second)
				assert.Zero(t, p.store.Runs(), "it takes part no more")
			})
		})
	}
}

// A process without answers of the store starts nothing more and cancels what it executes, before others may consider
// that lost.
func TestAProcessFencesItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		watcher := w.process(nil, idle)
		p := w.process(nil, nil)
		var cancelled atomic.Int64
		long := engine.Func1("long", func(ctx context.Context, n int) (int, error) {
			if cancelled.Load() > 0 {
				return n, nil
			}
			<-ctx.Done()
			cancelled.Store(time.Now().UnixNano())
			return 0, ctx.Err()
		})
		g := engine.NewBuilder()
		graph := compile(t, g, long.Call(engine.Const(g, 1)))
		exec := w.submit(watcher, graph, engine.RunOptions{})
		time.Sleep(20 * time.Second)
		require.Zero(t, cancelled.Load())
		cut := time.Now()
		p.backend.Cut()
		time.Sleep(14 * time.Second) // the lease is 15 s
		require.NotZero(t, cancelled.Load())
		assert.InDelta(t, 8, time.Unix(0, cancelled.Load()).Sub(cut).Seconds(), 3, "ten seconds after the last answer")
		p.backend.Heal()
		w.succeed(exec, graph)
	})
}

// A process whose session was reaped while commits were under way continues with a new session, since no other process
// takes part.
func TestAReapedProcessContinues(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.end()
			watcher := w.process(nil, idle)
			b := &board{running: map[int]dag.NodeID{}}
			w.process(sharedtest.Random(seed, 0.05, 5*time.Millisecond), func(cfg *shared.Config, _ *worker.Config) { cfg.Board = b })
			lib := newLibrary(20 * time.Millisecond)
			graph := lib.graph(t, rand.New(rand.NewPCG(seed, 17)), 40)
			job := jobOf(graph, engine.RunOptions{})
			w.know(graph.Functions()...)
			exec, err := watcher.pool.Submit(t.Context(), job)
			require.NoError(t, err)
			for range 3 {
				time.Sleep(time.Duration(20+10*seed) * time.Millisecond)
				require.NoError(t, watcher.store.ReapSession(t.Context(), job.Info.ID, b.latest(), nil, record.ErrorRecord{Kind: record.WorkerLostError}))
			}
			begun := time.Now()
			w.await(exec)
			assert.Less(t, time.Since(begun), 10*time.Second, "seed %d", seed)
			w.succeed(exec, graph)
			require.NoError(t, checkLog(graph, w.steps(exec)), "seed %d", seed)
		})
	}
}
