package shared

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared/internal/member"
)

// control is a request to stop, pause or resume the run; cause and record belong to a stop.
type control struct {
	op     ledger.Op
	cause  error
	record []byte
}

// controls carries out requests in order, in a goroutine of its group, so that callers do not wait for the store. Safe for
// concurrent use.
type controls struct {
	*core
	group
	life <-chan struct{} // closed when this process stops following the run

	mu      sync.Mutex
	list    []control // guarded by mu
	running bool      // guarded by mu; a goroutine drains list
}

// stop requests an early end; cause says which kind.
func (c *controls) stop(status record.Status, cause error, first *record.ErrorRecord) {
	op := ledger.Stop{Status: status}
	switch cause {
	case engine.ErrCancelled:
		op.Reason = record.CancelRequested
	case engine.ErrDeadline:
		op.Reason = record.RunDeadline
	}
	c.do(control{op: op, cause: cause, record: encodeRecord(first)})
}

func (c *controls) pause() { c.do(control{op: ledger.Pause{}}) }

func (c *controls) resume() { c.do(control{op: ledger.Resume{}}) }

// stopAtDeadline stops a run that has reached its deadline.
func (c *controls) stopAtDeadline() {
	if c.deadline() > 0 || c.halted.Load() {
		return
	}
	c.stop(record.Failed, engine.ErrDeadline, &record.ErrorRecord{
		Kind: record.DeadlineError, Node: dag.NoNode, Worker: c.workerName(), Time: c.now(),
		Message: "the run did not end within its deadline of " + c.job.Options.Deadline.String(),
	})
}

// failRolledBack fails the run, since processes number its nodes differently now. A retry begins with what the store
// has kept.
func (c *controls) failRolledBack() {
	c.stop(record.Failed, member.ErrRolledBack, &record.ErrorRecord{
		Kind: record.StoreError, Node: dag.NoNode, Worker: c.workerName(), Time: c.now(),
		Message: "the store has forgotten what it had acknowledged, which happens when its machine dies or a lagging replica takes over",
	})
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
		c.carryOut(next)
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

// carryOut carries out one request, also when the run is left meanwhile. It is repeated until the store answers or this
// process stops following the run: a user's request is not dropped.
func (c *controls) carryOut(request control) {
	for {
		ctx, stop := context.WithTimeout(context.Background(), shortCall)
		reply, err := c.backend.Do(ctx, c.id, request.op, request.record)
		stop()
		if err == nil {
			c.applied(request, &reply)
			return
		}
		c.log.Error("a run could not be controlled", "request", request.op, "error", err)
		if errors.Is(err, engine.ErrUnknownRun) {
			return
		}
		select {
		case <-c.life:
			return
		case <-time.After(retryCall):
		}
	}
}

// applied applies the answer to a request at once, before the next commit would.
func (c *controls) applied(request control, reply *ledger.Reply) {
	c.lock()
	c.state.StatusChanged(reply.Status, reply.Stopping)
	stopping := c.stoppingHook(request.cause)
	c.due.status = c.self != nil // the answer to a commit under way may be older
	c.appetite.changed()
	c.unlockAndNotify()
	stopping()
}

func encodeRecord(rec *record.ErrorRecord) []byte {
	if rec == nil {
		return nil
	}
	b, err := json.Marshal(rec)
	if err != nil {
		return nil // a record is texts and numbers
	}
	return b
}

func decodeRecord(data []byte) *record.ErrorRecord {
	if len(data) == 0 {
		return nil
	}
	var rec record.ErrorRecord
	if err := json.Unmarshal(data, &rec); err != nil {
		return nil
	}
	return &rec
}
