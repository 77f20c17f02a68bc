package importer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// keep imports a run, in one try.
func (i *Importer) keep(ctx context.Context, f *found) (Result, error) {
	result := Result{Format: f.format}
	if f.recording != nil {
		if err := rename(ctx, f.recording, i.runOrNil); err != nil {
			return result, err
		}
	}
	id := f.id()
	result.Run.Info.ID = id // also where only a part of it is kept
	before, err := i.runOrNil(ctx, id)
	if err != nil {
		return result, err
	}
	added, replaced := false, false
	if f.archive != nil {
		added, err = i.keepArchive(ctx, before, f.archive)
	} else {
		replaced, err = i.keepRecording(ctx, before, f.recording)
	}
	if err != nil {
		return result, err
	}
	if result.Run, err = i.cfg.Store.Run(ctx, id); err != nil {
		return result, err
	}
	after := &result.Run
	whole := before != nil && before.Status.Final()
	if f.recording != nil {
		added = !whole && after.Rollup == 1 // a greater one: another process was faster by a moment
	}
	switch {
	case replaced:
		result.Outcome = Replaced
	case added:
		result.Outcome = Imported
	case !whole:
		result.Outcome = Unchanged // by the process that has imported it in the meantime
	case before.Steps != after.Steps || before.Details != after.Details || before.Rollup != after.Rollup:
		result.Outcome = Completed
	default:
		result.Outcome = Unchanged
	}
	return result, nil
}

// rename gives a recording the ID under which a record of its run is kept already.
func rename(ctx context.Context, r *records.Recording, kept func(context.Context, record.RunID) (*metricsstore.Run, error)) error {
	for _, id := range r.OtherIDs {
		run, err := kept(ctx, id)
		if err != nil {
			return err
		}
		if run != nil {
			r.Info.ID = id
			return nil
		}
	}
	return nil
}

func (i *Importer) keepArchive(ctx context.Context, before *metricsstore.Run, p *metricsstore.Portable) (added bool, err error) {
	added, err = i.cfg.Archiver.Import(ctx, p)
	return added, ofArchive(err, before)
}

// ofArchive wraps errors about an archive, whose run was kept as before; nil means that it was not.
func ofArchive(err error, before *metricsstore.Run) error {
	switch {
	case errors.Is(err, metricsstore.ErrExists) && before != nil && before.Status.Final():
		return fmt.Errorf("%w: %w", errOther, err)
	case errors.Is(err, metricsstore.ErrCorrupt):
		return damaged(err)
	}
	return err
}

// keepRecording replays a recording unless its run exists. A longer record of the run replaces a shorter one, with the
// tags and the note that people have given it.
func (i *Importer) keepRecording(ctx context.Context, before *metricsstore.Run, r *records.Recording) (replaced bool, err error) {
	if before != nil && before.Status.Final() {
		if !isLonger(r, before) {
			return false, nil
		}
		return true, i.put(ctx, before, r)
	}
	recorder, err := metricsstore.NewRecorder(metricsstore.Config{
		Store: i.cfg.Store, Timeout: time.Minute, Upload: metricsstore.Strategy{Kind: metricsstore.Shutdown},
	})
	if err != nil {
		return false, err
	}
	return false, r.Replay(recorder)
}

// isLonger reports whether a recording is a longer one of a run that is kept. The digest does not decide: a file that
// grew while it was imported has that of bytes which were not all read.
func isLonger(r *records.Recording, kept *metricsstore.Run) bool {
	old := kept.Info.Origin
	if old == nil || old.Digest == "" {
		return false
	}
	if uint64(r.Steps) != kept.Steps {
		return uint64(r.Steps) > kept.Steps
	}
	return old.Incomplete != "" && r.Info.Origin.Incomplete == ""
}

// runOrNil returns nil where the run does not exist.
func (i *Importer) runOrNil(ctx context.Context, id record.RunID) (*metricsstore.Run, error) {
	r, err := i.cfg.Store.Run(ctx, id)
	if errors.Is(err, metricsstore.ErrNotFound) {
		return nil, nil
	}
	return &r, err
}
