package metricsstore

import (
	"sync"

	"github.com/dagscope/dagscope/engine"
)

// Changes tells who waits for a run that more of it can be read: what a back end needs in order to be a Notifier. The zero
// value is ready. Safe for concurrent use.
type Changes struct {
	mu      sync.Mutex
	closed  bool
	waiting map[engine.RunID]chan struct{}
}

// Wait gives a channel that is closed by the next Tell of the run, TellAll, or Close.
func (c *Changes) Wait(run engine.RunID) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := c.waiting[run]
	if ch != nil {
		return ch
	}
	ch = make(chan struct{})
	if c.closed {
		close(ch)
		return ch
	}
	if c.waiting == nil {
		c.waiting = make(map[engine.RunID]chan struct{})
	}
	c.waiting[run] = ch
	return ch
}

// Waited reports whether somebody waits for a run.
func (c *Changes) Waited(run engine.RunID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting[run] != nil
}

// Tell wakes those who wait for a run.
func (c *Changes) Tell(run engine.RunID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wake(run)
}

// TellAll wakes all that wait.
func (c *Changes) TellAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for run := range c.waiting {
		c.wake(run)
	}
}

// Close wakes all, now and later.
func (c *Changes) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.TellAll()
}

// wake is called with mu held.
func (c *Changes) wake(run engine.RunID) {
	if ch := c.waiting[run]; ch != nil {
		close(ch)
		delete(c.waiting, run)
	}
}
