package metricsstore_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// TestFailingStoreIsTriedAgain: while the store fails, nothing is lost, no caller waits, and the store is not called
// in a tight loop.
func TestFailingStoreIsTriedAgain(t *testing.T) {
	for _, strategy := range []string{"after_each_task", "periodic=100ms", "queue=2", "shutdown"} {
		t.Run(strategy, func(t *testing.T) {
			s := newWatched()
			g, steps := simulated(t, 1, 100)
			running(t, metricsstore.Config{Store: s}, func(t *testing.T, r *metricsstore.Recorder) {
				i := info("r")
				i.Upload = strategy
				require.NoError(t, r.Begin(i, g))
				s.failWith(errDown)
				start := time.Now()
				for n, part := range slices.Collect(slices.Chunk(steps, 20)) {
					r.Steps("r", part)
					r.Details("r", details(n, 1), nil)
				}
				assert.Zero(t, time.Since(start), "the run did not wait")
				time.Sleep(time.Minute)
				synctest.Wait()
				assert.Empty(t, s.taken())
				assert.Less(t, s.triesSoFar(), 25, "tries in a minute")
				up, _ := r.Upload("r")
				assert.Zero(t, up.StepsKept+up.DetailsKept)
				assert.Equal(t, up.Calls, up.Failures)

				s.failWith(nil)
				time.Sleep(10 * time.Second)
				synctest.Wait()
				up, _ = r.Upload("r")
				assert.Equal(t, int64(len(steps)), up.StepsKept)
				if strategy != "shutdown" {
					assert.Equal(t, up.Details, up.DetailsKept)
				}
				require.NoError(t, r.End("r", succeeded()))
			})
			got := mustRun(t, s, "r")
			assert.False(t, got.Upload.Partial())
			assert.Positive(t, got.Upload.Failures)
			assert.Equal(t, steps, allSteps(t, s, "r"))
		})
	}
}

// TestDeadStoreDropsCounted: a store that never comes back bounds what is kept, and the end of the run says so.
func TestDeadStoreDropsCounted(t *testing.T) {
	s := newWatched()
	g := nested(t, 1)
	const n = 5000
	running(t, metricsstore.Config{Store: s, BlockSteps: 1}, func(t *testing.T, r *metricsstore.Recorder) {
		require.NoError(t, r.Begin(info("r"), g))
		s.failWith(errDown)
		for seq := range uint64(n) {
			r.Steps("r", []record.Step{{Seq: seq + 1, Kind: record.WorkerStarted, Became: dag.NoNode}})
		}
		r.Details("r", details(0, 70_000), nil)
		synctest.Wait()
		s.failWith(nil)
		err := r.End("r", succeeded())
		require.ErrorContains(t, err, "4,096 of 5,000 steps, 65,536 of 70,000 details")
	})
	got := mustRun(t, s, "r")
	assert.True(t, got.Upload.Partial())
	assert.Equal(t, record.Succeeded, got.Status, "that the record is partial does not change how the run ended")
	assert.Equal(t, uint64(4096), got.ArchivedSeq)
	assert.Equal(t, uint64(4096), got.Steps)
	assert.Equal(t, int64(4096), got.Counts.Workers, "only what is kept is summed up")
	assert.Equal(t, 65_536, got.Details)
}

// TestHangingStore: one call is waited for, for Timeout and no longer.
func TestHangingStore(t *testing.T) {
	s := newWatched()
	g, steps := simulated(t, 1, 100)
	running(t, metricsstore.Config{Store: s, Timeout: time.Second}, func(t *testing.T, r *metricsstore.Recorder) {
		i := info("r")
		i.Upload = "after_each_task"
		require.NoError(t, r.Begin(i, g))
		s.delay = time.Hour
		start := time.Now()
		r.Steps("r", steps)
		r.Details("r", details(0, 3), nil)
		assert.LessOrEqual(t, time.Since(start), 2*time.Second)
		start = time.Now()
		err := r.End("r", succeeded())
		require.ErrorContains(t, err, "partial")
		assert.LessOrEqual(t, time.Since(start), 5*time.Second)
		assert.Equal(t, record.Succeeded, mustRun(t, s, "r").Status)
	})
}

// TestUnarchivedRunIsFinishedLater: when even the end of the run cannot be kept, an archiver finishes it, and the log
// contains how it ended.
func TestUnarchivedRunIsFinishedLater(t *testing.T) {
	w := newWatched()
	s := &noArchive{watched: w, on: true}
	g, steps := simulated(t, 1, 100)
	running(t, metricsstore.Config{Store: s}, func(t *testing.T, r *metricsstore.Recorder) {
		require.NoError(t, r.Begin(info("r"), g))
		r.Steps("r", steps)
		err := r.End("r", succeeded())
		require.ErrorIs(t, err, errDown)
		require.ErrorContains(t, err, "run r is not archived")
		assert.Equal(t, record.Running, mustRun(t, s, "r").Status)
		s.on = false
		h, err := archiver(t, s).Rebuild(t.Context(), "r")
		require.NoError(t, err)
		assert.Equal(t, record.Succeeded, h.Status)
		assert.False(t, h.Upload.Partial())
	})
}

// TestLeaseIsKept: as long as a run is recorded no other owner can archive it, however long it takes.
func TestLeaseIsKept(t *testing.T) {
	s := newWatched()
	g, steps := simulated(t, 1, 10)
	running(t, metricsstore.Config{Store: s}, func(t *testing.T, r *metricsstore.Recorder) {
		require.NoError(t, r.Begin(info("r"), g))
		r.Steps("r", steps[:5])
		a := archiver(t, s)
		for range 20 {
			time.Sleep(7 * time.Second)
			_, err := a.Rebuild(t.Context(), "r")
			require.ErrorIs(t, err, metricsstore.ErrLease)
			done, err := a.Sweep(t.Context(), time.Time{})
			require.NoError(t, err)
			require.Empty(t, done)
		}
		require.NoError(t, r.End("r", succeeded()))
	})
}

// TestRunsOfOneRecorderDoNotWaitForEachOther: the store hangs for one run only.
func TestRunsOfOneRecorderDoNotWaitForEachOther(t *testing.T) {
	w := newWatched()
	s := &slowRun{watched: w}
	g, steps := simulated(t, 1, 10)
	running(t, metricsstore.Config{Store: s}, func(t *testing.T, r *metricsstore.Recorder) {
		require.NoError(t, r.Begin(info("slow"), g))
		require.NoError(t, r.Begin(info("r"), g))
		r.Steps("slow", steps[:5])
		r.Steps("r", steps[:5])
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		assert.Equal(t, []string{"1-5"}, w.taken())
		require.NoError(t, r.End("r", succeeded()))
		require.NoError(t, r.End("slow", succeeded()))
	})
}
