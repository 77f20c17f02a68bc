package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/shared"
)

var registerScript = newScript("state", "register")

// unregistered is after how many seconds a stored output expires if it was not added to the index of its run.
const unregistered = 3600

// PutOutput implements shared.Backend. If the run has ended it stores nothing, and returns no error.
func (b *Backend) PutOutput(ctx context.Context, run record.RunID, key string, value []byte) error {
	base := b.keys.run(run)
	set := func() redis.Cmder { return redis.NewCmd(ctx, "set", output(base, key), value, "ex", unregistered) }
	cmd, err := b.run(ctx, registerScript, base, []any{key}, set)
	if err != nil {
		return fmt.Errorf("redis: store an output of run %s: %w", run, err)
	}
	if errors.Is(cmd.Err(), redis.Nil) {
		return unknown(run)
	}
	return nil
}

// Outputs implements shared.Backend.
func (b *Backend) Outputs(ctx context.Context, run record.RunID, nodes []dag.NodeID) ([]shared.Output, error) {
	if len(nodes) == 0 {
		return nil, nil
	}
	base := b.keys.run(run)
	args := make([]any, 0, 2+len(nodes))
	args = append(args, "hmget", base+"out")
	for _, id := range nodes {
		args = append(args, int64(id))
	}
	cmd, err := b.do(ctx, args...)
	if err != nil {
		return nil, fmt.Errorf("redis: read outputs of run %s: %w", run, err)
	}
	values, err := cmd.Slice()
	if err != nil {
		return nil, fmt.Errorf("redis: read outputs of run %s: %w", run, err)
	}
	if !slices.ContainsFunc(values, func(v any) bool { return v != nil }) { // the run may have been deleted
		if _, err := b.counters(ctx, run); err != nil {
			return nil, err
		}
	}
	outs := make([]shared.Output, len(nodes))
	var stored []int
	for i, v := range values {
		outs[i].Node = nodes[i]
		switch raw := field(v); {
		case len(raw) == 0:
		case raw[0] == storedOutput:
			outs[i].Key = string(raw[1:])
			stored = append(stored, i)
		default:
			outs[i].Inline = raw[1:]
		}
	}
	return outs, b.fetch(ctx, run, outs, stored)
}

// fetch reads the values of the outputs at the indexes in stored; nil for those that no longer exist.
func (b *registry) fetch(ctx context.Context, run record.RunID, outs []shared.Output, stored []int) error {
	if len(stored) == 0 {
		return nil
	}
	base := b.keys.run(run)
	cmds, err := b.send(ctx, b.conn.Client, func() (cmds []redis.Cmder) {
		for _, i := range stored {
			cmds = append(cmds, redis.NewCmd(ctx, "get", output(base, outs[i].Key)))
		}
		return cmds
	})
	if err != nil {
		return fmt.Errorf("redis: fetch outputs of run %s: %w", run, err)
	}
	for n, i := range stored {
		if outs[i].Inline, err = text(cmds[n].(*redis.Cmd)); err != nil {
			return fmt.Errorf("redis: fetch outputs of run %s: %w", run, err)
		}
	}
	return nil
}
