package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/embedded"
)

// recordFlags say how runs are recorded.
type recordFlags struct {
	Upload     metricsstore.Strategy `default:"periodic=2s" placeholder:"STRATEGY" help:"When details of tasks are stored: after_each_task, periodic=2s (default), queue=256 or shutdown."`
	Durability embedded.Durability   `default:"group" placeholder:"WHEN" help:"group: what happens is on disk within 50 ms (default). each: it goes to disk at once, without waiting for more."`
}

// withNewStore calls f with the store of the folder, which it makes where there is none, and closes it.
func (s *session) withNewStore(ctx context.Context, d embedded.Durability, f func(metricsstore.Store) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(s.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	store, err := embedded.Open(ctx, embedded.Config{Dir: s.flags.Data, Durability: d, Log: log})
	if err != nil {
		return storeError{err}
	}
	if err = f(store); err != nil && ctx.Err() == nil {
		// Whatever went wrong, it matters more that nothing can be read any more.
		if _, lost := store.Runs(ctx, metricsstore.Position{}, 1); lost != nil {
			err = storeError{err}
		}
	}
	if closing := store.Close(); closing != nil {
		err = errors.Join(err, storeError{closing})
	}
	return err
}

// withStore is withNewStore for a folder that has to be there.
func (s *session) withStore(ctx context.Context, f func(metricsstore.Store) error) error {
	if _, err := os.Stat(s.flags.Data); err != nil {
		return storeError{fmt.Errorf("expected a folder with records, which the commands serve, run, demo and import make: %w", err)}
	}
	return s.withNewStore(ctx, embedded.Group, f)
}
