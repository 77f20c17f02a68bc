package api

import (
	"context"
	"net/http"
	"time"
)

// heavyPatience is how long a request that reads a log waits for others to finish before it is refused.
const heavyPatience = 2 * time.Second

// enter acquires one of the places for heavy queries. The returned context ends after Config.QueryTimeout; leave releases
// the place.
func (a *API) enter(ctx context.Context) (_ context.Context, leave func(), err error) {
	select {
	case a.heavy <- struct{}{}:
	default:
		patience := time.NewTimer(heavyPatience)
		defer patience.Stop()
		select {
		case a.heavy <- struct{}{}:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-patience.C:
			return nil, nil, NewProblem(http.StatusTooManyRequests, "%d requests that read whole runs are active; try again", a.cfg.MaxQueries).
				with("Retry-After", "2")
		}
	}
	ctx, cancel := context.WithTimeout(ctx, a.cfg.QueryTimeout)
	return ctx, func() {
		cancel()
		<-a.heavy
	}, nil
}

// heavily answers a question that requires reading the log of a run, unless the client already has the response.
func heavily[T any](ctx context.Context, a *API, in interface{ unchanged(string) bool }, tag string, f func(context.Context) (T, error)) (*answer[T], error) {
	if in.unchanged(tag) {
		return notModified[T](tag), nil
	}
	ctx, leave, err := a.enter(ctx)
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
