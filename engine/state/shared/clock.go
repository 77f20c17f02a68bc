package shared

import (
	"sync"
	"sync/atomic"
	"time"
)

// goodFor is how long an estimate of the store's clock is preferred over one with a longer round trip.
const goodFor = 30 * time.Second

// mostAhead is how wrong an estimate can have been. A larger difference is none between estimates: the first is against
// what the wall clocks say, and clocks of servers may be set.
const mostAhead = time.Second

// clock estimates the store's clock, in ns since the run's start, from the monotonic clock of this process. It never runs
// backwards when the estimate is refined, so the order of events in this process is their order in the log. Safe for
// concurrent use.
type clock struct {
	base time.Time
	rate atomic.Pointer[estimate]

	mu    sync.Mutex
	trip  time.Duration // guarded by mu; round trip of the estimate, 0 before the first
	taken time.Time     // guarded by mu
}

// estimate is by how much the store's moments differ from the time since base.
type estimate struct {
	offset int64
	// was is how far the clock was ahead of the estimate when that was made: it runs at half speed until the lead is gone.
	was, since int64
}

// newClock begins with the difference of the wall clocks; the first answer of the store replaces it.
func newClock(started time.Time) *clock {
	c := &clock{base: time.Now()}
	c.rate.Store(&estimate{offset: int64(c.base.Sub(started))})
	return c
}

// now is the time on the store's clock.
func (c *clock) now() int64 { return c.rate.Load().at(int64(time.Since(c.base))) }

func (e *estimate) at(t int64) int64 { return t + e.offset + max(0, e.was-(t-e.since)/2) }

// learn refines the estimate: the store's clock showed moment at some time between sent and got. The shortest round trip
// is the most exact; half of it bounds the error (Cristian, "Probabilistic clock synchronization", Distributed Computing 3,
// 1989).
func (c *clock) learn(sent, got time.Time, moment int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	trip := got.Sub(sent)
	if c.trip > 0 && trip > c.trip && got.Sub(c.taken) < goodFor {
		return
	}
	next := &estimate{offset: moment - int64(sent.Add(trip/2).Sub(c.base)), since: int64(time.Since(c.base))}
	if ahead := c.rate.Load().at(next.since) - next.at(next.since); c.trip > 0 && ahead > 0 && ahead < int64(mostAhead) {
		next.was = ahead
	}
	c.trip, c.taken = max(trip, 1), got
	c.rate.Store(next)
}
