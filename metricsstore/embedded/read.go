package embedded

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
)

// readHeader returns the header of a run; the error is ErrCorrupt, also where it is the header of another run.
func readHeader(c *codec, run record.RunID, b *bolt.Bucket) (metricsstore.Header, error) {
	h, err := c.unpackHeader(b.Get([]byte{headerRow}))
	if err == nil && h.Info.ID != run {
		err = fmt.Errorf("%w: it is that of run %s", metricsstore.ErrCorrupt, h.Info.ID)
	}
	return h, err
}

// keptHeader is readHeader for changes, which cannot continue with a reconstructed one.
func keptHeader(c *codec, run record.RunID, b *bolt.Bucket) (metricsstore.Header, error) {
	h, err := readHeader(c, run, b)
	if err != nil {
		err = fmt.Errorf("embedded: header of run %s: %w", run, err)
	}
	return h, err
}

func readAnnotation(c *codec, run record.RunID, b *bolt.Bucket, a *metricsstore.Annotation) error {
	key := []byte{annotationRow}
	return c.unpackJSON(locationOf(run, key), b.Get(key), a)
}

// readTotals returns the totals of a run, recounted where they cannot be read.
func readTotals(tx *bolt.Tx, run record.RunID, b *bolt.Bucket) (totals, error) {
	data := b.Get([]byte{totalsRow})
	if data == nil {
		return totals{}, nil // the run is being begun
	}
	if t, err := decodeTotals(run, data); err == nil {
		return t, nil
	}
	return countTotals(tx, b)
}

// countTotals counts what is kept of a run. What cannot be read counts without its size.
func countTotals(tx *bolt.Tx, b *bolt.Bucket) (t totals, err error) {
	rollups := tx.Bucket([]byte(rollupsBucket))
	err = b.ForEach(func(k, v []byte) error {
		packed := []byte{plainValue}
		switch k[0] {
		case blockRow:
			if block, err := blockHead(k, v); err == nil {
				t.lastSeq, packed = max(t.lastSeq, block.Last), block.Data
				t.steps += block.Last - block.First + 1
			}
		case detailRow:
			t.details++
			packed = v
		case workerRow:
			if _, data, err := workerHead(v); err == nil {
				packed = data
			}
		case attachmentRow:
			packed = v
		case rollupRow:
			packed = rollups.Get(k[1:])
		}
		if n, err := dataLen(packed); err == nil {
			t.bytes += int64(n)
		}
		return nil
	})
	return t, err
}

// readLease returns the zero lease where none exists or can be read: a damaged lease excludes no owner.
func readLease(tx *bolt.Tx, run record.RunID) metricsstore.Lease {
	var l metricsstore.Lease
	if data := tx.Bucket([]byte(leasesBucket)).Get([]byte(run)); json.Unmarshal(data, &l) != nil {
		return metricsstore.Lease{}
	}
	return l
}

// readRun returns what can be read of a run. The error means that nothing can.
func readRun(tx *bolt.Tx, c *codec, run record.RunID, b *bolt.Bucket) (metricsstore.Run, error) {
	var r metricsstore.Run
	fault := func(part metricsstore.Part, err error) {
		r.Faults = append(r.Faults, metricsstore.NewFault(part, err))
	}
	t, err := readTotals(tx, run, b)
	if err != nil {
		return r, err
	}
	r.Faults = keptFaults(c, run, b)
	r.LastSeq, r.Steps, r.Details, r.Bytes = t.lastSeq, t.steps, int(t.details), t.bytes
	if r.Header, err = readHeader(c, run, b); err != nil {
		fault(metricsstore.HeaderPart, fmt.Errorf("%w; %d steps and %d details are kept", err, t.steps, t.details))
		m := remains(tx, c, run, b)
		r.Header = m.Header()
	}
	if err := readAnnotation(c, run, b, &r.Annotation); err != nil {
		r.Annotation = metricsstore.Annotation{}
		fault(metricsstore.AnnotationPart, err)
	}
	return r, nil
}

// maxRestored bounds the shape, packed, from which the sizes in a lost header are restored whenever it is listed.
const maxRestored = 1 << 20

// remains collects what is left of a run whose header cannot be read.
func remains(tx *bolt.Tx, c *codec, run record.RunID, b *bolt.Bucket) metricsstore.Remains {
	m := metricsstore.Remains{Position: metricsstore.Position{Run: run}}
	// What cannot be read of all this remains unknown.
	_ = positions(tx, run, func(_ []byte, p metricsstore.Position) { m.Position = p })
	if packed := b.Get(attachmentKey(metricsstore.AttachShape)); len(packed) <= maxRestored {
		m.Shape, _ = c.unpack(locationOf(run, attachmentKey(metricsstore.AttachShape)), packed)
	}
	end := attachmentKey(metricsstore.AttachEnd)
	m.End, _ = c.unpack(locationOf(run, end), b.Get(end))
	_ = rows(b, rollupRow, func(k, _ []byte) (bool, error) {
		key, err := metricsstore.ParseRollupKey(k[1:])
		if err != nil {
			return true, nil
		}
		data, err := c.unpack(locationOf("", k[1:]), tx.Bucket([]byte(rollupsBucket)).Get(k[1:]))
		m.Rollup = &metricsstore.Rollup{RollupKey: key, Data: data}
		return err != nil, nil
	})
	return m
}

// positions finds where a run is listed, by searching the list.
func positions(tx *bolt.Tx, run record.RunID, each func(key []byte, p metricsstore.Position)) error {
	return tx.Bucket([]byte(runsBucket)).ForEach(func(k, _ []byte) error {
		if p, err := metricsstore.ParsePosition(k); err == nil && p.Run == run {
			each(k, p)
		}
		return nil
	})
}

// look calls f with the bucket of a run that exists.
func (d *database) look(ctx context.Context, run record.RunID, f func(*bolt.Bucket) error) error {
	return d.view(ctx, func(tx *bolt.Tx) error {
		b := bucketOf(tx, run)
		if b == nil {
			return backend.NotFound(run)
		}
		return f(b)
	})
}

// Run implements metricsstore.Store.
func (d *database) Run(ctx context.Context, run record.RunID) (r metricsstore.Run, err error) {
	err = d.view(ctx, func(tx *bolt.Tx) error {
		p := metricsstore.Position{Run: run}
		if bucketOf(tx, run) == nil {
			listed := false
			err := positions(tx, run, func(_ []byte, at metricsstore.Position) { p, listed = at, true })
			if err != nil || !listed {
				return cmp.Or(err, backend.NotFound(run))
			}
		}
		r = d.readListed(tx, p)
		return nil
	})
	return r, err
}

// readListed returns a run as far as it can be read.
func (d *database) readListed(tx *bolt.Tx, p metricsstore.Position) (r metricsstore.Run) {
	err := guarded(d.path, func() error {
		b := bucketOf(tx, p.Run)
		if b == nil {
			return fmt.Errorf("%w: the run is listed and missing", metricsstore.ErrCorrupt)
		}
		var err error
		r, err = readRun(tx, d.codec, p.Run, b)
		return err
	})
	if err == nil {
		return r
	}
	d.suspect.Store(true)
	m := metricsstore.Remains{Position: p}
	return metricsstore.Run{Header: m.Header(), Faults: []metricsstore.Fault{metricsstore.NewFault(metricsstore.RecordsPart, err)}}
}

// Runs implements metricsstore.Store.
func (d *database) Runs(ctx context.Context, after metricsstore.Position, limit int) (out []metricsstore.Run, err error) {
	err = d.view(ctx, func(tx *bolt.Tx) error {
		out = nil
		var from []byte
		if after != (metricsstore.Position{}) {
			from = append(after.Append(nil), 0) // the smallest greater key
		}
		return scan(tx.Bucket([]byte(runsBucket)).Cursor(), from, nil, func(k, _ []byte) (bool, error) {
			p, err := metricsstore.ParsePosition(k)
			if err != nil {
				return false, err
			}
			r := d.readListed(tx, p)
			if r.Position() != p {
				d.suspect.Store(true)
			}
			out = append(out, r)
			return limit <= 0 || len(out) < limit, nil
		})
	})
	return out, err
}

// Attachment implements metricsstore.Store.
func (d *database) Attachment(ctx context.Context, run record.RunID, name string) (data []byte, err error) {
	err = d.look(ctx, run, func(b *bolt.Bucket) error {
		key := attachmentKey(name)
		value := b.Get(key)
		if value == nil {
			return fmt.Errorf("%w: %s of run %s", metricsstore.ErrNotFound, name, run)
		}
		data, err = d.codec.unpack(locationOf(run, key), value)
		return err
	})
	return data, err
}

// Log implements metricsstore.Store.
func (d *database) Log(ctx context.Context, run record.RunID, after uint64, limit int) (out []metricsstore.Block, err error) {
	if after == 1<<64-1 {
		return nil, d.look(ctx, run, func(*bolt.Bucket) error { return nil })
	}
	err = d.look(ctx, run, func(b *bolt.Bucket) error {
		out = nil
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
			block, err := d.codec.unpackBlock(run, k, v)
			out = append(out, block)
			return limit <= 0 || len(out) < limit, err
		})
	})
	return out, err
}

// Details implements metricsstore.Store.
func (d *database) Details(ctx context.Context, run record.RunID, from metricsstore.DetailKey, limit int) (out []metricsstore.DetailRow, err error) {
	err = d.look(ctx, run, func(b *bolt.Bucket) error {
		out = nil
		return scan(b.Cursor(), detailKey(from), []byte{detailRow}, func(k, v []byte) (bool, error) {
			key, err := metricsstore.ParseDetailKey(k[1:])
			if err != nil {
				return false, err
			}
			data, err := d.codec.unpack(locationOf(run, k), v)
			out = append(out, metricsstore.DetailRow{DetailKey: key, Data: data})
			return limit <= 0 || len(out) < limit, err
		})
	})
	return out, err
}

// Workers implements metricsstore.Store.
func (d *database) Workers(ctx context.Context, run record.RunID) (out []metricsstore.WorkerRow, err error) {
	err = d.look(ctx, run, func(b *bolt.Bucket) error {
		out = nil
		return rows(b, workerRow, func(k, v []byte) (bool, error) {
			w, err := d.codec.unpackWorker(run, k, v)
			out = append(out, w)
			return true, err
		})
	})
	return out, err
}

// Rollups implements metricsstore.Store.
func (d *database) Rollups(ctx context.Context, q metricsstore.RollupQuery) (out []metricsstore.Rollup, err error) {
	if q.Merge != metricsstore.MergeNothing {
		out, err = d.mergedRollups(ctx, &q)
		if !errors.Is(err, metricsstore.ErrCorrupt) {
			return out, err
		}
		out, q.After, q.Limit = nil, nil, 0
	}
	err = d.view(ctx, func(tx *bolt.Tx) error {
		out = nil
		if q.Run != "" {
			out, err = d.rollupsOf(tx, &q)
			return err
		}
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
				return true, nil
			}
			data, _ := d.codec.unpack(locationOf("", k), v) // without data where it is damaged
			out = append(out, metricsstore.Rollup{RollupKey: key, Data: data})
			return q.Limit <= 0 || len(out) < q.Limit, nil
		})
	})
	return out, err
}

// rollupsOf lists the roll-ups of one run, whose keys its bucket has.
func (d *database) rollupsOf(tx *bolt.Tx, q *metricsstore.RollupQuery) (out []metricsstore.Rollup, err error) {
	b := bucketOf(tx, q.Run)
	if b == nil {
		return nil, nil
	}
	all := tx.Bucket([]byte(rollupsBucket))
	err = rows(b, rollupRow, func(k, _ []byte) (bool, error) {
		key, err := metricsstore.ParseRollupKey(k[1:])
		if err != nil || !q.Match(key) || q.After != nil && key.Compare(*q.After) <= 0 {
			return err == nil, err
		}
		data, err := d.codec.unpack(locationOf("", k[1:]), all.Get(k[1:]))
		out = append(out, metricsstore.Rollup{RollupKey: key, Data: data})
		return q.Limit <= 0 || len(out) < q.Limit, err
	})
	return out, err
}
