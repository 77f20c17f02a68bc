package redis

import (
	"context"
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

var (
	finishScript = newScript("state", "finish")
	narrowScript = newScript("state", "narrow")
)

// keepFrontier is how long outputs are kept that a retry could start from.
const keepFrontier = time.Hour

// chunk is how many keys one command deletes or reads, so that it takes well below 10 ms.
const chunk = 200

// Finish implements shared.Backend. From then on all keys of the run expire.
func (b *Backend) Finish(ctx context.Context, run record.RunID, end []byte) ([]byte, error) {
	keep := b.keep.Milliseconds()
	// Stored outputs come first: if this process dies in between, the run is not finished and another process finishes
	// it. The script does the same for all other keys, including those of queues and sessions.
	if c, err := b.counters(ctx, run); err != nil {
		return nil, err
	} else if status(c.status).Final() {
		if _, err := b.eachOutput(ctx, run, func(key string) []any { return []any{"pexpire", key, keep} }); err != nil {
			return nil, err
		}
	}
	cmd, err := b.run(ctx, finishScript, b.keys.run(run), []any{end, keep})
	if err != nil {
		return nil, fmt.Errorf("redis: finish run %s: %w", run, err)
	}
	kept, err := text(cmd)
	if err != nil {
		return nil, fmt.Errorf("redis: finish run %s: %w", run, err)
	}
	if kept == nil {
		return nil, unknown(run)
	}
	names, err := b.constantNames(ctx, run)
	if err != nil {
		return nil, err
	}
	if err := b.updateConstants(ctx, names, "hold", run, keep); err != nil {
		return nil, err
	}
	return kept, b.indexEnded(ctx, run)
}

// Clean implements shared.Backend.
func (b *Backend) Clean(ctx context.Context, run record.RunID, frontier []dag.NodeID) (int, error) {
	c, _, err := b.finished(ctx, run)
	if err != nil {
		return 0, err
	}
	succeeded := status(c.status) == record.Succeeded
	kept, n, err := b.narrow(ctx, run, frontier)
	if err != nil {
		return n, err
	}
	stored, err := b.dropOutputs(ctx, run, kept)
	n += stored
	if err != nil {
		return n, err
	}
	names, err := b.activeKeys(ctx, run, c.workers, succeeded, len(frontier) > 0)
	if err != nil {
		return n, err
	}
	dropped, err := b.unlink(ctx, names)
	return n + dropped, err
}

// Delete implements shared.Backend. It deletes :state last, since a repetition needs it to find the other keys.
func (b *Backend) Delete(ctx context.Context, run record.RunID) error {
	c, constants, err := b.finished(ctx, run)
	if err != nil {
		return err
	}
	if _, err := b.dropOutputs(ctx, run, nil); err != nil {
		return err
	}
	names, err := b.activeKeys(ctx, run, c.workers, true, false)
	if err != nil {
		return err
	}
	base := b.keys.run(run)
	for _, part := range []string{"graph", "log", "details", "run", "state"} {
		names = append(names, base+part)
	}
	if err := b.updateConstants(ctx, constants, "release", run, ""); err != nil {
		return err
	}
	if _, err := b.unlink(ctx, names); err != nil {
		return err
	}
	return b.removeFromIndexes(ctx, run) // it is still listed as active if the process that finished it died
}
