package shared

import (
	"context"
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// invalidate has outputs made again that are nowhere, and gives the claim on their reader back: then it is
// state.ErrInputLost. It gives nil where they were made again meanwhile, so that they can be fetched.
func (r *run) invalidate(ctx context.Context, c state.Claim, missing []engine.NodeID) error {
	missing = missing[:min(len(missing), ledger.MaxLost)] // the others are found missing the next time
	op, err := r.invalidation(ctx, c, missing)
	if err != nil {
		return err
	}
	reply, err := r.backend.Do(ctx, r.id, op, nil)
	if err != nil {
		return fmt.Errorf("inputs are lost and cannot be made again: %w", err)
	}
	switch reply.Verdict {
	case ledger.Malformed:
		return fmt.Errorf("inputs are lost and cannot be made again: %s", reply.Why)
	case ledger.Again: // they were made again, and may be lost again by now
		r.expect(missing, func(i int) uint16 { return reply.Epochs[i] })
		return nil
	}
	r.lock()
	if l := r.laneOf(c); l != nil {
		l.drop()
		if n := l.at.node(); n.since == op.Since { // else it was claimed anew meanwhile
			n.phase, n.claimed, n.told = away, false, false
		}
	}
	if reply.Verdict == ledger.Applied {
		r.share.saved.Invalidated += int64(len(missing))
	}
	r.dry = false // what is made again can be claimed
	r.unlock()
	r.expect(missing, func(i int) uint16 { return op.Lost[i].Epoch + 1 })
	return state.ErrInputLost
}

// expect notes of which epochs outputs are, should they be missing again.
func (r *run) expect(nodes []engine.NodeID, epoch func(i int) uint16) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, id := range nodes {
		r.missed[id] = epoch(i)
	}
}

// invalidation is the operation, once the ledger knows of the claim.
func (r *run) invalidation(ctx context.Context, c state.Claim, missing []engine.NodeID) (ledger.Invalidate, error) {
	for {
		r.lock()
		l := r.laneOf(c)
		if l == nil || r.session.id == "" {
			r.unlock()
			return ledger.Invalidate{}, state.ErrInputLost
		}
		n := l.at.node()
		if n.claimed && r.share.handOverInputs(l.at) {
			op := ledger.Invalidate{Session: r.session.id, Consumer: c.Node, Epoch: n.epoch, Since: n.since}
			for _, id := range missing {
				p := r.share.find(id)
				op.Lost = append(op.Lost, ledger.Life{
					Node: id, Class: p.class(), Epoch: r.missed[id], Task: p.isTask(), Sink: p.is(engine.Sink),
				})
			}
			r.unlock()
			return op, nil
		}
		r.share.urgent = true
		r.unlock()
		sleep(ctx, time.Millisecond) // the next commit tells of it
		if ctx.Err() != nil {
			return ledger.Invalidate{}, ctx.Err()
		}
	}
}

// laneOf finds the lane that has a claim, nil where it is over. The lock is held.
func (r *run) laneOf(c state.Claim) *lane {
	for _, l := range r.lanes {
		if l.held && l.claim.Token == c.Token {
			return l
		}
	}
	return nil
}
