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

// session is this process's session in a run. id, handle, listed, ends and endedAt are guarded by the run's mu, the others
// are owned by the committer's goroutine.
type session struct {
	id     ledger.SessionID // empty while there is none
	handle uint32           // on the board, while it is listed
	listed bool
	number uint64 // of the last commit
	isNew  bool   // no commit was made yet
	// ends: its latest commit has ended the run, at that moment.
	ends    bool
	endedAt int64
	// answered is when the last answered call was sent; sent, when the last commit was.
	answered time.Time
	sent     time.Time
	beat     time.Duration // the longest pause before the next commit
}

// Errors that contexts of attempts report when their claims are lost.
var (
	errFenced = errors.New("shared: the claims of this process were given to others")
	errSilent = errors.New("shared: the store has not answered for too long, so others may have the claims of this process")
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

// fenceAfter is how long a session continues without an answer.
func (s *Store) fenceAfter() time.Duration { return s.cfg.Lease * 2 / 3 }

// open begins a session. It reports whether the run is still active.
func (r *run) open(ctx context.Context) (ok bool, err error) {
	id, sent := newSessionID(), time.Now()
	record, err := json.Marshal(r.describe())
	if err != nil {
		return false, err
	}
	bounded, stop := context.WithTimeout(ctx, r.store.fenceAfter())
	defer stop()
	reply, err := r.backend.Do(bounded, r.id, ledger.Open{Session: id, Lease: r.store.cfg.Lease}, record)
	if errors.Is(err, engine.ErrUnknownRun) {
		r.markUnknown()
		return false, nil
	}
	if err != nil {
		return false, err
	}
	r.clock.learn(sent, time.Now(), reply.Now)
	if reply.Verdict == ledger.Gone {
		r.lock()
		r.state.SetStatus(reply.Status, reply.Stopping)
		r.unlockAndNotify()
		return false, nil
	}
	for _, old := range r.unanswered { // others need not wait until its lease expires
		_, _ = r.backend.Do(bounded, r.id, ledger.Leave{Session: old}, nil)
	}
	r.unanswered = nil
	handle := r.store.cfg.Board.Opened(r.id, id)
	r.lock()
	r.session = session{id: id, handle: handle, listed: true, isNew: true, answered: sent, sent: sent, beat: beatAfter(r.store.cfg.Lease)}
	r.state.Opened(reply.Worker, reply.Status, reply.Stopping)
	stopping := r.stoppingHook(nil)
	r.unlockAndNotify()
	stopping()
	return true, nil
}

// closeOnBoard removes the session from the board, once: its handle may be reused afterwards. The lock is held.
func (r *run) closeOnBoard() {
	if r.session.listed {
		r.session.listed = false
		r.store.cfg.Board.Closed(r.session.handle)
	}
}

// describe is the record of this process's worker.
func (r *run) describe() record.WorkerRecord {
	r.mu.Lock()
	self := r.self
	worker, _ := r.state.Worker()
	r.mu.Unlock()
	record := self()
	record.Worker = int(worker)
	r.mu.Lock()
	r.record = record
	r.mu.Unlock()
	return record
}

// wall is a moment of the run as a time on the store's clock.
func (r *run) wall(ns int64) time.Time { return r.started.Add(time.Duration(ns)) }

// fence drops all claims of a session that is over, or may be: others have them, or will. A new session follows.
func (r *run) fence(cause error) {
	r.lock()
	lost := 0
	for _, l := range r.lanes {
		if l.held {
			l.unassign()
			lost++
		}
	}
	r.closeOnBoard()
	if cause == errSilent {
		r.unanswered = append(r.unanswered, r.session.id)
	}
	r.session = session{}
	r.state.Reset()
	r.abandonFetches()
	r.dry, r.awaitingUploads, r.pendingSince = false, false, time.Time{}
	r.unlockAndNotify()
	r.store.cfg.Log.Warn("a session has lost its claims", "run", r.id, "executing", lost, "cause", cause)
	r.hooks.Fenced(cause)
}
