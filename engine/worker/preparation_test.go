package worker_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
)

// begin submits a run of one task.
func begin(t *testing.T, e *engine.Engine, body engine.F0[int]) *engine.Run {
	t.Helper()
	r, err := e.Submit(t.Context(), "test", build(t, func(b *engine.Builder) engine.AnyRef { return body.Call(b) }), engine.RunOptions{})
	require.NoError(t, err)
	return r
}

// needing returns a Prepare that has f done for every run.
func needing(f worker.Preparation) func(execution.Job) worker.Preparation {
	return func(execution.Job) worker.Preparation { return f }
}

func TestPreparationPrecedesTheFirstTask(t *testing.T) {
	reached, finish := make(chan struct{}), make(chan struct{})
	var called atomic.Bool
	early := atomic.Bool{}
	isPrepared := atomic.Bool{}
	body := engine.Func0("body", func(context.Context) (int, error) {
		called.Store(true)
		early.Store(!isPrepared.Load())
		return 7, nil
	})
	e := start(t, worker.Config{Prepare: needing(func(_ context.Context, report func(record.Preparation)) error {
		report(record.Preparation{Key: "k", Name: "requirements"})
		close(reached)
		<-finish
		report(record.Preparation{Key: "k", Name: "requirements", Bytes: 5, Done: true})
		isPrepared.Store(true)
		return nil
	})}, engine.Config{})
	r := begin(t, e, body)
	<-reached
	require.Equal(t, record.Running, r.Progress().Status)
	require.Zero(t, r.Progress().Running)
	close(finish)
	v, err := engine.Result[int](t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, 7, v)
	require.True(t, called.Load())
	require.False(t, early.Load(), "the body was called before the preparation had ended")
}

func TestPreparationThatFailsFailsItsRun(t *testing.T) {
	body := engine.Func0("body", func(context.Context) (int, error) { panic("called without its environment") })
	e := start(t, worker.Config{Prepare: needing(func(context.Context, func(record.Preparation)) error {
		return errors.New("no matching distribution")
	})}, engine.Config{})
	r := begin(t, e, body)
	_, err := engine.Result[int](t.Context(), r)
	require.ErrorContains(t, err, "no matching distribution")
	require.Equal(t, record.EnvironmentError, r.End().First.Kind)
}

// TestPreparationEndsWithItsRun: a preparation that would take for ever does not outlive its run, or its pool.
func TestPreparationEndsWithItsRun(t *testing.T) {
	began := make(chan struct{}, 2)
	ended := make(chan struct{}, 2)
	e := start(t, worker.Config{Prepare: needing(func(ctx context.Context, _ func(record.Preparation)) error {
		began <- struct{}{}
		<-ctx.Done()
		ended <- struct{}{}
		return ctx.Err()
	})}, engine.Config{})
	body := engine.Func0("body", func(context.Context) (int, error) { panic("called without its environment") })
	r := begin(t, e, body)
	<-began
	r.Cancel()
	require.Error(t, r.Wait(t.Context()))
	require.Equal(t, record.Cancelled, r.End().Status)
	require.NoError(t, r.WaitRecorded(t.Context()))
	<-ended
	begin(t, e, body)
	<-began // and now the test ends, which stops the pool while the run is prepared
}

// TestReportedUsage: what a body reports is in the step of its attempt.
func TestReportedUsage(t *testing.T) {
	used := *record.UnknownUsage()
	used.CPU, used.MemoryBytes = 3, 4
	body := engine.Func0("body", func(ctx context.Context) (int, error) {
		engine.Task(ctx).Report(used)
		return 0, nil
	})
	quiet := engine.Func1("quiet", func(context.Context, int) (int, error) { return 0, nil })
	e := start(t, worker.Config{}, engine.Config{})
	r, err := submit(t, e, engine.RunOptions{}, func(b *engine.Builder) engine.AnyRef { return quiet.Call(body.Call(b)) })
	require.NoError(t, err)
	_, err = engine.Result[int](t.Context(), r)
	require.NoError(t, err)
	var got []*record.Usage
	for _, s := range attempts(t, r) {
		if s.Kind == record.AttemptEnded {
			got = append(got, s.Usage)
		}
	}
	require.Equal(t, []*record.Usage{&used, nil}, got)
}

// TestSnapshotOfPreparations: a snapshot says what is prepared, for which run and since when, until it is done.
func TestSnapshotOfPreparations(t *testing.T) {
	reached, finish := make(chan struct{}), make(chan struct{})
	pool, err := worker.New(worker.Config{State: memory.New(), Prepare: needing(func(_ context.Context, report func(record.Preparation)) error {
		report(record.Preparation{Key: "k", Name: "requirements"})
		close(reached)
		<-finish
		report(record.Preparation{Key: "k", Name: "requirements", Done: true})
		return nil
	})})
	require.NoError(t, err)
	e, err := engine.New(engine.Config{Executor: pool})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	before := time.Now()
	r := begin(t, e, engine.Func0("body", func(context.Context) (int, error) { return 7, nil }))
	<-reached
	preparing := pool.Snapshot().Preparing
	require.Len(t, preparing, 1)
	require.Equal(t, []any{"requirements", r.ID()}, []any{preparing[0].Name, preparing[0].Run})
	require.WithinRange(t, preparing[0].Since, before, time.Now())
	close(finish)
	<-r.Done()
	require.Empty(t, pool.Snapshot().Preparing)
	stop()
	require.NoError(t, <-ended)
}
