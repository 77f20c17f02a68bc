package metricsstore

import (
	"container/list"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine/record"
)

// maxLogged bounds the number of runs whose last change is remembered, of some 150 B each.
const maxLogged = 16_384

// ChangeList says which runs of a store have changed since a moment.
type ChangeList struct {
	Runs   []record.RunID // each once, ordered by their last change
	Latest uint64         // the number of the latest change, to be given to the next call
	// Partial: other runs may have changed as well.
	Partial bool
}

// Changes wakes those who wait for changes of a run and remembers which runs changed last: what a back end needs for
// Store.Changed and Store.ChangedSince. Safe for concurrent use.
type Changes struct {
	mu      sync.Mutex // guards all below
	closed  bool
	waiting map[record.RunID]chan struct{}
	latest  uint64
	floor   uint64 // changes up to this one are not remembered
	logged  map[record.RunID]*list.Element
	order   *list.List // of loggedChange, the latest at the end
}

type loggedChange struct {
	run    record.RunID
	number uint64
}

// NewChanges begins to count at the current time in nanoseconds. As no store changes a run each nanosecond, that is
// more than any earlier Changes has counted to, so a number from another process is answered with Partial.
func NewChanges() *Changes {
	now := uint64(time.Now().UnixNano())
	return &Changes{
		waiting: map[record.RunID]chan struct{}{}, latest: now, floor: now, logged: map[record.RunID]*list.Element{}, order: list.New(),
	}
}

// Wait returns a channel that is closed by the next Notify of the run, NotifyAll, or Close.
func (c *Changes) Wait(run record.RunID) <-chan struct{} {
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

// Waiting reports whether any channel of Wait is open.
func (c *Changes) Waiting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiting) > 0
}

// Notify records that a run has changed and wakes those who wait for it.
func (c *Changes) Notify(run record.RunID) {
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

// NotifyAll records that any run may have changed and wakes all who wait.
func (c *Changes) NotifyAll() {
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

// Since lists the runs that have changed after the change of a number.
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

// Close wakes all who wait; from then on, channels of Wait are closed at once.
func (c *Changes) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.NotifyAll()
}

// wake is called with mu held.
func (c *Changes) wake(run record.RunID) {
	if ch := c.waiting[run]; ch != nil {
		close(ch)
		delete(c.waiting, run)
	}
}
