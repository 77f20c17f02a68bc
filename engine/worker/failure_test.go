package worker_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/worker"
)

// hasty has short delays, so that tests of failures are quick.
var hasty = worker.Config{Width: 2, Backoff: time.Millisecond, Grace: 50 * time.Millisecond, SoftStop: 20 * time.Millisecond}

// submit runs a graph of one function to its end.
func submit(t *testing.T, e *engine.Engine, opts engine.RunOptions, f func(g *engine.Builder) engine.AnyRef) (*engine.Run, error) {
	t.Helper()
	r, err := e.Submit(t.Context(), "test", build(t, f), opts)
	require.NoError(t, err)
	return r, r.Wait(t.Context())
}

// attempts lists the steps of a run that end attempts, and checks the numbering of all.
func attempts(t *testing.T, r *engine.Run) []record.Step {
	t.Helper()
	var out []record.Step
	for after := uint64(0); ; {
		steps, err := r.Steps(t.Context(), after)
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		for _, s := range steps {
			after++
			require.Equal(t, after, s.Seq)
			if s.Kind == record.AttemptEnded {
				out = append(out, s)
			}
		}
	}
}

// failing returns a function that fails n times with f and then doubles its argument.
func failing(n int, o engine.Options, f func(ctx context.Context) error) engine.F1[int, int] {
	return engine.Func1("failing", func(ctx context.Context, a int) (int, error) {
		if engine.Task(ctx).Attempt <= n {
			return 0, f(ctx)
		}
		return 2 * a, nil
	}).With(o)
}

func TestFailures(t *testing.T) {
	boom := errors.New("boom")
	fail := func(context.Context) error { return boom }
	hang := func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }
	for _, c := range []struct {
		name     string
		function engine.F1[int, int]
		kind     record.ErrorKind // of the failure that ends the run; empty if it succeeds
		attempts int
		message  string
	}{
		{"twice, then well", failing(2, engine.Options{}, fail), "", 3, ""},
		{"always", failing(9, engine.Options{Retries: 2}, fail), record.UserError, 3, "boom"},
		{"no retries", failing(9, engine.Options{Retries: engine.NoRetries}, fail), record.UserError, 1, "boom"},
		{"an error that is final", failing(9, engine.Options{}, func(context.Context) error { return engine.NoRetry(boom) }), record.UserError, 1, "boom"},
		{"a panic, then well", failing(1, engine.Options{}, func(context.Context) error { panic("oh no") }), "", 2, ""},
		{"a panic always", failing(9, engine.Options{Retries: 1}, func(context.Context) error { panic("oh no") }), record.PanicError, 2, "oh no"},
		{"a timeout, then well", failing(1, engine.Options{Timeout: 10 * time.Millisecond}, hang), "", 2, ""},
		{"a timeout always", failing(9, engine.Options{Timeout: 10 * time.Millisecond, Retries: 1}, hang), record.TimeoutError, 2, "timeout of 10ms"},
		{"an exit, then well", failing(1, engine.Options{}, func(context.Context) error { runtime.Goexit(); return nil }), "", 2, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := start(t, hasty, engine.Config{})
			r, err := submit(t, e, engine.RunOptions{}, func(g *engine.Builder) engine.AnyRef {
				return add.Call(c.function.Call(engine.Const(g, 4)), engine.Const(g, 1))
			})
			ends := attempts(t, r)
			if c.kind == "" {
				require.NoError(t, err)
				require.Equal(t, 9, r.Value())
				require.Len(t, ends, c.attempts+1)
				return
			}
			var failure *engine.RunError
			require.ErrorAs(t, err, &failure)
			require.Equal(t, record.Failed, failure.Status)
			require.Equal(t, c.kind, failure.First.Kind)
			require.Equal(t, c.attempts, failure.First.Attempt)
			require.Contains(t, failure.First.Message, c.message)
			require.Equal(t, "failing", failure.First.Task)
			require.NotEmpty(t, failure.First.Worker)
			require.WithinDuration(t, time.Now(), failure.First.Time, time.Minute)
			require.Equal(t, c.kind == record.PanicError, strings.Contains(failure.First.Stack, "failure_test.go"))
			require.Len(t, ends, c.attempts)
			for i, s := range ends {
				require.EqualValues(t, i+1, s.Attempt)
			}
		})
	}
}

func TestContinueSkipsOnlyWhatDepends(t *testing.T) {
	e := start(t, hasty, engine.Config{})
	bad := failing(9, engine.Options{Retries: engine.NoRetries}, func(context.Context) error { return errors.New("boom") })
	list := engine.Func0("list", func(context.Context) ([]int, error) { return []int{1, 2, 3}, nil })
	r, err := submit(t, e, engine.RunOptions{Policy: record.Continue}, func(g *engine.Builder) engine.AnyRef {
		x := bad.Call(engine.Const(g, 1))
		y := add.Call(engine.Const(g, 1), engine.Const(g, 2))
		engine.FanOut(g, list.Call(g), func(v engine.Ref[int]) engine.Ref[int] { return add.Call(v, x) }) // never expands
		return add.Call(add.Call(x, y), y)
	})
	var failure *engine.RunError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, execution.Progress{Status: record.Failed, Tasks: 5, Done: 2, Failed: 1, Skipped: 2}, r.Progress())
}

func TestRetryBudget(t *testing.T) {
	e := start(t, hasty, engine.Config{})
	bad := engine.Func1("bad", func(context.Context, int) (int, error) { return 0, errors.New("boom") }).With(engine.Options{Retries: 5})
	_, err := submit(t, e, engine.RunOptions{Policy: record.Continue}, func(g *engine.Builder) engine.AnyRef {
		var refs []engine.Ref[int]
		for i := range 10 {
			refs = append(refs, bad.Call(engine.Const(g, i)))
		}
		return engine.List(g, refs...)
	})
	require.ErrorContains(t, err, "budget of 10 retries")
}

func TestEndingEarly(t *testing.T) {
	var entered atomic.Int64
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	obey := engine.Func1("obey", func(ctx context.Context, a int) (int, error) { entered.Add(1); <-ctx.Done(); return a, ctx.Err() })
	ignore := engine.Func1("ignore", func(_ context.Context, a int) (int, error) { entered.Add(1); <-release; return a, nil })
	for _, c := range []struct {
		name     string
		function engine.F1[int, int]
		deadline time.Duration
		status   record.Status
		leaked   bool
	}{
		{"cancelled, the body obeys", obey, 0, record.Cancelled, false},
		{"cancelled, the body ignores it", ignore, 0, record.Cancelled, true},
		{"deadline, the body obeys", obey, 30 * time.Millisecond, record.Failed, false},
		{"deadline, the body ignores it", ignore, 30 * time.Millisecond, record.Failed, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			entered.Store(0)
			e := start(t, hasty, engine.Config{})
			g := build(t, func(g *engine.Builder) engine.AnyRef { return c.function.Call(engine.Const(g, 1)) })
			r, err := e.Submit(t.Context(), "test", g, engine.RunOptions{Deadline: c.deadline})
			require.NoError(t, err)
			if c.deadline == 0 {
				require.Eventually(t, func() bool { return entered.Load() == 1 }, 10*time.Second, time.Millisecond)
				r.Cancel()
			}
			var failure *engine.RunError
			require.ErrorAs(t, r.Wait(t.Context()), &failure)
			require.Equal(t, c.status, failure.Status)
			if c.deadline > 0 {
				require.Equal(t, record.DeadlineError, failure.First.Kind)
			}
			var leaked bool
			for after := uint64(0); ; {
				steps, err := r.Steps(t.Context(), after)
				if errors.Is(err, io.EOF) {
					break
				}
				require.NoError(t, err)
				for _, s := range steps {
					leaked = leaked || s.Kind == record.SlotLeaked
				}
				after = steps[len(steps)-1].Seq
			}
			require.Equal(t, c.leaked, leaked)
			next, err := submit(t, e, engine.RunOptions{}, func(g *engine.Builder) engine.AnyRef {
				return add.Call(engine.Const(g, 1), engine.Const(g, 1))
			})
			require.NoError(t, err, "the engine continues")
			require.Equal(t, 2, next.Value())
		})
	}
}

func TestShutdownCancelsRuns(t *testing.T) {
	var r *engine.Run
	t.Run("engine", func(t *testing.T) {
		e := start(t, hasty, engine.Config{})
		obey := engine.Func1("obey", func(ctx context.Context, a int) (int, error) { <-ctx.Done(); return a, ctx.Err() })
		var err error
		r, err = e.Submit(t.Context(), "test", build(t, func(g *engine.Builder) engine.AnyRef {
			return add.Call(obey.Call(engine.Const(g, 1)), engine.Const(g, 1))
		}), engine.RunOptions{})
		require.NoError(t, err)
		require.Eventually(t, func() bool { return r.Progress().Running == 1 }, 10*time.Second, time.Millisecond)
	})
	require.ErrorContains(t, r.Wait(t.Context()), "shut down")
	require.Equal(t, record.Cancelled, r.End().Status)
	require.Equal(t, record.ShutdownError, r.End().First.Kind)
	steps, err := r.Steps(t.Context(), 0)
	require.NoError(t, err)
	for _, s := range steps {
		require.NotEqual(t, record.RunPaused, s.Kind, "no caller paused it")
	}
}

func TestPauseAndResume(t *testing.T) {
	e := start(t, hasty, engine.Config{})
	entered, release := make(chan struct{}), make(chan struct{})
	gate := engine.Func1("gate", func(_ context.Context, a int) (int, error) { close(entered); <-release; return a, nil })
	r, err := e.Submit(t.Context(), "test", build(t, func(g *engine.Builder) engine.AnyRef {
		return add.Call(gate.Call(engine.Const(g, 1)), engine.Const(g, 1))
	}), engine.RunOptions{})
	require.NoError(t, err)
	<-entered
	r.Pause()
	close(release)
	require.Eventually(t, func() bool { return r.Progress().Done == 1 && r.Progress().Running == 0 }, 10*time.Second, time.Millisecond)
	require.Equal(t, record.Paused, r.Progress().Status)
	r.Resume()
	require.NoError(t, r.Wait(t.Context()))
	require.Equal(t, 2, r.Value())
}

func TestMaxConcurrent(t *testing.T) {
	var bodies crowd
	one := engine.Func1("one", func(_ context.Context, a int) (int, error) {
		bodies.enter()
		defer bodies.leave()
		time.Sleep(time.Millisecond)
		return a, nil
	}).With(engine.Options{MaxConcurrent: 3})
	e := start(t, worker.Config{Width: 16}, engine.Config{})
	r, err := submit(t, e, engine.RunOptions{}, func(g *engine.Builder) engine.AnyRef {
		var refs []engine.Ref[int]
		for i := range 60 {
			refs = append(refs, one.Call(one.Call(engine.Const(g, i))))
		}
		return engine.List(g, refs...)
	})
	require.NoError(t, err)
	require.Equal(t, 120, r.Progress().Done)
	require.EqualValues(t, 3, bodies.most.Load(), "no more than the bound, and all that it allows")
}
