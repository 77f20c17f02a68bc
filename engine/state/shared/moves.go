package shared

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// group is goroutines of a run that end with it.
type group struct {
	mu      sync.Mutex
	closed  bool
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

// close waits for all that is under way; nothing starts any more.
func (g *group) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.running.Wait()
}

// heldBytes is the weight of the outputs in this process's memory, of all runs; of only, those that are nowhere else.
type heldBytes struct{ used, only atomic.Int64 }

// defaultHold is a quarter of the memory that the process may use: of its limit, or of 4 GiB where it has none.
func defaultHold() int64 {
	const assumed = 4 << 30
	return min(debug.SetMemoryLimit(-1), assumed) / 4
}

// shed keeps what this process holds within its bound: what the store has too is dropped, and of what is nowhere else
// the largest is stored, to be dropped then. The lock is held.
func (r *run) shed() {
	s, h := r.share, &r.store.held
	h.used.Add(s.used - r.usedTold)
	h.only.Add(s.only - r.onlyTold)
	r.usedTold, r.onlyTold = s.used, s.only
	limit := r.store.cfg.HoldBytes
	if excess := h.used.Load() - limit; excess > 0 {
		s.trim(excess)
	}
	if excess := h.only.Load() - limit; excess > 0 {
		s.storeLargest(excess)
	}
}

// trim drops values that the store has too.
func (s *share) trim(excess int64) {
	for excess > 0 && s.oldest != nil {
		o := s.oldest
		excess -= o.weight()
		s.holdings.drop(o)
		if n := s.find(o.node).node(); n.out == o {
			n.out = nil
		}
	}
}

// storeLargest asks for the largest outputs that are nowhere else to be stored.
func (s *share) storeLargest(excess int64) {
	list := s.onlyHere()
	slices.SortFunc(list, func(a, b *output) int {
		return cmp.Or(cmp.Compare(b.weight(), a.weight()), cmp.Compare(a.node, b.node))
	})
	for _, o := range list {
		if excess <= 0 {
			return
		}
		excess -= o.weight()
		o.must, o.stage = true, moving
		s.uploads = append(s.uploads, o)
		if p := s.find(o.node); p.node().phase == over {
			s.handovers = append(s.handovers, &handover{at: p, out: o})
		}
	}
}

// onlyHere lists the outputs that are nowhere else, and not about to be.
func (s *share) onlyHere() []*output {
	var list []*output
	for b := range s.blocks() {
		for i := range b.nodes {
			if o := b.nodes[i].out; o != nil && o.stage == held && !o.must {
				list = append(list, o)
			}
		}
	}
	return list
}

// upload encodes and puts outputs, each in a goroutine of its own.
func (r *run) upload(outputs []*output) {
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
			defer r.unlock()
			switch {
			case r.session.id != session: // it is over, and with it what it held
			case err != nil:
				r.share.broken[o.node] = err
				r.share.failed, r.share.urgent, r.stuck = true, true, false
			default:
				r.share.put(o, key, size)
				r.stuck = false
			}
		})
	}
}

// putFor is how long a store that does not take an output is asked again: it may be full, or the output too large for it.
const putFor = time.Minute

// put stores an output under a key that nothing else has. The back end repeats what can pass; what it gives up is tried
// again here for a while, so the error says that nothing helps.
func (r *run) put(ctx context.Context, o *output) (key string, size int64, err error) {
	b := o.encoded
	if b == nil {
		if b, err = r.share.encode(o); err != nil {
			return "", 0, fmt.Errorf("the output cannot be stored: %w", err)
		}
	}
	if most := r.store.cfg.ValueBytes; len(b) > most {
		return "", 0, fmt.Errorf("the output cannot be stored: it takes %d bytes, at most %d can be shared", len(b), most)
	}
	key = fmt.Sprintf("%d.%x", o.node, rand.Uint64())
	for begun := time.Now(); ; {
		if err = r.backend.PutOutput(ctx, r.id, key, b); err == nil || ctx.Err() != nil {
			return key, int64(len(b)), nil
		}
		if time.Since(begun) >= putFor {
			return "", 0, fmt.Errorf("the output cannot be stored: %w", err)
		}
		r.store.cfg.Log.Error("an output could not be stored and is stored again", "run", r.id, "node", o.node, "error", err)
		sleep(ctx, time.Second)
	}
}

// enterMove waits until one more value may be moved, false when ctx ends before.
func (s *Store) enterMove(ctx context.Context) bool {
	select {
	case s.moves <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *Store) exitMove() { <-s.moves }
