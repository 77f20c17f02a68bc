package shared_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/engine/worker"
)

// TestNoWorkerHoards: each worker claims what it has resources for and leaves the rest to others, and tasks that need none
// do not wait for those that do.
func TestNoWorkerHoards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		const workers, width, plain = 3, 2, 40
		var needy, done sync.WaitGroup
		needy.Add(workers)
		done.Add(plain)
		hold := engine.Func1("hold", func(_ context.Context, n int) (int, error) {
			needy.Done()
			needy.Wait() // until each worker executes one
			done.Wait()
			return n, nil
		}).With(engine.Options{CPUs: width})
		light := engine.Func1("light", func(_ context.Context, n int) (int, error) {
			needy.Wait()
			done.Done()
			return n, nil
		})
		g := engine.NewBuilder()
		var all []engine.Ref[int]
		for i := range workers {
			all = append(all, hold.Call(engine.Const(g, i)))
		}
		for i := range plain {
			all = append(all, light.Call(engine.Const(g, i)))
		}
		graph := compile(t, g, engine.List(g, all...))
		w.know(graph.Functions()...)
		for range workers {
			w.process(nil, nil)
		}
		end, _ := w.await(w.submit(w.process(nil, idle), graph, engine.RunOptions{}))
		require.Equal(t, record.Succeeded, end.Status)
	})
}

// late is a task that begins when others are under way.
var late = engine.Func1("late", func(_ context.Context, i int) (int, error) {
	time.Sleep(50 * time.Millisecond)
	return i, nil
})

// TestALargeTaskIsNotPassedForEver: a task that needs a whole worker is called although there are small ones all the time.
func TestALargeTaskIsNotPassedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		const n, pause = 400, 100 * time.Millisecond
		var begun, before atomic.Int64
		small := engine.Func1("small", func(_ context.Context, i int) (int, error) {
			begun.Add(1)
			time.Sleep(pause + time.Duration(i%7)*pause/7) // they never end together
			return i, nil
		}).With(engine.Options{CPUs: 1})
		large := engine.Func1("large", func(_ context.Context, i int) (int, error) {
			before.Store(begun.Load())
			return i, nil
		}).With(engine.Options{CPUs: 2})
		g := engine.NewBuilder()
		var all []engine.Ref[int]
		for i := range n {
			all = append(all, small.Call(engine.Const(g, i)))
		}
		all = append(all, large.Call(late.Call(engine.Const(g, n))))
		graph := compile(t, g, engine.List(g, all...))
		w.know(graph.Functions()...)
		for range 2 {
			w.process(nil, nil)
		}
		end, _ := w.await(w.submit(w.process(nil, idle), graph, engine.RunOptions{}))
		require.Equal(t, record.Succeeded, end.Status)
		require.Positive(t, before.Load())
		require.Less(t, before.Load(), int64(n/2), "small tasks that were called before it")
	})
}

// TestAWaitingTaskIsReleasedAtOnce: what waits for resources in a worker that shuts down is executed by another, before
// the tasks end for which it waits.
func TestAWaitingTaskIsReleasedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		const n = 9
		var begun atomic.Int64
		release := make(chan struct{})
		hold := engine.Func1("hold", func(_ context.Context, i int) (int, error) {
			<-release
			return i, nil
		}).With(engine.Options{CPUs: 1})
		small := engine.Func1("small", func(_ context.Context, i int) (int, error) {
			begun.Add(1)
			time.Sleep(400 * time.Millisecond)
			return i, nil
		}).With(engine.Options{CPUs: 1})
		large := engine.Func1("large", func(_ context.Context, i int) (int, error) {
			close(release)
			return i, nil
		}).With(engine.Options{CPUs: 2})
		g := engine.NewBuilder()
		all := []engine.Ref[int]{hold.Call(engine.Const(g, 0)), large.Call(late.Call(engine.Const(g, 1)))}
		for i := range n {
			all = append(all, small.Call(engine.Const(g, i)))
		}
		graph := compile(t, g, engine.List(g, all...))
		w.know(graph.Functions()...)
		patient := func(_ *shared.Config, pool *worker.Config) { pool.SoftStop = time.Hour }
		first := w.process(nil, patient)
		exec := w.submit(w.process(nil, idle), graph, engine.RunOptions{})
		time.Sleep(3 * time.Second)
		require.Equal(t, 2, first.pool.Snapshot().Busy, "one that holds a processor and one that waits for two")
		require.Less(t, begun.Load(), int64(n), "those that need any wait for it")
		first.stop()
		w.process(nil, nil)
		since := time.Now()
		end, _ := w.await(exec)
		require.Equal(t, record.Succeeded, end.Status)
		require.Less(t, time.Since(since), time.Minute)
	})
}
