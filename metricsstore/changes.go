package metricsstore

import (
	"container/list"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
)

// maxLogged bounds the runs of which Changes knows the last change, some 150 B each.
const maxLogged = 16_384

// ChangeList is what has changed in a store since a moment.
type ChangeList struct {
	Runs   []engine.RunID // each once, the one that was changed last at the end
	Latest uint64         // the number of the latest change, to ask with next
	// Partial: runs may have changed that are not listed.
	Partial bool
}

// Changes wakes those who wait for changes of a run, and remembers which runs were changed last: what a back end needs
// for Store.Changed and Store.ChangedSince. Safe for concurrent use.
type Changes struct {
	mu      sync.Mutex // guards all below
	closed  bool
	waiting map[engine.RunID]chan struct{}
	latest  uint64
	floor   uint64 // changes up to this one are not remembered
	logged  map[engine.RunID]*list.Element
	order   *list.List // of loggedChange, the latest at the end
}

type loggedChange struct {
	run    engine.RunID
	number uint64
}

// NewChanges begins to count at a number that is greater than those of all that began earlier, as no store changes a
// run each nanosecond. So who asks with a number of another process is answered Partial.
func NewChanges() *Changes {
	now := uint64(time.Now().UnixNano())
	return &Changes{
		waiting: map[engine.RunID]chan struct{}{}, latest: now, floor: now, logged: map[engine.RunID]*list.Element{}, order: list.New(),
	}
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
	c.waiting[run] = ch
	return ch
}

// Waiting reports whether any run is waited for.
func (c *Changes) Waiting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiting) > 0
}

// Tell notes that a run has changed, and wakes those who wait for it.
func (c *Changes) Tell(run engine.RunID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wake(run)
	c.latest++
	if e := c.logged[run]; e != nil {
		e.Value = loggedChange{run, c.latest}
		c.order.MoveToBack(e)
		return
	}
	c.logged[run] = c.order.PushBack(loggedChange{run, c.latest})
	if c.order.Len() > maxLogged {
		oldest := c.order.Remove(c.order.Front()).(loggedChange)
		delete(c.logged, oldest.run)
		c.floor = oldest.number
	}
}

// TellAll notes that any run may have changed, and wakes all that wait.
func (c *Changes) TellAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for run := range c.waiting {
		c.wake(run)
	}
	c.latest = max(c.latest+1, uint64(time.Now().UnixNano()))
	c.floor = c.latest
	clear(c.logged)
	c.order.Init()
}

// Since lists the runs that were told of after the change of a number.
func (c *Changes) Since(number uint64) ChangeList {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := ChangeList{Latest: c.latest, Partial: number < c.floor || number > c.latest}
	first := c.order.Back()
	for e := first; e != nil && e.Value.(loggedChange).number > number; e = e.Prev() {
		first = e
	}
	for e := first; e != nil && e.Value.(loggedChange).number > number; e = e.Next() {
		out.Runs = append(out.Runs, e.Value.(loggedChange).run)
	}
	return out
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
