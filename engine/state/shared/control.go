package shared

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// control is a request to stop, pause or resume the run.
type control struct {
	op     ledger.Op
	cause  error
	record []byte
}

// controls carries out requests in their order, beside whoever has made them, so that nobody waits for the store.
type controls struct {
	r *run
	group
	life <-chan struct{} // closed when this process follows the run no more

	mu      sync.Mutex
	list    []control
	running bool
}

// do queues a request. After the run's end it does nothing.
func (c *controls) do(request control) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running {
		c.list = append(c.list, request)
		return
	}
	c.running = c.group.run(func() { c.drain(request) })
}

func (c *controls) drain(next control) {
	for {
		c.r.control(next)
		c.mu.Lock()
		if len(c.list) == 0 {
			c.running = false
			c.mu.Unlock()
			return
		}
		next, c.list = c.list[0], c.list[1:]
		c.mu.Unlock()
	}
}

// control carries out one request. While the store is away it is repeated, as long as this process follows the run: what
// a user has asked for is not dropped.
func (r *run) control(c control) {
	for {
		ctx, stop := context.WithTimeout(context.Background(), shortCall)
		reply, err := r.backend.Do(ctx, r.id, c.op, c.record)
		stop()
		if err == nil {
			r.controlled(c, &reply)
			return
		}
		r.store.cfg.Log.Error("a run could not be controlled", "run", r.id, "request", c.op, "error", err)
		if errors.Is(err, engine.ErrUnknownRun) {
			return
		}
		select {
		case <-r.controls.life:
			return
		case <-time.After(retryCall):
		}
	}
}

// controlled takes in at once what follows from a request for this process.
func (r *run) controlled(c control, reply *ledger.Reply) {
	r.lock()
	s := r.share
	s.status, s.stopping = reply.Status, reply.Stopping
	if s.stopping != "" {
		s.relax()
	}
	stopping := r.tellStopping(c.cause)
	r.heard = r.self != nil // the answer to a commit under way may be older
	r.dry = false
	r.unlock()
	stopping()
}

// tellStopping gives what is to be called once the lock is released: the hook, the first time that the run is stopping.
func (r *run) tellStopping(cause error) func() {
	s := r.share
	if s.stopping == "" || r.told {
		return func() {}
	}
	r.told = true
	r.halted.Store(true)
	if cause == nil {
		cause = causeOf(s.stopping)
	}
	return func() { r.hooks.Stopping(cause) }
}

// causeOf is what attempts report of a run that somebody else has stopped.
func causeOf(stopping engine.Status) error {
	if stopping == engine.Cancelled {
		return engine.ErrCancelled
	}
	return engine.ErrRunFailed
}
