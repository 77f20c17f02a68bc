package importer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/wfformat"
	"github.com/dagscope/dagscope/metricsstore"
)

// keep imports a file, in one try.
func (i *Importer) keep(ctx context.Context, f file) (Result, error) {
	id := f.id()
	result := Result{Format: f.format}
	result.Run.Info.ID = id // also where only a part of it is kept
	before, err := i.runOrNil(ctx, id)
	if err != nil {
		return result, err
	}
	added := false
	if f.archive != nil {
		added, err = i.keepArchive(ctx, before, f.archive)
	} else {
		err = i.keepRecording(before, f.recording)
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

func (f *file) id() record.RunID {
	if f.archive != nil {
		return f.archive.Run.Info.ID
	}
	return f.recording.Info.ID
}

func (i *Importer) keepArchive(ctx context.Context, before *metricsstore.Run, p *metricsstore.Portable) (added bool, err error) {
	added, err = i.cfg.Archiver.Import(ctx, p)
	if errors.Is(err, metricsstore.ErrExists) && before != nil && before.Status.Final() {
		return false, fmt.Errorf("%w: %w", errOther, err)
	}
	if errors.Is(err, metricsstore.ErrCorrupt) {
		return false, damaged(err)
	}
	return added, err
}

// keepRecording replays a recording unless its run exists: the ID follows from the content of the file.
func (i *Importer) keepRecording(before *metricsstore.Run, r *wfformat.Recording) error {
	if before != nil && before.Status.Final() {
		return nil
	}
	recorder, err := metricsstore.NewRecorder(metricsstore.Config{
		Store: i.cfg.Store, Timeout: time.Minute, Upload: metricsstore.Strategy{Kind: metricsstore.Shutdown},
	})
	if err != nil {
		return err
	}
	return r.Replay(recorder)
}

// runOrNil returns nil where the run does not exist.
func (i *Importer) runOrNil(ctx context.Context, id record.RunID) (*metricsstore.Run, error) {
	r, err := i.cfg.Store.Run(ctx, id)
	if errors.Is(err, metricsstore.ErrNotFound) {
		return nil, nil
	}
	return &r, err
}
