package shared

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	mathrand "math/rand/v2"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// newSessionID names a session; names are never used again.
func newSessionID() ledger.SessionID {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand.Read crashes the program instead
	return ledger.SessionID(hex.EncodeToString(b[:]))
}

// beatAfter is a third of the lease ± 10 %, so that processes do not beat together.
func beatAfter(lease time.Duration) time.Duration {
	third := lease / 3
	return third - third/10 + mathrand.N(third/5+1)
}

// open begins a session. It reports whether the run is still active.
func (c *committer) open(ctx context.Context) (ok bool, err error) {
	id, sent := newSessionID(), time.Now()
	record, err := json.Marshal(c.describe())
	if err != nil {
		return false, err
	}
	bounded, stop := context.WithTimeout(ctx, c.fenceAfter())
	defer stop()
	reply, err := c.backend.Do(bounded, c.id, ledger.Open{Session: id, Lease: c.cfg.Lease}, record)
	if errors.Is(err, engine.ErrUnknownRun) {
		c.markUnknown()
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c.clock.learn(sent, time.Now(), reply.Now)
	if reply.Verdict == ledger.Gone {
		c.lock()
		c.state.SetStatus(reply.Status, reply.Stopping)
		c.unlockAndNotify()
		return false, nil
	}
	for _, old := range c.unanswered { // others need not wait until its lease expires
		_, _ = c.backend.Do(bounded, c.id, ledger.Leave{Session: old}, nil)
	}
	c.unanswered = nil
	c.number, c.isNew, c.answered, c.sent, c.beat = 0, true, sent, sent, beatAfter(c.cfg.Lease)
	handle := c.cfg.Board.Opened(c.id, id)
	c.lock()
	c.session = session{id: id, handle: handle, listed: true}
	c.state.Opened(reply.Worker, reply.Status, reply.Stopping)
	stopping := c.stoppingHook(nil)
	c.unlockAndNotify()
	stopping()
	return true, nil
}

// describe is the record of this process's worker.
func (c *committer) describe() record.WorkerRecord {
	c.mu.Lock()
	self := c.self
	worker, _ := c.state.Worker()
	c.mu.Unlock()
	record := self()
	record.Worker = int(worker)
	c.mu.Lock()
	c.record = record
	c.mu.Unlock()
	return record
}

// fence drops all claims of a session that is over, or may be: others have them, or will. A new session follows.
func (c *committer) fence(cause error) {
	c.lock()
	lost := len(c.unassignAll())
	c.closeOnBoard()
	if cause == errSilent {
		c.unanswered = append(c.unanswered, c.session.id)
	}
	c.session = session{}
	c.state.Reset()
	c.fetcher.abandonFetches()
	c.appetite.changed()
	c.due.uploads, c.due.since = false, time.Time{}
	c.unlockAndNotify()
	c.log.Warn("a session has lost its claims", "executing", lost, "cause", cause)
	c.hooks.Fenced(cause)
}

// abandonSession leaves a session that cannot continue, so that others get its claims at once; a new one follows.
func (c *committer) abandonSession(ctx context.Context, cause error) {
	c.log.Error("a session is given up", "cause", cause)
	bounded, stop := context.WithTimeout(ctx, c.fenceAfter())
	defer stop()
	_, _ = c.backend.Do(bounded, c.id, ledger.Leave{Session: c.session.id}, nil) // else its lease runs out
	c.fence(cause)
	sleep(ctx, retryCall) // it may happen again
}

// stopLanes takes their claims from all lanes when the run is over.
func (c *committer) stopLanes() {
	c.halted.Store(true)
	c.lock()
	executing := len(c.unassignAll()) > 0
	c.state.Ended(executing)
	c.closeOnBoard()
	stopping := c.stoppingHook(nil)
	c.unlockAndNotify()
	stopping()
	if executing {
		c.hooks.Fenced(errFenced)
	}
}

// leaving is a request to the committer to leave the run.
type leaving struct {
	ctx    context.Context
	self   record.WorkerRecord
	answer chan<- error
}

// leaveRun ends this process's part in a run that continues elsewhere. What cannot be committed in time is released when
// the lease expires.
func (c *committer) leaveRun(ctx context.Context, self record.WorkerRecord) error {
	c.lock()
	s := c.state
	for _, p := range c.unassignAll() {
		s.Release(p)
	}
	s.HandOver(c.session.id != "")
	c.unlockAndNotify()
	err := c.flush(ctx)
	if err == nil && c.session.id != "" {
		_, err = c.backend.Do(ctx, c.id, ledger.Leave{Session: c.session.id}, nil)
	}
	if recordErr := c.handOverRecord(ctx, self); err == nil {
		err = recordErr
	}
	c.markLeft()
	return err
}

// flush commits until nothing is pending.
func (c *committer) flush(ctx context.Context) error {
	for ctx.Err() == nil {
		c.mu.Lock()
		isDone := c.session.id == "" || c.state.IsFinal() || !c.state.HasPending()
		stuck := c.due.uploads
		c.mu.Unlock()
		if isDone {
			return nil
		}
		if stuck {
			sleep(ctx, time.Millisecond) // until outputs are stored
		}
		if err := c.round(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// handOverRecord adds the worker's last record to the details.
func (c *committer) handOverRecord(ctx context.Context, self record.WorkerRecord) error {
	c.mu.Lock()
	saved := c.state.Savings()
	number, isNumbered := c.state.Worker()
	self.Worker = int(number)
	c.mu.Unlock()
	if !isNumbered {
		return nil // the run had ended before this process could take part
	}
	costs := c.backend.Costs()
	saved.Commands, saved.RoundTrips = costs.Commands-c.costs.Commands, costs.RoundTrips-c.costs.RoundTrips
	self.Saved = &saved
	data := blob{Revision: c.revision, Workers: []record.WorkerRecord{self}}.encode()
	return c.backend.AddDetails(ctx, c.id, [][]byte{data})
}
