package shared

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dagscope/dagscope/engine/state/shared/internal/member"
)

// group is the goroutines of a run that it waits for.
type group struct {
	mu      sync.Mutex
	closed  bool // guarded by mu
	running sync.WaitGroup
}

// run starts f; false when the group has been closed.
func (g *group) run(f func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.running.Go(f)
	}
	return !g.closed
}

// close waits for all goroutines; none can be started any more.
func (g *group) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.running.Wait()
}

// heldBytes is the weight of the outputs in this process's memory, over all runs; only counts those that no store has.
type heldBytes struct{ used, only atomic.Int64 }

// defaultHold is a quarter of the process's memory limit, or of 4 GiB if it has none.
func defaultHold() int64 {
	const assumed = 4 << 30
	return min(debug.SetMemoryLimit(-1), assumed) / 4
}

// enforceHoldLimit keeps the outputs of this process within its bound: those that the store has are evicted, and of the
// others the largest are stored, to be evicted later. The lock is held.
func (r *run) enforceHoldLimit() {
	s, h := r.state, &r.store.held
	used, only := s.Held()
	h.used.Add(used - r.usedCounted)
	h.only.Add(only - r.onlyCounted)
	r.usedCounted, r.onlyCounted = used, only
	limit := r.store.cfg.HoldBytes
	if excess := h.used.Load() - limit; excess > 0 {
		s.Evict(excess)
	}
	if excess := h.only.Load() - limit; excess > 0 {
		s.StoreLargest(excess)
	}
}

// upload encodes and stores outputs, each in a goroutine of its own.
func (r *run) upload(outputs []*member.Value) {
	session := r.session.id
	for _, o := range outputs {
		r.spawn(func(ctx context.Context) {
			if !r.store.enterMove(ctx) {
				return
			}
			key, size, err := r.put(ctx, o)
			r.store.exitMove()
			if ctx.Err() != nil {
				return
			}
			r.lock()
			defer r.unlockAndNotify()
			switch {
			case r.session.id != session: // the session is over, and so are its outputs
			case err != nil:
				r.state.Failed(o.Node, err)
				r.awaitingUploads = false
			default:
				r.state.Stored(o, key, size)
				r.awaitingUploads = false
			}
		})
	}
}

// putFor is how long storing an output is retried: the store may be full, or the output too large for it.
const putFor = time.Minute

// put stores an output under a unique key. The back end retries transient errors; others are retried here for putFor, so
// an error is final.
func (r *run) put(ctx context.Context, o *member.Value) (key string, size int64, err error) {
	b := o.Encoded
	if b == nil {
		if b, err = r.state.Encode(o); err != nil {
			return "", 0, fmt.Errorf("the output cannot be stored: %w", err)
		}
	}
	if most := r.store.cfg.ValueBytes; len(b) > most {
		return "", 0, fmt.Errorf("the output cannot be stored: it takes %d bytes, at most %d can be shared", len(b), most)
	}
	key = fmt.Sprintf("%d.%x", o.Node, rand.Uint64())
	for begun := time.Now(); ; {
		if err = r.backend.PutOutput(ctx, r.id, key, b); err == nil || ctx.Err() != nil {
			return key, int64(len(b)), nil
		}
		if time.Since(begun) >= putFor {
			return "", 0, fmt.Errorf("the output cannot be stored: %w", err)
		}
		r.store.cfg.Log.Error("an output could not be stored and is retried", "run", r.id, "node", o.Node, "error", err)
		sleep(ctx, time.Second)
	}
}

// enterMove waits for one of the places for moving values; false when ctx ends before.
func (s *Store) enterMove(ctx context.Context) bool {
	select {
	case s.moves <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *Store) exitMove() { <-s.moves }
