package metricsstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// Adopt implements record.Adopter: the lease of the run decides who records it. A run that an Archiver has ended as
// interrupted in the meantime is continued as well, so is the next revision of one that has ended. A run that the
// store does not have begins, if begin allows it.
func (r *Recorder) Adopt(info record.RunInfo, g *dag.Graph, begin bool) (after uint64, err error) {
	if err := r.open(info.ID); err != nil {
		return 0, err
	}
	defer r.opened(info.ID)
	ctx, cancel := context.WithTimeout(context.Background(), r.cfg.Timeout)
	defer cancel()
	err = r.acquire(ctx, info.ID) // first, as it costs least: most often another process has the lease
	isNew := errors.Is(err, ErrNotFound)
	if isNew && !begin {
		return 0, fmt.Errorf("%w: %w", engine.ErrUnknownRun, err)
	}
	if err != nil && !isNew {
		return 0, taken(err)
	}
	rec, shape, err := r.prepare(info, g)
	if err == nil && isNew {
		err = rec.begin(ctx, shape)
	}
	if err == nil {
		err = rec.continueLog(ctx, shape)
	}
	if err != nil {
		// If this fails, the lease expires by itself.
		_ = r.cfg.Store.Release(context.WithoutCancel(ctx), info.ID, r.owner)
		return 0, err
	}
	r.add(rec)
	return rec.fold.Seq(), nil
}

// taken turns ErrLease, another process has the lease, into the engine's error for that.
func taken(err error) error {
	if errors.Is(err, ErrLease) {
		return fmt.Errorf("%w: %w", record.ErrRecording, err)
	}
	return err
}

// begin keeps a new run, unless another process has just done so, and acquires its lease.
func (rec *recording) begin(ctx context.Context, shape []byte) error {
	if err := rec.recorder.cfg.Store.Begin(ctx, rec.header, shape); err != nil && !errors.Is(err, ErrExists) {
		return err
	}
	return taken(rec.recorder.acquire(ctx, rec.header.Info.ID))
}

// continueLog continues what is kept of a run, whose lease is held. Details are not counted before the end, because
// those of the revision are delivered once more.
func (rec *recording) continueLog(ctx context.Context, shape []byte) error {
	store, id, revision := rec.recorder.cfg.Store, rec.header.Info.ID, rec.header.Info.Revision
	kept, err := store.Run(ctx, id)
	if err != nil {
		return err
	}
	isOver := kept.Status.Final() && kept.Status != record.Interrupted
	switch {
	case kept.Info.Revision > revision, kept.Info.Revision == revision && isOver:
		return fmt.Errorf("%w: %s is %s at revision %d", record.ErrRecorded, id, kept.Status, kept.Info.Revision)
	case kept.Info.Revision < revision && !kept.Status.Final():
		return fmt.Errorf("%w: revision %d of %s has not ended", record.ErrRecording, kept.Info.Revision, id)
	case kept.Info.Revision < revision:
		rec.header.Info.StartedAt = kept.Info.StartedAt // the moment that all steps of the run count from
		if err := store.Begin(ctx, rec.header, shape); err != nil {
			return err
		}
	default:
		rec.header = Header{Info: kept.Info, Status: record.Running, Graph: kept.Graph}
	}
	rec.adopted = true
	rec.upload.Steps, rec.upload.StepsKept = int64(kept.Steps), int64(kept.Steps)
	rec.renewAt = time.Now().Add(rec.recorder.cfg.Lease / 3)
	return rec.recorder.archiver.fold(ctx, id, rec.fold)
}

// Leave implements record.Adopter: it flushes and releases the lease.
func (r *Recorder) Leave(run record.RunID) error {
	rec := r.recording(run)
	if rec == nil {
		return fmt.Errorf("%w: run %s was not begun here", ErrNotFound, run)
	}
	defer r.remove(rec)
	lost := rec.flush()
	rec.stop()
	ctx, cancel := context.WithTimeout(context.Background(), r.cfg.Timeout)
	defer cancel()
	return errors.Join(lost, r.cfg.Store.Release(ctx, run, r.owner))
}

// yield drops steps that another recorder of the run has kept in the meantime: while a lease changes hands, both may
// record the run, with the same steps in blocks of their own. The caller holds sending.
func (rec *recording) yield() error {
	ctx, cancel := context.WithTimeout(context.Background(), rec.recorder.cfg.Timeout)
	defer cancel()
	first := rec.blocks[0].First
	kept, err := rec.recorder.cfg.Store.Log(ctx, rec.header.Info.ID, first-1, 0)
	if err != nil {
		return err
	}
	last := first - 1
	for i := 0; i < len(kept) && kept[i].First <= last+1; i++ {
		last = max(last, kept[i].Last)
	}
	if last < first {
		return fmt.Errorf("%w: run %s after step %d", ErrConflict, rec.header.Info.ID, last)
	}
	last = min(last, rec.blocks[len(rec.blocks)-1].Last)
	rec.blocks = slices.DeleteFunc(rec.blocks, func(b Block) bool { return b.Last <= last })
	if len(rec.blocks) > 0 && rec.blocks[0].First <= last {
		steps, err := rec.recorder.archiver.unpack.Unpack(nil, rec.blocks[0])
		if err != nil {
			return err
		}
		rec.blocks[0] = rec.packer.Pack(steps[last+1-rec.blocks[0].First:])
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.upload.StepsKept += int64(last - first + 1)
	rec.queued, rec.retryAt = len(rec.blocks), time.Time{}
	return nil
}
