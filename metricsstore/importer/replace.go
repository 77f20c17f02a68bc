package importer

import (
	"context"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// Replace keeps a recording in place of what is kept of its run, with the tags and the note that people have given it,
// and reports whether that differs: the same bytes with the same end change nothing. It is for records that grow. The
// run does not exist for a moment; a process that ends in between leaves it away, or as interrupted. The error is
// that of the store.
func (i *Importer) Replace(ctx context.Context, r *records.Recording) (changed bool, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	id := r.Info.ID
	before, err := i.runOrNil(ctx, id)
	if err != nil {
		return false, err
	}
	if before != nil {
		old := before.Info.Origin
		whole := before.Status.Final() && before.Rollup > 0
		if whole && old != nil && old.Digest == r.Info.Origin.Digest && old.Incomplete == r.Info.Origin.Incomplete {
			return false, nil
		}
		if err := i.remove(ctx, before); err != nil {
			return false, err
		}
	}
	recorder, err := metricsstore.NewRecorder(metricsstore.Config{Store: i.cfg.Store, Upload: metricsstore.Strategy{Kind: metricsstore.Shutdown}})
	if err != nil {
		return false, err
	}
	if err := r.Replay(recorder); err != nil {
		return false, err
	}
	if before == nil {
		return true, nil
	}
	return true, i.cfg.Store.Annotate(ctx, id, before.Annotation)
}

// remove deletes a run, which it ends if its recorder has not.
func (i *Importer) remove(ctx context.Context, r *metricsstore.Run) error {
	if !r.Status.Final() {
		if _, err := i.cfg.Archiver.Rebuild(ctx, r.Info.ID); err != nil {
			return err
		}
	}
	return i.cfg.Store.Delete(ctx, r.Info.ID)
}

// Traces returns the runs that were made of traces of a system, by the IDs of the traces.
func Traces(ctx context.Context, store metricsstore.Store, system string) (map[string]record.RunID, error) {
	found := map[string]record.RunID{}
	for after := (metricsstore.Position{}); ; {
		runs, err := store.Runs(ctx, after, 256)
		if err != nil || len(runs) == 0 {
			return found, err
		}
		for k := range runs {
			info := &runs[k].Info
			if trace := info.Params["trace"]; trace != "" && info.Origin != nil && info.Origin.System == system {
				found[trace] = info.ID
			}
		}
		after = runs[len(runs)-1].Position()
	}
}
