package metricsstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// detailsPerCall is how many details an import appends at a time, as no caller waits for single ones.
const detailsPerCall = 1024

// Import keeps a run that ReadArchive has read, and archives it. A run that is kept already gets what it lacks;
// importing a file twice changes nothing. added reports whether the run is new. The error is ErrCorrupt where the
// parts of the file do not fit together, and then nothing is kept; ErrExists where another run has the same ID, or
// the run has not ended here; ErrLease where another process imports it.
func (a *Archiver) Import(ctx context.Context, p *Portable) (added bool, err error) {
	if _, err := a.checkPortable(p); err != nil {
		return false, err
	}
	id, header := p.Run.Info.ID, begun(p.Run.Header)
	header.AddedAt = time.Now().UTC()
	err = a.cfg.Store.Begin(ctx, header, p.Attachments[AttachShape])
	if errors.Is(err, ErrExists) {
		err = a.checkSame(ctx, p)
	}
	if err != nil {
		return false, err
	}
	release, err := a.acquire(ctx, id)
	if err != nil {
		return false, err
	}
	defer release()
	kept, err := a.cfg.Store.Run(ctx, id)
	if err != nil {
		return false, err
	}
	added = !kept.Status.Final() // false where another process has imported it since it was begun
	if err := a.appendPortable(ctx, p); err != nil {
		return added, err
	}
	if added {
		if err := a.cfg.Store.Annotate(ctx, id, p.Run.Annotation); err != nil {
			return added, err
		}
		return added, a.archiveImported(ctx, p)
	}
	_, err = a.Rebuild(ctx, id)
	return added, err
}

// checkPortable folds the run once without keeping anything, and returns the fold.
func (a *Archiver) checkPortable(p *Portable) (*Fold, error) {
	begun := begun(p.Run.Header)
	if err := begun.ValidateBegin(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	g, err := dag.DecodeShape(p.Attachments[AttachShape])
	if err != nil {
		return nil, fmt.Errorf("%w: shape of run %s: %w", ErrCorrupt, begun.Info.ID, err)
	}
	f := NewFold(g)
	var steps []record.Step
	for _, b := range p.Blocks {
		if b.First <= f.Seq() {
			return nil, fmt.Errorf("%w: steps %d to %d come after step %d", ErrCorrupt, b.First, b.Last, f.Seq())
		}
		if steps, err = a.unpack.Unpack(steps[:0], b); err != nil {
			return nil, err
		}
		if b.First > f.Seq()+1 {
			return nil, fmt.Errorf("%w: steps %d to %d are missing", ErrCorrupt, f.Seq()+1, b.First-1)
		}
		if err := f.Steps(steps); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// begun is the header with which the run began in the store that it comes from.
func begun(h Header) Header { return Header{Info: h.Info, Status: record.Running, Graph: h.Graph} }

// checkSame refuses a run that only has the ID in common with the one that is kept.
func (a *Archiver) checkSame(ctx context.Context, p *Portable) error {
	id := p.Run.Info.ID
	kept, err := a.cfg.Store.Run(ctx, id)
	if err != nil {
		return err
	}
	own, other := begun(kept.Header), begun(p.Run.Header)
	if own.Graph.Functions == "" || other.Graph.Functions == "" { // one of them was recorded before these were noted
		own.Graph.Functions, own.Info.Inputs = other.Graph.Functions, other.Info.Inputs
	}
	switch {
	case !kept.Status.Final():
		return fmt.Errorf("%w: %s has not ended here", ErrExists, id)
	case !sameHeader(&own, &other):
		return fmt.Errorf("%w: %s is another run here", ErrExists, id)
	}
	return nil
}

func (a *Archiver) appendPortable(ctx context.Context, p *Portable) error {
	id := p.Run.Info.ID
	for blocks := range slices.Chunk(p.Blocks, blocksPerCall) {
		if err := a.cfg.Store.Append(ctx, id, Batch{Blocks: blocks}); err != nil {
			return err
		}
	}
	for details := range slices.Chunk(p.Details, detailsPerCall) {
		if err := a.cfg.Store.Append(ctx, id, Batch{Details: details}); err != nil {
			return err
		}
	}
	return a.cfg.Store.Append(ctx, id, Batch{Workers: p.Workers})
}

// archiveImported ends an imported run as the file says, or as interrupted where it says nothing.
func (a *Archiver) archiveImported(ctx context.Context, p *Portable) error {
	id := p.Run.Info.ID
	release, err := a.acquire(ctx, id)
	if err != nil {
		return err
	}
	defer release()
	kept, err := a.cfg.Store.Run(ctx, id)
	if err != nil {
		return err
	}
	f, err := a.refold(ctx, id)
	if err != nil {
		return err
	}
	h := kept.Header
	h.endAs(&p.Run.Header)
	finishHeader(&h, &kept, f)
	var attachments map[string][]byte
	if end, ok := p.Attachments[AttachEnd]; ok {
		attachments = map[string][]byte{AttachEnd: end}
	}
	return a.archive(ctx, &h, f, attachments)
}

// endAs ends a run as another header says, unless that one has not ended.
func (h *Header) endAs(from *Header) {
	if from.Status.Final() {
		h.Status, h.EndedAt = from.Status, from.EndedAt
		h.Error, h.ResultText, h.Upload = shortened(from.Error), cutText(from.ResultText), from.Upload
	}
}
