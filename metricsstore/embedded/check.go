package embedded

import (
	"context"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

// Check implements metricsstore.Store. It reads the whole file, and nothing is written meanwhile, since bbolt can
// check its pages only then.
func (d *database) Check(ctx context.Context) error {
	return d.exclusive(ctx, func() error {
		tx, err := d.bolt.Begin(true)
		if err != nil {
			return d.failure(err)
		}
		defer func() { _ = tx.Rollback() }() // nothing is written
		c := &checker{tx: tx, codec: d.codec, rollups: map[string]bool{}}
		for err := range tx.Check() {
			c.broken("%s: %w", d.path, err)
		}
		c.check()
		return errors.Join(c.errs...)
	})
}

type checker struct {
	tx      *bolt.Tx
	codec   *codec
	rollups map[string]bool // those that runs have
	errs    []error
}

func (c *checker) broken(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("embedded: "+format, args...))
}

// each goes through a bucket; what f returns is broken.
func (c *checker) each(bucket string, f func(key, value []byte) error) {
	_ = c.tx.Bucket([]byte(bucket)).ForEach(func(k, v []byte) error { // f has no other error
		if err := f(k, v); err != nil {
			c.broken("%s %q: %w", bucket, k, err)
		}
		return nil
	})
}

func (c *checker) check() {
	listed := 0
	c.each(runsBucket, func(k, _ []byte) error {
		listed++
		p, err := metricsstore.ParsePosition(k)
		if err != nil {
			return err
		}
		b := bucketOf(c.tx, p.Run)
		if b == nil {
			return errors.New("the run is listed and not there")
		}
		return c.run(p, b)
	})
	kept := 0
	c.each(dataBucket, func([]byte, []byte) error { kept++; return nil })
	if kept != listed {
		c.broken("%d runs are kept, %d are listed", kept, listed)
	}
	c.each(rollupsBucket, func(k, v []byte) error {
		if !c.rollups[string(k)] {
			return errors.New("the roll-up belongs to no run")
		}
		_, err := c.codec.unpack(v)
		return err
	})
	for _, name := range []string{leasesBucket, liveBucket} {
		c.each(name, func(k, _ []byte) error {
			if bucketOf(c.tx, engine.RunID(k)) == nil {
				return errors.New("the run is not there")
			}
			return nil
		})
	}
}

// run checks all that is kept under a run.
func (c *checker) run(p metricsstore.Position, b *bolt.Bucket) error {
	kept, err := readRun(c.tx, c.codec, p.Run, b)
	if err != nil {
		return err
	}
	if text := kept.Damaged(); len(kept.Faults) > 0 {
		return fmt.Errorf("%w: %s", metricsstore.ErrCorrupt, text)
	}
	if kept.Position() != p {
		return fmt.Errorf("the run started at %s and is listed elsewhere", kept.Info.StartedAt)
	}
	live := c.tx.Bucket([]byte(liveBucket)).Get([]byte(p.Run)) != nil
	if live == kept.Status.Final() {
		return fmt.Errorf("the run is %s, listed as live: %t", kept.Status, live)
	}
	if data := c.tx.Bucket([]byte(leasesBucket)).Get([]byte(p.Run)); data != nil {
		if err := parse("lease", data, new(metricsstore.Lease)); err != nil {
			return err
		}
	}
	var found totals
	err = b.ForEach(func(k, v []byte) error {
		n, err := c.row(&kept, &found, k, v)
		found.bytes += int64(n)
		return err
	})
	if err != nil {
		return err
	}
	if t, err := decodeTotals(b.Get([]byte{totalsRow})); err != nil || t != found {
		return fmt.Errorf("the totals are %+v, found are %+v", t, found)
	}
	return nil
}

// row checks one key of a run and returns how many bytes count.
func (c *checker) row(kept *metricsstore.Run, found *totals, k, v []byte) (int, error) {
	switch k[0] {
	case annotationRow, headerRow, totalsRow:
		return 0, nil
	case blockRow:
		block, err := c.codec.unpackBlock(k, v)
		if err == nil && block.First <= found.lastSeq {
			err = fmt.Errorf("blocks overlap at step %d", block.First)
		}
		found.lastSeq = block.Last
		found.steps += block.Last - block.First + 1
		return len(block.Data), err
	case detailRow:
		found.details++
		_, err := metricsstore.ParseDetailKey(k[1:])
		if err != nil {
			return 0, err
		}
	case workerRow:
		w, err := c.codec.unpackWorker(k, v)
		return len(w.Data), err
	case rollupRow:
		return c.rollup(kept, k[1:])
	case attachmentRow:
	default:
		return 0, fmt.Errorf("a key of an unknown kind, % x", k)
	}
	data, err := c.codec.unpack(v)
	return len(data), err
}

func (c *checker) rollup(kept *metricsstore.Run, key []byte) (int, error) {
	r, err := metricsstore.ParseRollupKey(key)
	if err != nil {
		return 0, err
	}
	c.rollups[string(key)] = true
	if r.Run != kept.Info.ID || r.Day != metricsstore.DayOf(kept.Info.StartedAt) {
		return 0, fmt.Errorf("the roll-up %+v is kept under another run or day", r)
	}
	return dataLen(c.tx.Bucket([]byte(rollupsBucket)).Get(key))
}
