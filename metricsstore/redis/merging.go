package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// mergeLoose merges the loose runs of the days from one to another, not including it, where there are at least so many.
// Only one call of a store merges at a time; others return at once.
func (k *records) mergeLoose(ctx context.Context, from, to string, least int) error {
	if !k.merging.TryLock() {
		return nil
	}
	defer k.merging.Unlock()
	entries, err := ask(ctx, k.server, func(ctx context.Context) ([]string, error) {
		return k.cfg.Client.ZRangeByLex(ctx, k.index(looseIndex), &goredis.ZRangeBy{Min: "[" + from, Max: "(" + to}).Result()
	})
	if err != nil || len(entries) < least {
		return err
	}
	for len(entries) > 0 {
		at, _, err := parseEntry(entries[0])
		if err != nil {
			return err
		}
		n := 1
		for n < len(entries) && entries[n] < at.day.end() {
			n++
		}
		for merged := 0; merged < n; merged += loosePerMerge {
			if err := k.mergeDay(ctx, at.day); err != nil {
				return err
			}
		}
		entries = entries[n:]
	}
	return nil
}

// looseRun is a run that is about to be merged into its day.
type looseRun struct {
	id       record.RunID
	entry    string
	ticket   string
	rollups  []metricsstore.Rollup
	stubborn bool
}

// mergeDay merges some of the loose runs of a day, unless something of it changes in the meantime.
func (k *records) mergeDay(ctx context.Context, day historyDay) error {
	got, err := k.eval(ctx, dayScript, k.historyKeys(), day.start(), day.end(), loosePerMerge)
	if err != nil {
		return err
	}
	version, rows := got.text(0), got.rest[min(2, len(got.rest)):]
	runs, err := k.looseRuns(ctx, got.list(1))
	if err != nil || len(runs) == 0 {
		return err
	}
	var all metricsstore.Merger
	for _, row := range rows {
		text, _ := row.(string)
		_, m, err := parseMerged(text)
		if err == nil {
			err = all.AddRow(m.MergedKey, m.Data)
		}
		if errors.Is(err, metricsstore.ErrCorrupt) {
			return k.remerge(ctx, day)
		}
		if err != nil {
			return err
		}
	}
	for i := range runs {
		if runs[i].stubborn {
			continue
		}
		err := all.AddRun(runs[i].rollups)
		runs[i].stubborn = errors.Is(err, metricsstore.ErrCorrupt) || errors.Is(err, metricsstore.ErrInvalid)
		if err != nil && !runs[i].stubborn {
			return err
		}
	}
	merged, err := all.Rows()
	if err != nil {
		return err
	}
	return k.putMerged(ctx, day, version, runs, merged)
}

// remerge makes all runs of a day loose, because what they were merged to cannot be read.
func (x *runIndex) remerge(ctx context.Context, day historyDay) error {
	_, err := x.eval(ctx, remergeScript, x.historyKeys(), day.start(), day.end())
	return err
}

// looseRuns reads the roll-ups of loose runs, after fencing off their tickets. A run without any stays as it is: they
// are announced and not there yet, or gone.
func (k *records) looseRuns(ctx context.Context, entries []string) ([]looseRun, error) {
	ids := make([]string, 0, len(entries))
	runs := make([]looseRun, 0, len(entries))
	for _, entry := range entries {
		_, id, err := parseEntry(entry)
		if err != nil {
			return nil, err
		}
		ids, runs = append(ids, string(id)), append(runs, looseRun{id: id, entry: entry})
	}
	if len(runs) == 0 {
		return nil, nil
	}
	tickets, err := ask(ctx, k.server, func(ctx context.Context) ([]any, error) {
		return k.cfg.Client.HMGet(ctx, k.index(ticketsIndex), ids...).Result()
	})
	if err != nil {
		return nil, err
	}
	for i := range runs {
		if runs[i].ticket, _ = tickets[i].(string); runs[i].ticket == "" {
			runs[i].ticket = "0"
		}
	}
	return k.fencedRollups(ctx, runs)
}

// fencedRollups fences off the ticket of each run and reads its roll-ups.
func (k *records) fencedRollups(ctx context.Context, runs []looseRun) ([]looseRun, error) {
	found, err := ask(ctx, k.server, func(ctx context.Context) ([]map[string]string, error) {
		rows := make([]*goredis.MapStringStringCmd, len(runs))
		_, err := k.cfg.Client.Pipelined(ctx, func(p goredis.Pipeliner) error {
			for i := range runs {
				id := runs[i].id
				fenceScript.Eval(ctx, p, k.keys(id, runPart, fencePart, rollupsPart), runs[i].ticket, fencedFor.Milliseconds())
				rows[i] = p.HGetAll(ctx, k.key(id, rollupsPart))
			}
			return nil
		})
		out := make([]map[string]string, len(runs))
		for i, cmd := range rows {
			out[i] = cmd.Val()
		}
		return out, err
	})
	if err != nil {
		return nil, err
	}
	there := runs[:0]
	for i, rows := range found {
		for key, data := range rows {
			parsed, err := metricsstore.ParseRollupKey([]byte(key))
			runs[i].stubborn = runs[i].stubborn || err != nil
			runs[i].rollups = append(runs[i].rollups, metricsstore.Rollup{RollupKey: parsed, Data: []byte(data)})
		}
		if len(rows) > 0 {
			there = append(there, runs[i])
		}
	}
	return there, nil
}

// putMerged puts the rows of a day and its runs are no longer loose, unless something has changed since it was read.
func (x *runIndex) putMerged(ctx context.Context, day historyDay, version string, runs []looseRun, rows []metricsstore.MergedRow) error {
	args := []string{day.start(), day.end(), version, strconv.Itoa(len(runs))}
	for i := range runs {
		args = append(args, string(runs[i].id), runs[i].ticket, runs[i].entry, bit(runs[i].stubborn))
	}
	var groups, packed []string
	for i := range rows {
		group, row := packMerged(day, &rows[i])
		if len(groups) == 0 || groups[len(groups)-1] != group {
			groups = append(groups, group)
		}
		packed = append(packed, row)
	}
	args = append(append(append(args, strconv.Itoa(len(groups))), groups...), packed...)
	got, err := x.eval(ctx, mergeScript, append([]string{x.index(ticketsIndex)}, x.historyKeys()...), texts(args...)...)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	if got.word != "merged" && got.word != "changed" { // then the next reader tries again
		return got.unexpected()
	}
	return nil
}
