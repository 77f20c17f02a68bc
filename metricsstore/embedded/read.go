package embedded

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

func readHeader(c *codec, b *bolt.Bucket) (metricsstore.Header, error) {
	var h metricsstore.Header
	data, err := c.unpack(b.Get([]byte{headerRow}))
	if err != nil {
		return h, fmt.Errorf("header: %w", err)
	}
	return h, parse("header", data, &h)
}

func readTotals(b *bolt.Bucket) (totals, error) {
	data := b.Get([]byte{totalsRow})
	if data == nil {
		return totals{}, nil // the run is beginning
	}
	return decodeTotals(data)
}

// readLease gives the zero lease where there is none.
func readLease(tx *bolt.Tx, run engine.RunID) (metricsstore.Lease, error) {
	var l metricsstore.Lease
	data := tx.Bucket([]byte(leasesBucket)).Get([]byte(run))
	if data == nil {
		return l, nil
	}
	return l, parse("lease", data, &l)
}

func parse(what string, data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%w: %s: %w", metricsstore.ErrCorrupt, what, err)
	}
	return nil
}

func readRun(c *codec, b *bolt.Bucket) (metricsstore.Run, error) {
	var r metricsstore.Run
	var err error
	if r.Header, err = readHeader(c, b); err != nil {
		return r, err
	}
	if err := parse("annotation", b.Get([]byte{annotationRow}), &r.Annotation); err != nil {
		return r, err
	}
	t, err := readTotals(b)
	r.LastSeq, r.Steps, r.Details, r.Bytes = t.lastSeq, t.steps, int(t.details), t.bytes
	return r, err
}

// look reads from a run that is there.
func (d *database) look(ctx context.Context, run engine.RunID, f func(*bolt.Bucket) error) error {
	return d.view(ctx, func(tx *bolt.Tx) error {
		b := bucketOf(tx, run)
		if b == nil {
			return notFound(run)
		}
		return f(b)
	})
}

// Run implements metricsstore.Store.
func (d *database) Run(ctx context.Context, run engine.RunID) (r metricsstore.Run, err error) {
	err = d.look(ctx, run, func(b *bolt.Bucket) error {
		r, err = readRun(d.codec, b)
		return err
	})
	return r, err
}

// Runs implements metricsstore.Store.
func (d *database) Runs(ctx context.Context, after metricsstore.Position, limit int) (out []metricsstore.Run, err error) {
	err = d.view(ctx, func(tx *bolt.Tx) error {
		var from []byte
		if after != (metricsstore.Position{}) {
			from = append(after.Append(nil), 0) // the next key there could be
		}
		return scan(tx.Bucket([]byte(runsBucket)).Cursor(), from, nil, func(k, _ []byte) (bool, error) {
			p, err := metricsstore.ParsePosition(k)
			if err != nil {
				return false, err
			}
			b := bucketOf(tx, p.Run)
			if b == nil {
				return false, fmt.Errorf("%w: run %s is listed and not there", metricsstore.ErrCorrupt, p.Run)
			}
			r, err := readRun(d.codec, b)
			if err != nil {
				return false, fmt.Errorf("run %s: %w", p.Run, err)
			}
			out = append(out, r)
			return limit <= 0 || len(out) < limit, nil
		})
	})
	return out, err
}

// Attachment implements metricsstore.Store.
func (d *database) Attachment(ctx context.Context, run engine.RunID, name string) (data []byte, err error) {
	err = d.look(ctx, run, func(b *bolt.Bucket) error {
		value := b.Get(attachmentKey(name))
		if value == nil {
			return fmt.Errorf("%w: %s of run %s", metricsstore.ErrNotFound, name, run)
		}
		data, err = d.codec.unpack(value)
		return err
	})
	return data, err
}

// Log implements metricsstore.Store.
func (d *database) Log(ctx context.Context, run engine.RunID, after uint64, limit int) (out []metricsstore.Block, err error) {
	if after == 1<<64-1 {
		return nil, d.look(ctx, run, func(*bolt.Bucket) error { return nil })
	}
	err = d.look(ctx, run, func(b *bolt.Bucket) error {
		c := b.Cursor()
		from := blockKey(after + 1)
		before, err := blockBefore(c, from)
		if err != nil {
			return err
		}
		if before != nil && before.Last > after {
			from = blockKey(before.First)
		}
		return scan(c, from, []byte{blockRow}, func(k, v []byte) (bool, error) {
			block, err := d.codec.unpackBlock(k, v)
			out = append(out, block)
			return limit <= 0 || len(out) < limit, err
		})
	})
	return out, err
}

// Details implements metricsstore.Store.
func (d *database) Details(ctx context.Context, run engine.RunID, from metricsstore.DetailKey, limit int) (out []metricsstore.DetailRow, err error) {
	err = d.look(ctx, run, func(b *bolt.Bucket) error {
		return scan(b.Cursor(), detailKey(from), []byte{detailRow}, func(k, v []byte) (bool, error) {
			key, err := metricsstore.ParseDetailKey(k[1:])
			if err != nil {
				return false, err
			}
			data, err := d.codec.unpack(v)
			out = append(out, metricsstore.DetailRow{DetailKey: key, Data: data})
			return limit <= 0 || len(out) < limit, err
		})
	})
	return out, err
}

// Workers implements metricsstore.Store.
func (d *database) Workers(ctx context.Context, run engine.RunID) (out []metricsstore.WorkerRow, err error) {
	err = d.look(ctx, run, func(b *bolt.Bucket) error {
		return rows(b, workerRow, func(k, v []byte) (bool, error) {
			w, err := d.codec.unpackWorker(k, v)
			out = append(out, w)
			return true, err
		})
	})
	return out, err
}

// Rollups implements metricsstore.Store.
func (d *database) Rollups(ctx context.Context, q metricsstore.RollupQuery) (out []metricsstore.Rollup, err error) {
	err = d.view(ctx, func(tx *bolt.Tx) error {
		prefix := q.Prefix()
		from := prefix
		if q.After != nil {
			if next := append(q.After.Append(nil), 0); bytes.Compare(next, from) > 0 {
				from = next
			}
		}
		return scan(tx.Bucket([]byte(rollupsBucket)).Cursor(), from, prefix, func(k, v []byte) (bool, error) {
			key, err := metricsstore.ParseRollupKey(k)
			if err != nil || !q.Match(key) {
				return err == nil, err
			}
			data, err := d.codec.unpack(v)
			out = append(out, metricsstore.Rollup{RollupKey: key, Data: data})
			return q.Limit <= 0 || len(out) < q.Limit, err
		})
	})
	return out, err
}
