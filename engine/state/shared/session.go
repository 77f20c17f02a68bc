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
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// session is this process's part in a run as the ledger sees it.
type session struct {
	id     ledger.SessionID // empty while there is none
	handle uint32           // on the board, while it is listed there
	listed bool
	number uint64 // of the last commit
	isNew  bool   // nothing was committed yet
	// ends: its latest commit has ended the run, at that moment.
	ends    bool
	endedAt int64
	// answered is when the last call was sent that got an answer; sent, when the last commit was.
	answered time.Time
	sent     time.Time
	beat     time.Duration // how long until the next commit at the latest
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

// fenceAfter is how long a session goes on without an answer.
func (s *Store) fenceAfter() time.Duration { return s.cfg.Lease * 2 / 3 }

// open begins a session. It reports whether the run goes on.
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
		r.vanish()
		return false, nil
	}
	if err != nil {
		return false, err
	}
	r.clock.learn(sent, time.Now(), reply.Now)
	if reply.Verdict == ledger.Gone {
		r.lock()
		r.share.status, r.share.stopping = reply.Status, reply.Stopping
		r.unlock()
		return false, nil
	}
	for _, old := range r.silent { // others need not wait until its lease has run out
		_, _ = r.backend.Do(bounded, r.id, ledger.Leave{Session: old}, nil)
	}
	r.silent = nil
	handle := r.store.cfg.Board.Opened(r.id, id)
	r.lock()
	r.session = session{id: id, handle: handle, listed: true, isNew: true, answered: sent, sent: sent, beat: beatAfter(r.store.cfg.Lease)}
	r.share.worker, r.numbered = reply.Worker, true
	r.share.status, r.share.stopping = reply.Status, reply.Stopping
	stopping := r.tellStopping(nil)
	if !r.job.Options.Unlogged {
		r.share.notes = append([]engine.Step{{Kind: engine.WorkerStarted, Started: max(r.clock.now(), 0), Became: engine.NoNode}}, r.share.notes...)
	}
	r.unlock()
	stopping()
	return true, nil
}

// unlist takes the session off the board, if it is there, and once: its handle is somebody else's from then on. The lock is
// held.
func (r *run) unlist() {
	if r.session.listed {
		r.session.listed = false
		r.store.cfg.Board.Closed(r.session.handle)
	}
}

// describe is the record of this process's worker.
func (r *run) describe() engine.WorkerRecord {
	r.mu.Lock()
	self, worker := r.self, int(r.share.worker)
	r.mu.Unlock()
	record := self()
	record.Worker = worker
	r.mu.Lock()
	r.record = record
	r.mu.Unlock()
	return record
}

// wall is a moment of the run as a time on the store's clock.
func (r *run) wall(ns int64) time.Time { return r.started.Add(time.Duration(ns)) }

// fence drops all claims of the session, which is over or may be: others have them, or will. The run goes on with a new
// session.
func (r *run) fence(cause error) {
	r.lock()
	lost := 0
	for _, l := range r.lanes {
		if l.held {
			l.drop()
			lost++
		}
	}
	r.unlist()
	if cause == errSilent {
		r.silent = append(r.silent, r.session.id)
	}
	r.session = session{}
	r.share.reset()
	r.abandonFetches()
	r.dry, r.stuck, r.since = false, false, time.Time{}
	r.unlock()
	r.store.cfg.Log.Warn("a session has lost its claims", "run", r.id, "executing", lost, "cause", cause)
	r.hooks.Fenced(cause)
}
