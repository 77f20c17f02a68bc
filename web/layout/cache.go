package layout

import (
	"container/list"
	"context"
	"fmt"
	"sync"

	"github.com/dagscope/dagscope/engine/dag"
)

const (
	// small is the number of tasks and edges up to which the caller itself computes a layout; that takes at most about
	// ten milliseconds.
	small = 300
	// share is how many numbers in a layout count as one layout towards a cache's bound: about 1 MB.
	share = 100_000
	// atOnce is the number of layouts that are computed at the same time, so that processors remain free for runs.
	atOnce = 2
)

// Cache keeps layouts by the hashes of their graphs and computes each once, however many callers ask for it. Safe for
// concurrent use.
type Cache struct {
	most    int
	compute func(*dag.Graph) *Layout
	turn    chan struct{}  // holds a token for each layout being computed in the background
	working sync.WaitGroup // the goroutines that compute

	mu      sync.Mutex                 // guards all below
	known   map[[32]byte]*list.Element // of *entry
	recent  list.List                  // most recently used first
	weight  int                        // sum over known
	pending map[[32]byte]*entry
}

// entry is a layout. The goroutine that fills it owns layout, err and weight until it closes done.
type entry struct {
	hash   [32]byte
	done   chan struct{}
	layout *Layout
	err    error
	weight int
}

// NewCache returns a cache of the n most recently used layouts, at least 1. Fewer large ones are kept, since every
// 100,000 numbers in a layout count as a further layout; the last one is kept even if it is too large.
func NewCache(n int) *Cache {
	return &Cache{
		most: max(1, n), compute: Compute, turn: make(chan struct{}, atOnce),
		known: map[[32]byte]*list.Element{}, pending: map[[32]byte]*entry{},
	}
}

// Get returns the layout of a graph: immediately if it is known or the graph is small, otherwise after it is computed,
// at most two at a time. If ctx ends first, Get returns its cause, and the layout is still computed and kept for the next
// caller.
func (c *Cache) Get(ctx context.Context, g *dag.Graph) (*Layout, error) {
	e, isNew := c.find(g.Hash())
	switch {
	case isNew && isSmall(g):
		c.fill(e, g)
	case isNew:
		c.working.Go(func() {
			c.turn <- struct{}{}
			defer func() { <-c.turn }()
			c.fill(e, g)
		})
	}
	select {
	case <-e.done:
		return e.layout, e.err
	default:
	}
	select {
	case <-e.done:
		return e.layout, e.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Wait returns when no layout is being computed. Call it at the end of a program: Get must not be called meanwhile.
func (c *Cache) Wait() { c.working.Wait() }

// find returns an entry that is known or being computed, otherwise a new one that the caller has to fill.
func (c *Cache) find(hash [32]byte) (e *entry, isNew bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.known[hash]; ok {
		c.recent.MoveToFront(at)
		return at.Value.(*entry), false
	}
	if e, ok := c.pending[hash]; ok {
		return e, false
	}
	e = &entry{hash: hash, done: make(chan struct{})}
	c.pending[hash] = e
	return e, true
}

// fill computes an entry. A panic there, which would end the program with all its runs, becomes an error, and the next
// caller tries again.
func (c *Cache) fill(e *entry, g *dag.Graph) {
	defer func() {
		if cause := recover(); cause != nil {
			e.err = fmt.Errorf("layout: computing it failed: %v", cause)
		}
		c.keep(e)
		close(e.done)
	}()
	e.layout = c.compute(g)
}

func (c *Cache) keep(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, e.hash)
	if e.err != nil {
		return
	}
	e.weight = 1 + e.layout.numbers()/share
	c.weight += e.weight
	c.known[e.hash] = c.recent.PushFront(e)
	for c.weight > c.most && c.recent.Len() > 1 {
		oldest := c.recent.Remove(c.recent.Back()).(*entry)
		delete(c.known, oldest.hash)
		c.weight -= oldest.weight
	}
}

// numbers is how many numbers a layout has, as a measure of its size.
func (l *Layout) numbers() int {
	n := 0
	for _, s := range l.Scopes {
		n += 3 * len(s.Y)
		for _, e := range s.Edges {
			n += 5 + len(e.Via) // a slice takes as much as three numbers
		}
	}
	return n
}

func isSmall(g *dag.Graph) bool {
	n := 0
	for i := range g.Scopes() {
		s := g.Scope(int32(i))
		for k := range s.Len() {
			n += 1 + len(s.Parents(k))
		}
		if n > small {
			return false
		}
	}
	return true
}
