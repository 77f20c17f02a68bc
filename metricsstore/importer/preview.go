package importer

import (
	"context"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// Preview says what Import would do with a drop, and keeps nothing: the results have the outcomes that Import would have,
// and the runs as they would be kept. Of a run that would be completed, it is what the archive has of it. The errors are
// those of Import, except for ErrLease, as it waits for no other process.
func (i *Importer) Preview(ctx context.Context, d *Drop) ([]Result, error) {
	p := preview{i, map[record.RunID]*metricsstore.Run{}}
	return i.each(ctx, d, p.run)
}

// preview tries the runs of one drop, of which several may be records of one.
type preview struct {
	*Importer
	seen map[record.RunID]*metricsstore.Run // by earlier files of the drop
}

// run is what keep does, without doing it.
func (p *preview) run(ctx context.Context, f *found) (Result, error) {
	result := Result{Format: f.format}
	var err error
	if f.archive != nil {
		result.Outcome, result.Run, err = p.archive(ctx, f.archive)
	} else {
		result.Outcome, result.Run, err = p.recording(ctx, f.recording)
	}
	result.Run.Info.ID = f.id() // also where there is an error
	if err == nil {
		p.seen[f.id()] = &result.Run
	}
	return result, err
}

// before is a run as it is kept, or as an earlier file of the drop would make it; nil where neither has it.
func (p *preview) before(ctx context.Context, id record.RunID) (*metricsstore.Run, error) {
	if seen := p.seen[id]; seen != nil {
		return seen, nil
	}
	return p.runOrNil(ctx, id)
}

func (p *preview) recording(ctx context.Context, r *records.Recording) (Outcome, metricsstore.Run, error) {
	if err := rename(ctx, r, p.before); err != nil {
		return "", metricsstore.Run{}, err
	}
	before, err := p.before(ctx, r.Info.ID)
	if err != nil {
		return "", metricsstore.Run{}, err
	}
	outcome := Imported
	if before != nil && before.Status.Final() {
		if !isLonger(r, before) {
			return Unchanged, *before, nil
		}
		outcome = Replaced
	}
	var sums metricsstore.Preview
	if err := r.Replay(&sums); err != nil {
		return "", metricsstore.Run{}, err
	}
	after := sums.Run()
	if outcome == Replaced {
		after.Annotation = before.Annotation
	}
	return outcome, after, nil
}

func (p *preview) archive(ctx context.Context, archive *metricsstore.Portable) (Outcome, metricsstore.Run, error) {
	before, err := p.before(ctx, archive.Run.Info.ID)
	if err != nil {
		return "", metricsstore.Run{}, err
	}
	after, err := p.cfg.Archiver.Preview(ctx, archive)
	switch {
	case err != nil:
		return "", after, ofArchive(err, before)
	case before == nil:
		return Imported, after, nil
	case after.Steps > before.Steps || after.Details > before.Details:
		return Completed, after, nil
	}
	return Unchanged, *before, nil
}
