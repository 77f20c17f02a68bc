package embedded

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
)

// change applies f to a run that exists.
func (d *database) change(ctx context.Context, run record.RunID, o op, f func(*write, *bolt.Bucket) error) error {
	o.apply = func(w *write) error {
		b := bucketOf(w.tx, run)
		if b == nil {
			return backend.NotFound(run)
		}
		return f(w, b)
	}
	return d.update(ctx, &o)
}

// Begin implements metricsstore.Store.
func (d *database) Begin(ctx context.Context, h metricsstore.Header, shape []byte) error {
	apply, err := d.begun(h, shape)
	if err != nil {
		return err
	}
	return d.update(ctx, &op{apply: apply})
}

// begun prepares Begin. It keeps no reference to its arguments.
func (d *database) begun(h metricsstore.Header, shape []byte) (func(*write) error, error) {
	if err := h.ValidateBegin(); err != nil {
		return nil, err
	}
	if len(shape) > backend.MaxValue {
		return nil, backend.TooLarge("the shape of the graph", len(shape))
	}
	given, err := json.Marshal(&h)
	if err != nil {
		return nil, fmt.Errorf("embedded: header of run %s: %w", h.Info.ID, err)
	}
	annotation, err := d.packAnnotation(h.Info.ID, metricsstore.Annotation{Tags: h.Info.Tags})
	if err != nil {
		return nil, err
	}
	packed := d.codec.pack(locationOf(h.Info.ID, attachmentKey(metricsstore.AttachShape)), shape)
	return func(w *write) error {
		var h metricsstore.Header // a copy for each call, as CheckBegin changes it
		if err := json.Unmarshal(given, &h); err != nil {
			return fmt.Errorf("embedded: header: %w", err)
		}
		return w.begin(&h, annotation, packed, len(shape))
	}, nil
}

func (w *write) begin(h *metricsstore.Header, annotation, shape []byte, size int) error {
	b := bucketOf(w.tx, h.Info.ID)
	if b == nil {
		var err error
		if b, err = w.tx.Bucket([]byte(dataBucket)).CreateBucket([]byte(h.Info.ID)); err != nil {
			return err
		}
		position := metricsstore.Position{Started: h.Info.StartedAt.UnixNano(), Run: h.Info.ID}
		if err := w.tx.Bucket([]byte(runsBucket)).Put(position.Append(nil), mark()); err != nil {
			return err
		}
		if err := b.Put([]byte{annotationRow}, annotation); err != nil {
			return err
		}
	} else {
		kept, err := keptHeader(w.codec, h.Info.ID, b)
		if err != nil {
			return err
		}
		if replace, err := h.CheckBegin(&kept); err != nil || !replace {
			return err
		}
	}
	if err := w.tx.Bucket([]byte(liveBucket)).Put([]byte(h.Info.ID), mark()); err != nil {
		return err
	}
	t, err := readTotals(w.tx, h.Info.ID, b)
	if err != nil {
		return err
	}
	if err := w.attach(b, &t, metricsstore.AttachShape, shape, size); err != nil {
		return err
	}
	return w.finish(b, h, t)
}

// finish writes header and totals.
func (w *write) finish(b *bolt.Bucket, h *metricsstore.Header, t totals) error {
	w.changed(h.Info.ID)
	packed, err := w.codec.packHeader(h)
	if err != nil {
		return err
	}
	if err := b.Put([]byte{headerRow}, packed); err != nil {
		return err
	}
	return w.putTotals(h.Info.ID, b, t)
}

// putTotals writes totals, recounted where damage has made them uncertain.
func (w *write) putTotals(run record.RunID, b *bolt.Bucket, t totals) error {
	if t.uncertain {
		var err error
		if t, err = countTotals(w.tx, b); err != nil {
			return err
		}
	}
	return b.Put([]byte{totalsRow}, t.encode(run))
}

// attach replaces an attachment by packed data.
func (w *write) attach(b *bolt.Bucket, t *totals, name string, packed []byte, size int) error {
	if old := b.Get(attachmentKey(name)); old != nil {
		t.drop(old)
	}
	t.bytes += int64(size)
	return b.Put(attachmentKey(name), packed)
}

// Annotate implements metricsstore.Store.
func (d *database) Annotate(ctx context.Context, run record.RunID, a metricsstore.Annotation) error {
	packed, err := d.packAnnotation(run, a)
	if err != nil {
		return err
	}
	return d.change(ctx, run, op{}, func(w *write, b *bolt.Bucket) error {
		w.changed(run)
		return b.Put([]byte{annotationRow}, packed)
	})
}

func (d *database) packAnnotation(run record.RunID, a metricsstore.Annotation) ([]byte, error) {
	data, err := json.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("embedded: annotation of run %s: %w", run, err)
	}
	return d.codec.pack(locationOf(run, []byte{annotationRow}), data), nil
}

// Acquire implements metricsstore.Store.
func (d *database) Acquire(ctx context.Context, run record.RunID, l metricsstore.Lease, now time.Time) error {
	if err := l.Validate(); err != nil {
		return err
	}
	return d.change(ctx, run, op{}, func(w *write, _ *bolt.Bucket) error { return w.acquire(run, l, now) })
}

func (w *write) acquire(run record.RunID, l metricsstore.Lease, now time.Time) error {
	kept := readLease(w.tx, run)
	if !l.Grant(kept, now) {
		return fmt.Errorf("%w: %q has that of run %s", metricsstore.ErrLease, kept.Owner, run)
	}
	data, err := json.Marshal(l)
	if err != nil {
		return err
	}
	w.dirty = true
	return w.tx.Bucket([]byte(leasesBucket)).Put([]byte(run), data)
}

// Release implements metricsstore.Store.
func (d *database) Release(ctx context.Context, run record.RunID, owner string) error {
	return d.change(ctx, run, op{}, func(w *write, _ *bolt.Bucket) error { return w.release(run, owner) })
}

func (w *write) release(run record.RunID, owner string) error {
	if kept := readLease(w.tx, run); kept.Owner == "" || kept.Owner != owner {
		return nil
	}
	w.dirty = true
	return w.tx.Bucket([]byte(leasesBucket)).Delete([]byte(run))
}
