package worker

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// crew is the lanes of a pool. Those with a slot below target may work; the lowest parked ones are woken first, so
// that the busy lanes of a picture lie together.
type crew struct {
	pool   *Pool
	target atomic.Int32
	parked atomic.Int32 // how many lanes are parked, or about to be

	mu        sync.Mutex
	lanes     atomic.Pointer[[]*lane]
	sleeping  []uint64
	dismissed bool
	running   sync.WaitGroup
}

func (c *crew) init(p *Pool) {
	c.pool = p
	c.lanes.Store(&[]*lane{})
	c.sleeping = make([]uint64, (p.cfg.MaxSlots+63)/64)
	c.target.Store(int32(p.cfg.Width))
}

// allows reports whether the lane of that slot may work.
func (c *crew) allows(slot int) bool { return slot < int(c.target.Load()) }

// grow adds up to n lanes and returns how many.
func (c *crew) grow(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	lanes := *c.lanes.Load()
	n = min(n, c.pool.cfg.MaxSlots-len(lanes))
	if c.dismissed || n <= 0 {
		return 0
	}
	for range n {
		l := &lane{pool: c.pool, slot: len(lanes), wake: make(chan struct{}, 1)}
		lanes = append(lanes, l)
		c.running.Add(1)
	}
	c.lanes.Store(&lanes)
	for _, l := range lanes[len(lanes)-n:] {
		go c.employ(l)
	}
	return n
}

// employ is the goroutine of a lane.
func (c *crew) employ(l *lane) {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !l.leaked {
			c.running.Done()
		}
	}()
	l.run()
}

// replace starts a goroutine for the slot of a lane whose own has ended.
func (c *crew) replace(l *lane) {
	c.mu.Lock()
	defer c.mu.Unlock()
	lanes := append([]*lane(nil), *c.lanes.Load()...)
	heir := &lane{pool: c.pool, slot: l.slot, wake: make(chan struct{}, 1)}
	lanes[l.slot] = heir
	c.lanes.Store(&lanes)
	c.running.Add(1)
	go c.employ(heir)
}

// park puts the lane to sleep until it is woken; false when it has to end. It counts itself as parked before it looks
// for work once more, and ready looks at the count after the work is there: one of them sees the other.
func (c *crew) park(l *lane) bool {
	c.mu.Lock()
	if c.dismissed {
		c.mu.Unlock()
		return false
	}
	c.sleeping[l.slot/64] |= 1 << (l.slot % 64)
	c.parked.Add(1)
	if c.allows(l.slot) && c.pool.ready() > 0 {
		c.sleeping[l.slot/64] &^= 1 << (l.slot % 64)
		c.parked.Add(-1)
		c.mu.Unlock()
		return true
	}
	c.mu.Unlock()
	<-l.wake
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.dismissed
}

// ready is the stores' hook: n more nodes can be claimed.
func (c *crew) ready(n int) {
	if n > 0 && c.parked.Load() > 0 {
		c.wake(n)
	}
}

// wake wakes up to n lanes that may work and returns how many.
func (c *crew) wake(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	woken := 0
	lanes := *c.lanes.Load()
	for i := range c.sleeping {
		for c.sleeping[i] != 0 && woken < n {
			slot := i*64 + bits.TrailingZeros64(c.sleeping[i])
			if !c.allows(slot) {
				return woken
			}
			c.rouse(lanes[slot])
			woken++
		}
	}
	return woken
}

// rouse wakes a parked lane; c.mu is held.
func (c *crew) rouse(l *lane) {
	c.sleeping[l.slot/64] &^= 1 << (l.slot % 64)
	c.parked.Add(-1)
	l.wake <- struct{}{}
}

// busy reports whether a body runs.
func (c *crew) busy() bool {
	for _, l := range *c.lanes.Load() {
		if l.executing() != nil {
			return true
		}
	}
	return false
}

// cancel tells the bodies of a run to stop.
func (c *crew) cancel(j *job, cause error) {
	for _, l := range *c.lanes.Load() {
		if a := l.executing(); a != nil && a.job == j {
			a.cancel(cause, j.run.Now())
		}
	}
}

// idles reports whether a lane that may work has nothing to do.
func (c *crew) idles() bool {
	lanes := *c.lanes.Load()
	for _, l := range lanes[:min(len(lanes), int(c.target.Load()))] {
		if l.executing() == nil {
			return true
		}
	}
	return false
}

// dismiss ends every lane, except leaked ones, and waits for them.
func (c *crew) dismiss() {
	c.mu.Lock()
	c.dismissed = true
	for _, l := range *c.lanes.Load() {
		if c.sleeping[l.slot/64]&(1<<(l.slot%64)) != 0 {
			c.rouse(l)
		}
	}
	c.mu.Unlock()
	c.running.Wait()
}

// abandon gives up a lane whose body does not return: its goroutine ends when the body does and counts no more, and
// one lane more may work.
func (c *crew) abandon(l *lane) {
	c.mu.Lock()
	l.leaked = true
	c.running.Done()
	c.target.Add(1)
	c.mu.Unlock()
	c.grow(1)
}
