package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine"
)

var constantScript = newScript("constant")

func init() { constantScript.isOfOneKey = true }

// putConstant keeps a value for a run, for an hour.
func (b *Backend) putConstant(ctx context.Context, hash string, run engine.RunID, value []byte) error {
	_, err := b.run(ctx, constantScript, b.keys.constant(hash), []any{"put", string(run), time.Hour.Milliseconds(), value})
	if err != nil {
		return fmt.Errorf("redis: keep constant %s: %w", hash, err)
	}
	return nil
}

// holdConstants keeps values for a run until it ends.
func (b *Backend) holdConstants(ctx context.Context, hashes []string, run engine.RunID) error {
	return b.tellConstants(ctx, hashes, "hold", run, "")
}

// tellConstants says how long a run still needs its values.
func (b *Backend) tellConstants(ctx context.Context, hashes []string, what string, run engine.RunID, wait any) error {
	for _, hash := range hashes {
		_, err := b.run(ctx, constantScript, b.keys.constant(hash), []any{what, string(run), wait})
		if err != nil && !errors.Is(err, redis.Nil) {
			return fmt.Errorf("redis: keep constant %s: %w", hash, err)
		}
	}
	return nil
}

// constants reads values. A run that goes on holds them from then on, whatever became of its creator.
func (b *Backend) constants(ctx context.Context, hashes []string, run engine.RunID, hold bool) (map[string][]byte, error) {
	values := make(map[string][]byte, len(hashes))
	if len(hashes) == 0 {
		return values, nil
	}
	if hold {
		if err := b.holdConstants(ctx, hashes, run); err != nil {
			return nil, err
		}
	}
	cmds, err := b.send(ctx, b.conn.Client, func() (cmds []redis.Cmder) {
		for _, hash := range hashes {
			cmds = append(cmds, redis.NewCmd(ctx, "hget", b.keys.constant(hash), "value"))
		}
		return cmds
	})
	if err != nil {
		return nil, fmt.Errorf("redis: read constants of run %s: %w", run, err)
	}
	for i, cmd := range cmds {
		value, err := text(cmd.(*redis.Cmd))
		if err != nil {
			return nil, err
		}
		if value == nil {
			return nil, fmt.Errorf("redis: constant %s of run %s is gone: %w", hashes[i], run, engine.ErrUnknownRun)
		}
		values[hashes[i]] = value
	}
	return values, nil
}

// namesOf splits the list of a run's constants.
func namesOf(list string) []string { return strings.Fields(list) }
