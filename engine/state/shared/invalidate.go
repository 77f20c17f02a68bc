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
func (f *fetcher) invalidate(ctx context.Context, c state.Claim, missing []dag.NodeID) error {
	missing = missing[:min(len(missing), ledger.MaxLost)] // the others are found to be missing next time
	op, err := f.invalidation(ctx, c, missing)
	if err != nil {
		return err
	}
	reply, err := f.backend.Do(ctx, f.id, op, nil)
	if err != nil {
		return fmt.Errorf("inputs are lost and cannot be recomputed: %w", err)
	}
	switch reply.Verdict {
	case ledger.Malformed:
		return fmt.Errorf("inputs are lost and cannot be recomputed: %s", reply.Why)
	case ledger.Again: // they were recomputed, and may be lost again
		f.expect(missing, func(i int) uint16 { return reply.Epochs[i] })
		return nil
	}
	f.lock()
	if l := f.laneOf(c); l != nil {
		l.unassign()
		f.state.Invalidated(l.node, op)
	}
	if reply.Verdict == ledger.Applied {
		f.state.CountInvalidated(len(missing))
	}
	f.appetite.changed() // the recomputed tasks can be claimed
	f.unlockAndNotify()
	f.expect(missing, func(i int) uint16 { return op.Lost[i].Epoch + 1 })
	return state.ErrInputLost
}

// expect records the epochs that outputs have next, in case they are missing again.
func (f *fetcher) expect(nodes []dag.NodeID, epoch func(i int) uint16) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, id := range nodes {
		f.missed[id] = epoch(i)
	}
}

// invalidation waits until the ledger knows the claim, and returns the operation.
func (f *fetcher) invalidation(ctx context.Context, c state.Claim, missing []dag.NodeID) (ledger.Invalidate, error) {
	for {
		f.lock()
		l := f.laneOf(c)
		if l == nil || f.session.id == "" {
			f.unlockAndNotify()
			return ledger.Invalidate{}, state.ErrInputLost
		}
		op, ok := f.state.Invalidation(l.node, missing, f.missed)
		op.Session = f.session.id
		f.unlockAndNotify()
		if ok {
			return op, nil
		}
		sleep(ctx, time.Millisecond) // the next commit reports it
		if ctx.Err() != nil {
			return ledger.Invalidate{}, ctx.Err()
		}
	}
}
