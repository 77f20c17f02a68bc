package redis

import (
	"context"
	"errors"
	"slices"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// mergedRollups answers a query that allows merging: days that lie wholly within its period from what they were merged to,
// all other runs by themselves.
func (k *records) mergedRollups(ctx context.Context, q *metricsstore.RollupQuery) ([]metricsstore.Rollup, error) {
	days := daysOf(q)
	if err := k.mergeLoose(ctx, days.from, days.to, k.mergeAt); err != nil && ctx.Err() != nil {
		return nil, err
	} // otherwise more runs are read by themselves
	if err := k.setApart(ctx, q.Without, days); err != nil {
		return nil, err
	}
	rows, entries, err := k.readDays(ctx, q, days)
	if err != nil {
		return nil, err
	}
	out, damaged := mergedRows(q, rows)
	if len(damaged) > 0 { // their runs are read by themselves
		for _, day := range damaged {
			if err := k.remerge(ctx, day); err != nil {
				return nil, err
			}
		}
		if rows, entries, err = k.readDays(ctx, q, days); err != nil {
			return nil, err
		}
		out, _ = mergedRows(q, rows)
	}
	runs, err := runsOf(entries)
	if err != nil {
		return nil, err
	}
	for some := range slices.Chunk(runs, entriesPerRead) {
		keys, err := k.keysOf(ctx, q, some)
		if err != nil {
			return nil, err
		}
		if out, err = k.rollupsAt(ctx, out, keys); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// mergedRows are the rows of a query, and the days with rows that cannot be read.
func mergedRows(q *metricsstore.RollupQuery, rows []string) (out []metricsstore.Rollup, damaged []historyDay) {
	for _, row := range rows {
		day, m, err := parseMerged(row)
		if err != nil {
			damaged = append(damaged, day)
			continue
		}
		key := metricsstore.RollupKey{Function: m.Function, Version: m.Version, Metric: m.Metric, Day: metricsstore.Day(day)}
		if q.Match(key) {
			out = append(out, metricsstore.Rollup{RollupKey: key, Data: m.Data})
		}
	}
	return out, slices.Compact(damaged)
}

// queryDays are the days of a query.
type queryDays struct {
	from, to string       // bounds of their entries, and of what follows a group in merged rows
	apart    []historyDay // whose runs are read by themselves, because the query does not want all of them, ascending
}

// daysOf are the days of a query, of which the first and the last may lie partly outside its period.
func daysOf(q *metricsstore.RollupQuery) *queryDays {
	days := &queryDays{from: "", to: allDays}
	if q.From != q.To {
		days.from, days.to = historyDay(q.From).start(), historyDay(q.To).start()
	}
	for _, at := range []time.Time{q.StartedFrom, q.StartedTo} {
		if day := metricsstore.DayOf(at); !at.IsZero() && !at.Equal(day.Start()) {
			days.add(historyDay(day))
		}
	}
	return days
}

// add sets a day apart.
func (d *queryDays) add(day historyDay) {
	if i, found := slices.BinarySearch(d.apart, day); !found {
		d.apart = slices.Insert(d.apart, i, day)
	}
}

// setApart sets the days apart on which a run may be listed, which a query leaves out.
func (k *records) setApart(ctx context.Context, run record.RunID, days *queryDays) error {
	if run == "" {
		return nil
	}
	kept, err := k.state(ctx, run)
	positions := []string{position(&kept.header)}
	switch {
	case errors.Is(err, metricsstore.ErrCorrupt):
		positions, err = k.listed(ctx, run)
	case kept.version == "":
		return err
	}
	if err != nil {
		return err
	}
	for _, p := range positions {
		if at, ok := spotAt(p); ok {
			days.add(at.day)
		}
	}
	return nil
}

// spans are bounds of the days that are not set apart.
func (d *queryDays) spans() (out [][2]string) {
	from := d.from
	for _, day := range d.apart {
		if from < day.start() {
			out = append(out, [2]string{from, min(day.start(), d.to)})
		}
		from = max(from, day.end())
	}
	if from < d.to {
		out = append(out, [2]string{from, d.to})
	}
	return out
}

// readDays reads, as of one moment, the merged rows of the days that are not set apart, and entries of all other runs.
func (k *records) readDays(ctx context.Context, q *metricsstore.RollupQuery, days *queryDays) (rows, entries []string, err error) {
	group := groupOf(byFunctionRow, q.Metric)
	if q.Function == "" && q.Merge == metricsstore.MergeFunctions {
		group = groupOf(allFunctionsRow, q.Metric)
	}
	type answer struct{ rows, entries []string }
	got, err := ask(ctx, k.server, func(ctx context.Context) (a answer, err error) {
		var rows, entries []*goredis.StringSliceCmd
		_, err = k.tx(ctx, func(p goredis.Pipeliner) error {
			read := func(part, from, to string) *goredis.StringSliceCmd {
				return p.ZRangeByLex(ctx, k.index(part), &goredis.ZRangeBy{Min: "[" + from, Max: "(" + to})
			}
			for _, span := range days.spans() {
				rows = append(rows, read(mergedIndex, group+span[0], group+span[1]))
				entries = append(entries, read(looseIndex, span[0], span[1]), read(stubbornIndex, span[0], span[1]))
			}
			for _, day := range days.apart {
				entries = append(entries, read(knownIndex, day.start(), day.end()))
			}
			return nil
		})
		for _, cmd := range rows {
			a.rows = append(a.rows, cmd.Val()...)
		}
		for _, cmd := range entries {
			a.entries = append(a.entries, cmd.Val()...)
		}
		return a, err
	})
	return got.rows, got.entries, err
}

// runsOf are the runs of some entries.
func runsOf(entries []string) ([]record.RunID, error) {
	runs := make([]record.RunID, 0, len(entries))
	for _, e := range entries {
		_, run, err := parseEntry(e)
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	return runs, nil
}
