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

// Check implements metricsstore.Store. It reads the whole file, and writes wait for it. What a run is known to have
// lost is not damage any more.
func (d *database) Check(ctx context.Context) error {
	return d.exclusive(ctx, d.check)
}

// check is Check between two transactions of the writer.
func (d *database) check() error {
	faults, err := inspect(d.path, d.codec, allHeaders)
	if err != nil {
		faults = append(faults, err)
	}
	var errs []error
	for _, fault := range faults {
		errs = append(errs, fmt.Errorf("embedded: %s: %w", d.path, fault))
	}
	if len(errs) > 0 {
		return errors.Join(errs...) // bbolt's own findings on such pages add nothing
	}
	err = guarded(d.path, func() error {
		return d.bolt.View(func(tx *bolt.Tx) error {
			c := &checker{tx: tx, codec: d.codec, rollups: map[string]bool{}, broken: map[record.RunID]bool{}}
			c.check()
			c.history()
			return errors.Join(c.errs...)
		})
	})
	return err
}

type checker struct {
	tx      *bolt.Tx
	codec   *codec
	rollups map[string]bool       // those of runs
	broken  map[record.RunID]bool // runs with findings
	errs    []error
}

func (c *checker) fail(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("embedded: "+format, args...))
}

func (c *checker) failRun(run record.RunID, err error) {
	c.broken[run] = true
	c.fail("run %s: %w", run, err)
}

// each visits the keys of a bucket; an error of f is a finding.
func (c *checker) each(bucket string, f func(key, value []byte) error) {
	_ = c.tx.Bucket([]byte(bucket)).ForEach(func(k, v []byte) error { // f has no other error
		if err := f(k, v); err != nil {
			c.fail("%s %q: %w", bucket, k, err)
		}
		return nil
	})
}

func (c *checker) check() {
	c.each(runsBucket, func(k, _ []byte) error {
		p, err := metricsstore.ParsePosition(k)
		if err != nil {
			return err
		}
		b := bucketOf(c.tx, p.Run)
		if b == nil {
			return errors.New("the run is listed and missing")
		}
		for _, err := range c.run(p, b) {
			c.failRun(p.Run, err)
		}
		return nil
	})
	c.each(rollupsBucket, func(k, v []byte) error {
		key, err := metricsstore.ParseRollupKey(k)
		if err != nil || c.rollups[string(k)] || c.broken[key.Run] { // those of runs are read with the runs
			return err
		}
		return errors.New("the roll-up belongs to no run")
	})
	c.each(leasesBucket, func(k, v []byte) error {
		if bucketOf(c.tx, record.RunID(k)) == nil {
			return errors.New("the run is missing")
		}
		return parse("lease", v, new(metricsstore.Lease))
	})
	c.each(liveBucket, func(k, _ []byte) error {
		if bucketOf(c.tx, record.RunID(k)) == nil {
			return errors.New("the run is missing")
		}
		return nil
	})
}

// run checks all that is kept under a run.
func (c *checker) run(p metricsstore.Position, b *bolt.Bucket) (errs []error) {
	losses := newLosses()
	h, err := readHeader(c.codec, p.Run, b)
	if err != nil {
		losses.add(metricsstore.HeaderPart, err)
	} else if live := c.tx.Bucket([]byte(liveBucket)).Get([]byte(p.Run)) != nil; live == h.Status.Final() {
		errs = append(errs, fmt.Errorf("it is %s, listed as live: %t", h.Status, live))
	}
	if err := readAnnotation(c.codec, p.Run, b, new(metricsstore.Annotation)); err != nil {
		losses.add(metricsstore.AnnotationPart, err)
	}
	var found totals
	_ = b.ForEach(func(k, v []byte) error { // which returns no error of its own
		losses.of[partOf(k)]++
		n, err := c.row(p, &found, k, v)
		found.bytes += int64(n)
		if err != nil {
			losses.add(partOf(k), err)
		}
		return nil
	})
	for _, f := range losses.faults() {
		errs = append(errs, fmt.Errorf("%w: %s: %s", metricsstore.ErrCorrupt, f.Part, f.Text))
	}
	t, err := decodeTotals(p.Run, b.Get([]byte{totalsRow}))
	if len(errs) == 0 && (err != nil || t != found) {
		errs = append(errs, fmt.Errorf("the totals are %+v, found are %+v", t, found))
	}
	return errs
}

// row checks one key of a run and returns its share of the run's bytes.
func (c *checker) row(p metricsstore.Position, found *totals, k, v []byte) (int, error) {
	if !fitsRun(k) {
		return 0, fmt.Errorf("a key of an unknown kind, % x", k)
	}
	switch k[0] {
	case annotationRow, headerRow, totalsRow, faultsRow:
		return 0, nil
	case blockRow:
		block, err := c.codec.unpackBlock(p.Run, k, v)
		if err == nil && block.First <= found.lastSeq {
			err = fmt.Errorf("blocks overlap at step %d", block.First)
		}
		found.lastSeq = block.Last
		found.steps += block.Last - block.First + 1
		return len(block.Data), err
	case detailRow:
		found.details++
	case workerRow:
		w, err := c.codec.unpackWorker(p.Run, k, v)
		return len(w.Data), err
	case rollupRow:
		return c.rollup(p, k[1:])
	}
	data, err := c.codec.unpack(locationOf(p.Run, k), v)
	return len(data), err
}

func (c *checker) rollup(p metricsstore.Position, key []byte) (int, error) {
	r, err := metricsstore.ParseRollupKey(key)
	if err != nil {
		return 0, err
	}
	c.rollups[string(key)] = true
	if r.Run != p.Run || r.Day != metricsstore.DayOf(time.Unix(0, p.Started)) {
		return 0, fmt.Errorf("the roll-up %+v is kept under another run or day", r)
	}
	data, err := c.codec.unpack(locationOf("", key), c.tx.Bucket([]byte(rollupsBucket)).Get(key))
	return len(data), err
}

// history checks that the history has exactly the runs that have roll-ups, and that its cells can be read.
func (c *checker) history() {
	b := c.tx.Bucket([]byte(historyBucket))
	if b == nil || !hasHistory(c.tx) {
		c.fail("there is no history of the runs")
		return
	}
	known := map[record.RunID]bool{}
	c.each(historyBucket, func(k, v []byte) error {
		switch k[0] {
		case knownRow, looseRow:
			return c.historyRun(b, known, k)
		case hourRow:
			_, err := decodeHour(k, v)
			return err
		case cellRow:
			_, rest, err := spanOf[int32](k, 2)
			if err == nil {
				_, err = parseCell(rest)
			}
			if err == nil {
				_, err = c.codec.unpackCell(k, v)
			}
			return err
		case builtRow, dayRow:
			return nil
		}
		return fmt.Errorf("a key of an unknown kind, % x", k)
	})
	for key := range c.rollups {
		if r, err := metricsstore.ParseRollupKey([]byte(key)); err == nil && !known[r.Run] {
			c.fail("run %s has roll-ups and is not in the history", r.Run)
			known[r.Run] = true
		}
	}
}

func (c *checker) historyRun(b *bolt.Bucket, known map[record.RunID]bool, k []byte) error {
	h, rest, err := spanOf[hour](k, 1)
	if err != nil {
		return err
	}
	run := record.RunID(rest)
	if k[0] == knownRow {
		known[run] = true
	}
	switch {
	case bucketOf(c.tx, run) == nil:
		return errors.New("the run is missing")
	case b.Get(spanKey(hourRow, h)) == nil:
		return errors.New("the hour is missing")
	case b.Get(spanKey(knownRow, h, rest...)) == nil:
		return errors.New("a loose run is not known")
	}
	return nil
}
