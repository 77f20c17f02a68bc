package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
	"github.com/dagscope/dagscope/metricsstore/internal/wire"
)

// Swap implements metricsstore.Swapper.
func (s *Store) Swap(ctx context.Context, whole *metricsstore.WholeRun) error {
	return s.call(ctx, func(b wire.Owner) error {
		own, ok := b.(*owner)
		if !ok {
			return fmt.Errorf("embedded: another process owns the folder: %w", errors.ErrUnsupported)
		}
		return own.Swap(ctx, whole)
	})
}

// packedWhole is a run as it is written in one transaction. It shares no memory with the metricsstore.WholeRun.
type packedWhole struct {
	begun      metricsstore.Header
	annotation []byte // of a run that is new
	shape      []byte
	shapeSize  int
	batch      *packedBatch
	archive    *packedArchive
}

// swapper owns the lease of a run within a swap.
const swapper = "swap"

// Swap implements metricsstore.Swapper: what a recorder does in several calls, in one transaction.
func (d *database) Swap(ctx context.Context, whole *metricsstore.WholeRun) error {
	p, err := d.packWhole(whole)
	if err != nil {
		return err
	}
	err = d.update(ctx, &op{steps: p.batch.steps, apply: func(w *write) error { return w.swap(p) }})
	if err == nil {
		d.mergeLoose(ctx, p.begun.Info.StartedAt)
	}
	return err
}

func (d *database) packWhole(whole *metricsstore.WholeRun) (*packedWhole, error) {
	run := whole.Header.Info.ID
	begun, shape := whole.Begun(), whole.Attachments[metricsstore.AttachShape]
	if err := begun.ValidateBegin(); err != nil {
		return nil, err
	}
	if len(shape) > backend.MaxValue {
		return nil, backend.TooLarge("the shape of the graph", len(shape))
	}
	p := &packedWhole{shape: d.codec.pack(locationOf(run, attachmentKey(metricsstore.AttachShape)), shape), shapeSize: len(shape)}
	var err error
	if p.annotation, err = d.packAnnotation(run, metricsstore.Annotation{Tags: begun.Info.Tags}); err != nil {
		return nil, err
	}
	if p.batch, err = d.packBatch(run, &whole.Batch); err != nil {
		return nil, err
	}
	given := whole.Archive(swapper)
	if p.archive, err = d.packArchive(run, &given); err != nil {
		return nil, err
	}
	copied := metricsstore.WholeRun{Header: p.archive.given.Header}
	p.begun = copied.Begun()
	return p, nil
}

func (w *write) swap(p *packedWhole) error {
	run, header, annotation := p.begun.Info.ID, p.begun, p.annotation
	if b := bucketOf(w.tx, run); b != nil {
		kept, err := keptHeader(w.codec, run, b)
		if err != nil {
			return err
		}
		header.AddedAt, annotation = kept.AddedAt, bytes.Clone(b.Get([]byte{annotationRow}))
		if err := w.delete(run); err != nil {
			return err
		}
	}
	if err := w.begin(&header, annotation, p.shape, p.shapeSize); err != nil {
		return err
	}
	b := bucketOf(w.tx, run)
	if err := w.append(b, p.batch); err != nil {
		return err
	}
	now := time.Now()
	if err := w.acquire(run, metricsstore.Lease{Owner: swapper, Until: now.Add(time.Minute)}, now); err != nil {
		return err
	}
	archive := *p.archive // whose header gets what stays of the kept one
	if err := w.archive(b, &archive); err != nil {
		return err
	}
	return w.release(run, swapper)
}
