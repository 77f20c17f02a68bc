package invoke

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
)

// platform is an Invoker whose invocations a test answers.
type platform struct {
	mu     sync.Mutex
	now    int // under way
	most   int
	hints  []Hint
	answer func(ctx context.Context, n int, h Hint, taken func()) (Answer, error) // n counts from 1
}

func (p *platform) Invoke(ctx context.Context, h Hint, taken func()) (Answer, error) {
	p.mu.Lock()
	p.hints = append(p.hints, h)
	p.now++
	p.most = max(p.most, p.now)
	n := len(p.hints)
	p.mu.Unlock()
	a, err := p.answer(ctx, n, h, taken)
	p.mu.Lock()
	p.now--
	p.mu.Unlock()
	return a, err
}

func (p *platform) seen() (hints []Hint, now, most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Hint(nil), p.hints...), p.now, p.most
}

// fan runs one until the test ends.
func fan(t *testing.T, cfg FanConfig) *Fan {
	t.Helper()
	f, err := NewFan(cfg)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan error)
	go func() { over <- f.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-over)
	})
	return f
}

// TestFanStartsInParallel: for a wide fan-out, as many invocations start at a time as the rules allow; one that hangs or
// fails does not block others, and accepted ones do not count.
func TestFanStartsInParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		p := &platform{answer: func(ctx context.Context, n int, _ Hint, taken func()) (Answer, error) {
			switch {
			case n == 1: // hangs: no worker accepts it
				<-ctx.Done()
				return Answer{}, ctx.Err()
			case n%10 == 2:
				time.Sleep(time.Second)
				return Answer{}, errors.New("no machine")
			}
			time.Sleep(time.Second) // a cold start
			taken()
			<-release
			return Answer{Start: Cold, Tasks: 1, Waited: true}, nil
		}}
		f := fan(t, FanConfig{Invoker: p, Max: 100})
		f.Readied("r1", map[string]int{"blur": 40}, 16)
		synctest.Wait()
		hints, now, _ := p.seen()
		assert.Equal(t, 16, now, "those that start at a time")
		assert.Equal(t, Hint{Run: "r1", Functions: []string{"blur"}, Nodes: 1}, hints[0])

		time.Sleep(1500 * time.Millisecond) // 15 of 16 were accepted or failed
		synctest.Wait()
		hints, _, _ = p.seen()
		assert.Len(t, hints, 31)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		hints, now, _ = p.seen()
		assert.Len(t, hints, 40, "the one that hangs keeps its place and no other")
		assert.Equal(t, 36, now)

		close(release)
		time.Sleep(time.Second)
		synctest.Wait()
		c := f.Counts()
		assert.Equal(t, Counts{Hinted: 40, Invoked: 40, Cold: 35, Failures: 4, UnderWay: 1}, c)
	})
}

func TestFanLeavesTheRestToThoseWhoCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		work := make(chan int64)
		p := &platform{answer: func(_ context.Context, _ int, _ Hint, taken func()) (Answer, error) {
			taken()
			return Answer{Start: Warm, Tasks: <-work, Waited: true}, nil
		}}
		f := fan(t, FanConfig{Invoker: p, Max: 4, PerCall: 10})
		f.Readied("r1", map[string]int{"blur": 990, "": 10}, 16)
		f.Readied("r1", map[string]int{"": 0}, 16)
		synctest.Wait()
		hints, now, _ := p.seen()
		assert.Equal(t, 4, now, "no more than Max")
		assert.Equal(t, 10, hints[0].Nodes)
		f.Readied("r1", map[string]int{"grey": 2}, 16)
		work <- 5 // another one takes its place, since it found work
		synctest.Wait()
		hints, now, _ = p.seen()
		assert.Equal(t, 4, now)
		assert.Equal(t, []string{"blur", "grey"}, hints[4].Functions)

		f.Readied("r1", map[string]int{"blur": 100}, 16)
		work <- 0 // it found nothing, so the rest is dropped
		synctest.Wait()
		_, now, _ = p.seen()
		assert.Equal(t, 3, now)
		for range 3 {
			work <- 1
		}
		synctest.Wait()
		assert.Equal(t, int64(0), f.Counts().UnderWay)
		assert.Empty(t, f.demands, "nothing is kept of a run without demand")
		assert.Empty(t, f.turns)
		assert.Equal(t, int64(1), f.Counts().Idle)
		assert.Equal(t, int64(5), f.Counts().Warm)
	})
}

func TestFanIsFairToRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &platform{answer: func(_ context.Context, _ int, _ Hint, taken func()) (Answer, error) {
			time.Sleep(time.Second)
			return Answer{}, nil
		}}
		f := fan(t, FanConfig{Invoker: p, Max: 8})
		f.Readied("wide", map[string]int{"a": 8}, 2)
		f.Readied("narrow", map[string]int{"b": 2}, 2)
		synctest.Wait()
		hints, _, _ := p.seen()
		runs := map[record.RunID]int{}
		for _, h := range hints {
			runs[h.Run]++
		}
		assert.Equal(t, map[record.RunID]int{"wide": 2, "narrow": 2}, runs)
		time.Sleep(10 * time.Second)
		assert.Equal(t, int64(10), f.Counts().Invoked)
	})
}

// TestFanWithoutAcceptance: if invocations are never reported as accepted, further ones start after a while.
func TestFanWithoutAcceptance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &platform{answer: func(ctx context.Context, _ int, _ Hint, _ func()) (Answer, error) {
			<-ctx.Done()
			return Answer{}, ctx.Err()
		}}
		f := fan(t, FanConfig{Invoker: p, TakeWait: 3 * time.Second})
		f.Readied("r1", map[string]int{"a": 3}, 1)
		for i := range 3 {
			synctest.Wait()
			hints, _, _ := p.seen()
			assert.Len(t, hints, i+1)
			time.Sleep(3 * time.Second)
		}
		assert.Zero(t, f.Counts().Failures)
	})
}

func TestFanConfig(t *testing.T) {
	_, err := NewFan(FanConfig{})
	assert.ErrorContains(t, err, "Invoker is nil")
}
