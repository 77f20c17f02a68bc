package redis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared"
)

var installScript = newScript("state", "install")

// Fields of :run.
const (
	jobField       = "job"
	constantsField = "constants"
	endField       = "end"
	firstField     = "first"
)

// Create implements shared.Backend. The run is added to the index before it exists, so that no run is ever missing from
// it; Open removes the entry of a run that was never created.
func (b *Backend) Create(ctx context.Context, r shared.NewRun) error {
	hashes := slices.Sorted(maps.Keys(r.Constants))
	for _, hash := range hashes {
		// Held only for an hour until the run exists, so that they expire if this process dies before that.
		if err := b.putConstant(ctx, hash, r.ID, r.Constants[hash]); err != nil {
			return err
		}
	}
	if err := b.addActive(ctx, r.ID); err != nil {
		return err
	}
	state, entry := ledger.New(ledger.Config{
		Nodes: r.Nodes, Edges: r.Edges, Tasks: r.Tasks, Limits: r.Limit, LimitEdges: r.LimitEdges, Sinks: r.Sinks,
		Policy: r.Policy, Roots: r.Roots, MaxConcurrent: r.MaxConcurrent,
	})
	c := newCounters(state, r.Unlogged)
	bounds := make([]any, 0, 2*len(r.MaxConcurrent))
	for class, n := range r.MaxConcurrent {
		if n > 0 {
			bounds = append(bounds, int(class), n)
		}
	}
	in := installation{
		state: state, counters: c, roots: entry.Plain[0].Readied, graph: r.Graph, bounds: bounds,
		fields: []any{jobField, r.Job, constantsField, strings.Join(hashes, " ")},
	}
	ok, err := b.install(ctx, r.ID, &in)
	switch {
	case err != nil:
		return fmt.Errorf("redis: create run %s: %w", r.ID, err)
	case !ok:
		return b.runExists(ctx, r.ID)
	}
	return b.holdConstants(ctx, hashes, r.ID)
}

// Revise implements shared.Backend.
func (b *Backend) Revise(ctx context.Context, run record.RunID, state *ledger.State) error {
	kept, err := b.Open(ctx, run)
	if err != nil {
		return err
	}
	var ready []dag.NodeID
	for i := range state.Nodes {
		if state.Nodes[i].Status == ledger.Ready {
			ready = append(ready, dag.NodeID(i))
		}
	}
	old, err := b.counters(ctx, run)
	if err != nil {
		return err
	}
	// As in Create, the index comes first.
	if err := b.addActive(ctx, run); err != nil {
		return err
	}
	next := state.Clone()
	settleOpen(next)
	in := installation{state: next, counters: newCounters(next, old.flags&isUnlogged != 0), roots: ready, revises: true}
	ok, err := b.install(ctx, run, &in)
	switch {
	case errors.Is(err, redis.Nil):
		return unknown(run)
	case err != nil:
		return fmt.Errorf("redis: begin revision %d of run %s: %w", state.Revision, run, err)
	case !ok:
		return fmt.Errorf("it is not finished, or not in revision %d: %w", state.Revision-1, b.runExists(ctx, run))
	}
	if err := b.index(ctx, run, b.keys.ended(), b.keys.active()); err != nil {
		return err
	}
	if _, err := b.eachOutput(ctx, run, func(key string) []any { return []any{"persist", key} }); err != nil {
		return err
	}
	return b.holdConstants(ctx, slices.Sorted(maps.Keys(kept.Constants)), run)
}

// settleOpen sets the status of a ledger in which nothing is left to do.
func settleOpen(s *ledger.State) {
	if s.Counts.Open > 0 {
		return
	}
	s.Status = record.Succeeded
	if s.Counts.Failed > 0 {
		s.Status = record.Failed
	}
}

// installation is a ledger to install: of a new run, or of the next revision of a run.
type installation struct {
	state    *ledger.State
	counters counters
	roots    []dag.NodeID // ready nodes
	graph    []byte       // empty for a revision, which keeps the run's graph
	bounds   []any        // classes and their limits of concurrency, alternately
	fields   []any        // of the hash :run, names and values alternately
	revises  bool
}

// stagedFor is the time after which staged parts of a ledger expire.
const stagedFor = time.Hour

// install stages the parts of a ledger under temporary keys and, in the same write, runs the script that moves all of
// them into place. It returns false if a new run already exists, or if a run to be revised is not in the required
// state.
func (b *Backend) install(ctx context.Context, run record.RunID, in *installation) (bool, error) {
	base, id := b.keys.run(run), token()
	staged := base + "new:" + id + ":"
	parts := encodeLedger(in.state)
	var before []func() redis.Cmder
	add := func(key string, args ...any) {
		before = append(before, func() redis.Cmder { return redis.NewCmd(ctx, args...) },
			func() redis.Cmder { return redis.NewCmd(ctx, "expire", key, int(stagedFor.Seconds())) })
	}
	for name, value := range map[string][]byte{"nodes": parts.nodes, "bits": parts.bits, "arrived": parts.arrived, "blocks": parts.blocks, "graph": in.graph} {
		if len(value) > 0 {
			add(staged+name, "set", staged+name, value)
		}
	}
	odd := make([]any, 0, 2*len(parts.odd))
	for id, value := range parts.odd {
		odd = append(odd, id, value)
	}
	var classes []any
	lists := map[string][]any{"odd": odd, "bounds": in.bounds}
	for class, entries := range parts.queues {
		classes = append(classes, int(class))
		lists[numbered("", "ready:", class)] = entries
	}
	lists["queues"] = classes
	command := map[string]string{"odd": "hset", "bounds": "hset", "queues": "sadd"}
	for name, values := range lists {
		if len(values) > 0 { // the same write may be sent again
			before = append(before, func() redis.Cmder { return redis.NewCmd(ctx, "unlink", staged+name) })
		}
		for chunk := range slices.Chunk(values, 1000) {
			how := command[name]
			if how == "" {
				how = "rpush"
			}
			add(staged+name, append([]any{how, staged + name}, chunk...)...)
		}
	}
	var call, rows packer
	runs := appendRows(&rows, ofPlain, in.roots)
	call.float(b.now())
	call.u8(flags(in.revises))
	call.u16(in.counters.revision)
	call.u32(uint32(runs))
	args := append([]any{[]byte(call), id, staged, in.counters.encode(), []byte(rows)}, in.fields...)
	cmd, err := b.run(ctx, installScript, base, args, before...)
	if err != nil {
		return false, err
	}
	n, err := cmd.Int()
	return n == 1, err
}
