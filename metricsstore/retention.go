package metricsstore

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/record"
)

// Retention says which ended runs are kept. The zero value keeps all.
type Retention struct {
	None  bool          // no run is kept, whatever the other fields say
	Age   time.Duration // since the run's end or, of an imported run, its import; 0 for any
	Count int           // so many of the latest, by when they ended or were imported; 0 for any number
	Bytes int64         // as many of the latest as fit into this together; 0 for any size
}

// Retain deletes the runs that the retention does not keep, and returns them. Runs that have not ended are never
// deleted; they count as kept, and their bytes are included. The same holds for runs that are pinned, see Run.Pinned,
// and for runs whose tags are damaged, as they may be pinned.
func Retain(ctx context.Context, s Store, keep Retention, now time.Time) ([]record.RunID, error) {
	all, err := aged(ctx, s)
	if err != nil {
		return nil, err
	}
	var drop []record.RunID
	var count int
	var bytes int64
	for _, r := range all {
		old := keep.Age > 0 && now.Sub(r.since) > keep.Age
		many := keep.Count > 0 && count >= keep.Count
		large := keep.Bytes > 0 && bytes+r.bytes > keep.Bytes
		if r.canGo && (keep.None || old || many || large) {
			drop = append(drop, r.id)
			continue
		}
		count++
		bytes += r.bytes
	}
	var errs []error
	dropped := drop[:0]
	for _, id := range drop {
		switch err := s.Delete(ctx, id); {
		case err == nil:
			dropped = append(dropped, id)
		case errors.Is(err, ErrNotFound), errors.Is(err, ErrLive): // deleted or retried in the meantime
		default:
			errs = append(errs, err)
		}
	}
	return dropped, errors.Join(errs...)
}

// agedRun is what retention needs to know of a run.
type agedRun struct {
	id    record.RunID
	since time.Time // from which its age is counted
	bytes int64
	canGo bool
}

// aged lists all runs, the youngest first. An imported run is as old as its import, whenever it ran: its user has
// just asked for it. A run that has not ended is as young as its start.
func aged(ctx context.Context, s Store) ([]agedRun, error) {
	var out []agedRun
	for after := (Position{}); ; {
		runs, err := s.Runs(ctx, after, 256)
		if err != nil {
			return nil, err
		}
		if len(runs) == 0 {
			break
		}
		for i := range runs {
			r := &runs[i]
			since := slices.MaxFunc([]time.Time{r.Added(), r.Info.StartedAt, r.EndedAt}, time.Time.Compare)
			out = append(out, agedRun{r.Info.ID, since, r.Bytes, r.Status.Final() && !r.Pinned() && !r.Lacks(AnnotationPart)})
		}
		after = runs[len(runs)-1].Position()
	}
	slices.SortStableFunc(out, func(a, b agedRun) int { return b.since.Compare(a.since) })
	return out, nil
}
