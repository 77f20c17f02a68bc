package shared

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// around is a duration ± 20 %, so that processes do not act together.
func around(d time.Duration) time.Duration { return d - d/5 + rand.N(2*d/5+1) }

// group is goroutines that are waited for together.
type group struct {
	mu      sync.Mutex
	closed  bool // guarded by mu
	running sync.WaitGroup
}

// run starts f; false when the group has been closed.
func (g *group) run(f func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.running.Go(f)
	}
	return !g.closed
}

// close waits for all goroutines; none can be started any more.
func (g *group) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.running.Wait()
}
