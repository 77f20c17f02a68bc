package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/shared"
)

// maxEnded is how many ended runs are listed.
const maxEnded = 1000

// registry knows which runs exist: their indexes, states and constants. Its fields are never changed.
type registry struct {
	commander
	keys keyspace
	keep time.Duration // how long runs are kept after their end
}

// Active implements shared.Backend.
func (b *Backend) Active(ctx context.Context) ([]record.RunID, error) {
	cmd, err := b.do(ctx, "zrange", b.keys.active(), 0, -1)
	return list(cmd, err)
}

// Ended implements shared.Backend.
func (b *Backend) Ended(ctx context.Context) ([]record.RunID, error) {
	expired := time.Now().Add(-b.keep).UnixMilli()
	cmds, err := b.send(ctx, b.conn.Client, func() []redis.Cmder {
		return []redis.Cmder{
			redis.NewCmd(ctx, "zremrangebyscore", b.keys.ended(), "-inf", expired),
			redis.NewCmd(ctx, "zrevrange", b.keys.ended(), 0, maxEnded-1),
		}
	})
	if err != nil {
		return list(nil, err)
	}
	return list(cmds[1].(*redis.Cmd), nil)
}

func list(cmd *redis.Cmd, err error) ([]record.RunID, error) {
	var names []string
	if err == nil {
		names, err = cmd.StringSlice()
	}
	if err != nil {
		return nil, fmt.Errorf("redis: list runs: %w", err)
	}
	runs := make([]record.RunID, len(names))
	for i, name := range names {
		runs[i] = record.RunID(name)
	}
	return runs, nil
}

// addActive adds a run to the index of active runs.
func (b *registry) addActive(ctx context.Context, run record.RunID) error {
	if _, err := b.do(ctx, "zadd", b.keys.active(), "nx", time.Now().UnixMilli(), string(run)); err != nil {
		return fmt.Errorf("redis: add run %s to the index: %w", run, err)
	}
	return nil
}

// runExists returns the error for a run ID that is in use. If that run has ended, it is removed from the index of active
// runs, to which addActive has just added it.
func (b *registry) runExists(ctx context.Context, run record.RunID) error {
	cmd, err := b.do(ctx, "hexists", b.keys.run(run)+"run", endField)
	if err == nil && cmd.Val() == int64(1) {
		_, err = b.do(ctx, "zrem", b.keys.active(), string(run))
	}
	return errors.Join(fmt.Errorf("%w: %s", execution.ErrRunExists, run), err)
}

// index moves a run from one index of runs to another, with the current time as its score.
func (b *registry) index(ctx context.Context, run record.RunID, from, to string) error {
	_, err := b.send(ctx, b.conn.Client, func() []redis.Cmder {
		return []redis.Cmder{
			redis.NewCmd(ctx, "zadd", to, "nx", time.Now().UnixMilli(), string(run)),
			redis.NewCmd(ctx, "zrem", from, string(run)),
		}
	})
	if err != nil {
		return fmt.Errorf("redis: add run %s to the index: %w", run, err)
	}
	return nil
}

// indexEnded moves a run that has ended to the index of ended runs; the process that stored its end may have died before
// it did so. If the next revision has begun meanwhile, it moves the run back; if the run was deleted, it removes it.
func (b *registry) indexEnded(ctx context.Context, run record.RunID) error {
	if err := b.index(ctx, run, b.keys.active(), b.keys.ended()); err != nil {
		return err
	}
	base := b.keys.run(run)
	cmds, err := b.send(ctx, b.conn.Client, func() []redis.Cmder {
		return []redis.Cmder{redis.NewCmd(ctx, "hexists", base+"run", endField), redis.NewCmd(ctx, "exists", base+"state")}
	})
	if err != nil {
		return fmt.Errorf("redis: open run %s: %w", run, err)
	}
	switch hasEnd, exists := cmds[0].(*redis.Cmd).Val(), cmds[1].(*redis.Cmd).Val(); {
	case exists == int64(0): // it was deleted meanwhile
		return b.removeFromIndexes(ctx, run)
	case hasEnd == int64(0): // its next revision has begun meanwhile
		return b.index(ctx, run, b.keys.ended(), b.keys.active())
	}
	return nil
}

// removeFromIndexes removes a run from both indexes.
func (b *registry) removeFromIndexes(ctx context.Context, run record.RunID) error {
	_, err := b.send(ctx, b.conn.Client, func() []redis.Cmder {
		return []redis.Cmder{
			redis.NewCmd(ctx, "zrem", b.keys.active(), string(run)), redis.NewCmd(ctx, "zrem", b.keys.ended(), string(run)),
		}
	})
	if err != nil {
		return fmt.Errorf("redis: remove run %s from the index: %w", run, err)
	}
	return nil
}

// abandoned is the age from which an entry of the index is removed if it has no run: the creator of the run has died.
const abandoned = time.Minute

// Peek implements shared.Backend.
func (b *Backend) Peek(ctx context.Context, run record.RunID) (shared.Stored, error) {
	stored, _, err := b.peek(ctx, run)
	return stored, err
}

// Open implements shared.Backend.
func (b *Backend) Open(ctx context.Context, run record.RunID) (shared.Stored, error) {
	base := b.keys.run(run)
	stored, cmds, err := b.peek(ctx, run, []any{"hmget", base + "run", jobField, constantsField}, []any{"get", base + "graph"})
	if err != nil {
		return shared.Stored{}, err
	}
	fields, err := cmds[0].Slice()
	if err != nil {
		return shared.Stored{}, fmt.Errorf("redis: open run %s: %w", run, err)
	}
	if stored.Graph, err = text(cmds[1]); err != nil {
		return shared.Stored{}, fmt.Errorf("redis: open run %s: %w", run, err)
	}
	if stored.End != nil {
		if err := b.indexEnded(ctx, run); err != nil {
			return shared.Stored{}, err
		}
	}
	stored.Job = field(fields[0])
	stored.Constants, err = b.constants(ctx, namesOf(string(field(fields[1]))), run, stored.End == nil)
	if err != nil {
		return shared.Stored{}, err
	}
	return stored, nil
}

// peek reads the status of a run and, in the same round trip, the replies to more commands.
func (b *registry) peek(ctx context.Context, run record.RunID, more ...[]any) (stored shared.Stored, asked []*redis.Cmd, err error) {
	base := b.keys.run(run)
	queries := append([][]any{{"get", base + "state"}, {"hmget", base + "run", endField, firstField}}, more...)
	cmds, err := b.send(ctx, b.conn.Client, func() []redis.Cmder {
		var cmds []redis.Cmder
		for _, q := range queries {
			cmds = append(cmds, redis.NewCmd(ctx, q...))
		}
		return cmds
	})
	if err != nil {
		return stored, nil, fmt.Errorf("redis: read run %s: %w", run, err)
	}
	for _, cmd := range cmds {
		asked = append(asked, cmd.(*redis.Cmd))
	}
	raw, err := text(asked[0])
	if err != nil || raw == nil {
		return stored, nil, b.missing(ctx, run, err)
	}
	c, err := decodeCounters(raw)
	if err != nil {
		return stored, nil, err
	}
	fields, err := asked[1].Slice()
	if err != nil {
		return stored, nil, fmt.Errorf("redis: read run %s: %w", run, err)
	}
	return shared.Stored{
		StartedAt: time.UnixMicro(c.base), Status: status(c.status), Stopping: status(c.stopping), Revision: int(c.revision),
		End: field(fields[0]), First: field(fields[1]),
	}, asked[2:], nil
}

// missing returns the error for a run that does not exist, and removes its entry in the index, unless the run may be
// about to be created.
func (b *registry) missing(ctx context.Context, run record.RunID, err error) error {
	if err != nil {
		return fmt.Errorf("redis: open run %s: %w", run, err)
	}
	for _, key := range []string{b.keys.active(), b.keys.ended()} {
		cmd, err := b.do(ctx, "zscore", key, string(run))
		if err != nil {
			continue // the entry stays until the next time
		}
		if ms, err := cmd.Float64(); err == nil && time.Since(time.UnixMilli(int64(ms))) > abandoned {
			_, _ = b.do(ctx, "zrem", key, string(run))
		}
	}
	return unknown(run)
}

// field returns one value of HMGET, nil if the field does not exist.
func field(v any) []byte {
	s, ok := v.(string)
	if !ok {
		return nil
	}
	return []byte(s)
}

// counters reads the state of a run.
func (b *registry) counters(ctx context.Context, run record.RunID) (counters, error) {
	cmd, err := b.do(ctx, "get", b.keys.run(run)+"state")
	if err != nil {
		return counters{}, fmt.Errorf("redis: read run %s: %w", run, err)
	}
	raw, err := text(cmd)
	if err != nil {
		return counters{}, fmt.Errorf("redis: read run %s: %w", run, err)
	}
	if raw == nil {
		return counters{}, unknown(run)
	}
	return decodeCounters(raw)
}
