package shared_test

import (
	"context"
	"strings"
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
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/internal/testkit/sharedtest"
)

// noNews is a connection that brings no news.
func noNews(sharedtest.Call) sharedtest.Fault { return sharedtest.Fault{Drop: true} }

// sleeper is a task that takes a while, unless its context ends.
func sleeper(d time.Duration) engine.F1[int, int] {
	return engine.Func1("sleeper", func(ctx context.Context, n int) (int, error) {
		select {
		case <-time.After(d):
			return n + 1, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	})
}

// What a user has asked for while the store was away is done when it is back.
func TestARequestOutlastsAnOutage(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world, watcher *process) {
		g := engine.NewBuilder()
		graph := compile(t, g, sleeper(time.Hour).Call(engine.Const(g, 1)))
		exec := w.submit(watcher, graph, engine.RunOptions{})
		time.Sleep(time.Second)
		watcher.backend.Cut()
		exec.Cancel()
		time.Sleep(30 * time.Second)
		watcher.backend.Heal()
		begun := time.Now()
		end, _ := w.await(exec)
		assert.Equal(t, record.Cancelled, end.Status)
		assert.Less(t, time.Since(begun), 3*time.Second)
	})
}

// Only attempts that fail by themselves use up the retries of a function: not those that were lost with a worker.
func TestWorkerLossesUseUpNoRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		watcher := w.process(nil, idle)
		var calls atomic.Int32
		unlucky := engine.Func1("unlucky", func(ctx context.Context, n int) (int, error) {
			switch call := calls.Add(1); {
			case call <= 2:
				<-ctx.Done()
				return 0, ctx.Err()
			case call <= 4:
				return 0, errBroken
			default:
				return n, nil
			}
		}).With(dag.Options{Retries: 2})
		g := engine.NewBuilder()
		graph := compile(t, g, unlucky.Call(engine.Const(g, 7)))
		exec := w.submit(watcher, graph, engine.RunOptions{Rules: record.Rules{PoisonAfter: 9}})
		for range 2 {
			p := w.process(nil, nil)
			time.Sleep(5 * time.Second)
			p.kill()
			time.Sleep(20 * time.Second)
		}
		w.process(nil, nil)
		end, value := w.await(exec)
		require.Equal(t, record.Succeeded, end.Status, "%+v", end.First)
		assert.Equal(t, 7, value)
		var outcomes []record.Outcome
		for _, s := range w.steps(exec) {
			if s.Kind == record.AttemptEnded {
				outcomes = append(outcomes, s.Outcome)
				assert.EqualValues(t, len(outcomes), s.Attempt)
			}
		}
		assert.Equal(t, []record.Outcome{
			record.OutcomeLost, record.OutcomeLost, record.OutcomeRetrying, record.OutcomeRetrying, record.OutcomeOK,
		}, outcomes)
	})
}

// A process may enter a run that is over and whose end is not stored: then it stores the end, and adds no record, since
// it never was a worker of that run.
func TestAProcessEntersARunThatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		watcher := w.process(nil, idle)
		p := w.process(func(c sharedtest.Call) sharedtest.Fault {
			return sharedtest.Fault{LoseCall: c.Method == "Finish"}
		}, nil)
		g := engine.NewBuilder()
		graph := compile(t, g, next.Call(engine.Const(g, 1)))
		exec := w.submit(watcher, graph, engine.RunOptions{})

		late, err := shared.New(shared.Config{Backend: w.server.Connect(nil), Log: slogOf(t)})
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		runs := make(chan state.Run, 1)
		find := func(_ string, function engine.Signature) *engine.Function { return w.functions[function.Name] }
		joined := make(chan error, 1)
		go func() {
			joined <- late.Join(ctx, find, func(execution.Job) (state.Hooks, func(state.Run)) {
				return state.Hooks{}, func(run state.Run) { runs <- run }
			})
		}()
		run := <-runs
		time.Sleep(time.Second) // it has seen the end of the log, and waits until the end is stored
		run.(state.Member).Enter(func() record.WorkerRecord { return record.WorkerRecord{Name: "late", Width: 1} })
		select {
		case <-run.Done():
		case <-time.After(20 * time.Second):
			require.Fail(t, "the run does not end")
		}
		require.NoError(t, run.(state.Member).Leave(t.Context(), record.WorkerRecord{Name: "late", Ended: 1}))
		end, value := w.await(exec)
		assert.Equal(t, record.Succeeded, end.Status)
		assert.Equal(t, 2, value)
		_, records := w.saved(exec)
		require.NotEmpty(t, records)
		for _, r := range records {
			assert.Equal(t, p.name, r.Name)
		}
		stop()
		assert.ErrorIs(t, <-joined, context.Canceled)
	})
}

// silent is a back end whose logs cannot be read.
type silent struct{ shared.Backend }

func (silent) Log(context.Context, record.RunID, shared.Position, int, time.Duration) ([]shared.Entry, error) {
	return nil, errBroken
}

// A process that watches a run whose log is broken learns of its end all the same.
func TestABrokenLogHidesNoEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		watcher := w.process(nil, func(cfg *shared.Config, pool *worker.Config) {
			idle(cfg, pool)
			cfg.Backend = silent{cfg.Backend}
		})
		w.process(nil, nil)
		g := engine.NewBuilder()
		graph := compile(t, g, next.Call(engine.Const(g, 1)))
		begun := time.Now()
		w.succeed(w.submit(watcher, graph, engine.RunOptions{}), graph)
		assert.Less(t, time.Since(begun), 10*time.Second)
	})
}

// full is a back end that does not take the output of node 1.
type full struct{ shared.Backend }

func (f full) PutOutput(ctx context.Context, id record.RunID, key string, value []byte) error {
	if strings.HasPrefix(key, "1.") {
		return errBroken
	}
	return f.Backend.PutOutput(ctx, id, key, value)
}

// An output that the store does not take fails its task in the end, and does not hold up the run for ever.
func TestAnOutputThatCannotBeStoredFailsItsTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		w.process(nil, func(cfg *shared.Config, _ *worker.Config) { cfg.Backend = full{cfg.Backend} })
		g := engine.NewBuilder()
		graph := compile(t, g, pass.Call(blob.Call(engine.Const(g, 1<<20))))
		end, _ := w.await(w.submit(w.processes[0], graph, engine.RunOptions{}))
		assert.Equal(t, record.Failed, end.Status)
		require.NotNil(t, end.First)
		assert.Equal(t, record.StoreError, end.First.Kind)
		assert.Equal(t, "pass", end.First.Task)
	})
}

// An output that is larger than what can be shared fails the run at once, and such a constant its submission: storing
// it would outlast the lease, and what made it would be done again, for ever.
func TestAValueThatIsTooLargeIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		bound := func(cfg *shared.Config, _ *worker.Config) { cfg.ValueBytes = 1 << 20 }
		watcher := w.process(nil, func(cfg *shared.Config, pool *worker.Config) { idle(cfg, pool); bound(cfg, pool) })
		w.process(nil, func(cfg *shared.Config, pool *worker.Config) { on(w, "blob")(cfg, pool); bound(cfg, pool) })
		w.process(nil, func(cfg *shared.Config, pool *worker.Config) { on(w, "size")(cfg, pool); bound(cfg, pool) })
		g := engine.NewBuilder()
		graph := compile(t, g, size.Call(blob.Call(engine.Const(g, 2<<20))))
		begun := time.Now()
		end, _ := w.await(w.submit(watcher, graph, engine.RunOptions{}))
		assert.Equal(t, record.Failed, end.Status)
		require.NotNil(t, end.First)
		assert.Equal(t, record.StoreError, end.First.Kind)
		assert.Equal(t, "blob", end.First.Task)
		assert.Contains(t, end.First.Message, "at most 1048576 can be shared")
		assert.Less(t, time.Since(begun), 10*time.Second)

		g = engine.NewBuilder()
		graph = compile(t, g, size.Call(engine.Const(g, make([]byte, 2<<20))))
		_, err := watcher.store.Create(t.Context(), execution.Job{Info: record.RunInfo{ID: record.NewRunID(time.Now())}, Graph: graph}, state.Hooks{})
		require.ErrorIs(t, err, dag.ErrInvalidGraph)
		assert.ErrorContains(t, err, "at most 1048576 can be shared")
	})
}

// A result that is lost before it was read is reported, and does not delay the end.
func TestALostResultIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		watcher := w.process(nil, idle)
		p := w.process(func(c sharedtest.Call) sharedtest.Fault {
			return sharedtest.Fault{LoseCall: c.Method == "Finish"}
		}, nil)
		g := engine.NewBuilder()
		graph := compile(t, g, blob.Call(sleeper(time.Second).Call(engine.Const(g, 1<<21))))
		job := jobOf(graph, engine.RunOptions{})
		w.know(graph.Functions()...)
		exec, err := watcher.pool.Submit(t.Context(), job)
		require.NoError(t, err)
		time.Sleep(1500 * time.Millisecond) // it is over, but for the end
		p.kill()
		w.server.LoseOutput(job.Info.ID, 1)
		end, value := w.await(exec)
		assert.Equal(t, record.Succeeded, end.Status)
		assert.Nil(t, value)
		require.NotNil(t, end.First)
		assert.Equal(t, record.OutputLostError, end.First.Kind)
		assert.Contains(t, end.First.Message, "the output of node 1 is gone")
	})
}

// A process remembers the runs that it has created for as long as the store lists them.
func TestCreatedRunsAreForgotten(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world, watcher *process) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		ended := make(chan error, 1)
		go func() {
			ended <- watcher.store.Find(ctx, func(job execution.Job, _ execution.Execution) { t.Errorf("found %s, which is known", job.Info.ID) })
		}()
		g := engine.NewBuilder()
		graph := compile(t, g, next.Call(engine.Const(g, 1)))
		w.know(graph.Functions()...)
		var ids []record.RunID
		for range 5 {
			job := jobOf(graph, engine.RunOptions{})
			exec, err := watcher.pool.Submit(t.Context(), job)
			require.NoError(t, err)
			w.succeed(exec, graph)
			ids = append(ids, job.Info.ID)
			time.Sleep(7 * time.Second)
		}
		assert.Equal(t, 5, watcher.store.Own())
		for _, id := range ids[:4] {
			require.NoError(t, watcher.backend.Delete(t.Context(), id))
		}
		time.Sleep(10 * time.Second)
		assert.Equal(t, 1, watcher.store.Own())
		stop()
		assert.ErrorIs(t, <-ended, context.Canceled)
	})
}

// forgotten is a back end whose finisher died before the run was listed as ended.
type forgotten struct {
	shared.Backend
	run      record.RunID
	finished atomic.Int32
	cleaned  atomic.Int32
}

func (f *forgotten) Active(ctx context.Context) ([]record.RunID, error) {
	runs, err := f.Backend.Active(ctx)
	if f.finished.Load() == 0 {
		runs = append(runs, f.run)
	}
	return runs, err
}

func (f *forgotten) Finish(ctx context.Context, id record.RunID, end []byte) ([]byte, error) {
	f.finished.Add(1)
	return f.Backend.Finish(ctx, id, end)
}

func (f *forgotten) Clean(ctx context.Context, id record.RunID, frontier []dag.NodeID) (int, error) {
	f.cleaned.Add(1)
	return f.Backend.Clean(ctx, id, frontier)
}

// Should a process die between keeping the end of a run and what follows from it, the next that looks does that.
func TestWhatFollowsAnEndIsDoneByOthers(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world, watcher *process) {
		g := engine.NewBuilder()
		graph := compile(t, g, next.Call(engine.Const(g, 1)))
		job := jobOf(graph, engine.RunOptions{})
		w.know(graph.Functions()...)
		exec, err := watcher.pool.Submit(t.Context(), job)
		require.NoError(t, err)
		w.succeed(exec, graph)
		f := &forgotten{run: job.Info.ID}
		w.process(nil, func(cfg *shared.Config, _ *worker.Config) {
			f.Backend = cfg.Backend
			cfg.Backend = f
		})
		time.Sleep(15 * time.Second)
		assert.EqualValues(t, 1, f.finished.Load())
		assert.EqualValues(t, 1, f.cleaned.Load())
	})
}

// A deadline is kept also of a run that a process has come to know of a moment ago.
func TestAShortDeadlineIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		p := w.process(nil, nil)
		time.Sleep(time.Second) // the next round of the reaper is in some seconds
		g := engine.NewBuilder()
		graph := compile(t, g, sleeper(time.Minute).Call(engine.Const(g, 1)))
		begun := time.Now()
		end, _ := w.await(w.submit(p, graph, engine.RunOptions{Deadline: 400 * time.Millisecond}))
		assert.Equal(t, record.Failed, end.Status)
		require.NotNil(t, end.First)
		assert.Equal(t, record.DeadlineError, end.First.Kind)
		assert.Less(t, time.Since(begun), 600*time.Millisecond)
	})
}
