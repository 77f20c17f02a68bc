package shared

import (
	"context"
	"sync"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/protocol/ledger"
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

	mu      sync.Mutex
	list    []control
	running bool
}

// do queues a request. After the run's end it does nothing.
func (c *controls) do(request control) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, request)
	if !c.running {
		c.running = c.group.run(c.drain)
	}
}

func (c *controls) drain() {
	ctx, stop := context.WithTimeout(context.Background(), shortCall)
	defer stop()
	for {
		c.mu.Lock()
		if len(c.list) == 0 {
			c.running = false
			c.mu.Unlock()
			return
		}
		next := c.list[0]
		c.list = c.list[1:]
		c.mu.Unlock()
		c.r.control(ctx, next)
	}
}

// control carries out one request and takes in at once what follows for this process.
func (r *run) control(ctx context.Context, c control) {
	reply, err := r.backend.Do(ctx, r.id, c.op, c.record)
	if err != nil {
		r.store.cfg.Log.Error("a run could not be controlled", "run", r.id, "request", c.op, "error", err)
		return
	}
	r.lock()
	s := r.share
	s.status, s.stopping = reply.Status, reply.Stopping
	if s.stopping != "" {
		s.relax()
	}
	stopping := r.tellStopping(c.cause)
	s.urgent = true // the committer learns of the end, or gets claims again
	r.dry = false
	r.unlock()
	stopping()
	r.poke()
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
