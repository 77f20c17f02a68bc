package shared

import (
	"sync"
	"sync/atomic"
	"time"
)

// goodFor is how long an estimate of the store's clock is preferred over one with a longer round trip.
const goodFor = 30 * time.Second

// clock tells the time of the store, in ns since the run's start, by the monotonic clock of this process.
type clock struct {
	base   time.Time
	offset atomic.Int64 // of the store's moments from time since base

	mu    sync.Mutex
	trip  time.Duration // round trip behind the offset, 0 before the first
	taken time.Time
}

// newClock begins with what the wall clocks say; the first answer of the store will tell better.
func newClock(started time.Time) *clock {
	c := &clock{base: time.Now()}
	c.offset.Store(int64(c.base.Sub(started)))
	return c
}

// now is the time on the store's clock.
func (c *clock) now() int64 { return int64(time.Since(c.base)) + c.offset.Load() }

// learn takes in that the store's clock showed a moment at some time between sent and got. The shortest round trip tells
// best; half of it bounds the error (Cristian, "Probabilistic clock synchronization", Distributed Computing 3, 1989).
func (c *clock) learn(sent, got time.Time, moment int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	trip := got.Sub(sent)
	if c.trip > 0 && trip > c.trip && got.Sub(c.taken) < goodFor {
		return
	}
	c.trip, c.taken = max(trip, 1), got
	c.offset.Store(moment - int64(sent.Add(trip/2).Sub(c.base)))
}
