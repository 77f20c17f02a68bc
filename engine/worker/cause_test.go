package worker_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
)

// TestCauses: context.Cause returns to a body the reason why it has to end, also for contexts derived from its own.
func TestCauses(t *testing.T) {
	for name, c := range map[string]struct {
		options engine.Options
		run     engine.RunOptions
		act     func(*engine.Run)
		fails   bool // another task of the run
		want    error
		err     error // what Err returns
	}{
		"timeout":   {options: engine.Options{Timeout: 10 * time.Millisecond, Retries: engine.NoRetries}, want: engine.ErrTimeout, err: context.DeadlineExceeded},
		"deadline":  {run: engine.RunOptions{Deadline: 10 * time.Millisecond}, want: engine.ErrDeadline, err: context.DeadlineExceeded},
		"cancel":    {act: (*engine.Run).Cancel, want: engine.ErrCancelled, err: context.Canceled},
		"fail fast": {fails: true, want: engine.ErrRunFailed, err: context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			begun, seen := make(chan struct{}), make(chan [4]error, 1)
			var once sync.Once
			patient := engine.Func1("patient", func(ctx context.Context, n int) (int, error) {
				derived, leave := context.WithCancel(ctx)
				defer leave()
				assert.NoError(t, context.Cause(ctx))
				once.Do(func() { close(begun) })
				<-derived.Done()
				<-ctx.Done()
				late, leaveLate := context.WithTimeout(ctx, time.Hour)
				defer leaveLate()
				seen <- [4]error{context.Cause(ctx), context.Cause(derived), context.Cause(late), derived.Err()}
				return 0, ctx.Err()
			}).With(c.options)
			failing := engine.Func1("failing", func(context.Context, int) (int, error) {
				<-begun
				return 0, engine.NoRetry(errors.New("on purpose"))
			})
			pool, err := worker.New(worker.Config{State: memory.New(), Width: 2})
			require.NoError(t, err)
			e, err := engine.New(engine.Config{Executor: pool})
			require.NoError(t, err)
			ctx, stop := context.WithCancel(t.Context())
			var running sync.WaitGroup
			running.Go(func() { _ = e.Run(ctx) })
			defer running.Wait()
			defer stop()

			b := engine.NewBuilder()
			results := []engine.Ref[int]{patient.Call(engine.Const(b, 1))}
			if c.fails {
				results = append(results, failing.Call(engine.Const(b, 1)))
			}
			g, err := b.Compile(engine.List(b, results...))
			require.NoError(t, err)
			r, err := e.Submit(t.Context(), "causes", g, c.run)
			require.NoError(t, err)
			<-begun
			if c.act != nil {
				c.act(r)
			}
			got := <-seen
			for _, cause := range got[:3] {
				require.ErrorIs(t, cause, c.want)
			}
			require.ErrorIs(t, got[3], c.err)
			require.Error(t, r.Wait(t.Context()))
		})
	}
}

// TestAfterFunc: what waits for the end of an attempt takes no goroutine, and is called at the end unless it was stopped.
func TestAfterFunc(t *testing.T) {
	e := start(t, hasty, engine.Config{})
	called, stopped := make(chan error, 3), make(chan bool, 3)
	patient := engine.Func1("patient", func(ctx context.Context, _ int) (int, error) {
		before := runtime.NumGoroutine()
		for range 100 {
			_, leave := context.WithCancel(ctx)
			defer leave()
		}
		assert.Less(t, runtime.NumGoroutine(), before+100)
		note := func() { called <- context.Cause(ctx) }
		stop, keep := context.AfterFunc(ctx, note), context.AfterFunc(ctx, note)
		stopped <- stop()
		stopped <- stop()
		<-ctx.Done()
		context.AfterFunc(ctx, note)
		for range 2 {
			assert.ErrorIs(t, <-called, engine.ErrTimeout)
		}
		stopped <- keep()
		return 0, ctx.Err()
	}).With(engine.Options{Timeout: 10 * time.Millisecond, Retries: engine.NoRetries})
	_, err := submit(t, e, engine.RunOptions{}, func(g *engine.Builder) engine.AnyRef { return patient.Call(engine.Const(g, 1)) })
	require.Error(t, err)
	require.Equal(t, []bool{true, false, false}, []bool{<-stopped, <-stopped, <-stopped})
	require.Empty(t, called)
}
