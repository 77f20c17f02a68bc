package redis

import (
	"context"
	"slices"

	goredis "github.com/redis/go-redis/v9"
)

// Values are staged under keys that no other call knows and that expire, so that the script that puts them in place
// only renames keys, however large they are.

// Bounds of what one command stages.
const (
	fieldsPerCommand = 512
	bytesPerCommand  = 512 << 10
)

// stageText stages a value.
func (s *server) stageText(ctx context.Context, key, value string) error {
	_, err := ask(ctx, s, func(ctx context.Context) (string, error) {
		return s.cfg.Client.Set(ctx, key, value, stagedFor).Result()
	})
	return err
}

// stageHash stages fields and values, one after the other.
func (s *server) stageHash(ctx context.Context, key string, pairs []string) error {
	for some := range pieces(pairs) {
		err := s.stage(ctx, key, func(p goredis.Pipeliner) { p.HSet(ctx, key, texts(some...)...) })
		if err != nil {
			return err
		}
	}
	return nil
}

// stageOrder stages members of a sorted set that is ordered by their bytes.
func (s *server) stageOrder(ctx context.Context, key string, members []string) error {
	for some := range slices.Chunk(members, fieldsPerCommand) {
		all := make([]goredis.Z, len(some))
		for i, m := range some {
			all[i].Member = m
		}
		if err := s.stage(ctx, key, func(p goredis.Pipeliner) { p.ZAdd(ctx, key, all...) }); err != nil {
			return err
		}
	}
	return nil
}

// stage runs a command together with the one that makes its key expire.
func (s *server) stage(ctx context.Context, key string, command func(goredis.Pipeliner)) error {
	_, err := ask(ctx, s, func(ctx context.Context) ([]goredis.Cmder, error) {
		return s.tx(ctx, func(p goredis.Pipeliner) error {
			command(p)
			p.PExpire(ctx, key, stagedFor)
			return nil
		})
	})
	return err
}

// pieces splits fields with their values, as many as one command stages.
func pieces(pairs []string) func(func([]string) bool) {
	return func(yield func([]string) bool) {
		for len(pairs) > 0 {
			n, bytes := 0, 0
			for n < len(pairs) && n < 2*fieldsPerCommand && bytes < bytesPerCommand {
				bytes += len(pairs[n]) + len(pairs[n+1])
				n += 2
			}
			if !yield(pairs[:n]) {
				return
			}
			pairs = pairs[n:]
		}
	}
}
