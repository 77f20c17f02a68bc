package redis

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/internal/testkit/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// dial opens a test's server as its users do.
func dial(t testing.TB, url string) *Connection {
	t.Helper()
	c, err := Dial(context.Background(), DialConfig{URL: url, Prefix: "test:"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// open starts a server and returns a back end for it.
func open(t testing.TB, args ...string) (*Backend, *redistest.Server) {
	t.Helper()
	s := redistest.Start(t, args...)
	return New(dial(t, s.URL())), s
}

// dying is a hook by which a process dies before it sends certain commands.
type dying struct {
	command string
	err     error
}

func (d dying) DialHook(next redis.DialHook) redis.DialHook { return next }

func (d dying) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if strings.HasPrefix(cmd.Name(), d.command) {
			cmd.SetErr(deadly{d.err})
			return cmd.Err()
		}
		return next(ctx, cmd)
	}
}

func (d dying) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for i, cmd := range cmds {
			if strings.HasPrefix(cmd.Name(), d.command) {
				_ = next(ctx, cmds[:i])
				cmd.SetErr(deadly{d.err})
				return cmd.Err()
			}
		}
		return next(ctx, cmds)
	}
}

// deadly is a permanent error.
type deadly struct{ error }

func (deadly) RedisError() {}

func (d deadly) Unwrap() error { return d.error }

// ageOf is an entry of an index that is one hour old.
func ageOf(run string) redis.Z {
	return redis.Z{Score: float64(time.Now().Add(-time.Hour).UnixMilli()), Member: run}
}
