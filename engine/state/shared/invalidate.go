package shared

import (
	"context"
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// invalidate has lost outputs recomputed and releases the claim on their reader: then it returns state.ErrInputLost. It
// returns nil when they were recomputed meanwhile, so that they can be fetched.
func (r *fetcher) invalidate(ctx context.Context, c state.Claim, missing []dag.NodeID) error {
	missing = missing[:min(len(missing), ledger.MaxLost)] // the others are found to be missing next time
	op, err := r.invalidation(ctx, c, missing)
	if err != nil {
		return err
	}
	reply, err := r.backend.Do(ctx, r.id, op, nil)
	if err != nil {
		return fmt.Errorf("inputs are lost and cannot be recomputed: %w", err)
	}
	switch reply.Verdict {
	case ledger.Malformed:
		return fmt.Errorf("inputs are lost and cannot be recomputed: %s", reply.Why)
	case ledger.Again: // they were recomputed, and may be lost again
		r.expect(missing, func(i int) uint16 { return reply.Epochs[i] })
		return nil
	}
	r.lock()
	if l := r.laneOf(c); l != nil {
		l.unassign()
		r.state.Invalidated(l.node, op)
	}
	if reply.Verdict == ledger.Applied {
		r.state.CountInvalidated(len(missing))
	}
	r.appetite.changed() // the recomputed tasks can be claimed
	r.unlockAndNotify()
	r.expect(missing, func(i int) uint16 { return op.Lost[i].Epoch + 1 })
	return state.ErrInputLost
}

// expect records the epochs that outputs have next, in case they are missing again.
func (r *fetcher) expect(nodes []dag.NodeID, epoch func(i int) uint16) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, id := range nodes {
		r.missed[id] = epoch(i)
	}
}

// invalidation waits until the ledger knows the claim, and returns the operation.
func (r *fetcher) invalidation(ctx context.Context, c state.Claim, missing []dag.NodeID) (ledger.Invalidate, error) {
	for {
		r.lock()
		l := r.laneOf(c)
		if l == nil || r.session.id == "" {
			r.unlockAndNotify()
			return ledger.Invalidate{}, state.ErrInputLost
		}
		op, ok := r.state.Invalidation(l.node, missing, r.missed)
		op.Session = r.session.id
		r.unlockAndNotify()
		if ok {
			return op, nil
		}
		sleep(ctx, time.Millisecond) // the next commit reports it
		if ctx.Err() != nil {
			return ledger.Invalidate{}, ctx.Err()
		}
	}
}
