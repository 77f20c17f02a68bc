package embedded

import (
	"context"
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// mergedRollups answers a query that allows merging: days and hours that lie wholly within its period from their
// cells, all other runs by themselves. The error is ErrCorrupt where the history cannot be used.
func (d *database) mergedRollups(ctx context.Context, q *metricsstore.RollupQuery) ([]metricsstore.Rollup, error) {
	if err := d.mergeHistory(ctx, looseAtRead); err != nil && ctx.Err() != nil {
		return nil, err
	} // otherwise more runs are read by themselves
	var r *mergedReader
	err := d.view(ctx, func(tx *bolt.Tx) error {
		r = &mergedReader{tx: tx, codec: d.codec, q: q, history: tx.Bucket([]byte(historyBucket))}
		if r.history == nil {
			return fmt.Errorf("%w: there is no history", metricsstore.ErrCorrupt)
		}
		return r.read()
	})
	if err != nil {
		return nil, err
	}
	if len(r.damaged) > 0 {
		_ = d.update(ctx, &op{apply: func(w *write) error { return w.spoil(r.damaged) }}) // or for the next reader
	}
	return r.out, nil
}

// mergedReader reads within one transaction.
type mergedReader struct {
	tx      *bolt.Tx
	codec   *codec
	q       *metricsstore.RollupQuery
	history *bolt.Bucket
	without hour // of the run that is left out, where hasOut
	hasOut  bool
	damaged []hour // with cells that cannot be read
	out     []metricsstore.Rollup
}

// hourRead is an hour that runs have started in.
type hourRead struct {
	at    hour
	stale bool
}

func (r *mergedReader) read() error {
	r.findWithout()
	days, err := r.hours()
	if err != nil {
		return err
	}
	for len(days) > 0 {
		n, day := 1, days[0].at.day()
		for n < len(days) && days[n].at.day() == day {
			n++
		}
		if err := r.day(day, days[:n]); err != nil {
			return err
		}
		days = days[n:]
	}
	return nil
}

// findWithout finds the hour of the run that is left out. Where the run does not exist, it has no roll-ups either.
func (r *mergedReader) findWithout() {
	run := r.q.Without
	b := bucketOf(r.tx, run)
	if b == nil {
		return
	}
	if h, err := readHeader(r.codec, run, b); err == nil {
		r.without, r.hasOut = hourOf(h.Info.StartedAt), true
		return
	}
	_ = positions(r.tx, run, func(_ []byte, p metricsstore.Position) {
		r.without, r.hasOut = hourOf(time.Unix(0, p.Started)), true
	})
}

// hours lists the hours of the query in which runs have started, ascending.
func (r *mergedReader) hours() (out []hourRead, err error) {
	from := []byte{hourRow}
	if !r.q.StartedFrom.IsZero() {
		from = spanKey(hourRow, hourOf(r.q.StartedFrom))
	}
	err = scan(r.history.Cursor(), from, []byte{hourRow}, func(k, v []byte) (bool, error) {
		at, _, err := spanOf[hour](k, 1)
		if err != nil {
			return false, err
		}
		if !r.q.StartedTo.IsZero() && !at.start().Before(r.q.StartedTo) {
			return false, nil
		}
		s, err := decodeHour(k, v)
		out = append(out, hourRead{at, s.stale || err != nil})
		return true, nil
	})
	return out, err
}

// covers reports whether the query wants all runs of a period, so that its cells may be used.
func (r *mergedReader) covers(from, to time.Time) bool {
	q := r.q
	return (q.StartedFrom.IsZero() || !from.Before(q.StartedFrom)) && (q.StartedTo.IsZero() || !to.After(q.StartedTo)) &&
		!(r.hasOut && !r.without.start().Before(from) && r.without.start().Before(to))
}

// day reads the hours of a day.
func (r *mergedReader) day(day metricsstore.Day, hours []hourRead) error {
	if r.covers(day.Start(), (day+1).Start()) && r.history.Get(spanKey(dayRow, day)) != nil {
		if err := readCells(r, daySpan, day, day); err == nil {
			return r.runs(looseRow, hours[0].at, hours[len(hours)-1].at)
		} else if !errors.Is(err, metricsstore.ErrCorrupt) {
			return err
		}
		r.damaged = append(r.damaged, hours[0].at) // merging the hour anew makes the day anew
	}
	for _, h := range hours {
		if err := r.hour(day, h); err != nil {
			return err
		}
	}
	return nil
}

func (r *mergedReader) hour(day metricsstore.Day, h hourRead) error {
	if !h.stale && r.covers(h.at.start(), (h.at+1).start()) {
		err := readCells(r, hourSpan, h.at, day)
		if err == nil {
			return r.runs(looseRow, h.at, h.at)
		}
		if !errors.Is(err, metricsstore.ErrCorrupt) {
			return err
		}
		r.damaged = append(r.damaged, h.at)
	}
	return r.runs(knownRow, h.at, h.at)
}

// readCells adds the cells that the query selects; none where one cannot be read.
func readCells[T ~int32](r *mergedReader, span byte, at T, day metricsstore.Day) error {
	var function *string
	if r.q.Function != "" || r.q.Merge == metricsstore.MergeFunctions {
		function = &r.q.Function
	}
	prefix, before := cellPrefix(span, at, r.q.Metric, function), len(r.out)
	err := scan(r.history.Cursor(), prefix, prefix, func(k, v []byte) (bool, error) {
		_, rest, err := spanOf[T](k, 2)
		if err != nil {
			return false, err
		}
		c, err := parseCell(rest)
		if err != nil {
			return false, err
		}
		if function == nil && c.Function == "" {
			return true, nil
		}
		data, err := r.codec.unpackCell(k, v)
		r.out = append(r.out, metricsstore.Rollup{
			RollupKey: metricsstore.RollupKey{Function: c.Function, Version: c.Version, Metric: c.Metric, Day: day}, Data: data,
		})
		return true, err
	})
	if err != nil {
		r.out = r.out[:before]
	}
	return err
}

// runs adds the roll-ups of the runs with a row of a kind, for hours between two bounds.
func (r *mergedReader) runs(kind byte, from, to hour) error {
	return scan(r.history.Cursor(), spanKey(kind, from), []byte{kind}, func(k, _ []byte) (bool, error) {
		at, run, err := spanOf[hour](k, 1)
		if err != nil || at > to {
			return false, err
		}
		rows, err := runRollups(r.tx, r.codec, record.RunID(run), r.q.Match)
		r.out = append(r.out, rows...)
		return true, err
	})
}

// runRollups reads the roll-ups of a run that match a query.
func runRollups(tx *bolt.Tx, c *codec, run record.RunID, match func(metricsstore.RollupKey) bool) (out []metricsstore.Rollup, err error) {
	b, all := bucketOf(tx, run), tx.Bucket([]byte(rollupsBucket))
	if b == nil {
		return nil, nil
	}
	err = rows(b, rollupRow, func(k, _ []byte) (bool, error) {
		key, err := metricsstore.ParseRollupKey(k[1:])
		if err != nil || !match(key) {
			return true, nil
		}
		data, _ := c.unpack(locationOf("", k[1:]), all.Get(k[1:])) // without data where it is damaged
		out = append(out, metricsstore.Rollup{RollupKey: key, Data: data})
		return true, nil
	})
	return out, err
}

// spoil marks hours as stale whose cells cannot be read.
func (w *write) spoil(hours []hour) error {
	b := w.tx.Bucket([]byte(historyBucket))
	for _, h := range hours {
		if b.Get(spanKey(hourRow, h)) == nil {
			continue
		}
		w.dirty = true
		if err := renewHour(b, h, true); err != nil {
			return err
		}
	}
	return nil
}
