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
	"github.com/dagscope/dagscope/engine/state/shared"
)

// Backend keeps runs in Redis. Safe for concurrent use.
type Backend struct {
	conn       *Connection
	keys       keyspace
	keep       time.Duration
	commands   atomic.Uint64
	roundTrips atomic.Uint64
	atOnce     int // see the constant; tests have less done at once
	// clock replaces the server's clock in tests: nanoseconds since the run's start.
	clock func() int64
}

var _ shared.Backend = (*Backend)(nil)

// New makes a back end of an open connection, which stays the caller's to close.
func New(conn *Connection) *Backend {
	return &Backend{conn: conn, keys: keyspace(conn.Prefix), keep: conn.keep, atOnce: atOnce}
}

// Costs implements shared.Backend.
func (b *Backend) Costs() shared.Costs {
	return shared.Costs{Commands: b.commands.Load(), RoundTrips: b.roundTrips.Load()}
}

// now is what scripts take as the moment: negative for the server's clock.
func (b *Backend) now() int64 {
	if b.clock == nil {
		return -1
	}
	return b.clock()
}

// send carries out commands on a client in one write, and repeats all of them while they fail for reasons that pass. They
// have to bear that. The error is the first one that does not pass; redis.Nil is none.
func (b *Backend) send(ctx context.Context, client redis.UniversalClient, make func() []redis.Cmder) ([]redis.Cmder, error) {
	var done []redis.Cmder
	err := retry(ctx, func() error {
		done = make()
		return b.try(ctx, client, done)
	})
	return done, err
}

// try carries out commands once.
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

// firstError is that of the first command that has failed; nothing found is no failure.
func firstError(cmds []redis.Cmder) error {
	for _, cmd := range cmds {
		if err := cmd.Err(); err != nil && !errors.Is(err, redis.Nil) {
			return err
		}
	}
	return nil
}

// do carries out one command.
func (b *Backend) do(ctx context.Context, args ...any) (*redis.Cmd, error) {
	cmds, err := b.send(ctx, b.conn.Client, func() []redis.Cmder { return []redis.Cmder{redis.NewCmd(ctx, args...)} })
	if cmds == nil {
		return redis.NewCmd(ctx), err
	}
	return cmds[0].(*redis.Cmd), err
}

// run carries out a script, which may be repeated. Behind are commands that go in the same write, before it.
func (b *Backend) run(ctx context.Context, s *script, key string, args []any, before ...func() redis.Cmder) (*redis.Cmd, error) {
	teach := false
	var cmd *redis.Cmd
	err := retry(ctx, func() error {
		var cmds []redis.Cmder
		for _, c := range before {
			cmds = append(cmds, c())
		}
		if cmd = s.evaluate(ctx, key, args...); teach {
			cmd = s.teach(ctx, key, args...)
		}
		err := b.try(ctx, b.conn.Client, append(cmds, cmd))
		if redis.HasErrorPrefix(err, "NOSCRIPT") {
			teach = true
		}
		return err
	})
	return cmd, err
}

// unknown is the error of a run of which nothing is kept.
func unknown(run engine.RunID) error { return fmt.Errorf("%w: %s", engine.ErrUnknownRun, run) }

// token is a name that is never used again.
func token() string { return rand.Text() }

// text gives the reply of a command that is a string, nil for none.
func text(cmd *redis.Cmd) ([]byte, error) {
	s, err := cmd.Text()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return []byte(s), err
}
