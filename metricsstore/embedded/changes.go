package embedded

import (
	"sync"

	"github.com/dagscope/dagscope/engine"
)

// changes tells who waits for a run that more of it can be read. Safe for concurrent use.
type changes struct {
	mu      sync.Mutex
	closed  bool
	count   uint64                  // of changes
	last    map[engine.RunID]uint64 // the last change of each run
	waiting map[engine.RunID]chan struct{}
}

func newChanges() *changes {
	return &changes{last: map[engine.RunID]uint64{}, waiting: map[engine.RunID]chan struct{}{}}
}

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
	c.count++
	c.last[run] = c.count
	c.wake(run)
}

// wake is called with mu held.
func (c *changes) wake(run engine.RunID) {
	if ch := c.waiting[run]; ch != nil {
		close(ch)
		delete(c.waiting, run)
	}
}

// close wakes all, now and later.
func (c *changes) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for run := range c.waiting {
		c.wake(run)
	}
}

// waited reports whether somebody waits for a run.
func (c *changes) waited(run engine.RunID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting[run] != nil
}

// tellAll wakes all that wait.
func (c *changes) tellAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for run := range c.waiting {
		c.wake(run)
	}
}
