package importer

import (
	"context"
	"errors"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// Replace keeps a recording in place of what is kept of its run, with the tags and the note that people have given it,
// and reports whether that differs: the same bytes with the same end change nothing. It is for records that grow. A
// reader gets the one or the other if the store is a metricsstore.Swapper; else the run does not exist for a moment, and a
// process that ends in between leaves it away, or as interrupted. The error is that of the store.
func (i *Importer) Replace(ctx context.Context, r *records.Recording) (changed bool, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	before, err := i.runOrNil(ctx, r.Info.ID)
	if err != nil || before != nil && isSame(r, before) {
		return false, err
	}
	if before != nil && !before.Status.Final() { // its recorder was killed
		if _, err := i.cfg.Archiver.Rebuild(ctx, r.Info.ID); err != nil {
			return false, err
		}
	}
	return true, i.put(ctx, before, r)
}

// put keeps a recording in place of an ended run, if there is one.
func (i *Importer) put(ctx context.Context, before *metricsstore.Run, r *records.Recording) error {
	if s, ok := i.cfg.Store.(metricsstore.Swapper); ok {
		collector := &metricsstore.Collector{}
		if err := r.Replay(collector); err != nil {
			return err
		}
		if err := s.Swap(ctx, collector.Run()); !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	return i.rerecord(ctx, before, r)
}

// isSame reports whether a recording is the one that is kept, as a whole.
func isSame(r *records.Recording, kept *metricsstore.Run) bool {
	old, fresh := kept.Info.Origin, r.Info.Origin
	return kept.Status.Final() && kept.Rollup > 0 && old != nil && old.Digest == fresh.Digest && old.Incomplete == fresh.Incomplete &&
		old.GrowsUntil.Equal(fresh.GrowsUntil)
}

// rerecord deletes a run, if there is one, and records another in its place.
func (i *Importer) rerecord(ctx context.Context, before *metricsstore.Run, r *records.Recording) error {
	if before != nil {
		if err := i.cfg.Store.Delete(ctx, r.Info.ID); err != nil {
			return err
		}
	}
	recorder, err := metricsstore.NewRecorder(metricsstore.Config{Store: i.cfg.Store, Upload: metricsstore.Strategy{Kind: metricsstore.Shutdown}})
	if err != nil {
		return err
	}
	if err := r.Replay(recorder); err != nil || before == nil {
		return err
	}
	return i.cfg.Store.Annotate(ctx, r.Info.ID, before.Annotation)
}

// Received returns the runs that were made of records of a system, by what key makes of their parameters: what the record
// is known by where it is received, empty for one that was not.
func Received(ctx context.Context, store metricsstore.Store, system string, key func(params map[string]string) string) (map[string]record.RunID, error) {
	found := map[string]record.RunID{}
	for after := (metricsstore.Position{}); ; {
		runs, err := store.Runs(ctx, after, 256)
		if err != nil || len(runs) == 0 {
			return found, err
		}
		for k := range runs {
			info := &runs[k].Info
			if info.Origin == nil || info.Origin.System != system {
				continue
			}
			if k := key(info.Params); k != "" {
				found[k] = info.ID
			}
		}
		after = runs[len(runs)-1].Position()
	}
}
