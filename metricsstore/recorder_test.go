package metricsstore_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// running runs a recorder while f works, on a clock that only moves when everything waits.
func running(t *testing.T, cfg metricsstore.Config, f func(t *testing.T, r *metricsstore.Recorder)) {
	synctest.Test(t, func(t *testing.T) {
		r := recorder(t, cfg)
		ctx, stop := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { assert.NoError(t, r.Run(ctx)) })
		f(t, r)
		stop()
		group.Wait()
	})
}

func details(from, n int) []record.Detail {
	var out []record.Detail
	for i := range n {
		out = append(out, record.Detail{
			Node: dag.NodeID(from + i), Attempt: 1, Inputs: []record.InputDetail{{From: 1, Source: "local", Bytes: 8}},
		})
	}
	return out
}

// TestStrategies: each strategy makes exactly the calls that its name promises.
func TestStrategies(t *testing.T) {
	together := func(r *metricsstore.Recorder, from, n int) { r.Details("r", details(from, n), nil) }
	singly := func(r *metricsstore.Recorder, from, n int) {
		for i := range n {
			together(r, from+i, 1)
		}
	}
	for _, c := range []struct {
		strategy string
		deliver  func(r *metricsstore.Recorder, from, n int)
		live     []string // batches during the run
		end      []string // batches at its end
	}{
		{"after_each_task", singly, slices.Repeat([]string{"1 details"}, 10), nil},
		{"after_each_task", together, []string{"5 details", "2 details", "2 details", "1 details"}, nil},
		{"periodic=2s", singly, []string{"7 details", "2 details"}, []string{"1 details"}},
		{"periodic=500ms", singly, []string{"5 details", "2 details", "2 details"}, []string{"1 details"}},
		{"queue=4", singly, []string{"4 details", "4 details"}, []string{"2 details"}},
		{"queue=5", singly, []string{"5 details", "5 details"}, nil},
		{"shutdown", singly, nil, []string{"10 details"}},
	} {
		t.Run(c.strategy, func(t *testing.T) {
			s := newWatched()
			running(t, metricsstore.Config{Store: s}, func(t *testing.T, r *metricsstore.Recorder) {
				i := info("r")
				i.Upload = c.strategy
				require.NoError(t, r.Begin(i, nested(t, 2)))
				c.deliver(r, 0, 5) // at 0 s
				time.Sleep(time.Second)
				c.deliver(r, 5, 2) // at 1 s
				time.Sleep(1500 * time.Millisecond)
				c.deliver(r, 7, 2) // at 2.5 s
				time.Sleep(2400 * time.Millisecond)
				c.deliver(r, 9, 1) // at 4.9 s
				synctest.Wait()
				assert.Equal(t, c.live, s.taken())
				require.NoError(t, r.End("r", succeeded()))
				assert.Equal(t, c.end, s.taken())
			})
			got := mustRun(t, s, "r")
			assert.Equal(t, 10, got.Details)
			assert.Equal(t, int64(10), got.Upload.DetailsKept)
			assert.Equal(t, c.strategy, got.Upload.Strategy)
		})
	}
}

func TestDetailsAreFlushedBeforeStopping(t *testing.T) {
	s := newWatched()
	synctest.Test(t, func(t *testing.T) {
		r := recorder(t, metricsstore.Config{Store: s})
		ctx, stop := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { assert.NoError(t, r.Run(ctx)) })
		i := info("r")
		i.Upload = "shutdown"
		g, steps := simulated(t, 1, 2)
		require.NoError(t, r.Begin(i, g))
		r.Steps("r", steps[:3])
		r.Details("r", details(0, 3), []record.WorkerRecord{{Worker: 1}})
		stop()
		group.Wait()
	})
	assert.Equal(t, []string{"1-3", "3 details 1 workers"}, s.taken())
}

// TestStepsWaitAtMost: whatever the strategy, steps go out by time or when a block is full.
func TestStepsWaitAtMost(t *testing.T) {
	s := newWatched()
	g, steps := simulated(t, 1, 100)
	running(t, metricsstore.Config{Store: s, BlockSteps: 50}, func(t *testing.T, r *metricsstore.Recorder) {
		require.NoError(t, r.Begin(info("r"), g))
		time.Sleep(time.Minute)
		start := time.Now()
		r.Steps("r", steps[:1])
		time.Sleep(30 * time.Millisecond)
		r.Steps("r", steps[1:3])
		synctest.Wait()
		assert.Empty(t, s.taken())
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		assert.Equal(t, []string{"1-3"}, s.taken())
		assert.Equal(t, 40*time.Millisecond, s.at[0].Sub(start))

		r.Steps("r", steps[3:120])
		synctest.Wait()
		assert.Equal(t, []string{"4-53 54-103 104-120"}, s.taken(), "full blocks go at once")
		time.Sleep(time.Hour)
		assert.Empty(t, s.taken(), "nothing waits, nothing is called")
	})
}

func TestEndArchives(t *testing.T) {
	g, steps := simulated(t, 7, 300)
	s := memory.New()
	r := recorder(t, metricsstore.Config{Store: s})
	require.NoError(t, r.Begin(info("r"), g))
	r.Steps("r", steps)
	r.Details("r", details(0, 5), []record.WorkerRecord{{Worker: 0, Name: "a"}, {Worker: 0, Name: "a", Ended: 9}})
	up, ok := r.Upload("r")
	assert.True(t, ok)
	assert.Equal(t, int64(len(steps)), up.Steps)
	end := succeeded()
	end.Status, end.ResultText = record.Failed, strings.Repeat("ü", 3000)
	end.First = &record.ErrorRecord{Kind: record.UserError, Message: strings.Repeat("m", 5000), Stack: "long"}
	require.NoError(t, r.End("r", end))

	got := mustRun(t, s, "r")
	fold := metricsstore.NewFold(g)
	require.NoError(t, fold.Steps(steps))
	assert.Equal(t, fold.Counts(), got.Counts)
	assert.Equal(t, record.Failed, got.Status)
	assert.Equal(t, uint64(len(steps)), got.ArchivedSeq)
	assert.Equal(t, uint64(len(steps)), got.LastSeq)
	assert.Equal(t, 1, got.Rollup)
	assert.False(t, got.Upload.Partial())
	assert.Equal(t, strings.Repeat("ü", 510)+"…", got.ResultText, "cut between characters, and marked")
	assert.Len(t, got.Error.Message, 1024)
	assert.Empty(t, got.Error.Stack)
	whole, err := s.Attachment(t.Context(), "r", metricsstore.AttachEnd)
	require.NoError(t, err)
	assert.Contains(t, string(whole), strings.Repeat("m", 5000))
	require.NoError(t, s.Acquire(t.Context(), "r", metricsstore.Lease{Owner: "x"}, time.Now()), "the lease is given back")
	_, ok = r.Upload("r")
	assert.False(t, ok)
	require.ErrorIs(t, r.End("r", end), metricsstore.ErrNotFound)

	want := map[string][]byte{}
	for _, d := range fold.Digests() {
		b, err := d.Sketch.MarshalBinary()
		require.NoError(t, err)
		want[fmt.Sprintf("%s/%d/%s/%d", d.Function, d.Version, d.Metric, metricsstore.DayOf(began()))] = b
	}
	assert.Equal(t, want, rollups(t, s))
}

func TestSmallBlocksAreRepacked(t *testing.T) {
	g, steps := simulated(t, 7, 600)
	s := newWatched()
	running(t, metricsstore.Config{Store: s}, func(t *testing.T, r *metricsstore.Recorder) {
		require.NoError(t, r.Begin(info("r"), g))
		for part := range slices.Chunk(steps, 10) {
			r.Steps("r", part)
			time.Sleep(time.Second)
		}
		require.NoError(t, r.End("r", succeeded()))
	})
	require.Greater(t, len(s.taken()), 50)
	blocks, err := s.Log(t.Context(), "r", 0, 0)
	require.NoError(t, err)
	assert.Len(t, blocks, 1)
	assert.Equal(t, steps, allSteps(t, s, "r"))
}

// TestImportedRunsMakeHistory of what was measured, and of nothing that their schedule was made up from.
func TestImportedRunsMakeHistory(t *testing.T) {
	g, steps := simulated(t, 7, 30)
	s, i := memory.New(), info("r")
	i.Reconstructed = "from critical path"
	recordRun(t, s, i, g, steps, 512)
	recordRun(t, s, info("own"), g, steps, 512)
	metrics := map[record.RunID]map[metricsstore.Metric]bool{"r": {}, "own": {}}
	rows, err := s.Rollups(t.Context(), metricsstore.RollupQuery{})
	require.NoError(t, err)
	for _, row := range rows {
		metrics[row.Run][row.Metric] = true
	}
	assert.Equal(t, map[metricsstore.Metric]bool{
		metricsstore.ExecuteNS: true, metricsstore.OutputBytes: true, metricsstore.OutputRate: true,
	}, metrics["r"])
	own := map[metricsstore.Metric]bool{}
	for _, m := range metricsstore.Metrics() {
		own[m] = true
	}
	for _, m := range []metricsstore.Metric{
		metricsstore.CPUNS, metricsstore.MemoryBytes, metricsstore.ReadBytes, metricsstore.WrittenBytes,
	} {
		delete(own, m) // only recordings have these
	}
	assert.Equal(t, own, metrics["own"])

	q, err := metricsstore.NewQueries(s)
	require.NoError(t, err)
	for metric, want := range map[metricsstore.Metric][]metricsstore.LeftOut{
		metricsstore.ExecuteNS:   {},
		metricsstore.OutputBytes: {},
		metricsstore.QueueNS:     {{Reason: metricsstore.NotMeasured, Runs: 1}},
		metricsstore.StoredBytes: {{Reason: metricsstore.NotMeasured, Runs: 1}},
	} {
		left, err := q.LeftOut(t.Context(), metricsstore.HistoryQuery{Metric: metric})
		require.NoError(t, err)
		assert.Equal(t, want, left, metric)
		found, err := q.History(t.Context(), metricsstore.HistoryQuery{Metric: metric})
		require.NoError(t, err)
		assert.Equal(t, 2-len(want), found.Buckets[0].Runs, metric)
	}
}

// TestQueuesOfImports: where a recording has when tasks could start, its queues are part of the history.
func TestQueuesOfImports(t *testing.T) {
	g, steps := simulated(t, 7, 30)
	s := memory.New()
	for id, isQueued := range map[record.RunID]bool{"queued": true, "other": false} {
		i := info(id)
		i.Origin = &record.Origin{Format: "Slurm", Queued: isQueued}
		recordRun(t, s, i, g, steps, 512)
	}
	q, err := metricsstore.NewQueries(s)
	require.NoError(t, err)
	for metric, want := range map[metricsstore.Metric]int{metricsstore.QueueNS: 1, metricsstore.FetchNS: 2, metricsstore.ExecuteNS: 0} {
		left, err := q.LeftOut(t.Context(), metricsstore.HistoryQuery{Metric: metric})
		require.NoError(t, err)
		got := 0
		for _, l := range left {
			require.Equal(t, metricsstore.NotMeasured, l.Reason)
			got += l.Runs
		}
		assert.Equal(t, want, got, metric)
	}
}

// TestImportsOfBeforeMakeHistory: a sweep sums up, once, what a program has not that left imported runs out.
func TestImportsOfBeforeMakeHistory(t *testing.T) {
	g, steps := simulated(t, 7, 30)
	s, i := memory.New(), info("r")
	i.Reconstructed = "from critical path"
	recordRun(t, s, i, g, steps, 512)
	want := rollups(t, s)
	h := mustRun(t, s, "r").Header
	h.Rollup, h.RollupFormat = h.Rollup+1, 0
	now := time.Now()
	require.NoError(t, s.Acquire(t.Context(), "r", metricsstore.Lease{Owner: "old", Until: now.Add(time.Second)}, now))
	require.NoError(t, s.Archive(t.Context(), "r", metricsstore.Archive{Owner: "old", Header: h}))
	require.NoError(t, s.Release(t.Context(), "r", "old"))
	require.Empty(t, rollups(t, s))

	done, err := archiver(t, s).Sweep(t.Context(), time.Time{})
	require.NoError(t, err)
	assert.Equal(t, []record.RunID{"r"}, done)
	assert.Equal(t, want, rollups(t, s))
	done, err = archiver(t, s).Sweep(t.Context(), time.Time{})
	require.NoError(t, err)
	assert.Empty(t, done)
}

func TestSeveralRunsAtOnce(t *testing.T) {
	s := memory.New()
	r := recorder(t, metricsstore.Config{Store: s, FlushAfter: time.Millisecond})
	ctx, stop := context.WithCancel(t.Context())
	var recorderGroup, runs sync.WaitGroup
	recorderGroup.Go(func() { assert.NoError(t, r.Run(ctx)) })
	for n := range 6 {
		runs.Go(func() {
			i := info(record.RunID(fmt.Sprintf("r%d", n)))
			i.Upload = []string{"after_each_task", "queue=3", "periodic=10ms"}[n%3]
			g, steps := simulated(t, uint64(n), 50*n)
			assert.NoError(t, r.Begin(i, g))
			for part := range slices.Chunk(steps, 17) {
				r.Steps(i.ID, part)
				r.Details(i.ID, details(int(part[0].Seq), len(part)), nil)
			}
			assert.NoError(t, r.End(i.ID, succeeded()))
			assert.Equal(t, steps, allSteps(t, s, i.ID))
		})
	}
	runs.Wait()
	stop()
	recorderGroup.Wait()
	require.NoError(t, s.Check(t.Context()))
}

func TestBeginRefuses(t *testing.T) {
	s := memory.New()
	r := recorder(t, metricsstore.Config{Store: s})
	g := nested(t, 1)
	i := info("r")
	i.Upload = "sometimes"
	require.ErrorIs(t, r.Begin(i, g), metricsstore.ErrInvalid)
	i.Upload = ""
	require.NoError(t, r.Begin(i, g))
	require.ErrorIs(t, r.Begin(i, g), metricsstore.ErrExists, "twice")
	i.Workflow = "other"
	require.ErrorIs(t, r.Begin(i, g), metricsstore.ErrExists)
	other := recorder(t, metricsstore.Config{Store: s})
	require.ErrorIs(t, other.Begin(info("r"), g), metricsstore.ErrLease, "a run that is being recorded elsewhere")
	_, err := metricsstore.NewRecorder(metricsstore.Config{})
	require.ErrorIs(t, err, metricsstore.ErrInvalid)
	_, err = metricsstore.NewRecorder(metricsstore.Config{Store: s, BlockSteps: 1 << 20})
	require.ErrorIs(t, err, metricsstore.ErrInvalid)
}

// TestRevision: the log of a retried run is continued, and its roll-ups cover all of it.
func TestRevision(t *testing.T) {
	g, steps := simulated(t, 3, 100)
	s := memory.New()
	half := len(steps) / 2
	recordRun(t, s, info("r"), g, steps[:half], 64)
	first := rollups(t, s)

	r, i := recorder(t, metricsstore.Config{Store: s}), info("r")
	i.Revision = 1
	require.NoError(t, r.Begin(i, g))
	r.Steps("r", steps[half:])
	require.NoError(t, r.End("r", succeeded()))
	got := mustRun(t, s, "r")
	assert.Equal(t, 2, got.Rollup)
	assert.Equal(t, int64(len(steps)), got.Upload.StepsKept)

	whole := memory.New()
	recordRun(t, whole, info("r"), g, steps, 512)
	assert.Equal(t, rollups(t, whole), rollups(t, s))
	assert.NotEqual(t, first, rollups(t, s))
	assert.Equal(t, mustRun(t, whole, "r").Counts, got.Counts)
}

// allSteps reads the log of a run.
func allSteps(t testing.TB, s metricsstore.Store, id record.RunID) []record.Step {
	t.Helper()
	u, err := metricsstore.NewUnpacker()
	require.NoError(t, err)
	var out []record.Step
	for log := metricsstore.NewLogReader(s, u, id, 0); ; {
		steps, err := log.Next(t.Context())
		if err != nil {
			require.ErrorContains(t, err, "EOF")
			return out
		}
		for _, step := range steps {
			step.Readied = slices.Clone(step.Readied)
			out = append(out, step)
		}
	}
}

// BenchmarkRecorder is the whole way of a step: copied, folded, packed, kept, and archived with the run.
func BenchmarkRecorder(b *testing.B) {
	g, steps := simulated(b, 2, 100_000)
	delivering := time.Duration(0)
	b.ReportAllocs()
	for b.Loop() {
		r := recorder(b, metricsstore.Config{Store: memory.New()})
		ctx, stop := context.WithCancel(b.Context())
		var group sync.WaitGroup
		group.Go(func() { _ = r.Run(ctx) })
		require.NoError(b, r.Begin(info("r"), g))
		start := time.Now()
		for part := range slices.Chunk(steps, 512) {
			r.Steps("r", part)
		}
		delivering += time.Since(start)
		require.NoError(b, r.End("r", succeeded()))
		stop()
		group.Wait()
	}
	each := float64(b.N) * float64(len(steps))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/each, "ns/step")
	b.ReportMetric(float64(delivering.Nanoseconds())/each, "delivering-ns/step")
}
