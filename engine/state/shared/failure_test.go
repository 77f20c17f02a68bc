package shared_test

import (
	"context"
	"errors"
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
	"github.com/dagscope/dagscope/internal/testkit/sharedtest"
)

var errBroken = errors.New("it is broken")

// flaky fails the first attempts of each call.
func flaky(failures int32) engine.F1[int, int] {
	var calls atomic.Int32
	return engine.Func1("flaky", func(_ context.Context, n int) (int, error) {
		if calls.Add(1) <= failures {
			return 0, errBroken
		}
		return n, nil
	})
}

var fails = engine.Func1("fails", func(_ context.Context, n int) (int, error) { return n, engine.NoRetry(errBroken) })

// inWorld runs a test on two processes that are far from the store, and one that only watches and submits.
func inWorld(t *testing.T, test func(t *testing.T, w *world, watcher *process)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		watcher := w.process(nil, idle)
		for range 2 {
			w.process(func(sharedtest.Call) sharedtest.Fault {
				return sharedtest.Fault{Before: time.Millisecond, After: time.Millisecond}
			}, nil)
		}
		test(t, w, watcher)
	})
}

func TestAFailedAttemptIsRepeated(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world, watcher *process) {
		g := engine.NewBuilder()
		f := flaky(2)
		graph := compile(t, g, next.Call(f.Call(next.Call(engine.Const(g, 1)))))
		exec := w.submit(watcher, graph, engine.RunOptions{})
		end, value := w.await(exec)
		assert.Equal(t, record.Succeeded, end.Status)
		assert.Equal(t, 3, value)
		steps := w.steps(exec)
		require.NoError(t, checkLog(graph, steps))
		var outcomes []record.Outcome
		for _, s := range steps {
			if s.Kind == record.AttemptEnded && s.Node == 1 {
				outcomes = append(outcomes, s.Outcome)
			}
		}
		assert.Equal(t, []record.Outcome{record.OutcomeRetrying, record.OutcomeRetrying, record.OutcomeOK}, outcomes)
		details, _ := exec.TakeDetails()
		require.Len(t, errorsOf(details), 2)
		assert.Equal(t, record.UserError, errorsOf(details)[0].Kind)
		assert.Equal(t, "flaky", errorsOf(details)[0].Task)
		assert.Equal(t, 2, exec.Progress().Retries)
	})
}

func errorsOf(details []record.Detail) (records []record.ErrorRecord) {
	for _, d := range details {
		if d.Error != nil {
			records = append(records, *d.Error)
		}
	}
	return records
}

func TestAFailureEndsTheRun(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world, watcher *process) {
		g := engine.NewBuilder()
		sleeper := engine.Func1("sleeper", func(ctx context.Context, n int) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		})
		graph := compile(t, g, add.Call(sleeper.Call(engine.Const(g, 1)), next.Call(fails.Call(next.Call(engine.Const(g, 1))))))
		exec := w.submit(watcher, graph, engine.RunOptions{})
		end, value := w.await(exec)
		assert.Equal(t, record.Failed, end.Status)
		assert.Nil(t, value)
		require.NotNil(t, end.First)
		assert.Equal(t, "fails", end.First.Task)
		assert.Equal(t, "it is broken", end.First.Message)
		steps := w.steps(exec)
		assert.Equal(t, record.OutcomeFailed, steps[len(steps)-1].Outcome)
	})
}

func TestContinueFinishesEverythingElse(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world, watcher *process) {
		g := engine.NewBuilder()
		bad := next.Call(fails.Call(engine.Const(g, 1)))
		for range 20 {
			bad = next.Call(bad)
		}
		good := engine.Const(g, 1)
		for range 20 {
			good = next.Call(good)
		}
		list := engine.Func1("list", func(_ context.Context, n int) ([]int, error) { return make([]int, n), nil })
		skipped := engine.FanOut(g, list.Call(bad), next.Call)
		graph := compile(t, g, engine.List(g, engine.List(g, good, add.Call(bad, good)), skipped))
		exec := w.submit(watcher, graph, engine.RunOptions{Policy: record.Continue})
		end, _ := w.await(exec)
		assert.Equal(t, record.Failed, end.Status)
		require.NotNil(t, end.First)
		assert.Equal(t, "fails", end.First.Task)
		w.steps(exec)
		p := exec.Progress()
		assert.Equal(t, execution.Progress{Status: record.Failed, Tasks: 44, Done: 20, Failed: 1, Skipped: 23}, p)
	})
}

func TestTheRetryBudgetIsBounded(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world, watcher *process) {
		g := engine.NewBuilder()
		never := engine.Func1("never", func(_ context.Context, n int) (int, error) { return 0, errBroken }).With(dag.Options{Retries: 100})
		graph := compile(t, g, never.Call(engine.Const(g, 1)))
		exec := w.submit(watcher, graph, engine.RunOptions{})
		end, _ := w.await(exec)
		assert.Equal(t, record.Failed, end.Status)
		require.NotNil(t, end.First)
		assert.Contains(t, end.First.Message, "it is broken (not tried again: the run has used its budget of retries)")
		w.steps(exec)
		assert.Equal(t, 10, exec.Progress().Retries)
	})
}

func TestAFanOutBeyondTheLimitsFails(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world, watcher *process) {
		g := engine.NewBuilder()
		list := engine.Func1("list", func(_ context.Context, n int) ([]int, error) { return make([]int, n), nil })
		graph := compile(t, g, engine.FanOut(g, list.Call(engine.Const(g, 30)), next.Call))
		exec := w.submit(watcher, graph, engine.RunOptions{Limits: dag.Limits{Tasks: 20}})
		end, _ := w.await(exec)
		assert.Equal(t, record.Failed, end.Status)
		require.NotNil(t, end.First)
		assert.Equal(t, record.LimitError, end.First.Kind)
	})
}

func TestCancelPauseResume(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world, watcher *process) {
		lib := newLibrary(100 * time.Millisecond)
		g := engine.NewBuilder()
		r := engine.Const(g, 1)
		for range 200 {
			r = lib.next.Call(r)
		}
		graph := compile(t, g, r)
		exec := w.submit(watcher, graph, engine.RunOptions{})
		time.Sleep(time.Second)
		exec.Pause()
		time.Sleep(time.Second)
		exec.Progress()
		time.Sleep(time.Second)
		paused := exec.Progress()
		assert.Equal(t, record.Paused, paused.Status)
		assert.NotZero(t, paused.Done)
		time.Sleep(10 * time.Second)
		exec.Progress()
		time.Sleep(time.Second)
		assert.Equal(t, paused.Done, exec.Progress().Done)
		exec.Resume()
		time.Sleep(2 * time.Second)
		exec.Progress()
		time.Sleep(time.Second)
		assert.Greater(t, exec.Progress().Done, paused.Done)
		exec.Cancel()
		asked := time.Now()
		end, _ := w.await(exec)
		assert.Equal(t, record.Cancelled, end.Status)
		assert.Less(t, time.Since(asked), 4*time.Second)
	})
}

func TestTheDeadlineEndsARun(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world, watcher *process) {
		g := engine.NewBuilder()
		sleeper := engine.Func1("sleeper", func(ctx context.Context, n int) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		})
		exec := w.submit(watcher, compile(t, g, sleeper.Call(engine.Const(g, 1))), engine.RunOptions{Deadline: 5 * time.Second})
		begun := time.Now()
		end, _ := w.await(exec)
		assert.Equal(t, record.Failed, end.Status)
		require.NotNil(t, end.First)
		assert.Equal(t, record.DeadlineError, end.First.Kind)
		assert.InDelta(t, 5, time.Since(begun).Seconds(), 2.5)
	})
}

func TestMaxConcurrentHoldsForAllProcesses(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world, watcher *process) {
		var at, most atomic.Int32
		bounded := engine.Func1("bounded", func(_ context.Context, n int) (int, error) {
			now := at.Add(1)
			defer at.Add(-1)
			for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
			}
			time.Sleep(10 * time.Millisecond)
			return n, nil
		}).With(dag.Options{MaxConcurrent: 3})
		g := engine.NewBuilder()
		graph := compile(t, g, engine.FanOut(g, engine.Const(g, make([]int, 50)), func(e engine.Ref[int]) engine.Ref[int] {
			return next.Call(bounded.Call(next.Call(e)))
		}))
		w.succeed(w.submit(watcher, graph, engine.RunOptions{}), graph)
		assert.Equal(t, int32(3), most.Load())
	})
}
