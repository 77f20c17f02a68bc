package predict_test

import (
	"context"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	statememory "github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/engine/workflows"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
	"github.com/dagscope/dagscope/metricsstore/predict"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an engine of two lanes, and a store in memory with what it has executed.
type world struct {
	t       testing.TB
	store   metricsstore.Store
	queries *metricsstore.Queries
	engine  *engine.Engine
}

func newWorld(t testing.TB, own ...*engine.Workflow) *world {
	t.Helper()
	w := &world{t: t, store: memory.New()}
	var err error
	w.queries, err = metricsstore.NewQueries(w.store)
	require.NoError(t, err)
	recorder, err := metricsstore.NewRecorder(metricsstore.Config{Store: w.store, FlushAfter: time.Millisecond})
	require.NoError(t, err)
	pool, err := worker.New(worker.Config{State: statememory.New(), Width: 2, MaxSlots: 2, Name: "test"})
	require.NoError(t, err)
	w.engine, err = engine.New(engine.Config{Executor: pool, Workflows: append(workflows.All(), own...), Recorder: recorder, Remember: time.Hour})
	require.NoError(t, err)
	working, stop := context.WithCancel(context.Background())
	recording, end := context.WithCancel(context.Background())
	var parts, recorded sync.WaitGroup
	parts.Go(func() { _ = w.engine.Run(working) })
	recorded.Go(func() { _ = recorder.Run(recording) })
	t.Cleanup(func() {
		stop()
		parts.Wait()
		end()
		recorded.Wait()
	})
	return w
}

func (w *world) submit(workflow string, set map[string]string) (*engine.Run, engine.Args) {
	w.t.Helper()
	kind, err := w.engine.Workflow(workflow)
	require.NoError(w.t, err)
	args, err := kind.Arguments(set, nil)
	require.NoError(w.t, err)
	run, err := w.engine.SubmitWorkflow(w.t.Context(), workflow, args, engine.RunOptions{})
	require.NoError(w.t, err)
	return run, args
}

// run executes a workflow and returns it once it is archived.
func (w *world) run(workflow string, set map[string]string) *metricsstore.Run {
	w.t.Helper()
	run, _ := w.submit(workflow, set)
	require.NoError(w.t, run.Wait(w.t.Context()))
	require.NoError(w.t, run.WaitRecorded(w.t.Context()))
	for {
		changed := w.store.Changed(run.ID())
		kept, err := w.store.Run(w.t.Context(), run.ID())
		require.NoError(w.t, err)
		if kept.Status.Final() && kept.ArchivedSeq > 0 {
			return &kept
		}
		<-changed
	}
}

// launch predicts a run that would be launched now.
func (w *world) launch(workflow string, set map[string]string) *predict.Prediction {
	w.t.Helper()
	kind, err := w.engine.Workflow(workflow)
	require.NoError(w.t, err)
	args, err := kind.Arguments(set, nil)
	require.NoError(w.t, err)
	planned, err := predict.NewPlan(kind, args, time.Now())
	require.NoError(w.t, err)
	runs, err := predict.RunsBefore(w.t.Context(), w.queries, &planned.Run)
	require.NoError(w.t, err)
	a, err := predict.Launch(w.t.Context(), w.queries, planned, runs)
	require.NoError(w.t, err)
	return a
}

// TestNext: after 20 runs of a built-in workflow that sleeps, the 21st takes about as long as predicted.
func TestNext(t *testing.T) {
	w := newWorld(t)
	set := map[string]string{"n": "32", "work": "8ms", "sleep": "true"}
	for range 20 {
		w.run("tree-reduction", set)
	}
	a := w.launch("tree-reduction", set)
	require.Empty(t, a.Missing)
	assert.Equal(t, metricsstore.SamePeers, a.Peers)
	assert.Equal(t, [3]int{20, 20, predict.MinRuns}, [3]int{a.Runs, a.RunsLike, a.MinRuns})
	assert.Equal(t, 31, a.Tasks)
	assert.Equal(t, 15, a.Calibration.Runs)
	assert.LessOrEqual(t, a.Makespan.P10NS, a.Makespan.P50NS)
	assert.LessOrEqual(t, a.Makespan.P50NS, a.Makespan.P90NS)

	assert.Equal(t, a, w.launch("tree-reduction", set), "equal histories have equal answers")

	larger := w.launch("tree-reduction", map[string]string{"n": "64", "work": "8ms", "sleep": "true"})
	assert.Equal(t, metricsstore.WorkflowPeers, larger.Peers)
	assert.Equal(t, predict.MethodUncorrected, larger.Method)
	assert.GreaterOrEqual(t, larger.Makespan.P50NS, int64(63/2*8*time.Millisecond), "63 tasks on two slots")
	assert.Zero(t, larger.Calibration.Runs)

	// The machine may be busy during one run and idle during another.
	for attempt := 1; ; attempt++ {
		a, next := w.launch("tree-reduction", set), w.run("tree-reduction", set).MakespanNS()
		t.Logf("predicted %s to %s, median %s; it took %s; %d of %d earlier runs within p90", time.Duration(a.Makespan.P10NS), time.Duration(a.Makespan.P90NS),
			time.Duration(a.Makespan.P50NS), time.Duration(next), a.Calibration.WithinP90, a.Calibration.Runs)
		if off := float64(next)/float64(a.Makespan.P50NS) - 1; math.Abs(off) <= 0.3 {
			return
		}
		require.Less(t, attempt, 10, "no run took as long as predicted")
	}
}

// TestTimes: execution times come with the number of samples by function and size of inputs.
func TestTimes(t *testing.T) {
	w := newWorld(t)
	set := map[string]string{"n": "16", "work": "1ms", "sleep": "true"}
	for n := range predict.MinRuns {
		a := w.launch("tree-reduction", set)
		assert.Nil(t, a.Makespan)
		assert.Contains(t, a.Missing, "not enough runs: ")
		assert.Equal(t, n, a.RunsLike)
		w.run("tree-reduction", set)
	}
	a := w.launch("tree-reduction", set)
	require.NotNil(t, a.Makespan)
	n := uint64(0)
	for _, f := range a.Functions {
		n += f.N
		assert.Equal(t, f.N >= predict.MinSamples, f.Time != nil)
		if f.Time != nil {
			assert.GreaterOrEqual(t, f.Time.P10NS, int64(time.Millisecond), f.Function)
		}
	}
	assert.Equal(t, uint64(predict.MinRuns*15), n)
}

var (
	numbers = engine.Func1("numbers", func(_ context.Context, n int) ([]int, error) { return make([]int, n), nil })
	nap     = engine.Func1("nap", func(_ context.Context, n int) (int, error) {
		time.Sleep(4 * time.Millisecond)
		return n, nil
	})
	total = engine.Func1("total", func(_ context.Context, all []int) (int, error) { return len(all), nil })
	gates = make(chan chan struct{}, 1) // has what the next task of held waits for
	held  = engine.Func1("held", func(ctx context.Context, n int) (int, error) {
		select {
		case gate := <-gates:
			<-gate
		default:
		}
		time.Sleep(4 * time.Millisecond)
		return n, ctx.Err()
	})
)

// naps has a fan-out, whose width is only known once the run has begun, and then a task that can be held up.
func naps() *engine.Workflow {
	return &engine.Workflow{
		Name: "naps", Description: "Sleeps.", Functions: engine.Functions(numbers, nap, total, held),
		Build: func(g *engine.Builder, _ engine.Args) (engine.AnyRef, error) {
			return held.Call(total.Call(engine.FanOut(g, numbers.Call(engine.Const(g, 10)), nap.Call))), nil
		},
	}
}

// TestFanOut: a fan-out is as wide as it was in earlier runs.
func TestFanOut(t *testing.T) {
	w := newWorld(t, naps())
	for range predict.MinRuns {
		w.run("naps", nil)
	}
	a := w.launch("naps", nil)
	require.NotNil(t, a.Makespan)
	assert.Equal(t, 13, a.Tasks)
	assert.GreaterOrEqual(t, a.Makespan.P90NS, int64(5*4*time.Millisecond), "ten naps on two slots")
	assert.Contains(t, a.Notes[1], "Fan-outs are taken to be as wide as they were")
}

// end predicts the end of a run at a moment.
func (w *world) end(run *metricsstore.Run, at time.Time) *predict.EndPrediction {
	w.t.Helper()
	runs, err := predict.RunsBefore(w.t.Context(), w.queries, run)
	require.NoError(w.t, err)
	f, err := predict.Follow(w.t.Context(), w.queries, run, runs.Like)
	require.NoError(w.t, err)
	l, err := f.End(w.t.Context(), w.queries, run, at)
	require.NoError(w.t, err)
	return l
}

// TestUnderWay: the end of a run that is under way comes from what it has done and from how long what it does has taken.
func TestUnderWay(t *testing.T) {
	w := newWorld(t, naps())
	for range predict.MinRuns {
		w.run("naps", nil)
	}
	gate := make(chan struct{})
	gates <- gate
	live, _ := w.submit("naps", nil)
	var l *predict.EndPrediction
	var run metricsstore.Run
	for l == nil || l.Running == 0 || l.Done < 12 {
		changed := w.store.Changed(live.ID())
		var err error
		run, err = w.store.Run(t.Context(), live.ID())
		require.NoError(t, err)
		l = w.end(&run, time.Now())
		require.Empty(t, l.Missing)
		assert.Equal(t, predict.MinRuns, l.Runs)
		assert.LessOrEqual(t, l.AsOfNS, l.End.P10NS)
		if l.Running == 0 || l.Done < 12 {
			<-changed
		}
	}
	// The task has taken longer than it ever did, so it takes longer still.
	late := w.end(&run, run.Info.StartedAt.Add(time.Minute))
	assert.Equal(t, int64(time.Minute), late.AsOfNS)
	assert.Greater(t, late.End.P90NS, int64(time.Minute))

	few, err := predict.Follow(t.Context(), w.queries, &run, nil)
	require.NoError(t, err)
	l, err = few.End(t.Context(), w.queries, &run, time.Now())
	require.NoError(t, err)
	assert.Nil(t, l.End)
	assert.Equal(t, "not enough runs: 0 with these parameters succeeded, expected at least 5", l.Missing)

	close(gate)
	require.NoError(t, live.Wait(t.Context()))
	run.Status = record.Succeeded
	_, err = few.End(t.Context(), w.queries, &run, time.Now())
	require.ErrorIs(t, err, metricsstore.ErrInvalid)
}

// BenchmarkLaunch predicts runs of 10,000 tasks from 20 of them.
func BenchmarkLaunch(b *testing.B) {
	w := newWorld(b)
	set := map[string]string{"n": "10000"}
	for range 20 {
		w.run("tree-reduction", set)
	}
	for b.Loop() {
		a := w.launch("tree-reduction", set)
		require.NotNil(b, a.Makespan)
		b.ReportMetric(float64(a.Simulated), "simulations")
	}
}
