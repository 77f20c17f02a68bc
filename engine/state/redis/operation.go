package redis

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

var (
	openScript       = newScript("state", "run", "open")
	leaveScript      = newScript("state", "run", "nodes", "rare", "hold", "leave")
	reapScript       = newScript("state", "run", "nodes", "rare", "hold", "reap")
	invalidateScript = newScript("state", "run", "nodes", "rare", "invalidate")
	steerScript      = newScript("state", "run", "steer")
)

// nodesPerCall is how many nodes one call of Leave or Reap releases, so that it does not block Redis for long.
const nodesPerCall = 64

// Do implements shared.Backend. A session may hold too much to be released in one call. Then Leave and Reap take
// several calls, between which other processes see a session that is over but still holds something. If this process
// dies in between, the next Reap continues.
func (b *Backend) Do(ctx context.Context, run record.RunID, op ledger.Op, worker []byte) (ledger.Reply, error) {
	reply, more, err := b.part(ctx, run, op, worker)
	for more && err == nil {
		if reap, ok := op.(ledger.Reap); ok {
			reap.Limit = cmp.Or(reap.Limit, ledger.MaxReap) - len(reply.Lost)
			op = reap
		}
		var next ledger.Reply
		if next, more, err = b.part(ctx, run, op, worker); err == nil {
			merge(&reply, &next)
		}
	}
	return reply, err
}

// merge adds to a reply the reply to the next part of the same operation.
func merge(r, next *ledger.Reply) {
	r.Now, r.Status, r.Stopping = next.Now, next.Status, next.Stopping
	r.Lost = append(r.Lost, next.Lost...)
	for _, n := range next.Readied {
		at, ok := slices.BinarySearchFunc(r.Readied, n.Class, func(have ledger.Readied, c ledger.Class) int { return cmp.Compare(have.Class, c) })
		if !ok {
			r.Readied = slices.Insert(r.Readied, at, ledger.Readied{Class: n.Class})
		}
		r.Readied[at].Nodes += n.Nodes
	}
}

// part makes one call of an operation; more reports that another one is needed to complete it.
func (b *Backend) part(ctx context.Context, run record.RunID, op ledger.Op, worker []byte) (r ledger.Reply, more bool, err error) {
	s, args, err := b.operation(op, worker)
	if err != nil {
		return r, false, err
	}
	cmd, err := b.run(ctx, s, b.keys.run(run), args)
	if err != nil {
		return r, false, fmt.Errorf("redis: %s of run %s: %w", s.name, run, err)
	}
	raw, err := text(cmd)
	if err != nil {
		return r, false, fmt.Errorf("redis: %s of run %s: %w", s.name, run, err)
	}
	if raw == nil {
		return r, false, unknown(run)
	}
	r, why, err := decodeReply(raw)
	addReason(&r, ledger.Validate(op))
	if _, ok := op.(ledger.Invalidate); ok {
		for _, epoch := range r.Store {
			r.Epochs = append(r.Epochs, uint16(epoch))
		}
		r.Store = nil
	}
	return r, r.Verdict == ledger.Applied && why == moreToDo, err
}

// operation returns the script of an operation and its arguments.
func (b *Backend) operation(op ledger.Op, worker []byte) (*script, []any, error) {
	var p packer
	p.float(b.now())
	switch op := op.(type) {
	case ledger.Open:
		p.float(int64(op.Lease))
		return openScript, []any{[]byte(p), string(op.Session), worker}, nil
	case ledger.Leave:
		p.clamped(b.nodesPerCall)
		return leaveScript, []any{[]byte(p), string(op.Session)}, nil
	case ledger.Reap:
		p.clamped(b.nodesPerCall)
		p.clamped(min(cmp.Or(max(op.Limit, 0), ledger.MaxReap), ledger.MaxReap))
		p.clamped(op.Poison)
		p.u32(uint32(len(op.Running)))
		for _, id := range op.Running {
			p.u32(uint32(id))
		}
		return reapScript, []any{[]byte(p), string(op.Session)}, nil
	case ledger.Invalidate:
		packInvalidate(&p, &op)
		return invalidateScript, []any{[]byte(p), string(op.Session)}, nil
	case ledger.Stop:
		if ledger.Validate(op) != nil {
			return steerScript, []any{append([]byte(p), 3, 0, 0), ""}, nil
		}
		p.u8(0)
		p.u8(numberOf(op.Status))
		p.u8(uint8(op.Reason))
		return steerScript, []any{[]byte(p), worker}, nil
	case ledger.Pause:
		return steerScript, []any{append([]byte(p), 1, 0, 0), ""}, nil
	case ledger.Resume:
		return steerScript, []any{append([]byte(p), 2, 0, 0), ""}, nil
	default:
		return nil, nil, fmt.Errorf("redis: %T is not for Do", op)
	}
}

func packInvalidate(p *packer, op *ledger.Invalidate) {
	p.u32(uint32(op.Consumer))
	p.u16(op.Epoch)
	p.float(op.Since)
	p.u32(uint32(min(len(op.Lost), ledger.MaxLost)))
	p.u8(flags(ledger.Validate(*op) != nil))
	for _, l := range op.Lost[:min(len(op.Lost), ledger.MaxLost)] {
		p.u32(uint32(l.Node))
		p.u16(uint16(l.Class))
		p.u16(l.Epoch)
		p.u8(flags(l.Task, l.Sink))
	}
}
