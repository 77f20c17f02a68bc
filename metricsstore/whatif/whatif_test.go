package whatif_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/importer"
	"github.com/dagscope/dagscope/metricsstore/whatif"
)

// sleeping functions take about as long on any machine, however busy it is.
var (
	short = engine.Func1("short", func(_ context.Context, i int) (int, error) {
		time.Sleep(time.Duration(4+i%5) * time.Millisecond)
		return i, nil
	})
	long = engine.Func1("long", func(_ context.Context, i int) (int, error) {
		time.Sleep(time.Duration(9+i%7) * time.Millisecond)
		return i, nil
	})
	sum = engine.Func1("gather", func(_ context.Context, all []int) (int, error) { return len(all), nil })
)

// sleepers is many short tasks, each followed by a long one.
func sleepers() *engine.Workflow {
	return &engine.Workflow{
		Name: "sleepers", Description: "Sleeps.", Functions: engine.Functions(short, long, sum),
		Build: func(g *engine.Builder, _ engine.Args) (engine.AnyRef, error) {
			var all []engine.Ref[int]
			for i := range 48 {
				all = append(all, long.Call(short.Call(engine.Const(g, i))))
			}
			return sum.Call(engine.List(g, all...)), nil
		},
	}
}

// within fails unless got differs from want by at most a share of it.
func within(t testing.TB, want, got int64, share float64, what string) {
	t.Helper()
	assert.LessOrEqual(t, math.Abs(float64(got-want)), share*float64(want), "%s: %d, expected %d within %g", what, got, want, share)
}

// TestUnchanged: runs of the gallery of at least 100 ms are simulated within 5 % of what happened.
func TestUnchanged(t *testing.T) {
	w := newWorld(t, 2, sleepers())
	long := 0
	for _, c := range []struct {
		workflow string
		args     map[string]string
	}{
		{"fixed-times", nil},
		{"flaky", nil},
		{"predict", map[string]string{}},
		{"gemm-blocked", map[string]string{"size": "600", "block": "100"}},
		{"svd-tall", nil},
		{"tree-reduction", map[string]string{"n": "64", "work": "4ms", "sleep": "true"}},
		{"sleepers", nil},
	} {
		run := w.run(c.workflow, c.args)
		a := w.ask(run, whatif.Question{})
		assert.Equal(t, run.Counts.MakespanNS, a.Error.RealNS, c.workflow)
		assert.Equal(t, a.Error.SimulatedNS, a.MakespanNS, c.workflow)
		assert.Equal(t, a.MakespanNS, a.Path.TotalNS, "%s: the path covers the makespan", c.workflow)
		assert.Equal(t, a.N, len(a.Lanes.Node), c.workflow)
		if a.Error.RealNS < 100e6 {
			continue
		}
		long++
		assert.LessOrEqual(t, math.Abs(a.Error.Share), 0.05, "%s of %s", c.workflow, time.Duration(a.Error.RealNS))
		off := int64(math.Ceil(math.Abs(a.Error.Share) * float64(a.MakespanNS)))
		assert.Equal(t, [2]int64{a.MakespanNS - off, a.MakespanNS + off}, [2]int64{a.LowNS, a.HighNS})
	}
	assert.GreaterOrEqual(t, long, 3, "too few runs take 100 ms")
}

// TestSlots: what is predicted for 4 slots from a run with 2, and the other way round, is what then happens.
func TestSlots(t *testing.T) {
	two, four := newWorld(t, 2, sleepers()), newWorld(t, 4, sleepers())
	slow, fast := two.run("sleepers", nil), four.run("sleepers", nil)
	real := float64(fast.Counts.MakespanNS) / float64(slow.Counts.MakespanNS)
	require.Less(t, real, 0.7, "more slots make the run faster")
	a := two.ask(slow, whatif.Question{Slots: 4})
	assert.InEpsilon(t, real, a.Ratio, 0.1)
	assert.Equal(t, []whatif.WorkerSlots{{Slots: 4}}, a.Workers)
	assert.Equal(t, []whatif.WorkerSlots{{Slots: 2}}, a.Recorded)
	assert.Equal(t, 3, slices.Max(a.Lanes.Slot))
	back := four.ask(fast, whatif.Question{Slots: 2})
	assert.InEpsilon(t, 1/real, back.Ratio, 0.1)
}

// TestQuestions: each condition has the effect that can be worked out.
func TestQuestions(t *testing.T) {
	w := newWorld(t, 2, sleepers())
	run := w.run("sleepers", nil)
	as := w.ask(run, whatif.Question{})
	executing := map[string]int64{}
	for _, f := range as.Functions {
		executing[f.Function] = f.ExecuteNS
	}
	faster := w.ask(run, whatif.Question{Faster: map[string]float64{"long": 2}})
	within(t, as.MakespanNS-executing["long"]/4, faster.MakespanNS, 0.1, "long twice as fast on two slots")

	one := w.ask(run, whatif.Question{Slots: 1})
	within(t, 2*as.MakespanNS, one.MakespanNS, 0.1, "one slot")

	free := w.ask(run, whatif.Question{NoQueue: true})
	assert.Nil(t, free.Curve)
	assert.Zero(t, free.Path.QueueNS/int64(time.Millisecond))
	assert.Equal(t, 48, free.Workers[0].Slots)
	assert.Equal(t, as.Curve.LeastNS, free.MakespanNS)

	many := w.ask(run, whatif.Question{Workers: 3})
	assert.Equal(t, []whatif.WorkerSlots{{0, 2}, {1, 2}, {2, 2}}, many.Workers)
	within(t, as.MakespanNS/3, many.MakespanNS, 0.1, "three workers")

	require.Equal(t, "long", as.Functions[0].Function, "the function that takes the most time")
	within(t, int64(float64(executing["long"])*0.1/2), as.MakespanNS-as.Functions[0].MakespanNS, 0.35, "a tenth of long, on two slots")
	points := as.Curve.Points
	assert.Equal(t, whatif.Point{Slots: 1, MakespanNS: one.MakespanNS}, points[0])
	assert.Contains(t, points, whatif.Point{Slots: 2, MakespanNS: as.MakespanNS})
	assert.Greater(t, as.Curve.Knee, 8)
	assert.LessOrEqual(t, as.Curve.Knee, 48)
}

// TestRetries: a task that succeeds at the third attempt would have taken only that one.
func TestRetries(t *testing.T) {
	w := newWorld(t, 1)
	run := w.run("flaky", nil)
	require.Positive(t, run.Counts.Retried)
	as, without := w.ask(run, whatif.Question{}), w.ask(run, whatif.Question{WithoutRetries: true})
	assert.Positive(t, as.Path.RetriesNS)
	assert.Zero(t, without.Path.RetriesNS)
	assert.Less(t, without.MakespanNS, as.MakespanNS)
	assert.Len(t, without.Lanes.Node, as.N-int(run.Counts.Retried))
}

func TestRefusals(t *testing.T) {
	w := newWorld(t, 2, sleepers())
	run := w.run("sleepers", nil)
	for _, c := range []struct {
		q    whatif.Question
		want string
	}{
		{whatif.Question{Slots: -1}, "slots is -1, expected 1 to 4096"},
		{whatif.Question{Slots: 5000}, "slots is 5000, expected 1 to 4096"},
		{whatif.Question{Workers: 2000}, "workers is 2000, expected 1 to 1024"},
		{whatif.Question{Slots: 4096, Workers: 1024}, "expected at most 65536"},
		{whatif.Question{Bandwidth: -1}, "bandwidth is -1, expected how many times as fast"},
		{whatif.Question{Bandwidth: math.NaN()}, "bandwidth is NaN"},
		{whatif.Question{NoQueue: true, Slots: 2}, "expected no slots and workers with it"},
		{whatif.Question{Faster: map[string]float64{"blur": 2}}, `faster names the function "blur", expected one of gather, long, short`},
		{whatif.Question{Faster: map[string]float64{"long": 0}}, "faster is long=0, expected how many times as fast"},
	} {
		_, err := whatif.Ask(t.Context(), w.queries, run, c.q, whatif.Options{})
		require.ErrorIs(t, err, metricsstore.ErrInvalid)
		require.ErrorContains(t, err, c.want)
	}
	live := *run
	live.Status = "running"
	_, err := whatif.Ask(t.Context(), w.queries, &live, whatif.Question{}, whatif.Options{})
	require.ErrorContains(t, err, "is running, expected one that has ended")
}

func TestParseFaster(t *testing.T) {
	got, err := whatif.ParseFaster([]string{"blur=2", "a=b=0.5"})
	require.NoError(t, err)
	require.Equal(t, map[string]float64{"blur": 2, "a=b": 0.5}, got)
	for text, want := range map[string]string{
		"blur": "expected a function and how many", "=2": "expected a function", "blur=x": "expected a number from", "blur=0": "expected a number from",
	} {
		_, err := whatif.ParseFaster([]string{text})
		require.ErrorContains(t, err, want)
	}
	_, err = whatif.ParseFaster([]string{"blur=2", "blur=3"})
	require.ErrorContains(t, err, "twice, expected it once")
}

// TestRecordings: recordings of other tools with start times are simulated within 5 % of what they record.
func TestRecordings(t *testing.T) {
	w := newWorld(t, 1)
	archiver, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: w.store})
	require.NoError(t, err)
	i, err := importer.New(importer.Config{Store: w.store, Archiver: archiver})
	require.NoError(t, err)
	folders, err := os.ReadDir(droptest.Traces(t))
	require.NoError(t, err)
	asked, held := 0, 0
	for _, folder := range folders {
		if !folder.IsDir() {
			continue
		}
		drop := &importer.Drop{}
		require.NoError(t, drop.AddPath(filepath.Join(droptest.Traces(t), folder.Name())))
		results, err := i.Import(t.Context(), drop)
		require.NoError(t, drop.Close())
		require.NoError(t, err)
		for _, r := range results {
			if r.Err != nil {
				continue // not a recording
			}
			run := r.Run
			if run.Counts.Attempts == 0 || !run.Status.Final() || run.Info.Reconstructed != "" {
				continue
			}
			a := w.ask(&run, whatif.Question{})
			asked++
			assert.LessOrEqual(t, math.Abs(a.Error.Share), 0.05, "%s: %s", r.Path, run.Info.Workflow)
			assert.Equal(t, a.MakespanNS, a.Path.TotalNS, r.Path)
			assert.Equal(t, "recorded", a.Order)
			assert.NotEmpty(t, a.Notes)
			if len(a.Functions) == 0 {
				continue
			}
			same := w.ask(&run, whatif.Question{Faster: map[string]float64{a.Functions[0].Function: 1}})
			assert.Equal(t, []int64{a.MakespanNS, a.HighNS}, []int64{same.MakespanNS, same.HighNS}, r.Path)
			require.LessOrEqual(t, same.LowNS, a.LowNS, r.Path)
			if same.LowNS < a.LowNS { // what held up tasks may not do so again
				held++
				assert.Contains(t, strings.Join(same.Notes, " "), "not in the lower bound", r.Path)
			}
		}
	}
	assert.Greater(t, asked, 80)
	assert.Greater(t, held, 10)
}
