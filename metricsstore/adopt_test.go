package metricsstore_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// handedOver runs two recorders of one store while f works, on a clock that only moves when everything waits. die
// ends the first without a last call.
func handedOver(t *testing.T, f func(t *testing.T, s metricsstore.Store, first, second *metricsstore.Recorder, die func())) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New()
		first, second := recorder(t, metricsstore.Config{Store: s}), recorder(t, metricsstore.Config{Store: s})
		ctx, stop := context.WithCancel(t.Context())
		lives, die := context.WithCancel(ctx)
		var group sync.WaitGroup
		group.Go(func() { assert.NoError(t, first.Run(lives)) })
		group.Go(func() { assert.NoError(t, second.Run(ctx)) })
		f(t, s, first, second, die)
		stop()
		group.Wait()
		require.NoError(t, s.Check(t.Context()))
	})
}

// TestAdoptContinues: when the recorder of a run dies, another one continues once the lease has expired, and in the end
// the record is the one that a single recorder would have made.
func TestAdoptContinues(t *testing.T) {
	g, steps := simulated(t, 5, 300)
	half := len(steps) / 2
	whole := memory.New()
	recordRun(t, whole, info("r"), g, steps, 512)
	handedOver(t, func(t *testing.T, s metricsstore.Store, first, second *metricsstore.Recorder, die func()) {
		require.NoError(t, first.Begin(info("r"), g))
		first.Steps("r", steps[:half])
		first.Details("r", details(0, 7), nil)
		time.Sleep(20 * time.Second)
		_, err := second.Adopt(info("r"), g, true)
		require.ErrorIs(t, err, record.ErrRecording, "its lease is renewed")
		require.ErrorIs(t, err, metricsstore.ErrLease)
		die()
		time.Sleep(16 * time.Second)

		after, err := second.Adopt(info("r"), g, true)
		require.NoError(t, err)
		require.EqualValues(t, half, after)
		_, err = second.Adopt(info("r"), g, true)
		require.ErrorIs(t, err, metricsstore.ErrExists, "it is recording it")
		second.Steps("r", steps[half:])
		second.Details("r", details(0, 9), []record.WorkerRecord{{Worker: 0, Name: "a"}})
		time.Sleep(time.Minute)
		require.NoError(t, second.End("r", succeeded()))
		got := mustRun(t, s, "r")
		require.Equal(t, record.Succeeded, got.Status)
		require.Equal(t, steps, allSteps(t, s, "r"))
		require.Equal(t, rollups(t, whole), rollups(t, s))
		require.Equal(t, mustRun(t, whole, "r").Counts, got.Counts)
		require.Equal(t, []int64{int64(len(steps)), int64(len(steps)), 9, 9},
			[]int64{got.Upload.Steps, got.Upload.StepsKept, got.Upload.Details, got.Upload.DetailsKept}, "details count once")

		_, err = recorder(t, metricsstore.Config{Store: s}).Adopt(info("r"), g, true)
		require.ErrorIs(t, err, record.ErrRecorded)
		require.NoError(t, s.Acquire(t.Context(), "r", metricsstore.Lease{Owner: "x"}, time.Now()), "the lease is given back")
	})
}

// gated is a store in which Acquire waits to be let through.
type gated struct {
	metricsstore.Store
	entered, release chan struct{}
}

func (g gated) Acquire(ctx context.Context, run record.RunID, l metricsstore.Lease, now time.Time) error {
	g.entered <- struct{}{}
	<-g.release
	return g.Store.Acquire(ctx, run, l, now)
}

// TestARunIsRecordedOnceHere, however many ask for it at once.
func TestARunIsRecordedOnceHere(t *testing.T) {
	g, _ := simulated(t, 5, 30)
	s := gated{memory.New(), make(chan struct{}, 9), make(chan struct{})}
	r := recorder(t, metricsstore.Config{Store: s})
	first := make(chan error, 1)
	go func() {
		_, err := r.Adopt(info("r"), g, true)
		first <- err
	}()
	<-s.entered
	_, err := r.Adopt(info("r"), g, true)
	require.ErrorIs(t, err, metricsstore.ErrExists)
	require.ErrorIs(t, r.Begin(info("r"), g), metricsstore.ErrExists)
	close(s.release)
	require.NoError(t, <-first)
	require.NoError(t, r.Leave("r"))
	_, err = r.Adopt(info("r"), g, true)
	require.NoError(t, err)
	require.NoError(t, r.Leave("r"))
}

// TestLeave: after Leave a run can be adopted at once.
func TestLeave(t *testing.T) {
	g, steps := simulated(t, 5, 30)
	handedOver(t, func(t *testing.T, s metricsstore.Store, first, second *metricsstore.Recorder, _ func()) {
		require.NoError(t, first.Begin(info("r"), g))
		first.Steps("r", steps[:9])
		require.NoError(t, first.Leave("r"))
		require.ErrorIs(t, first.Leave("r"), metricsstore.ErrNotFound)
		assert.Equal(t, record.Running, mustRun(t, s, "r").Status)
		after, err := second.Adopt(info("r"), g, true)
		require.NoError(t, err)
		require.EqualValues(t, 9, after)
		second.Steps("r", steps[9:])
		require.NoError(t, second.End("r", succeeded()))
		require.Equal(t, steps, allSteps(t, s, "r"))
	})
}

func TestAdoptBeginsWhatIsNotThere(t *testing.T) {
	g, steps := simulated(t, 5, 30)
	handedOver(t, func(t *testing.T, s metricsstore.Store, first, second *metricsstore.Recorder, _ func()) {
		_, err := first.Adopt(info("r"), g, false)
		require.ErrorIs(t, err, engine.ErrUnknownRun)
		after, err := first.Adopt(info("r"), g, true)
		require.NoError(t, err)
		require.Zero(t, after)
		_, err = second.Adopt(info("r"), g, true)
		require.ErrorIs(t, err, record.ErrRecording)
		first.Steps("r", steps)
		require.NoError(t, first.End("r", succeeded()))
		require.Equal(t, steps, allSteps(t, s, "r"))
		i := info("r2")
		i.Upload = "sometimes"
		_, err = first.Adopt(i, g, true)
		require.ErrorIs(t, err, metricsstore.ErrInvalid)
	})
}

// TestAdoptOfWhatWasTakenForInterrupted, because for a while no process recorded it, unless ArchiverConfig.Live says
// better.
func TestAdoptOfWhatWasTakenForInterrupted(t *testing.T) {
	g, steps := simulated(t, 5, 30)
	handedOver(t, func(t *testing.T, s metricsstore.Store, first, second *metricsstore.Recorder, die func()) {
		require.NoError(t, first.Begin(info("r"), g))
		first.Steps("r", steps[:9])
		time.Sleep(time.Second)
		die()
		time.Sleep(time.Minute)
		knows, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{
			Store: s, Live: func(id record.RunID) bool { return id == "r" },
		})
		require.NoError(t, err)
		done, err := knows.Sweep(t.Context(), time.Time{})
		require.NoError(t, err)
		require.Empty(t, done)
		done, err = archiver(t, s).Sweep(t.Context(), time.Time{})
		require.NoError(t, err)
		require.Equal(t, []record.RunID{"r"}, done)
		require.Equal(t, record.Interrupted, mustRun(t, s, "r").Status)

		after, err := second.Adopt(info("r"), g, true)
		require.NoError(t, err)
		require.EqualValues(t, 9, after)
		second.Steps("r", steps[9:])
		require.NoError(t, second.End("r", succeeded()))
		got := mustRun(t, s, "r")
		require.Equal(t, record.Succeeded, got.Status)
		require.Equal(t, 2, got.Rollup)
		require.Equal(t, steps, allSteps(t, s, "r"))
	})
}

// TestAdoptOfTheNextRevision continues the log, counts its moments from the same start, and waits for the record of
// the revision before.
func TestAdoptOfTheNextRevision(t *testing.T) {
	g, steps := simulated(t, 3, 100)
	half := len(steps) / 2
	handedOver(t, func(t *testing.T, s metricsstore.Store, first, second *metricsstore.Recorder, _ func()) {
		require.NoError(t, first.Begin(info("r"), g))
		first.Steps("r", steps[:half])
		first.Details("r", details(0, 4), nil)
		next := info("r")
		next.Revision, next.StartedAt = 1, next.StartedAt.Add(time.Hour)
		_, err := second.Adopt(next, g, true)
		require.ErrorIs(t, err, record.ErrRecording)
		require.NoError(t, first.End("r", succeeded()))

		after, err := second.Adopt(next, g, true)
		require.NoError(t, err)
		require.EqualValues(t, half, after)
		_, err = first.Adopt(info("r"), g, true)
		require.ErrorIs(t, err, record.ErrRecording)
		second.Steps("r", steps[half:])
		second.Details("r", details(0, 2), nil)
		require.NoError(t, second.End("r", succeeded()))
		got := mustRun(t, s, "r")
		require.Equal(t, 1, got.Info.Revision)
		require.Equal(t, began(), got.Info.StartedAt)
		require.Equal(t, steps, allSteps(t, s, "r"))
		require.EqualValues(t, 6, got.Upload.DetailsKept)
		_, err = first.Adopt(info("r"), g, true)
		require.ErrorIs(t, err, record.ErrRecorded, "a later revision has been recorded")
	})
}

// TestTwoRecordersAtOnce: one that was delayed for longer than its lease finds another one recording the run when it
// continues. Both write the same, and neither fails because of the other.
func TestTwoRecordersAtOnce(t *testing.T) {
	g, steps := simulated(t, 5, 600)
	handedOver(t, func(t *testing.T, s metricsstore.Store, first, second *metricsstore.Recorder, _ func()) {
		require.NoError(t, first.Begin(info("r"), g))
		first.Steps("r", steps[:100])
		time.Sleep(time.Second)
		// The clock of its lease does not move while another process takes it for dead.
		require.NoError(t, s.Acquire(t.Context(), "r", metricsstore.Lease{Owner: "x"}, time.Now().Add(time.Hour)))
		after, err := second.Adopt(info("r"), g, true)
		require.NoError(t, err)
		require.EqualValues(t, 100, after)
		write := func(r *metricsstore.Recorder, from, to, n int) {
			for part := range slices.Chunk(steps[from:to], n) {
				r.Steps("r", part)
				time.Sleep(time.Second)
			}
			synctest.Wait()
			require.EqualValues(t, to, mustRun(t, s, "r").LastSeq)
		}
		write(second, 100, 400, 70)
		write(first, 100, 500, 110) // after, into and beyond what the other has
		write(second, 400, 600, 33)
		write(first, 500, len(steps), 47)
		second.Steps("r", steps[600:])
		require.NoError(t, second.End("r", succeeded()))
		require.NoError(t, first.End("r", succeeded()))
		got := mustRun(t, s, "r")
		require.Equal(t, steps, allSteps(t, s, "r"))
		require.False(t, got.Upload.Partial(), got.Upload.String())
		require.EqualValues(t, len(steps), got.Upload.StepsKept)
	})
}
