package shared_test

import (
	"context"
	"math/rand/v2"
	"sync"
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
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/engine/worker"
)

// A process that leaves hands over what it holds, and no work is lost.
func TestAProcessLeavesItsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lib := newLibrary(50 * time.Millisecond)
		w := newWorld(t)
		defer w.end()
		watcher := w.process(nil, idle)
		two := func(_ *shared.Config, pool *worker.Config) { pool.MaxSlots = 2 }
		p := w.process(nil, two)
		g := engine.NewBuilder()
		var parts []engine.Ref[int]
		for i := range 40 {
			parts = append(parts, lib.next.Call(lib.add.Call(lib.next.Call(engine.Const(g, i)), lib.next.Call(engine.Const(g, i+1)))))
		}
		graph := compile(t, g, engine.List(g, parts...))
		exec := w.submit(watcher, graph, engine.RunOptions{})
		time.Sleep(300 * time.Millisecond)
		p.stop()
		<-p.ended
		w.process(nil, two)
		begun := time.Now()
		w.succeed(exec, graph)
		assert.Less(t, time.Since(begun), 10*time.Second, "no process has to wait for a lease")
		steps := w.steps(exec)
		require.NoError(t, checkLog(graph, steps))
		stopped := 0
		for _, s := range steps {
			if s.Kind == record.WorkerStopped {
				stopped++
				assert.NotEqual(t, record.OutcomeLost, s.Outcome)
			}
			assert.NotEqual(t, record.OutcomeLost, s.Outcome)
		}
		assert.Equal(t, 1, stopped)
		_, records := w.saved(exec)
		last := map[int]record.WorkerRecord{}
		for _, r := range records {
			last[r.Worker] = r
		}
		require.Len(t, last, 2)
		assert.Equal(t, "p1", last[0].Name)
		assert.NotZero(t, last[0].Ended)
		assert.NotZero(t, last[1].Ended)
	})
}

// What a process has taken on while tasks were short is shared with others who have nothing when they turn out long.
func TestTakenOnWorkIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		watcher := w.process(nil, idle)
		for range 2 {
			w.process(nil, func(_ *shared.Config, pool *worker.Config) { pool.MaxSlots = 2 })
		}
		g := engine.NewBuilder()
		root, long := next.Call(next.Call(engine.Const(g, 1))), sleeper(time.Second)
		var parts []engine.Ref[int]
		for range 40 {
			parts = append(parts, long.Call(root))
		}
		graph := compile(t, g, engine.List(g, parts...))
		begun := time.Now()
		exec := w.submit(watcher, graph, engine.RunOptions{})
		w.await(exec)
		assert.Less(t, time.Since(begun), 13*time.Second, "ten would be best, twenty are what one process takes")
		w.succeed(exec, graph)
		require.NoError(t, checkLog(graph, w.steps(exec)))
	})
}

// A task that takes its workers down is given up.
func TestPoisonIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		watcher := w.process(nil, idle)
		var killers atomic.Int32
		deadly := engine.Func1("deadly", func(ctx context.Context, n int) (int, error) {
			killers.Add(1)
			<-ctx.Done()
			return 0, ctx.Err()
		})
		g := engine.NewBuilder()
		graph := compile(t, g, add.Call(deadly.Call(engine.Const(g, 1)), next.Call(engine.Const(g, 1))))
		exec := w.submit(watcher, graph, engine.RunOptions{})
		for range 12 {
			select {
			case <-exec.Done():
			default:
				p := w.process(nil, nil)
				time.Sleep(2 * time.Second)
				p.kill()
				time.Sleep(25 * time.Second)
			}
		}
		end, _ := w.await(exec)
		assert.Equal(t, record.Failed, end.Status)
		require.NotNil(t, end.First)
		assert.Equal(t, record.PoisonError, end.First.Kind)
		assert.Equal(t, "deadly", end.First.Task)
		assert.Contains(t, end.First.Message, "3 workers that ran it alone; the last time, its worker died")
		assert.NotEmpty(t, end.First.Worker)
		assert.NotZero(t, end.First.Time)
		assert.LessOrEqual(t, killers.Load(), int32(4))
		details, records := exec.TakeDetails()
		lost := 0
		for _, rec := range errorsOf(details) {
			if rec.Kind == record.WorkerLostError {
				lost++
				assert.Equal(t, "deadly", rec.Task)
				assert.NotEmpty(t, rec.Worker)
			}
		}
		assert.GreaterOrEqual(t, lost, 3)
		ended := 0
		for _, r := range records {
			if r.Ended != 0 {
				ended++
			}
		}
		assert.NotZero(t, ended, "lost workers have a last record")
		w.steps(exec)
	})
}

// What a worker that died has held is run alone, by a session that has nothing else; in a busy run the first one sees to
// it, so that suspects need not wait until all else is done.
func TestSuspectsDoNotWaitForTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		watcher := w.process(nil, idle)
		two := func(_ *shared.Config, pool *worker.Config) { pool.MaxSlots = 2 }
		p := w.process(nil, two)
		g := engine.NewBuilder()
		uneven := engine.Func1("uneven", func(_ context.Context, n int) (int, error) {
			time.Sleep(time.Duration(500+n*37%1000) * time.Millisecond) // so that lanes are never idle together
			return n, nil
		})
		var parts []engine.Ref[int]
		for i := range 400 {
			parts = append(parts, uneven.Call(engine.Const(g, i)))
		}
		graph := compile(t, g, engine.List(g, parts...))
		begun := time.Now()
		exec := w.submit(watcher, graph, engine.RunOptions{})
		time.Sleep(500 * time.Millisecond)
		p.kill()
		for range 3 {
			w.process(nil, two)
		}
		w.await(exec)
		took := time.Since(begun)
		require.NoError(t, checkLog(graph, w.steps(exec)))
		last, suspects := time.Duration(0), 0
		for _, s := range w.steps(exec) {
			if s.Kind == record.AttemptEnded && s.Outcome == record.OutcomeLost {
				suspects++
			}
			if s.Kind == record.AttemptEnded && s.Outcome == record.OutcomeOK && s.Attempt > 1 {
				last = max(last, time.Duration(s.Ended))
			}
		}
		assert.Equal(t, 2, suspects)
		assert.NotZero(t, last)
		assert.Less(t, last, 40*time.Second)
		assert.Less(t, took, 90*time.Second, "400 tasks on six lanes")
	})
}

// board remembers what it was shown.
type board struct {
	mu       sync.Mutex
	sessions []ledger.SessionID
	running  map[int]dag.NodeID
	closed   []uint32
}

func (b *board) Opened(_ record.RunID, s ledger.SessionID) uint32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sessions = append(b.sessions, s)
	return uint32(len(b.sessions))
}

func (b *board) Closed(handle uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = append(b.closed, handle)
}

func (b *board) Executing(slot int, _ uint32, node dag.NodeID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running[slot] = node
}

func (b *board) Idle(slot int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.running, slot)
}

// latest is the session that was opened last, "none" before the first.
func (b *board) latest() ledger.SessionID {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.sessions) == 0 {
		return "none"
	}
	return b.sessions[len(b.sessions)-1]
}

// shows lists what lanes execute.
func (b *board) shows() (session ledger.SessionID, nodes []dag.NodeID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range b.running {
		nodes = append(nodes, id)
	}
	return b.sessions[0], nodes
}

// A closed handle may be given to another session, so it must not be closed again. A run that is deleted meanwhile is
// dropped.
func TestASessionLeavesTheBoardOnce(t *testing.T) {
	for _, deleted := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.end()
			watcher := w.process(nil, idle)
			b := &board{running: map[int]dag.NodeID{}}
			p := w.process(nil, func(cfg *shared.Config, _ *worker.Config) { cfg.Board = b })
			graph := newLibrary(20*time.Second).graph(t, rand.New(rand.NewPCG(3, 17)), 40)
			job := jobOf(graph, engine.RunOptions{})
			w.know(graph.Functions()...)
			exec, err := watcher.pool.Submit(t.Context(), job)
			require.NoError(t, err)
			time.Sleep(time.Second)
			p.backend.Cut()
			w.process(nil, nil)
			w.succeed(exec, graph)
			time.Sleep(time.Minute)
			if deleted {
				require.NoError(t, watcher.backend.Delete(t.Context(), job.Info.ID))
			}
			p.backend.Heal()
			time.Sleep(time.Minute)
			assert.Equal(t, []uint32{1}, b.closed, "deleted: %t", deleted)
			before := p.backend.Costs().Commands
			time.Sleep(time.Minute)
			assert.Less(t, p.backend.Costs().Commands-before, uint64(60), "deleted: %t; nothing is left to do", deleted)
		})
	}
}

// A supervisor that sees a process die need not wait for its lease.
func TestASessionIsReapedByItsSupervisor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		watcher := w.process(nil, idle)
		b := &board{running: map[int]dag.NodeID{}}
		p := w.process(nil, func(cfg *shared.Config, _ *worker.Config) { cfg.Board = b })
		var calls atomic.Int32
		once := engine.Func1("once", func(ctx context.Context, n int) (int, error) {
			if calls.Add(1) == 1 {
				<-ctx.Done()
				return 0, ctx.Err()
			}
			return n, nil
		})
		g := engine.NewBuilder()
		graph := compile(t, g, once.Call(next.Call(engine.Const(g, 1))))
		job := jobOf(graph, engine.RunOptions{})
		w.know(graph.Functions()...)
		exec, err := watcher.pool.Submit(t.Context(), job)
		require.NoError(t, err)
		time.Sleep(time.Second)
		session, running := b.shows()
		require.Equal(t, []dag.NodeID{1}, running)
		p.backend.Cut()
		w.process(nil, nil)
		died := record.ErrorRecord{Kind: record.WorkerLostError, Message: "killed", Signal: "SIGKILL", Worker: "p1"}
		begun := time.Now()
		require.NoError(t, watcher.store.ReapSession(t.Context(), job.Info.ID, session, running, died))
		end, value := w.await(exec)
		assert.Equal(t, record.Succeeded, end.Status)
		assert.Equal(t, 2, value)
		assert.Less(t, time.Since(begun), time.Second)
		time.Sleep(time.Second)
		details, _ := exec.TakeDetails()
		require.Len(t, errorsOf(details), 1)
		rec := errorsOf(details)[0]
		assert.Equal(t, "SIGKILL", rec.Signal)
		assert.Equal(t, "once", rec.Task)
		require.NoError(t, checkLog(graph, w.steps(exec)))
		require.NoError(t, watcher.store.ReapSession(t.Context(), "no-such-run", "x", nil, died))
		p.stop()
	})
}

// What failed is tried again by the next revision, and what is OK stays.
func TestARetryContinuesWithWhatIsLeft(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world, watcher *process) {
		var calls, broken atomic.Int32
		broken.Store(1)
		counted := engine.Func1("counted", func(_ context.Context, n int) (int, error) { calls.Add(1); return n + 1, nil })
		mended := engine.Func1("mended", func(_ context.Context, n int) (int, error) {
			if broken.Load() > 0 {
				return 0, engine.NoRetry(errBroken)
			}
			return n, nil
		})
		g := engine.NewBuilder()
		list := engine.FanOut(g, engine.Const(g, []int{1, 2, 3}), func(e engine.Ref[int]) engine.Ref[int] { return counted.Call(e) })
		sum := engine.Func1("sum", func(_ context.Context, v []int) (int, error) { return v[0] + v[1] + v[2], nil })
		graph := compile(t, g, next.Call(mended.Call(sum.Call(list))))
		job := jobOf(graph, engine.RunOptions{})
		w.know(graph.Functions()...)
		exec, err := watcher.pool.Submit(t.Context(), job)
		require.NoError(t, err)
		end, _ := w.await(exec)
		require.Equal(t, record.Failed, end.Status)
		first := w.steps(exec)
		time.Sleep(time.Second)

		broken.Store(0)
		again, revised, err := watcher.store.Retry(t.Context(), job.Info.ID)
		require.NoError(t, err)
		assert.Equal(t, 1, again.Info.Revision)
		end, value := w.await(revised)
		require.Equal(t, record.Succeeded, end.Status, "%+v", end.First)
		assert.Equal(t, 10, value)
		assert.Equal(t, int32(3), calls.Load(), "what is OK is not repeated")
		whole := w.steps(revised)
		assert.Equal(t, first, whole[:len(first)])
		assert.Equal(t, record.RunStarted, whole[len(first)].Kind)
		assert.GreaterOrEqual(t, whole[len(first)].Ended, first[len(first)-1].Ended+int64(time.Second), "when it continued, not when the run began")
		assert.Equal(t, record.RunFinished, whole[len(whole)-1].Kind)
		assert.Equal(t, first, w.steps(exec), "the first revision's log ends where it ended")
		_, _, err = watcher.store.Retry(t.Context(), job.Info.ID)
		assert.Error(t, err, "it has succeeded")
		_, _, err = watcher.store.Retry(t.Context(), "no-such-run")
		assert.ErrorIs(t, err, engine.ErrUnknownRun)
	})
}

// Other processes find runs under way and runs that have ended, with the same log and end.
func TestRunsAreFound(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world, watcher *process) {
		lib := newLibrary(100 * time.Millisecond)
		g := engine.NewBuilder()
		graph := compile(t, g, engine.FanOut(g, lib.upto.Call(engine.Const(g, 3)), lib.next.Call))
		w.know(graph.Functions()...)
		submit := func() (record.RunID, execution.Execution) {
			job := jobOf(graph, engine.RunOptions{})
			exec, err := watcher.pool.Submit(t.Context(), job)
			require.NoError(t, err)
			return job.Info.ID, exec
		}
		execs := map[record.RunID]execution.Execution{}
		earlyID, early := submit()
		w.succeed(early, graph)
		execs[earlyID] = early

		finder := w.process(nil, idle)
		type finding struct {
			id   record.RunID
			exec execution.Execution
		}
		found := make(chan finding, 8)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- finder.store.Find(ctx, func(job execution.Job, exec execution.Execution) {
				assert.Equal(t, "test", job.Info.Workflow)
				found <- finding{job.Info.ID, exec}
			})
		}()
		lateID, late := submit()
		execs[lateID] = late
		for range execs {
			f := <-found
			other, exec := f.exec, execs[f.id]
			end, _ := w.await(other)
			own, _ := w.await(exec)
			assert.Equal(t, own, end)
			assert.Equal(t, w.steps(exec), w.steps(other))
			assert.Equal(t, exec.Progress(), other.Progress())
		}
		time.Sleep(20 * time.Second)
		assert.Empty(t, found, "each is found once")
		stop()
		assert.ErrorIs(t, <-ended, context.Canceled)
	})
}

// A result that is too large to travel with the end of its run is fetched when it is asked for.
func TestALargeResultIsFetched(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world, watcher *process) {
		g := engine.NewBuilder()
		sizes := engine.Func1("sizes", func(_ context.Context, n int) ([]int, error) { return []int{n, n + 1}, nil })
		graph := compile(t, g, engine.FanOut(g, sizes.Call(engine.Const(g, 1<<20)), func(e engine.Ref[int]) engine.Ref[[]byte] {
			return blob.Call(e)
		}))
		job := jobOf(graph, engine.RunOptions{})
		w.know(graph.Functions()...)
		exec, err := watcher.pool.Submit(t.Context(), job)
		require.NoError(t, err)
		end, value := w.await(exec)
		assert.Nil(t, end.Result)
		assert.Equal(t, "[][]uint8", end.ResultType)
		require.Len(t, value, 2)
		assert.Len(t, value.([][]byte)[1], 1<<20+1)
	})
}
