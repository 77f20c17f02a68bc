package redis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// Check implements metricsstore.Store. It visits all keys of each server and reads all runs; other calls may
// continue. What interrupted calls have left in the index is no damage: it is not visible, and Compact removes it.
func (s *Store) Check(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.calls.End()
	kept, err := s.scan(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, run := range slices.Sorted(maps.Keys(kept)) {
		var err error
		if parts := kept[run]; slices.Contains(parts, runPart) {
			err = s.checkRun(ctx, run)
		} else {
			err = s.checkRest(ctx, run, parts)
		}
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("redis: run %s: %w", run, err))
		}
	}
	return errors.Join(append(errs, s.checkIndex(ctx))...)
}

// scan lists the parts of all runs that are kept. A part of an attachment or of what is staged includes its name.
func (u *upkeep) scan(ctx context.Context) (map[record.RunID][]string, error) {
	var mu sync.Mutex
	kept := map[record.RunID][]string{}
	pattern := globEscape.Replace(u.runTag()) + "*"
	err := u.eachMaster(ctx, func(ctx context.Context, master goredis.UniversalClient) error {
		for cursor := uint64(0); ; {
			keys, next, err := master.Scan(ctx, cursor, pattern, keysPerScan).Result()
			if err != nil {
				return err
			}
			mu.Lock()
			for _, key := range keys {
				run, part, _ := strings.Cut(strings.TrimPrefix(key, u.runTag()), "}:")
				id, err := record.ParseRunID(run)
				if err != nil {
					continue // the index, or a key of a store with a longer prefix
				}
				if !slices.Contains(kept[id], part) { // a scan may give a key twice
					kept[id] = append(kept[id], part)
				}
			}
			mu.Unlock()
			if cursor = next; cursor == 0 {
				return nil
			}
		}
	})
	return kept, err
}

// keysPerScan is how many keys a server visits in one step of a scan, some 100 µs of its time.
const keysPerScan = 1000

// globEscape escapes characters that have a meaning in patterns.
var globEscape = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`)

// eachMaster calls f for each server that has keys, concurrently.
func (s *server) eachMaster(ctx context.Context, f func(context.Context, goredis.UniversalClient) error) error {
	_, err := ask(ctx, s, func(ctx context.Context) (struct{}, error) {
		cluster, ok := s.cfg.Client.(interface {
			ForEachMaster(context.Context, func(context.Context, *goredis.Client) error) error
		})
		if !ok {
			return struct{}{}, f(ctx, s.cfg.Client)
		}
		return struct{}{}, cluster.ForEachMaster(ctx, func(ctx context.Context, master *goredis.Client) error { return f(ctx, master) })
	})
	return err
}

// checkRest reports parts of runs that do not exist, except for those that expire.
func (u *upkeep) checkRest(ctx context.Context, run record.RunID, parts []string) error {
	for _, part := range parts {
		if isTemporary(part) {
			continue
		}
		count, err := ask(ctx, u.server, func(ctx context.Context) ([]goredis.Cmder, error) { // it may have been deleted in the meantime
			return u.tx(ctx, func(p goredis.Pipeliner) error {
				p.Exists(ctx, u.key(run, runPart))
				p.Exists(ctx, u.key(run, part))
				return nil
			})
		})
		if err != nil {
			return err
		}
		if count[0].(*goredis.IntCmd).Val() == 0 && count[1].(*goredis.IntCmd).Val() == 1 {
			return fmt.Errorf("%w: %s is kept and the run is missing", metricsstore.ErrCorrupt, part)
		}
	}
	return nil
}

// checkIndex looks for entries that cannot be read.
func (u *upkeep) checkIndex(ctx context.Context) error {
	var errs []error
	for part, parse := range map[string]func([]byte) error{
		runsIndex:    func(b []byte) error { _, err := metricsstore.ParsePosition(b); return err },
		rollupsIndex: func(b []byte) error { _, err := metricsstore.ParseRollupKey(b); return err },
	} {
		err := u.eachEntry(ctx, part, func(entries []string) error {
			for _, entry := range entries {
				if err := parse([]byte(entry)); err != nil {
					errs = append(errs, fmt.Errorf("redis: index of %s: %q: %w", part, entry, err))
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return errors.Join(errs...)
}
