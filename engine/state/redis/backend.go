package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/shared"
)

// Backend keeps runs in Redis. Safe for concurrent use.
type Backend struct {
	conn         *Connection
	keys         keyspace
	keep         time.Duration
	commands     atomic.Uint64
	roundTrips   atomic.Uint64
	nodesPerCall int // the constant of that name, or less in tests
	// clock replaces the server's clock in tests: nanoseconds since the run's start.
	clock func() int64
}

var _ shared.Backend = (*Backend)(nil)

// New makes a back end of an open connection, which the caller closes.
func New(conn *Connection) *Backend {
	return &Backend{conn: conn, keys: keyspace(conn.Prefix), keep: conn.keep, nodesPerCall: nodesPerCall}
}

// Costs implements shared.Backend.
func (b *Backend) Costs() shared.Costs {
	return shared.Costs{Commands: b.commands.Load(), RoundTrips: b.roundTrips.Load()}
}

// now is the moment that scripts use, in nanoseconds since the run's start; negative for the server's clock.
func (b *Backend) now() int64 {
	if b.clock == nil {
		return -1
	}
	return b.clock()
}

// send runs commands in one write. While one fails for a transient reason it repeats all of them, so they have to be
// idempotent. The error is the first permanent one; redis.Nil is no error.
func (b *Backend) send(ctx context.Context, client redis.UniversalClient, make func() []redis.Cmder) ([]redis.Cmder, error) {
	var done []redis.Cmder
	err := retry(ctx, func() error {
		done = make()
		return b.try(ctx, client, done)
	})
	return done, err
}

// try sends commands once, in one write.
func (b *Backend) try(ctx context.Context, client redis.UniversalClient, cmds []redis.Cmder) error {
	b.commands.Add(uint64(len(cmds)))
	b.roundTrips.Add(1)
	if len(cmds) == 1 {
		_ = client.Process(ctx, cmds[0]) // as the command's own error
	} else {
		pipe := client.Pipeline()
		for _, cmd := range cmds {
			_ = pipe.Process(ctx, cmd)
		}
		_, _ = pipe.Exec(ctx) // the first command's error
	}
	return firstError(cmds)
}

// firstError returns the error of the first command that failed; redis.Nil is no error.
func firstError(cmds []redis.Cmder) error {
	for _, cmd := range cmds {
		if err := cmd.Err(); err != nil && !errors.Is(err, redis.Nil) {
			return err
		}
	}
	return nil
}

// do runs one idempotent command.
func (b *Backend) do(ctx context.Context, args ...any) (*redis.Cmd, error) {
	cmds, err := b.send(ctx, b.conn.Client, func() []redis.Cmder { return []redis.Cmder{redis.NewCmd(ctx, args...)} })
	if cmds == nil {
		return redis.NewCmd(ctx), err
	}
	return cmds[0].(*redis.Cmd), err
}

// run runs an idempotent script. The commands of before are sent in the same write, ahead of it.
func (b *Backend) run(ctx context.Context, s *script, key string, args []any, before ...func() redis.Cmder) (*redis.Cmd, error) {
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

// unknown is the error for a run that Redis does not have.
func unknown(run record.RunID) error { return fmt.Errorf("%w: %s", engine.ErrUnknownRun, run) }

// token returns a random name that is never used twice.
func token() string { return rand.Text() }

// text returns the reply of a command as a string, nil where there is none.
func text(cmd *redis.Cmd) ([]byte, error) {
	s, err := cmd.Text()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return []byte(s), err
}
