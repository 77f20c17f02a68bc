package invoke

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
)

// hands is a worker with one lane, which executes when a test wants it to.
type hands struct {
	tally *Tally
	tasks chan time.Duration // how long each execution takes; nodes are claimed as long as the shift claims
	stops []time.Time        // when it had to stop claiming
	ends  error              // of Run, at once
}

func (h *hands) Run(ctx context.Context) error {
	if h.ends != nil {
		return h.ends
	}
	for {
		select {
		case d := <-h.tasks:
			if ctx.Err() != nil {
				h.tasks <- d // both channels were ready: it claims no more
				continue
			}
			h.tally.Executing(0, 0, 1)
			time.Sleep(d)
			h.tally.Idle(0)
		case <-ctx.Done():
			h.stops = append(h.stops, time.Now())
			return nil
		}
	}
}

// shift runs one with For = 100 s and Linger = 1 s.
func shift(t *testing.T) (*Shift, *hands, context.CancelFunc) {
	t.Helper()
	h := &hands{tally: new(Tally), tasks: make(chan time.Duration, 1000)}
	s, err := NewShift(ShiftConfig{
		Begin: func() (Work, error) { return h, nil }, Tally: h.tally, For: 100 * time.Second, Linger: time.Second,
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan error)
	go func() { over <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-over)
	})
	return s, h, stop
}

// result is the result of a call.
type result struct {
	Answer
	err  error
	took time.Duration
}

// call makes a call and waits for its result.
func call(ctx context.Context, s *Shift) <-chan result {
	got := make(chan result, 1)
	go func() {
		began := time.Now()
		a, err := s.Work(ctx, Hint{})
		got <- result{a, err, time.Since(began)}
	}()
	return got
}

func TestShiftLastsAsLongAsThereIsWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h, _ := shift(t)
		h.tasks <- 10 * time.Second
		h.tasks <- 5 * time.Second
		first := call(t.Context(), s)
		time.Sleep(3 * time.Second)
		second := call(t.Context(), s)
		a, b := <-first, <-second
		assert.Equal(t, Answer{Start: Cold, Tasks: 2, Waited: true}, a.Answer)
		assert.Equal(t, Answer{Start: Warm, Tasks: 2, Waited: true}, b.Answer, "they share the shift")
		assert.InDelta(t, 16, a.took.Seconds(), 0.2)

		c := <-call(t.Context(), s)
		assert.Equal(t, Answer{Start: Warm, Waited: true}, c.Answer, "nothing to do")
		assert.InDelta(t, 4, c.took.Seconds(), 0.2, "the first task may take some time to be found")
	})
}

// TestShiftStopsClaimingInTime: nothing begins in the last 20 % of the time, and later callers have more of it.
func TestShiftStopsClaimingInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h, _ := shift(t)
		for range 1000 {
			h.tasks <- 500 * time.Millisecond
		}
		began := time.Now()
		first := <-call(t.Context(), s)
		assert.True(t, first.Waited)
		assert.InDelta(t, 80, h.stops[0].Sub(began).Seconds(), 1)

		began = time.Now()
		third := call(t.Context(), s)
		time.Sleep(50 * time.Second)
		fourth := call(t.Context(), s)
		r := <-third
		assert.NoError(t, r.err)
		assert.False(t, r.Waited, "the shift continues for the later one")
		assert.InDelta(t, 100, r.took.Seconds(), 0.1)
		assert.True(t, (<-fourth).Waited)
		assert.InDelta(t, 130, h.stops[1].Sub(began).Seconds(), 1)
	})
}

func TestShiftOutlastsCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h, _ := shift(t)
		h.tasks <- 10 * time.Second
		h.tasks <- 10 * time.Second
		ctx, hangUp := context.WithTimeout(t.Context(), time.Second)
		defer hangUp()
		assert.ErrorIs(t, (<-call(ctx, s)).err, context.DeadlineExceeded)
		time.Sleep(30 * time.Second)
		assert.EqualValues(t, 2, h.tally.Executed())
	})
}

func TestShiftEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h, stop := shift(t)
		h.tasks <- 10 * time.Second
		working := call(t.Context(), s)
		time.Sleep(2 * time.Second)
		stop()
		synctest.Wait()
		late := <-call(t.Context(), s) // a turn that never begins, or none
		assert.ErrorIs(t, late.err, engine.ErrClosed)
		r := <-working
		require.NoError(t, r.err)
		assert.Equal(t, Answer{Start: Cold, Tasks: 1, Waited: true}, r.Answer, "what was begun is finished")
	})
}

func TestShiftWithoutAWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("the store is gone")
		h := &hands{tally: new(Tally), ends: gone}
		begins := 0
		s, err := NewShift(ShiftConfig{Tally: h.tally, Begin: func() (Work, error) {
			if begins++; begins == 1 {
				return nil, gone
			}
			return h, nil
		}})
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go func() { _ = s.Run(ctx) }()
		assert.ErrorIs(t, (<-call(t.Context(), s)).err, gone, "it could not begin")
		assert.ErrorIs(t, (<-call(t.Context(), s)).err, gone, "it ended by itself")
		assert.Equal(t, 2, begins)
	})
}

func TestShiftConfig(t *testing.T) {
	_, err := NewShift(ShiftConfig{})
	assert.ErrorContains(t, err, "expected a function that creates a worker")
}
