package worker_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
)

// TestResourcesAreShared: blocking tasks, of which a pool calls any number at a time, are called as far as there are
// processors and memory for them.
func TestResourcesAreShared(t *testing.T) {
	for _, c := range []struct {
		name  string
		needs engine.Options
		most  int64
	}{
		{"processors", engine.Options{CPUs: 0.5}, 4},
		{"memory", engine.Options{Memory: 400}, 2},
		{"both", engine.Options{CPUs: 2, Memory: 1}, 1},
		{"nothing", engine.Options{}, 12},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := start(t, worker.Config{Width: 2, Memory: 1000}, engine.Config{})
			var together crowd
			reached := make(chan struct{})
			reach := sync.OnceFunc(func() { close(reached) })
			body := engine.Func1("body", func(_ context.Context, a int) (int, error) {
				together.enter()
				defer together.leave()
				if together.now.Load() == c.most {
					reach()
				}
				<-reached // as many as possible are called together
				return a, nil
			}).With(c.needs)
			r, err := submit(t, e, engine.RunOptions{}, func(b *engine.Builder) engine.AnyRef {
				var all []engine.Ref[int]
				for i := range 12 {
					all = append(all, body.Call(engine.Const(b, i)))
				}
				return engine.List(b, all...)
			})
			require.NoError(t, err)
			require.Equal(t, c.most, together.most.Load())
			for _, s := range attempts(t, r) {
				require.LessOrEqual(t, s.Claimed, s.Started)
			}
		})
	}
}

// TestTheTimeoutLeavesTheWaitOut: a task that waits longer for resources than its timeout is called, and its wait is not
// among its execution.
func TestTheTimeoutLeavesTheWaitOut(t *testing.T) {
	e := start(t, worker.Config{Width: 1}, engine.Config{})
	const pause = 60 * time.Millisecond
	body := engine.Func1("body", func(context.Context, int) (int, error) {
		time.Sleep(pause) // the load
		return 0, nil
	}).With(engine.Options{CPUs: 1, Timeout: 3 * pause, Retries: engine.NoRetries})
	r, err := submit(t, e, engine.RunOptions{}, func(b *engine.Builder) engine.AnyRef {
		var all []engine.Ref[int]
		for i := range 6 {
			all = append(all, body.Call(engine.Const(b, i)))
		}
		return engine.List(b, all...)
	})
	require.NoError(t, err)
	longest := int64(0)
	for _, s := range attempts(t, r) {
		longest = max(longest, s.Started-s.Claimed)
	}
	require.Greater(t, longest, int64(3*pause), "they all would have timed out")
}

// TestResourcesAreGivenBack: however a body ends, others get what it had.
func TestResourcesAreGivenBack(t *testing.T) {
	cfg := hasty
	cfg.Width = 1
	e := start(t, cfg, engine.Config{})
	for name, end := range map[string]func() error{
		"error": func() error { return errors.New("no") },
		"panic": func() error { panic("no") },
		"exit":  func() error { runtime.Goexit(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			body := engine.Func1("body", func(ctx context.Context, a int) (int, error) {
				if engine.Task(ctx).Attempt == 1 {
					return 0, end()
				}
				return a, nil
			}).With(engine.Options{CPUs: 1, Retries: 1})
			_, err := submit(t, e, engine.RunOptions{}, func(b *engine.Builder) engine.AnyRef {
				return engine.List(b, body.Call(engine.Const(b, 1)), body.Call(engine.Const(b, 2)))
			})
			require.NoError(t, err)
		})
	}
}

// TestCancelledWhileWaiting: a task that waits for resources ends with its run and is not called, and those after it get
// what it waited for.
func TestCancelledWhileWaiting(t *testing.T) {
	e := start(t, worker.Config{Width: 2}, engine.Config{})
	began, finish := make(chan struct{}), make(chan struct{})
	var called atomic.Bool
	first := engine.Func0("first", func(context.Context) (int, error) {
		close(began)
		<-finish
		return 1, nil
	}).With(engine.Options{CPUs: 1})
	large := engine.Func0("large", func(context.Context) (int, error) {
		called.Store(true)
		return 2, nil
	}).With(engine.Options{CPUs: 2})
	small := engine.Func0("small", func(context.Context) (int, error) { return 3, nil }).With(engine.Options{CPUs: 1})
	holds := begin(t, e, first)
	<-began
	waits := begin(t, e, large)
	require.Eventually(t, func() bool { return waits.Progress().Running == 1 }, 10*time.Second, time.Millisecond)
	waits.Cancel()
	require.Error(t, waits.Wait(t.Context()))
	require.Equal(t, record.Cancelled, waits.End().Status)
	v, err := engine.Result[int](t.Context(), begin(t, e, small))
	require.NoError(t, err)
	require.Equal(t, 3, v)
	close(finish)
	require.NoError(t, holds.Wait(t.Context()))
	require.False(t, called.Load())
}

// TestNothingIsCalledWhileDraining: a task that waits for resources is not called once the pool is to stop, even if what it
// waits for is given back before that.
func TestNothingIsCalledWhileDraining(t *testing.T) {
	pool, err := worker.New(worker.Config{State: memory.New(), Width: 1, SoftStop: time.Minute})
	require.NoError(t, err)
	e, err := engine.New(engine.Config{Executor: pool})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()

	began, finish := make(chan struct{}), make(chan struct{})
	hold := engine.Func0("hold", func(context.Context) (int, error) {
		close(began)
		<-finish
		return 1, nil
	}).With(engine.Options{CPUs: 1})
	var called atomic.Bool
	wait := engine.Func0("wait", func(context.Context) (int, error) {
		called.Store(true)
		return 2, nil
	}).With(engine.Options{CPUs: 1})
	begin(t, e, hold)
	<-began
	waits := begin(t, e, wait)
	require.Eventually(t, func() bool { return pool.Snapshot().Busy == 2 }, time.Minute, time.Millisecond)
	stop()
	require.Eventually(t, func() bool { return pool.Snapshot().Busy == 1 }, time.Minute, time.Millisecond, "it does not wait any more")
	close(finish)
	require.NoError(t, <-ended)
	require.Error(t, waits.Wait(t.Context()))
	require.False(t, called.Load())
}

// TestTooLargeForThisWorker: what can never be called here is refused at submission.
func TestTooLargeForThisWorker(t *testing.T) {
	e := start(t, worker.Config{Width: 2, Memory: 1 << 30}, engine.Config{})
	for want, needs := range map[string]engine.Options{
		"needs 3 processors and 0 MiB": {CPUs: 3},
		"needs 0 processors and 2 GiB": {Memory: 2 << 30},
	} {
		body := engine.Func0("body", func(context.Context) (int, error) { return 0, nil }).With(needs)
		_, err := e.Submit(t.Context(), "test", build(t, func(b *engine.Builder) engine.AnyRef { return body.Call(b) }), engine.RunOptions{})
		require.ErrorIs(t, err, dag.ErrInvalidGraph)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "2 processors and 1 GiB")
	}
}
