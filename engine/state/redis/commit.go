package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared"
)

var commitScript = newScript("state", "run", "nodes", "rare", "hold", "edges", "grant", "ends", "commit")

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
	hints := hintsOf(calls)
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
		err := b.tryHinting(ctx, run, cmds, hints)
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

// hintsOf lists the hints that go with commits.
func hintsOf(calls []shared.Call) (hints []shared.Hint) {
	for i := range calls {
		if calls[i].Wake.N > 0 {
			hints = append(hints, calls[i].Wake)
		}
	}
	return hints
}

// tryHinting carries out commits once, and hints behind them. Those leave in the same write, but in a cluster, which keeps
// no order among keys that lie on different masters. Whether they are heard does not matter.
func (b *Backend) tryHinting(ctx context.Context, run engine.RunID, cmds []redis.Cmder, hints []shared.Hint) error {
	_, isCluster := b.conn.Client.(*redis.ClusterClient)
	all, behind := cmds[:len(cmds):len(cmds)], hints
	if !isCluster {
		for _, h := range hints {
			all = append(all, wakeScript.evaluate(ctx, b.keys.wake(), wakeArgs(run, h.Functions, h.N)...))
		}
		behind = nil
	}
	_ = b.try(ctx, b.conn.Client, all) // as the errors of its commands
	if err := firstError(cmds); err != nil {
		return err
	}
	if firstError(all) != nil { // the server does not know the script of hints
		behind = hints
	}
	for _, h := range behind {
		_ = b.Wake(ctx, run, h.Functions, h.N)
	}
	return nil
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
		r, why, err := decodeReply([]byte(raw))
		if err != nil {
			return replies, err
		}
		if overtook := r.Verdict == ledger.Malformed && why == wrongNumber; overtook && good && len(replies) > 0 {
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
