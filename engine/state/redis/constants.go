package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
)

var constantScript = newScript("constant")

func init() { constantScript.singleKey = true }

// putConstant stores a value, and holds it for a run for an hour.
func (b *registry) putConstant(ctx context.Context, hash string, run record.RunID, value []byte) error {
	_, err := b.run(ctx, constantScript, b.keys.constant(hash), []any{"put", string(run), time.Hour.Milliseconds(), value})
	if err != nil {
		return fmt.Errorf("redis: keep constant %s: %w", hash, err)
	}
	return nil
}

// holdConstants holds values for a run until Finish or Delete.
func (b *registry) holdConstants(ctx context.Context, hashes []string, run record.RunID) error {
	return b.updateConstants(ctx, hashes, "hold", run, "")
}

// updateConstants holds or releases values for a run; expire is the number of milliseconds after which a hold expires,
// "" for never.
func (b *registry) updateConstants(ctx context.Context, hashes []string, what string, run record.RunID, expire any) error {
	for _, hash := range hashes {
		_, err := b.run(ctx, constantScript, b.keys.constant(hash), []any{what, string(run), expire})
		if err != nil && !errors.Is(err, redis.Nil) {
			return fmt.Errorf("redis: keep constant %s: %w", hash, err)
		}
	}
	return nil
}

// constants reads values. With hold, it first holds them for the run, in case the run's creator died before doing so.
func (b *registry) constants(ctx context.Context, hashes []string, run record.RunID, hold bool) (map[string][]byte, error) {
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
			return nil, fmt.Errorf("redis: constant %s of run %s has been deleted: %w", hashes[i], run, engine.ErrUnknownRun)
		}
		values[hashes[i]] = value
	}
	return values, nil
}

// namesOf splits the list in the field "constants" of a run.
func namesOf(list string) []string { return strings.Fields(list) }

func (b *registry) constantNames(ctx context.Context, run record.RunID) ([]string, error) {
	cmd, err := b.do(ctx, "hget", b.keys.run(run)+"run", constantsField)
	if err != nil {
		return nil, fmt.Errorf("redis: read run %s: %w", run, err)
	}
	names, err := text(cmd)
	return namesOf(string(names)), err
}
