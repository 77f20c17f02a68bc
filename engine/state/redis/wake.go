package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/record"
)

var wakeScript = newScript("wake")

// Wake implements shared.Backend.
func (b *Backend) Wake(ctx context.Context, run record.RunID, functions []string, n int) error {
	if len(functions) == 0 || n <= 0 {
		return nil
	}
	if _, err := b.run(ctx, wakeScript, b.keys.wake(), wakeArgs(run, functions, n)); err != nil {
		return fmt.Errorf("redis: wake workers for run %s: %w", run, err)
	}
	return nil
}

func wakeArgs(run record.RunID, functions []string, n int) []any {
	args := []any{string(run), n}
	for _, f := range functions {
		args = append(args, f)
	}
	return args
}

// Sleep implements shared.Backend.
func (b *Backend) Sleep(ctx context.Context, functions []string, wait time.Duration) (record.RunID, error) {
	if len(functions) == 0 {
		return "", pause(ctx, wait)
	}
	for begin := time.Now(); ; {
		left := min(maxBlock, wait-time.Since(begin))
		if left < time.Millisecond {
			return "", nil
		}
		run, err := b.waitForHint(ctx, functions, left)
		if err != nil || run != "" {
			return run, err
		}
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
	}
}

func pause(ctx context.Context, wait time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(wait):
		return nil
	}
}

// waitForHint waits for a hint with one command, and returns the hint's run, "" for none.
func (b *registry) waitForHint(ctx context.Context, functions []string, wait time.Duration) (record.RunID, error) {
	args := []any{"blpop"}
	for _, f := range functions {
		args = append(args, b.keys.wake()+f)
	}
	args = append(args, wait.Seconds())
	cmds, err := b.send(ctx, b.conn.blocking, func() []redis.Cmder {
		cmd := redis.NewStringSliceCmd(ctx, args...)
		cmd.SetFirstKeyPos(1)
		return []redis.Cmder{cmd}
	})
	if err != nil {
		return "", fmt.Errorf("redis: wait for a hint: %w", err)
	}
	got, err := cmds[0].(*redis.StringSliceCmd).Result()
	if errors.Is(err, redis.Nil) || len(got) != 2 {
		return "", nil
	}
	return record.RunID(got[1]), nil
}

// News implements shared.Backend.
func (b *Backend) News(ctx context.Context, notify func(record.RunID)) error {
	channel := b.conn.blocking.Subscribe(ctx, b.keys.news())
	defer func() { _ = channel.Close() }()
	b.commands.Add(1)
	b.roundTrips.Add(1)
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case m, ok := <-channel.Channel(): // it subscribes again after its connection was lost
			if !ok {
				return redis.ErrClosed
			}
			notify(record.RunID(m.Payload))
		}
	}
}
