package worker

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// laneGroup starts, parks, wakes and ends the lanes of a pool. Lanes with a slot below target may work. The lowest parked
// ones are woken first, so that busy lanes are adjacent when they are displayed.
type laneGroup struct {
	pool   *Pool
	target atomic.Int32 // stored by the monitor and abandon, loaded by any goroutine
	parked atomic.Int32 // lanes that are parked, or about to be; changed under mu

	mu       sync.Mutex
	lanes    atomic.Pointer[[]*lane] // by slot; stored under mu, loaded by any goroutine
	sleeping []uint64                // a bit for each parked slot; guarded by mu
	stopped  bool                    // lanes have to end; guarded by mu
	running  sync.WaitGroup          // lanes that are not leaked; added to under mu
}

func (g *laneGroup) init(p *Pool) {
	g.pool = p
	g.lanes.Store(&[]*lane{})
	g.sleeping = make([]uint64, (p.cfg.MaxSlots+63)/64)
	g.target.Store(int32(p.cfg.Width))
}

// allows reports whether the lane of a slot may work.
func (g *laneGroup) allows(slot int) bool { return slot < int(g.target.Load()) }

// grow adds up to n lanes and returns how many.
func (g *laneGroup) grow(n int) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	lanes := *g.lanes.Load()
	n = min(n, g.pool.cfg.MaxSlots-len(lanes))
	if g.stopped || n <= 0 {
		return 0
	}
	for range n {
		l := &lane{pool: g.pool, slot: len(lanes), wake: make(chan struct{}, 1)}
		lanes = append(lanes, l)
		g.running.Add(1)
	}
	g.lanes.Store(&lanes)
	for _, l := range lanes[len(lanes)-n:] {
		go g.serve(l)
	}
	return n
}

// serve is the goroutine of a lane. The count of a leaked lane is decremented by abandon.
func (g *laneGroup) serve(l *lane) {
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if !l.leaked {
			g.running.Done()
		}
	}()
	l.run()
}

// replace starts a new lane for the slot of one whose goroutine is ending.
func (g *laneGroup) replace(l *lane) {
	g.mu.Lock()
	defer g.mu.Unlock()
	lanes := append([]*lane(nil), *g.lanes.Load()...)
	successor := &lane{pool: g.pool, slot: l.slot, wake: make(chan struct{}, 1)}
	lanes[l.slot] = successor
	g.lanes.Store(&lanes)
	g.running.Add(1)
	go g.serve(successor)
}

// park blocks until the lane is woken, and reports false when the lane has to end. It counts the lane as parked before it
// checks for work again, and ready reads that count after the work was added, so that no wake-up is missed.
func (g *laneGroup) park(l *lane) bool {
	g.mu.Lock()
	if g.stopped {
		g.mu.Unlock()
		return false
	}
	g.sleeping[l.slot/64] |= 1 << (l.slot % 64)
	g.parked.Add(1)
	if g.allows(l.slot) && g.pool.ready() > 0 {
		g.sleeping[l.slot/64] &^= 1 << (l.slot % 64)
		g.parked.Add(-1)
		g.mu.Unlock()
		return true
	}
	g.mu.Unlock()
	<-l.wake
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.stopped
}

// ready is state.Hooks.Ready: n more nodes can be claimed.
func (g *laneGroup) ready(n int) {
	if n > 0 && g.parked.Load() > 0 {
		g.wake(n)
	}
}

// wake wakes up to n lanes that may work and returns how many.
func (g *laneGroup) wake(n int) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	woken := 0
	lanes := *g.lanes.Load()
	for i := range g.sleeping {
		for g.sleeping[i] != 0 && woken < n {
			slot := i*64 + bits.TrailingZeros64(g.sleeping[i])
			if !g.allows(slot) {
				return woken
			}
			g.wakeLocked(lanes[slot])
			woken++
		}
	}
	return woken
}

// wakeLocked wakes a parked lane. The caller holds mu.
func (g *laneGroup) wakeLocked(l *lane) {
	g.sleeping[l.slot/64] &^= 1 << (l.slot % 64)
	g.parked.Add(-1)
	l.wake <- struct{}{}
}

// busy reports whether any lane executes a body.
func (g *laneGroup) busy() bool {
	for _, l := range *g.lanes.Load() {
		if l.executing() != nil {
			return true
		}
	}
	return false
}

// cancel cancels the contexts of a run's bodies.
func (g *laneGroup) cancel(j *job, cause error) {
	for _, l := range *g.lanes.Load() {
		if a := l.executing(); a != nil && a.job == j {
			a.cancel(cause, j.run.Now())
		}
	}
}

// idles reports whether any lane that may work executes nothing.
func (g *laneGroup) idles() bool {
	lanes := *g.lanes.Load()
	for _, l := range lanes[:min(len(lanes), int(g.target.Load()))] {
		if l.executing() == nil {
			return true
		}
	}
	return false
}

// stop ends all lanes and waits for them, except for leaked ones.
func (g *laneGroup) stop() {
	g.mu.Lock()
	g.stopped = true
	for _, l := range *g.lanes.Load() {
		if g.sleeping[l.slot/64]&(1<<(l.slot%64)) != 0 {
			g.wakeLocked(l)
		}
	}
	g.mu.Unlock()
	g.running.Wait()
}

// abandon marks a lane as leaked, since its body does not return: its goroutine, which ends when the body does, is no
// longer waited for, and another lane may work.
func (g *laneGroup) abandon(l *lane) {
	g.mu.Lock()
	l.leaked = true
	g.running.Done()
	g.target.Add(1)
	g.mu.Unlock()
	g.grow(1)
}
