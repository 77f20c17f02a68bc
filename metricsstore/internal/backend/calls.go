// Package backend holds what the back ends of metricsstore.Store have in common: counting calls so that Close waits for
// them, and errors that all of them return in the same words.
//
// It guarantees that a call that has begun ends before what Close releases is gone, and that a call after Close is
// refused. A call costs one uncontended read lock.
//
// Caveat: a call that never ends keeps Close waiting, so back ends give up what they wait for before they close.
package backend

import (
	"context"
	"sync"

	"github.com/dagscope/dagscope/metricsstore"
)

// Calls counts the calls of a store. The zero value is ready. Safe for concurrent use.
type Calls struct {
	mu     sync.RWMutex // held for reading by each call, for writing to close
	closed bool         // guarded by mu
}

// Begin counts a call; after nil, the caller calls End. The error is that of ctx, or metricsstore.ErrClosed.
func (c *Calls) Begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.RLock()
	if c.closed {
		c.mu.RUnlock()
		return metricsstore.ErrClosed
	}
	return nil
}

// End ends a call.
func (c *Calls) End() { c.mu.RUnlock() }

// Close waits for the calls under way, refuses later ones, and calls release once. A second Close waits for the first
// one and does nothing.
func (c *Calls) Close(release func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	return release()
}
