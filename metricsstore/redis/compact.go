package redis

import (
	"context"
	"errors"
	"slices"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// Compact implements metricsstore.Store: it makes the index list exactly what is kept, and has the servers free
// memory that they do not use. Where a server of a cluster lost a part of the index, by a failover for example, runs
// that others have kept are listed again.
func (s *Store) Compact(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.calls.End()
	if err := s.listAll(ctx); err != nil {
		return err
	}
	if err := s.forgetAll(ctx); err != nil {
		return err
	}
	// Not every server can do it, and some do not allow it; nothing depends on it.
	return s.eachMaster(ctx, func(ctx context.Context, master goredis.UniversalClient) error {
		_ = master.Do(ctx, "MEMORY", "PURGE").Err()
		return ctx.Err()
	})
}

// listAll lists all runs that are kept and their roll-ups.
func (u *upkeep) listAll(ctx context.Context) error {
	kept, err := u.scan(ctx)
	if err != nil {
		return err
	}
	for run, parts := range kept {
		if !slices.Contains(parts, runPart) {
			continue
		}
		state, err := u.state(ctx, run)
		if errors.Is(err, metricsstore.ErrCorrupt) {
			continue // nothing says where it has to be listed
		}
		if err != nil {
			return err
		}
		rollups, err := u.rollupKeys(ctx, run)
		if err != nil {
			return err
		}
		if state.version == "" {
			continue
		}
		rollups = slices.DeleteFunc(rollups, func(key string) bool {
			_, err := metricsstore.ParseRollupKey([]byte(key))
			return err != nil
		})
		if _, err := u.announce(ctx, &state.header, true, rollups); err != nil {
			return err
		}
	}
	return nil
}

// forgetAll removes entries of the index for what does not exist.
func (u *upkeep) forgetAll(ctx context.Context) error {
	err := u.eachEntry(ctx, runsIndex, func(entries []string) error { return u.forgetRuns(ctx, entries) })
	if err != nil {
		return err
	}
	return u.eachEntry(ctx, rollupsIndex, func(entries []string) error { return u.forgetRollups(ctx, entries) })
}

func (u *upkeep) forgetRuns(ctx context.Context, entries []string) error {
	runs, err := u.runsAt(ctx, nil, entries)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for i := range runs {
		there[position(&runs[i].Header)] = true
	}
	gone := map[record.RunID][]string{}
	var unread []string
	for _, entry := range entries {
		p, err := metricsstore.ParsePosition([]byte(entry))
		switch {
		case err != nil:
			unread = append(unread, entry)
		case !there[entry]:
			gone[p.Run] = append(gone[p.Run], entry)
		}
	}
	if err := u.strike(ctx, runsIndex, unread); err != nil {
		return err
	}
	for run, positions := range gone {
		if err := u.settle(ctx, run, positions, nil); err != nil {
			return err
		}
	}
	return nil
}

// strike removes entries of the index that cannot be read and so belong to no run.
func (x *runIndex) strike(ctx context.Context, part string, entries []string) error {
	if len(entries) == 0 {
		return nil
	}
	_, err := ask(ctx, x.server, func(ctx context.Context) (int64, error) {
		return x.cfg.Client.ZRem(ctx, x.index(part), texts(entries...)...).Result()
	})
	return err
}

func (u *upkeep) forgetRollups(ctx context.Context, entries []string) error {
	var runs []record.RunID
	var read, unread []string
	for _, entry := range entries {
		key, err := metricsstore.ParseRollupKey([]byte(entry))
		if err != nil {
			unread = append(unread, entry)
			continue
		}
		runs, read = append(runs, key.Run), append(read, entry)
	}
	if err := u.strike(ctx, rollupsIndex, unread); err != nil || len(read) == 0 {
		return err
	}
	entries = read
	there, err := ask(ctx, u.server, func(ctx context.Context) ([]goredis.Cmder, error) {
		return u.cfg.Client.Pipelined(ctx, func(p goredis.Pipeliner) error {
			for i, entry := range entries {
				p.HExists(ctx, u.key(runs[i], rollupsPart), entry)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	gone := map[record.RunID][]string{}
	for i, cmd := range there {
		if kept, ok := cmd.(*goredis.BoolCmd); ok && !kept.Val() {
			gone[runs[i]] = append(gone[runs[i]], entries[i])
		}
	}
	for run, keys := range gone {
		if err := u.settle(ctx, run, nil, keys); err != nil {
			return err
		}
	}
	return nil
}
