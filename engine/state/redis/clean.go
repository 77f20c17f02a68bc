package redis

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// cleaner deletes keys that runs no longer need, or lets them expire.
type cleaner struct{ registry }

// eachOutput runs a command for each stored output of a run, in chunks, and returns how many keys were deleted.
func (b *cleaner) eachOutput(ctx context.Context, run record.RunID, command func(key string) []any) (deleted int, err error) {
	base := b.keys.run(run)
	for cursor := "0"; ; {
		cmd, err := b.do(ctx, "sscan", base+"keys", cursor, "count", chunk)
		if err != nil {
			return deleted, fmt.Errorf("redis: list outputs of run %s: %w", run, err)
		}
		var keys []string
		if cursor, keys, err = scanned(cmd); err != nil {
			return deleted, err
		}
		if len(keys) > 0 {
			var cmds []redis.Cmder
			cmds, err = b.send(ctx, b.conn.Client, func() (cmds []redis.Cmder) {
				for _, key := range keys {
					cmds = append(cmds, redis.NewCmd(ctx, command(output(base, key))...))
				}
				return cmds
			})
			for _, cmd := range cmds {
				if n, _ := cmd.(*redis.Cmd).Val().(int64); cmd.Name() == "unlink" {
					deleted += int(n)
				}
			}
		}
		if err != nil {
			return deleted, fmt.Errorf("redis: change outputs of run %s: %w", run, err)
		}
		if cursor == "0" {
			return deleted, nil
		}
	}
}

// scanned decodes the reply of SSCAN or HSCAN.
func scanned(cmd *redis.Cmd) (cursor string, found []string, err error) {
	parts, err := cmd.Slice()
	if err != nil {
		return "", nil, err
	}
	if len(parts) == 2 {
		cursor, _ = parts[0].(string)
		all, _ := parts[1].([]any)
		for _, v := range all {
			if s, ok := v.(string); ok {
				found = append(found, s)
			}
		}
	}
	if cursor == "" {
		return "", nil, fmt.Errorf("%w reply to a scan", errMalformed)
	}
	return cursor, found, nil
}

// finished reads the state and the constants of a run; it is an error if Finish has not stored the run's end.
func (b *cleaner) finished(ctx context.Context, run record.RunID) (c counters, constants []string, err error) {
	if c, err = b.counters(ctx, run); err != nil {
		return c, nil, err
	}
	cmd, err := b.do(ctx, "hmget", b.keys.run(run)+"run", endField, constantsField)
	if err != nil {
		return c, nil, fmt.Errorf("redis: read run %s: %w", run, err)
	}
	fields, err := cmd.Slice()
	if err == nil && field(fields[0]) == nil {
		err = fmt.Errorf("redis: run %s is not finished, expected it to be", run)
	}
	if err != nil {
		return c, nil, err
	}
	return c, namesOf(string(field(fields[1]))), nil
}

// narrow removes all outputs from :out except those of the frontier, and returns the keys of those that are stored. It
// copies a few outputs at a time into a new hash, which then replaces the old one; a repetition starts from the
// beginning.
func (b *cleaner) narrow(ctx context.Context, run record.RunID, frontier []dag.NodeID) (kept map[string]bool, dropped int, err error) {
	base := b.keys.run(run)
	kept = map[string]bool{}
	if _, err := b.do(ctx, "unlink", base+"frontier"); err != nil {
		return nil, 0, fmt.Errorf("redis: clean run %s: %w", run, err)
	}
	copied := false
	for part := range slices.Chunk(frontier, chunk) {
		some, err := b.narrowPart(ctx, base, part, kept)
		if err != nil {
			return nil, 0, fmt.Errorf("redis: clean run %s: %w", run, err)
		}
		copied = copied || some
	}
	if !copied {
		dropped, err = b.unlink(ctx, []string{base + "out"})
		return kept, dropped, err
	}
	if _, err := b.run(ctx, narrowScript, base, []any{keepFrontier.Milliseconds()}); err != nil {
		return nil, 0, fmt.Errorf("redis: clean run %s: %w", run, err)
	}
	return kept, 0, nil
}

// narrowPart copies the outputs of nodes that exist, and adds the keys of the stored ones to kept.
func (b *cleaner) narrowPart(ctx context.Context, base string, nodes []dag.NodeID, kept map[string]bool) (some bool, err error) {
	args := []any{"hmget", base + "out"}
	for _, id := range nodes {
		args = append(args, int64(id))
	}
	cmd, err := b.do(ctx, args...)
	if err != nil {
		return false, err
	}
	values, err := cmd.Slice()
	if err != nil {
		return false, err
	}
	set := []any{"hset", base + "frontier"}
	for i, v := range values {
		raw := field(v)
		if len(raw) == 0 {
			continue
		}
		set = append(set, int64(nodes[i]), raw)
		if raw[0] == storedOutput {
			kept[string(raw[1:])] = true
		}
	}
	if len(set) == 2 {
		return false, nil
	}
	_, err = b.send(ctx, b.conn.Client, func() []redis.Cmder {
		expire := redis.NewCmd(ctx, "pexpire", base+"frontier", keepFrontier.Milliseconds())
		return []redis.Cmder{redis.NewCmd(ctx, set...), expire}
	})
	return true, err
}

// dropOutputs deletes the stored outputs of a run, except those in kept, which it lets expire.
func (b *cleaner) dropOutputs(ctx context.Context, run record.RunID, kept map[string]bool) (dropped int, err error) {
	prefix := len(output(b.keys.run(run), ""))
	return b.eachOutput(ctx, run, func(key string) []any {
		if kept[key[prefix:]] {
			return []any{"pexpire", key, keepFrontier.Milliseconds()}
		}
		return []any{"unlink", key}
	})
}

// activeKeys lists the keys that only an active run needs: sessions and queues. If the run has succeeded, these include
// the nodes, and the outputs unless those of its result are kept.
func (b *cleaner) activeKeys(ctx context.Context, run record.RunID, workers uint32, succeeded, keepsOutputs bool) ([]string, error) {
	base := b.keys.run(run)
	names := []string{base + "once"}
	for worker := range workers {
		for _, part := range []string{"claims:", "mine:", "held:", "owed:"} {
			names = append(names, numbered(base, part, worker))
		}
	}
	if !succeeded {
		return names, nil
	}
	classes, err := b.classes(ctx, run)
	if err != nil {
		return nil, err
	}
	for _, class := range classes {
		names = append(names, numbered(base, "ready:", class), numbered(base, "solo:", class))
	}
	for _, part := range []string{
		"nodes", "bits", "arrived", "odd", "blocks", "due", "bounds", "running", "sessions", "records", "queues", "frontier",
	} {
		names = append(names, base+part)
	}
	if !keepsOutputs {
		names = append(names, base+"out", base+"keys")
	}
	return names, nil
}

// classes lists the classes that have, or had, a queue.
func (b *cleaner) classes(ctx context.Context, run record.RunID) ([]ledger.Class, error) {
	cmd, err := b.do(ctx, "smembers", b.keys.run(run)+"queues")
	if err != nil {
		return nil, fmt.Errorf("redis: read run %s: %w", run, err)
	}
	names, err := cmd.StringSlice()
	if err != nil {
		return nil, fmt.Errorf("redis: read run %s: %w", run, err)
	}
	return decodeClasses(names)
}

func decodeClasses(names []string) ([]ledger.Class, error) {
	classes := make([]ledger.Class, 0, len(names))
	for _, name := range names {
		n, err := strconv.ParseUint(name, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("%w class %q", errMalformed, name)
		}
		classes = append(classes, ledger.Class(n))
	}
	return classes, nil
}

// unlink deletes keys of one run in chunks, and returns how many existed.
func (b *cleaner) unlink(ctx context.Context, names []string) (deleted int, err error) {
	for len(names) > 0 {
		args := []any{"unlink"}
		n := min(chunk, len(names))
		for _, name := range names[:n] {
			args = append(args, name)
		}
		names = names[n:]
		cmd, err := b.do(ctx, args...)
		if err != nil {
			return deleted, fmt.Errorf("redis: delete keys: %w", err)
		}
		existed, err := cmd.Int()
		if err != nil {
			return deleted, fmt.Errorf("redis: delete keys: %w", err)
		}
		deleted += existed
	}
	return deleted, nil
}
