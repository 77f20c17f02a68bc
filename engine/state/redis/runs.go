package redis

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state/shared"
)

// mostEnded is how many ended runs are listed.
const mostEnded = 1000

// Active implements shared.Backend.
func (b *Backend) Active(ctx context.Context) ([]engine.RunID, error) {
	cmd, err := b.do(ctx, "zrange", b.keys.active(), 0, -1)
	return list(cmd, err)
}

// Ended implements shared.Backend.
func (b *Backend) Ended(ctx context.Context) ([]engine.RunID, error) {
	expired := time.Now().Add(-b.keep).UnixMilli()
	cmds, err := b.send(ctx, b.conn.Client, func() []redis.Cmder {
		return []redis.Cmder{
			redis.NewCmd(ctx, "zremrangebyscore", b.keys.ended(), "-inf", expired),
			redis.NewCmd(ctx, "zrevrange", b.keys.ended(), 0, mostEnded-1),
		}
	})
	if err != nil {
		return list(nil, err)
	}
	return list(cmds[1].(*redis.Cmd), nil)
}

func list(cmd *redis.Cmd, err error) ([]engine.RunID, error) {
	var names []string
	if err == nil {
		names, err = cmd.StringSlice()
	}
	if err != nil {
		return nil, fmt.Errorf("redis: list runs: %w", err)
	}
	runs := make([]engine.RunID, len(names))
	for i, name := range names {
		runs[i] = engine.RunID(name)
	}
	return runs, nil
}

// index moves a run from one index of runs to another; its place there is by the time.
func (b *Backend) index(ctx context.Context, run engine.RunID, from, to string) error {
	_, err := b.send(ctx, b.conn.Client, func() []redis.Cmder {
		return []redis.Cmder{
			redis.NewCmd(ctx, "zadd", to, "nx", time.Now().UnixMilli(), string(run)),
			redis.NewCmd(ctx, "zrem", from, string(run)),
		}
	})
	if err != nil {
		return fmt.Errorf("redis: enter run %s in the index: %w", run, err)
	}
	return nil
}

// indexEnded moves a run that has ended: whoever kept the end may have died before. Where the next revision begins
// meanwhile, it moves the run back, and where it is deleted, it takes it out.
func (b *Backend) indexEnded(ctx context.Context, run engine.RunID) error {
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
	switch hasEnd, isThere := cmds[0].(*redis.Cmd).Val(), cmds[1].(*redis.Cmd).Val(); {
	case isThere == int64(0): // it was deleted meanwhile
		return b.unlist(ctx, run)
	case hasEnd == int64(0): // its next revision has begun meanwhile
		return b.index(ctx, run, b.keys.ended(), b.keys.active())
	}
	return nil
}

// unlist takes a run out of both indexes.
func (b *Backend) unlist(ctx context.Context, run engine.RunID) error {
	_, err := b.send(ctx, b.conn.Client, func() []redis.Cmder {
		return []redis.Cmder{
			redis.NewCmd(ctx, "zrem", b.keys.active(), string(run)), redis.NewCmd(ctx, "zrem", b.keys.ended(), string(run)),
		}
	})
	if err != nil {
		return fmt.Errorf("redis: take run %s out of the index: %w", run, err)
	}
	return nil
}

// abandoned is after what time an entry of the index is that of a run which never came to be.
const abandoned = time.Minute

// Peek implements shared.Backend.
func (b *Backend) Peek(ctx context.Context, run engine.RunID) (shared.Stored, error) {
	stored, _, err := b.look(ctx, run)
	return stored, err
}

// Open implements shared.Backend.
func (b *Backend) Open(ctx context.Context, run engine.RunID) (shared.Stored, error) {
	base := b.keys.run(run)
	stored, cmds, err := b.look(ctx, run, []any{"hmget", base + "run", jobField, constantsField}, []any{"get", base + "graph"})
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

// look reads how a run stands and, in the same round trip, what else is asked for.
func (b *Backend) look(ctx context.Context, run engine.RunID, more ...[]any) (stored shared.Stored, asked []*redis.Cmd, err error) {
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
		return stored, nil, fmt.Errorf("redis: look at run %s: %w", run, err)
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
		return stored, nil, fmt.Errorf("redis: look at run %s: %w", run, err)
	}
	return shared.Stored{
		StartedAt: time.UnixMicro(c.base), Status: status(c.status), Stopping: status(c.stopping), Revision: int(c.revision),
		End: field(fields[0]), First: field(fields[1]),
	}, asked[2:], nil
}

// missing is the error of a run that is not there. Its entry in the index goes, unless it may just be coming.
func (b *Backend) missing(ctx context.Context, run engine.RunID, err error) error {
	if err != nil {
		return fmt.Errorf("redis: open run %s: %w", run, err)
	}
	for _, key := range []string{b.keys.active(), b.keys.ended()} {
		cmd, err := b.do(ctx, "zscore", key, string(run))
		if err != nil {
			continue // a hint was to be removed, no more
		}
		if ms, err := cmd.Float64(); err == nil && time.Since(time.UnixMilli(int64(ms))) > abandoned {
			_, _ = b.do(ctx, "zrem", key, string(run))
		}
	}
	return unknown(run)
}

// field is one field of a hash, nil where it is not there.
func field(v any) []byte {
	s, ok := v.(string)
	if !ok {
		return nil
	}
	return []byte(s)
}

// counters reads the state of a run.
func (b *Backend) counters(ctx context.Context, run engine.RunID) (counters, error) {
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
