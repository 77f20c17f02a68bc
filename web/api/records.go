package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// heavyPatience is how long a request that reads a log waits for others to finish before it is refused.
const heavyPatience = 2 * time.Second

// records is what handlers read runs with. It is set by New; its parts synchronise themselves. Safe for concurrent use.
type records struct {
	cfg     Config
	queries *metricsstore.Queries // of the store
	heavy   chan struct{}         // holds a token for each active heavy query
	deleted *recent[record.RunID, struct{}]
}

// kept reads the header of a run from the store.
func (r *records) kept(ctx context.Context, id record.RunID) (metricsstore.Run, error) {
	run, err := r.cfg.Store.Run(ctx, id)
	return run, r.missing(id, err)
}

// missing answers 410 instead of 404 for a run that was deleted through this server.
func (r *records) missing(id record.RunID, err error) error {
	if _, deleted := r.deleted.get(id); deleted && isMissing(err) {
		p := NewProblem(http.StatusGone, "the run %s was deleted", id)
		p.cause = err
		return p
	}
	return err
}

func isMissing(err error) bool { return errors.Is(err, metricsstore.ErrNotFound) }

// enter acquires one of the places for heavy queries. The returned context ends after Config.QueryTimeout; leave releases
// the place.
func (r *records) enter(ctx context.Context) (_ context.Context, leave func(), err error) {
	select {
	case r.heavy <- struct{}{}:
	default:
		patience := time.NewTimer(heavyPatience)
		defer patience.Stop()
		select {
		case r.heavy <- struct{}{}:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-patience.C:
			return nil, nil, NewProblem(http.StatusTooManyRequests, "%d requests that read whole runs are active; try again", r.cfg.MaxQueries).
				with("Retry-After", "2")
		}
	}
	ctx, cancel := context.WithTimeout(ctx, r.cfg.QueryTimeout)
	return ctx, func() {
		cancel()
		<-r.heavy
	}, nil
}

// heavily answers a question that requires reading the log of a run, unless the client already has the response.
func heavily[T any](ctx context.Context, r *records, in interface{ unchanged(string) bool }, tag string, f func(context.Context) (T, error)) (*answer[T], error) {
	if in.unchanged(tag) {
		return notModified[T](tag), nil
	}
	ctx, leave, err := r.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	body, err := f(ctx)
	if err != nil {
		return nil, err
	}
	return answered(tag, body), nil
}
