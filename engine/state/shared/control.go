package shared

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// control is a request to stop, pause or resume the run; cause and record belong to a stop.
type control struct {
	op     ledger.Op
	cause  error
	record []byte
}

// controls carries out requests in order, in a goroutine of the run, so that callers do not wait for the store.
type controls struct {
	r *run
	group
	life <-chan struct{} // closed when this process stops following the run

	mu      sync.Mutex
	list    []control // guarded by mu
	running bool      // guarded by mu; a goroutine drains list
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

// control carries out one request. It is repeated until the store answers or this process stops following the run: a
// user's request is not dropped.
func (r *run) control(c control) {
	for {
		ctx, stop := context.WithTimeout(context.Background(), shortCall)
		reply, err := r.backend.Do(ctx, r.id, c.op, c.record)
		stop()
		if err == nil {
			r.controlApplied(c, &reply)
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

// controlApplied applies the answer to a request at once, before the next commit would.
func (r *run) controlApplied(c control, reply *ledger.Reply) {
	r.lock()
	r.state.StatusChanged(reply.Status, reply.Stopping)
	stopping := r.stoppingHook(c.cause)
	r.statusDue = r.self != nil // the answer to a commit under way may be older
	r.dry = false
	r.unlockAndNotify()
	stopping()
}

// stoppingHook returns what to call once the lock is released: the hook, the first time that the run is stopping. The
// lock is held.
func (r *run) stoppingHook(cause error) func() {
	_, stopping := r.state.Status()
	if stopping == "" || r.stoppingReported {
		return func() {}
	}
	r.stoppingReported = true
	r.halted.Store(true)
	if cause == nil {
		cause = causeOf(stopping)
	}
	return func() { r.hooks.Stopping(cause) }
}

// causeOf is what attempts report when another process has stopped the run.
func causeOf(stopping record.Status) error {
	if stopping == record.Cancelled {
		return engine.ErrCancelled
	}
	return engine.ErrRunFailed
}
