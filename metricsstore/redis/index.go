package redis

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// The index lists what is kept. It is on another server than most runs, so no call can change both at once: a call
// announces in the index what it is about to put, then puts it, and removes from the index what is gone only after
// that. Hence all that exists is listed, wherever a call is cut off, and readers skip what is listed and does not
// exist.
//
// A removal must not hit what another call has announced and not yet put. So an announcement draws a ticket, and a
// removal fences off the latest ticket of the run first: what was announced with it, or an earlier one, and has not
// happened is refused from then on, and has to be announced again. Where the latest ticket is another one afterwards,
// nothing is removed.

// entriesPerScript is how many entries of the index one script changes.
const entriesPerScript = 1000

// runIndex is the list of runs and roll-ups.
type runIndex struct{ *server }

// announcement is what a call draws before it puts a run.
type announcement struct {
	ticket string
	loose  int // runs whose roll-ups are not merged
}

// announce lists a run and draws a ticket. Where its roll-ups are about to change, it lists the given ones, and the run is
// loose.
func (x *runIndex) announce(ctx context.Context, h *metricsstore.Header, change bool, rollups []string) (a announcement, err error) {
	keys := append([]string{x.index(ticketIndex), x.index(ticketsIndex), x.index(runsIndex), x.index(rollupsIndex)}, x.historyKeys()...)
	at := spotOf(h)
	for part := range parts(rollups) {
		got, err := x.eval(ctx, announceScript, keys, texts(slices.Concat(
			[]string{string(h.Info.ID), a.ticket, position(h), at.entry, at.day.start(), at.day.end(), bit(change)}, part)...)...)
		if err != nil {
			return a, fmt.Errorf("index: %w", err)
		}
		a = announcement{got.text(0), int(got.number(1))}
	}
	return a, nil
}

// doom draws a ticket for the deletion of a run that is listed at some positions.
func (x *runIndex) doom(ctx context.Context, run record.RunID, positions []string) (ticket string, err error) {
	args := []string{string(run)}
	for _, p := range positions {
		if at, ok := spotAt(p); ok {
			args = append(args, at.entry, at.day.start(), at.day.end())
		}
	}
	got, err := x.eval(ctx, doomScript, append([]string{x.index(ticketIndex), x.index(ticketsIndex)}, x.historyKeys()...), texts(args...)...)
	if err != nil {
		return "", fmt.Errorf("index: %w", err)
	}
	return got.text(0), nil
}

// bit is how scripts get a bool.
func bit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// position is where a run is listed in the index.
func position(h *metricsstore.Header) string {
	p := metricsstore.Position{Started: h.Info.StartedAt.UnixNano(), Run: h.Info.ID}
	return string(p.Append(nil))
}

// parts iterates over entries, some at a time; where there are none, it yields nothing once.
func parts(entries []string) func(func([]string) bool) {
	if len(entries) == 0 {
		return func(yield func([]string) bool) { yield(nil) }
	}
	return slices.Chunk(entries, entriesPerScript)
}

// settle removes those entries of a run from the index that list nothing.
func (x *runIndex) settle(ctx context.Context, run record.RunID, positions, rollups []string) error {
	for part := range parts(rollups) {
		for {
			done, err := x.settlePart(ctx, run, positions, part)
			if err != nil {
				return fmt.Errorf("index: run %s: %w", run, err)
			}
			if done {
				break
			}
		}
	}
	return nil
}

// settlePart is settle for as many entries as one script can check; false where another call has announced more in
// between.
func (x *runIndex) settlePart(ctx context.Context, run record.RunID, positions, rollups []string) (done bool, err error) {
	ticket, err := x.ticket(ctx, run)
	if err != nil {
		return false, err
	}
	keys := x.keys(run, runPart, fencePart, rollupsPart)
	args := texts(ticket, strconv.FormatInt(fencedFor.Milliseconds(), 10))
	there, err := x.eval(ctx, fenceScript, keys, append(args, texts(rollups...)...)...)
	if err != nil {
		return false, err
	}
	gone, at := "1", ""
	if header := there.text(0); header != "" {
		var h metricsstore.Header
		if unmarshal(header, &h) != nil {
			positions = nil // nothing says where it has to be listed
		}
		gone, at = "0", position(&h)
	}
	stale := slices.DeleteFunc(slices.Clone(positions), func(p string) bool { return p == at })
	args = texts(string(run), ticket, gone, strconv.Itoa(len(stale)))
	for _, p := range stale {
		at, _ := spotAt(p) // a position that cannot be read has no entry, which removes nothing
		args = append(args, p, at.entry)
	}
	for i, key := range rollups {
		if there.number(1+i) == 0 {
			args = append(args, key)
		}
	}
	got, err := x.eval(ctx, forgetScript, append([]string{x.index(ticketsIndex), x.index(runsIndex), x.index(rollupsIndex)}, x.historyKeys()...), args...)
	return got.word == "forgotten", err
}

// ticket is the latest one that was drawn for a run, 0 for none.
func (x *runIndex) ticket(ctx context.Context, run record.RunID) (string, error) {
	return ask(ctx, x.server, func(ctx context.Context) (string, error) {
		values, err := x.cfg.Client.HMGet(ctx, x.index(ticketsIndex), string(run)).Result()
		if err != nil || values[0] == nil {
			return "0", err
		}
		return fmt.Sprint(values[0]), nil
	})
}

// entries reads some entries of the index in the order of their bytes.
func (x *runIndex) entries(ctx context.Context, part, from, to string, n int) ([]string, error) {
	return ask(ctx, x.server, func(ctx context.Context) ([]string, error) {
		return x.cfg.Client.ZRangeByLex(ctx, x.index(part), &goredis.ZRangeBy{Min: from, Max: to, Count: int64(n)}).Result()
	})
}

// eachEntry calls f for all entries of a part of the index, some at a time.
func (x *runIndex) eachEntry(ctx context.Context, part string, f func([]string) error) error {
	for from := "-"; ; {
		entries, err := x.entries(ctx, part, from, "+", entriesPerScript)
		if err != nil || len(entries) == 0 {
			return err
		}
		if err := f(entries); err != nil {
			return err
		}
		from = "(" + entries[len(entries)-1]
	}
}
