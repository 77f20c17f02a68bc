package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/shared"
)

var appendScript = newScript("state", "append")

// maxBlock bounds how long one command blocks, because a blocked client does not notice that its context has ended.
const maxBlock = 500 * time.Millisecond

// Log implements shared.Backend.
func (b *Backend) Log(ctx context.Context, run record.RunID, after shared.Position, limit int, wait time.Duration) ([]shared.Entry, error) {
	messages, err := b.stream(ctx, run, "log", after, limit, wait)
	if err != nil {
		return nil, err
	}
	entries := make([]shared.Entry, len(messages))
	for i, m := range messages {
		raw, _ := m.Values["e"].(string)
		if entries[i], err = decodeEntry(shared.Position(m.ID), []byte(raw)); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// Details implements shared.Backend.
func (b *Backend) Details(ctx context.Context, run record.RunID, after shared.Position, limit int) ([]shared.Blob, error) {
	messages, err := b.stream(ctx, run, "details", after, limit, 0)
	if err != nil {
		return nil, err
	}
	blobs := make([]shared.Blob, len(messages))
	for i, m := range messages {
		raw, _ := m.Values["d"].(string)
		blobs[i] = shared.Blob{At: shared.Position(m.ID), Data: []byte(raw)}
	}
	return blobs, nil
}

// AddDetails implements shared.Backend.
func (b *Backend) AddDetails(ctx context.Context, run record.RunID, blobs [][]byte) error {
	args := []any{token()}
	for _, blob := range blobs {
		args = append(args, blob)
	}
	cmd, err := b.run(ctx, appendScript, b.keys.run(run), args)
	if err != nil {
		return fmt.Errorf("redis: add details of run %s: %w", run, err)
	}
	if errors.Is(cmd.Err(), redis.Nil) {
		return unknown(run)
	}
	return nil
}

// stream reads messages after a position in a stream of a run; if there are none, it waits for one.
func (b *registry) stream(ctx context.Context, run record.RunID, name string, after shared.Position, limit int, wait time.Duration) ([]redis.XMessage, error) {
	if limit <= 0 {
		return nil, nil
	}
	base := b.keys.run(run)
	if after == "" {
		after = "0-0"
	}
	for begin := time.Now(); ; {
		left := min(maxBlock, wait-time.Since(begin))
		messages, err := b.readStream(ctx, base+name, after, limit, left)
		if err != nil {
			return nil, fmt.Errorf("redis: read %s of run %s: %w", name, run, err)
		}
		if len(messages) > 0 {
			return messages, nil
		}
		if _, err := b.counters(ctx, run); err != nil {
			return nil, err
		}
		if time.Since(begin) >= wait {
			return nil, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// readStream reads a stream once. If it blocks, it uses the client for blocking commands.
func (b *commander) readStream(ctx context.Context, key string, after shared.Position, limit int, wait time.Duration) ([]redis.XMessage, error) {
	client, block := b.conn.Client, time.Duration(-1)
	if wait >= time.Millisecond {
		client, block = b.conn.blocking, wait
	}
	cmds, err := b.send(ctx, client, func() []redis.Cmder {
		return []redis.Cmder{xread(ctx, key, after, limit, block)}
	})
	if err != nil {
		return nil, err
	}
	streams, err := cmds[0].(*redis.XStreamSliceCmd).Result()
	if errors.Is(err, redis.Nil) || len(streams) == 0 {
		return nil, nil
	}
	return streams[0].Messages, err
}

// xread is an XREAD; with a block of 0 or less it does not block.
func xread(ctx context.Context, key string, after shared.Position, limit int, block time.Duration) *redis.XStreamSliceCmd {
	args := []any{"xread", "count", limit}
	first := 4
	if block > 0 {
		args = append(args, "block", block.Milliseconds())
		first = 6
	}
	cmd := redis.NewXStreamSliceCmd(ctx, append(args, "streams", key, string(after))...)
	cmd.SetFirstKeyPos(int8(first))
	return cmd
}
