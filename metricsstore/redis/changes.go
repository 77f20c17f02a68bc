package redis

import (
	"sync"

	"github.com/dagscope/dagscope/engine"
)

// changes tells who waits for a run that more of it can be read. Safe for concurrent use.
type changes struct {
	mu      sync.Mutex
	closed  bool
	waiting map[engine.RunID]chan struct{}
}

func newChanges() *changes { return &changes{waiting: map[engine.RunID]chan struct{}{}} }

// wait gives a channel that is closed by the next tell.
func (c *changes) wait(run engine.RunID) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := c.waiting[run]
	if ch == nil {
		ch = make(chan struct{})
		if c.closed {
			close(ch)
			return ch
		}
		c.waiting[run] = ch
	}
	return ch
}

func (c *changes) tell(run engine.RunID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wake(run)
}

// tellAll wakes all that wait.
func (c *changes) tellAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for run := range c.waiting {
		c.wake(run)
	}
}

// close wakes all, now and later.
func (c *changes) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.tellAll()
}

// wake is called with mu held.
func (c *changes) wake(run engine.RunID) {
	if ch := c.waiting[run]; ch != nil {
		close(ch)
		delete(c.waiting, run)
	}
}
