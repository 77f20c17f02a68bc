package metricsstore

import (
	"context"
	"errors"
	"time"

	"github.com/dagscope/dagscope/engine"
)

// Retention says which ended runs are kept. The zero value keeps all.
type Retention struct {
	None  bool          // no run is kept, whatever the other fields say
	Age   time.Duration // since the run's end; 0 for any
	Count int           // the latest so many, by their start; 0 for any number
	Bytes int64         // as many of the latest as fit into it together; 0 for any size
}

// Retain deletes the runs that the retention does not keep, and returns which. Runs that have not ended are never
// deleted; they count as kept, and their bytes take part. The same holds for runs that are pinned, see Run.Pinned, and
// for those of which nobody can tell, because their tags are damaged.
func Retain(ctx context.Context, s Store, keep Retention, now time.Time) ([]engine.RunID, error) {
	var drop []engine.RunID
	var count int
	var bytes int64
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
			old := keep.Age > 0 && now.Sub(r.EndedAt) > keep.Age
			many := keep.Count > 0 && count >= keep.Count
			large := keep.Bytes > 0 && bytes+r.Bytes > keep.Bytes
			if r.Status.Final() && !r.Pinned() && !r.Lacks(AnnotationPart) && (keep.None || old || many || large) {
				drop = append(drop, r.Info.ID)
				continue
			}
			count++
			bytes += r.Bytes
		}
		after = runs[len(runs)-1].Position()
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
