package shared

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared/internal/member"
)

// moves bounds how many values are put, or groups of them fetched, at a time by all runs.
type moves chan struct{}

// enter waits for one of the places; false when ctx ends before.
func (m moves) enter(ctx context.Context) bool {
	select {
	case m <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (m moves) exit() { <-m }

// heldBytes is the weight of the outputs in this process's memory, over all runs; only counts those that no store has.
type heldBytes struct{ used, only atomic.Int64 }

// uploader stores outputs that other processes read, and keeps those in memory within the bound of the process.
type uploader struct {
	*core
	moves moves
	held  *heldBytes
	// What held has of this run. Guarded by core.mu.
	used, only int64
}

// count updates held by what this run has. The lock is held.
func (u *uploader) count(used, only int64) {
	u.held.used.Add(used - u.used)
	u.held.only.Add(only - u.only)
	u.used, u.only = used, only
}

// enforceHoldLimit keeps the outputs of this process within its bound: those that the store has are evicted, and of the
// others the largest are stored, to be evicted later. The lock is held.
func (u *uploader) enforceHoldLimit() {
	u.count(u.state.Held())
	if excess := u.held.used.Load() - u.cfg.HoldBytes; excess > 0 {
		u.state.Evict(excess)
	}
	if excess := u.held.only.Load() - u.cfg.HoldBytes; excess > 0 {
		u.state.StoreLargest(excess)
	}
}

// dropOutputs drops all outputs once the run's goroutines have ended; the result is read from the store.
func (u *uploader) dropOutputs() {
	u.lock()
	defer u.unlockAndNotify()
	u.unassignAll()
	u.state.Close()
	u.count(0, 0)
}

// upload encodes and stores outputs of a session, each in a goroutine of its own.
func (u *uploader) upload(session ledger.SessionID, outputs []*member.Value) {
	for _, o := range outputs {
		u.spawn(func(ctx context.Context) {
			if !u.moves.enter(ctx) {
				return
			}
			key, size, err := u.put(ctx, o)
			u.moves.exit()
			if ctx.Err() != nil {
				return
			}
			u.lock()
			defer u.unlockAndNotify()
			switch {
			case u.session.id != session: // the session is over, and so are its outputs
			case err != nil:
				u.state.Failed(o.Node, err)
				u.due.uploads = false
			default:
				u.state.Stored(o, key, size)
				u.due.uploads = false
			}
		})
	}
}

// putFor is how long storing an output is retried: the store may be full, or the output too large for it.
const putFor = time.Minute

// put stores an output under a unique key. The back end retries transient errors; others are retried here for putFor, so
// an error is final.
func (u *uploader) put(ctx context.Context, o *member.Value) (key string, size int64, err error) {
	b := o.Encoded
	if b == nil {
		if b, err = u.state.Encode(o); err != nil {
			return "", 0, fmt.Errorf("the output cannot be stored: %w", err)
		}
	}
	if most := u.cfg.ValueBytes; len(b) > most {
		return "", 0, fmt.Errorf("the output cannot be stored: it takes %d bytes, at most %d can be shared", len(b), most)
	}
	key = fmt.Sprintf("%d.%x", o.Node, rand.Uint64())
	for begun := time.Now(); ; {
		if err = u.backend.PutOutput(ctx, u.id, key, b); err == nil || ctx.Err() != nil {
			return key, int64(len(b)), nil
		}
		if time.Since(begun) >= putFor {
			return "", 0, fmt.Errorf("the output cannot be stored: %w", err)
		}
		u.log.Error("an output could not be stored and is retried", "node", o.Node, "error", err)
		sleep(ctx, time.Second)
	}
}
