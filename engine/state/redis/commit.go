package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared"
)

var (
	commitFiles  = []string{"state", "run", "nodes", "rare", "hold", "edges", "grant", "ends", "commit"}
	commitScript = newScript(commitFiles...)
)

// The first byte of a value in :out says whether the output is the rest of the value, or is stored under the key that
// the rest names.
const (
	inlineOutput = 0
	storedOutput = 1
)

// Commit implements shared.Backend. When replies are missing, calls are sent again from the first one without a reply;
// those that were applied are then answered with Repeated.
func (b *Backend) Commit(ctx context.Context, run record.RunID, calls []shared.Call) ([]ledger.Reply, error) {
	base := b.keys.run(run)
	args, malformed := make([][]any, len(calls)), make([]error, len(calls))
	for i := range calls {
		malformed[i] = validate(&calls[i])
		args[i] = commitArgs(&calls[i], malformed[i] != nil, b.now())
	}
	replies := make([]ledger.Reply, 0, len(calls))
	sendText := false
	hints := hintsOf(calls)
	err := retry(ctx, func() error {
		var cmds []redis.Cmder
		for _, a := range args[len(replies):] {
			if sendText {
				cmds = append(cmds, commitScript.eval(ctx, base, a...))
			} else {
				cmds = append(cmds, commitScript.evalSHA(ctx, base, a...))
			}
			sendText = false
		}
		err := b.tryHinting(ctx, run, cmds, hints)
		sendText = redis.HasErrorPrefix(err, "NOSCRIPT")
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
	for i := range replies {
		addReason(&replies[i], malformed[i])
	}
	return replies, nil
}

// validate reports why a commit is malformed in every state of a run. Lengths are packed as 16 bits.
func validate(c *shared.Call) error {
	if longest := max(len(c.Outputs), len(c.Details)); longest > ledger.MaxListed {
		return fmt.Errorf("redis: %d outputs or details come with a commit, expected at most %d", longest, ledger.MaxListed)
	}
	return ledger.Validate(c.Commit)
}

// addReason says why an operation is malformed: err, or nil if it does not fit the state of the run.
func addReason(r *ledger.Reply, err error) {
	switch {
	case r.Verdict != ledger.Malformed || r.Why != "":
	case err != nil:
		r.Why = err.Error()
	default:
		r.Why = "a node, an edge or a claim is not as the operation says"
	}
}

// hintsOf collects the hints that calls carry.
func hintsOf(calls []shared.Call) (hints []shared.Hint) {
	for i := range calls {
		if calls[i].Wake.N > 0 {
			hints = append(hints, calls[i].Wake)
		}
	}
	return hints
}

// tryHinting sends commits once, and then hints. Both go in one write, except in a cluster, where the order of commands
// for different masters is undefined. A hint may be lost.
func (b *Backend) tryHinting(ctx context.Context, run record.RunID, cmds []redis.Cmder, hints []shared.Hint) error {
	_, isCluster := b.conn.Client.(*redis.ClusterClient)
	all, separate := cmds[:len(cmds):len(cmds)], hints
	if !isCluster {
		for _, h := range hints {
			all = append(all, wakeScript.evalSHA(ctx, b.keys.wake(), wakeArgs(run, h.Functions, h.N)...))
		}
		separate = nil
	}
	_ = b.try(ctx, b.conn.Client, all) // each command has its own error
	if err := firstError(cmds); err != nil {
		return err
	}
	if firstError(all) != nil { // the server has not cached the script for hints
		separate = hints
	}
	for _, h := range separate {
		_ = b.Wake(ctx, run, h.Functions, h.N)
	}
	return nil
}

// errOvertaken is transient: a cluster that was moving the run executed a commit before its predecessor.
var errOvertaken = errors.New("redis: a commit was executed before its predecessor")

// readReplies decodes replies up to the first one that is missing, or that shows that a commit overtook its predecessor.
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
		if overtook := r.Verdict == ledger.Malformed && why == misnumbered; overtook && good && len(replies) > 0 {
			return replies, errOvertaken
		}
		good = good && (r.Verdict == ledger.Applied || r.Verdict == ledger.Repeated)
		replies = append(replies, r)
	}
	return replies, nil
}

// commitArgs returns the arguments of scripts/commit.lua.
func commitArgs(c *shared.Call, isMalformed bool, now int64) []any {
	args := make([]any, 0, 4+2*len(c.Outputs)+len(c.Details))
	args = append(args, encodeCommit(&c.Commit, isMalformed, now, len(c.Outputs), len(c.Details)), string(c.Commit.Session), c.Commit.Packed, c.First)
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
