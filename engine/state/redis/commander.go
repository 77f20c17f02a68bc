package redis

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// commander sends commands and scripts to Redis, and counts them. Safe for concurrent use.
type commander struct {
	conn       *Connection
	commands   atomic.Uint64
	roundTrips atomic.Uint64
}

// send runs commands in one write. While one fails for a transient reason it repeats all of them, so they have to be
// idempotent. The error is the first permanent one; redis.Nil is not an error.
func (b *commander) send(ctx context.Context, client redis.UniversalClient, make func() []redis.Cmder) ([]redis.Cmder, error) {
	var done []redis.Cmder
	err := retry(ctx, func() error {
		done = make()
		return b.try(ctx, client, done)
	})
	return done, err
}

// try sends commands once, in one write.
func (b *commander) try(ctx context.Context, client redis.UniversalClient, cmds []redis.Cmder) error {
	b.commands.Add(uint64(len(cmds)))
	b.roundTrips.Add(1)
	if len(cmds) == 1 {
		_ = client.Process(ctx, cmds[0]) // its error is also in the command
	} else {
		pipe := client.Pipeline()
		for _, cmd := range cmds {
			_ = pipe.Process(ctx, cmd)
		}
		_, _ = pipe.Exec(ctx) // its error is also in the command that failed
	}
	return firstError(cmds)
}

// firstError returns the error of the first command that failed; redis.Nil is not an error.
func firstError(cmds []redis.Cmder) error {
	for _, cmd := range cmds {
		if err := cmd.Err(); err != nil && !errors.Is(err, redis.Nil) {
			return err
		}
	}
	return nil
}

// do runs one idempotent command.
func (b *commander) do(ctx context.Context, args ...any) (*redis.Cmd, error) {
	cmds, err := b.send(ctx, b.conn.Client, func() []redis.Cmder { return []redis.Cmder{redis.NewCmd(ctx, args...)} })
	if cmds == nil {
		return redis.NewCmd(ctx), err
	}
	return cmds[0].(*redis.Cmd), err
}

// run runs an idempotent script. The commands of before are sent in the same write, ahead of it.
func (b *commander) run(ctx context.Context, s *script, key string, args []any, before ...func() redis.Cmder) (*redis.Cmd, error) {
	sendText := false
	var cmd *redis.Cmd
	err := retry(ctx, func() error {
		var cmds []redis.Cmder
		for _, c := range before {
			cmds = append(cmds, c())
		}
		if cmd = s.evalSHA(ctx, key, args...); sendText {
			cmd = s.eval(ctx, key, args...)
		}
		err := b.try(ctx, b.conn.Client, append(cmds, cmd))
		if redis.HasErrorPrefix(err, "NOSCRIPT") {
			sendText = true
		}
		return err
	})
	return cmd, err
}

// text returns the reply of a command as a string, nil if there is none.
func text(cmd *redis.Cmd) ([]byte, error) {
	s, err := cmd.Text()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return []byte(s), err
}
