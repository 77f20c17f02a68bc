package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	fleet "github.com/dagscope/dagscope/cmd/app/worker"
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state/redis"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/embedded"
	redismetrics "github.com/dagscope/dagscope/metricsstore/redis"
)

// storeFlags say where records are kept, beside --data, and where runs are that several processes share.
type storeFlags struct {
	fleet.Redis
	Metrics string `default:"redis" enum:"redis,embedded" placeholder:"redis|embedded" help:"With --redis, where records are kept: there, for all processes (default), or in the folder of --data."`
}

// inRedis reports whether records are kept in Redis.
func (f storeFlags) inRedis() bool { return f.IsSet() && f.Metrics == "redis" }

// recordFlags say how runs are recorded.
type recordFlags struct {
	Upload     metricsstore.Strategy `default:"periodic=2s" placeholder:"STRATEGY" help:"When details of tasks are stored: after_each_task, periodic=2s (default), queue=256 or shutdown."`
	Durability embedded.Durability   `default:"group" placeholder:"WHEN" help:"group: what happens is on disk within 50 ms (default). each: it goes to disk at once, without waiting for more. Without --redis."`
}

// home is where a command finds records, and the state of runs that several processes share.
type home struct {
	store   metricsstore.Store
	redis   *redis.Connection // nil where runs are of this process alone
	backend *redis.Backend    // over it
	log     *slog.Logger      // for warnings

	workerCommand string // what starts one more worker of the runs there
}

// withHome calls f with the store that the flags name, which is made where there is none, and closes it.
func (s *session) withHome(ctx context.Context, at storeFlags, d embedded.Durability, f func(*home) error) error {
	return s.withHomeAs(ctx, at, embedded.Config{Durability: d}, f)
}

// withHomeAs is withHome where records in a folder are opened in another way. The folder is that of --data.
func (s *session) withHomeAs(ctx context.Context, at storeFlags, cfg embedded.Config, f func(*home) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	h := &home{
		log:           slog.New(slog.NewTextHandler(s.stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		workerCommand: s.workerCommand(at),
	}
	if err := h.dial(ctx, at); err != nil {
		return err
	}
	cfg.Dir, cfg.Log = s.flags.Data, h.log
	if err := h.open(ctx, at, cfg); err != nil {
		return errors.Join(err, h.hangUp())
	}
	if s.where = s.flags.Data; at.inRedis() {
		s.where = at.String()
	}
	err := f(h)
	if err != nil && ctx.Err() == nil {
		// Whatever went wrong, it matters more that nothing can be read any more.
		if _, lost := h.store.Runs(ctx, metricsstore.Position{}, 1); lost != nil {
			err = storeError{err}
		}
	}
	if closing := h.store.Close(); closing != nil {
		err = errors.Join(err, storeError{closing})
	}
	return errors.Join(err, h.hangUp())
}

// dial opens the Redis that the flags name, if they do.
func (h *home) dial(ctx context.Context, at storeFlags) error {
	if !at.IsSet() {
		return nil
	}
	conn, err := at.Open(ctx)
	if err != nil {
		return fmt.Errorf("--redis: expected one that can be used: %w", err)
	}
	h.redis, h.backend = conn, redis.New(conn)
	return nil
}

// hangUp closes the connections to Redis.
func (h *home) hangUp() error {
	if h.redis == nil {
		return nil
	}
	return h.redis.Close()
}

// open opens the store of records.
func (h *home) open(ctx context.Context, at storeFlags, cfg embedded.Config) (err error) {
	if at.inRedis() {
		h.store, err = redismetrics.New(redismetrics.Config{Client: h.redis.Client, Prefix: h.redis.Prefix, Log: h.log})
	} else {
		h.store, err = embedded.Open(ctx, cfg)
	}
	if err != nil {
		return storeError{err}
	}
	if h.redis != nil {
		h.store = forgetful{h.store, h.backend}
	}
	return nil
}

// withNewStore is withHome for commands that need no more than the records.
func (s *session) withNewStore(ctx context.Context, at storeFlags, d embedded.Durability, f func(metricsstore.Store) error) error {
	return s.withHome(ctx, at, d, func(h *home) error { return f(h.store) })
}

// withStore is withNewStore for a folder that has to be there.
func (s *session) withStore(ctx context.Context, at storeFlags, f func(metricsstore.Store) error) error {
	if _, err := os.Stat(s.flags.Data); err != nil && !at.inRedis() {
		return noFolder(err)
	}
	return s.withNewStore(ctx, at, embedded.Group, f)
}

func noFolder(err error) error {
	return storeError{fmt.Errorf("expected a folder with records, which the commands serve, run, demo and import make: %w", err)}
}

// forgetful is a store that deletes with the records of a run what is left of its state, so that nobody finds the run
// and records it once more.
type forgetful struct {
	metricsstore.Store
	states interface {
		Delete(ctx context.Context, run engine.RunID) error
	}
}

// Delete implements metricsstore.Store.
func (f forgetful) Delete(ctx context.Context, run engine.RunID) error {
	kept, err := f.Store.Run(ctx, run)
	if err != nil {
		return err
	}
	if kept.Status.Final() {
		if err := f.states.Delete(ctx, run); err != nil && !errors.Is(err, engine.ErrUnknownRun) {
			return err
		}
	}
	return f.Store.Delete(ctx, run)
}
