package worker_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
)

// TestSnapshot takes snapshots of a pool before, during and after three tasks, one of which ends early and one of which
// ignores its cancellation.
func TestSnapshot(t *testing.T) {
	pool, err := worker.New(worker.Config{State: memory.New(), Width: 2, Name: "w", Grace: time.Nanosecond})
	require.NoError(t, err)
	e, err := engine.New(engine.Config{Executor: pool})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	require.Equal(t, "w", pool.Snapshot().Name)
	require.WithinDuration(t, time.Now(), pool.Snapshot().StartedAt, time.Minute)
	require.False(t, pool.Snapshot().Warm)

	began, release := make(chan struct{}, 2), make(chan struct{})
	quick := engine.Func0("quick", func(context.Context) (int, error) { return 1, nil })
	polite := engine.Func1("polite", func(ctx context.Context, _ int) (int, error) {
		began <- struct{}{}
		<-ctx.Done()
		return 0, ctx.Err()
	})
	deaf := engine.Func1("deaf", func(context.Context, int) (int, error) {
		began <- struct{}{}
		<-release
		return 0, nil
	})
	r, err := e.Submit(t.Context(), "three", build(t, func(b *engine.Builder) engine.AnyRef {
		one := quick.Call(b)
		return engine.List(b, polite.Call(one), deaf.Call(one))
	}), engine.RunOptions{})
	require.NoError(t, err)
	<-began
	<-began
	o := pool.Snapshot()
	require.Equal(t, []any{2, 2, 0, int64(1), map[record.RunID]int{r.ID(): 2}, false},
		[]any{o.Width, o.Busy, o.Leaked, o.TasksDone, o.Running, o.Warm})
	require.GreaterOrEqual(t, o.Slots, 2)
	require.Positive(t, o.CPU)

	r.Cancel()
	<-r.Done()
	require.NoError(t, r.WaitRecorded(t.Context()))
	require.Eventually(t, func() bool {
		o = pool.Snapshot()
		return o.Warm && o.Leaked == 1
	}, time.Minute, time.Millisecond)
	require.Equal(t, []any{0, 1, int64(1), map[record.RunID]int{}}, []any{o.Busy, o.Leaked, o.TasksDone, o.Running})
	close(release)
	stop()
	require.NoError(t, <-ended)
}
