package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	fleet "github.com/dagscope/dagscope/cmd/app/worker"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// keepFlags limit which ended runs are kept while the service runs.
type keepFlags struct {
	KeepFor  *time.Duration `placeholder:"TIME" help:"Delete runs that ended longer ago, such as 720h. Those tagged keep stay."`
	KeepRuns *int           `placeholder:"N" help:"Delete all but the latest N runs."`
	KeepSize fleet.Size     `placeholder:"SIZE" help:"Delete all but the latest runs whose total size is within this, such as 5GiB."`
}

// check refuses invalid values. A limit of 0 could mean that nothing is kept, so it is not accepted as no limit.
func (f keepFlags) check() error {
	if f.KeepFor != nil && *f.KeepFor <= 0 {
		return fmt.Errorf("--keep-for is %s, expected more than 0s, such as 720h; without it runs of any age are kept", *f.KeepFor)
	}
	if f.KeepRuns != nil && *f.KeepRuns <= 0 {
		return fmt.Errorf("--keep-runs is %d, expected 1 or more; without it any number of runs is kept", *f.KeepRuns)
	}
	return nil
}

// retention returns the limits of the flags.
func (f keepFlags) retention() metricsstore.Retention {
	keep := metricsstore.Retention{Bytes: int64(f.KeepSize)}
	if f.KeepFor != nil {
		keep.Age = *f.KeepFor
	}
	if f.KeepRuns != nil {
		keep.Count = *f.KeepRuns
	}
	return keep
}

// tidyEvery is how often the service archives and deletes runs.
const tidyEvery = time.Minute

// housekeeping is the part of the service that archives and deletes runs.
type housekeeping struct {
	store    metricsstore.Store
	archiver *metricsstore.Archiver
	live     *liveRuns
	keep     metricsstore.Retention
	log      *slog.Logger
	// since is when the service could not have begun any run: those that start from then on have a recorder, even if that
	// does not hold their lease yet.
	since time.Time
}

// Run archives runs whose process is gone, and deletes runs beyond the limits, at once and every minute until ctx ends.
func (k *housekeeping) Run(ctx context.Context) error {
	before := k.since
	for ticks := time.NewTicker(tidyEvery); ; {
		var archived []record.RunID
		var err error
		if k.live.look(ctx, k.log) {
			archived, err = k.archiver.Sweep(ctx, before)
		}
		if len(archived) > 0 {
			k.log.Info("archived runs whose process is gone", "runs", archived)
		}
		if k.keep != (metricsstore.Retention{}) {
			deleted, failed := metricsstore.Retain(ctx, k.store, k.keep, time.Now())
			if len(deleted) > 0 {
				k.log.Info("deleted runs beyond the limits", "runs", deleted)
			}
			err = errors.Join(err, failed)
		}
		if err != nil && ctx.Err() == nil {
			k.log.Error("housekeeping failed and will be tried again", "error", err, "after", tidyEvery)
		}
		select {
		case <-ctx.Done():
			ticks.Stop()
			return nil
		case now := <-ticks.C:
			before = now.Add(-tidyEvery)
		}
	}
}
