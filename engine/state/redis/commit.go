package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/protocol/ledger"
	"github.com/dagscope/dagscope/engine/state/shared"
)

var (
	commitScript     = newScript("state", "run", "nodes", "rare", "hold", "edges", "grant", "ends", "commit")
	openScript       = newScript("state", "run", "open")
	leaveScript      = newScript("state", "run", "nodes", "rare", "hold", "leave")
	reapScript       = newScript("state", "run", "nodes", "rare", "hold", "reap")
	invalidateScript = newScript("state", "run", "nodes", "rare", "invalidate")
	steerScript      = newScript("state", "run", "steer")
)

// Where an output is, as the first byte of its value in :out.
const (
	inlineOutput = 0
	storedOutput = 1
)

// Commit implements shared.Backend. What has no answer is sent again, from the first such call on: calls that took
// effect are answered Repeated then.
func (b *Backend) Commit(ctx context.Context, run engine.RunID, calls []shared.Call) ([]ledger.Reply, error) {
	base := b.keys.run(run)
	args := make([][]any, len(calls))
	for i := range calls {
		args[i] = commitArgs(&calls[i], b.now())
	}
	replies := make([]ledger.Reply, 0, len(calls))
	teach := false
	err := retry(ctx, func() error {
		var cmds []redis.Cmder
		for _, a := range args[len(replies):] {
			if teach {
				cmds = append(cmds, commitScript.teach(ctx, base, a...))
			} else {
				cmds = append(cmds, commitScript.evaluate(ctx, base, a...))
			}
			teach = false
		}
		err := b.try(ctx, b.conn.Client, cmds)
		teach = redis.HasErrorPrefix(err, "NOSCRIPT")
		more, bad := readReplies(cmds)
		replies = append(replies, more...)
		return cmp.Or(err, bad)
	})
	switch {
	case errors.Is(err, redis.Nil):
		return nil, unknown(run)
	case err != nil:
		return nil, fmt.Errorf("redis: commit to run %s: %w", run, err)
	}
	return replies, nil
}

// errOvertaken: a cluster that was moving the run answered a commit before the one in front of it. It passes.
var errOvertaken = errors.New("redis: a commit was answered before the one in front of it")

// readReplies decodes the answers up to the first one that is missing, or is that of a commit which overtook another.
func readReplies(cmds []redis.Cmder) (replies []ledger.Reply, err error) {
	good := true
	for _, cmd := range cmds {
		raw, err := cmd.(*redis.Cmd).Text()
		if err != nil {
			return replies, err
		}
		r, overtook, err := decodeReply([]byte(raw))
		if err != nil {
			return replies, err
		}
		if overtook && good && len(replies) > 0 {
			return replies, errOvertaken
		}
		good = good && (r.Verdict == ledger.Applied || r.Verdict == ledger.Repeated)
		replies = append(replies, r)
	}
	return replies, nil
}

// commitArgs are the arguments of the script.
func commitArgs(c *shared.Call, now int64) []any {
	args := make([]any, 0, 4+2*len(c.Outputs)+len(c.Details))
	args = append(args, encodeCommit(&c.Commit, now, len(c.Outputs), len(c.Details)), string(c.Commit.Session), c.Commit.Packed, c.First)
	for i := range c.Outputs {
		o := &c.Outputs[i]
		var value []byte
		if o.Key != "" {
			value = append([]byte{storedOutput}, o.Key...)
		} else {
			value = append([]byte{inlineOutput}, o.Inline...)
		}
		args = append(args, int64(o.Node), value)
	}
	for _, d := range c.Details {
		args = append(args, d)
	}
	return args
}

// Do implements shared.Backend.
func (b *Backend) Do(ctx context.Context, run engine.RunID, op ledger.Op, record []byte) (ledger.Reply, error) {
	s, args, err := b.operation(op, record)
	if err != nil {
		return ledger.Reply{}, err
	}
	cmd, err := b.run(ctx, s, b.keys.run(run), args)
	if err != nil {
		return ledger.Reply{}, fmt.Errorf("redis: %s of run %s: %w", s.name, run, err)
	}
	raw, err := text(cmd)
	if err != nil {
		return ledger.Reply{}, fmt.Errorf("redis: %s of run %s: %w", s.name, run, err)
	}
	if raw == nil {
		return ledger.Reply{}, unknown(run)
	}
	r, _, err := decodeReply(raw)
	if _, ok := op.(ledger.Invalidate); ok {
		for _, epoch := range r.Store {
			r.Epochs = append(r.Epochs, uint16(epoch))
		}
		r.Store = nil
	}
	return r, err
}

// operation gives the script of an operation and its arguments.
func (b *Backend) operation(op ledger.Op, record []byte) (*script, []any, error) {
	var p packer
	p.float(b.now())
	switch op := op.(type) {
	case ledger.Open:
		p.float(int64(op.Lease))
		return openScript, []any{[]byte(p), string(op.Session), record}, nil
	case ledger.Leave:
		return leaveScript, []any{[]byte(p), string(op.Session)}, nil
	case ledger.Reap:
		p.clamped(op.Limit)
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
		what := uint8(0)
		if op.Status != engine.Failed && op.Status != engine.Cancelled ||
			op.Reason != 0 && op.Reason != engine.CancelRequested && op.Reason != engine.RunDeadline {
			what = 3
		}
		p.u8(what)
		p.u8(numberOf(op.Status))
		p.u8(uint8(op.Reason))
		return steerScript, []any{[]byte(p), record}, nil
	case ledger.Pause:
		return steerScript, []any{append([]byte(p), 1, 0, 0), ""}, nil
	case ledger.Resume:
		return steerScript, []any{append([]byte(p), 2, 0, 0), ""}, nil
	default:
		return nil, nil, fmt.Errorf("redis: %T is not for Do", op)
	}
}

func packInvalidate(p *packer, op *ledger.Invalidate) {
	mistake := uint8(0)
	if len(op.Lost) == 0 {
		mistake = noConsumer
	}
	seen := map[engine.NodeID]bool{op.Consumer: true}
	for _, l := range op.Lost {
		if seen[l.Node] {
			mistake = lostOutside
		}
		seen[l.Node] = true
	}
	p.u32(uint32(op.Consumer))
	p.u16(op.Epoch)
	p.float(op.Since)
	p.u32(uint32(len(op.Lost)))
	p.u8(mistake)
	for _, l := range op.Lost {
		p.u32(uint32(l.Node))
		p.u16(uint16(l.Class))
		p.u16(l.Epoch)
		p.u8(flags(l.Task, l.Sink))
	}
}
