package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	fleet "github.com/dagscope/dagscope/cmd/app/worker"
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/redis"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/embedded"
	redismetrics "github.com/dagscope/dagscope/metricsstore/redis"
)

// storeFlags select, in addition to --data, where records are kept and where the state of shared runs is.
type storeFlags struct {
	fleet.Redis
	Metrics string `default:"redis" enum:"redis,embedded" placeholder:"redis|embedded" help:"With --redis, where records are kept: in Redis, for all processes (default), or in the folder of --data."`
}

// inRedis reports whether records are kept in Redis.
func (f storeFlags) inRedis() bool { return f.IsSet() && f.Metrics == "redis" }

// recordFlags select how runs are recorded.
type recordFlags struct {
	Upload     metricsstore.Strategy `default:"periodic=2s" placeholder:"STRATEGY" help:"When details of tasks are stored: after_each_task, periodic=2s (default), queue=256 or shutdown."`
	Durability embedded.Durability   `default:"group" placeholder:"WHEN" help:"group: steps are on disk within 50 ms (default). each: each step is written at once. Only without --redis."`
}

// home has the store of records, and the state of shared runs.
type home struct {
	store   metricsstore.Store
	redis   *redis.Connection // nil if runs are not shared
	backend *redis.Backend    // over redis
	log     *slog.Logger      // for warnings

	workerCommand string // starts one more worker for the shared runs
}

// withHome opens the store that the flags select, creating it if necessary, calls f, and closes the store.
func (s *session) withHome(ctx context.Context, at storeFlags, d embedded.Durability, f func(*home) error) error {
	return s.withHomeAs(ctx, at, embedded.Config{Durability: d}, f)
}

// withHomeAs is withHome with a configuration for records in a folder. The folder is that of --data.
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
		// If the store cannot be read any more, that determines the exit code.
		if _, lost := h.store.Runs(ctx, metricsstore.Position{}, 1); lost != nil {
			err = storeError{err}
		}
	}
	if closing := h.store.Close(); closing != nil {
		err = errors.Join(err, storeError{closing})
	}
	return errors.Join(err, h.hangUp())
}

// dial connects to the Redis of the flags, if there is one.
func (h *home) dial(ctx context.Context, at storeFlags) error {
	if !at.IsSet() {
		return nil
	}
	conn, err := at.Open(ctx)
	if err != nil {
		return fmt.Errorf("--redis: expected a usable Redis: %w", err)
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

// withNewStore is withHome for commands that need only the records.
func (s *session) withNewStore(ctx context.Context, at storeFlags, d embedded.Durability, f func(metricsstore.Store) error) error {
	return s.withHome(ctx, at, d, func(h *home) error { return f(h.store) })
}

// withStore is withNewStore for a folder that must exist.
func (s *session) withStore(ctx context.Context, at storeFlags, f func(metricsstore.Store) error) error {
	if _, err := os.Stat(s.flags.Data); err != nil && !at.inRedis() {
		return noFolder(err)
	}
	return s.withNewStore(ctx, at, embedded.Group, f)
}

func noFolder(err error) error {
	return storeError{fmt.Errorf("expected a folder with records, which the commands serve, run, demo and import create: %w", err)}
}

// forgetful is a store that deletes the state of a run together with its records, so that no process finds the run and
// records it again.
type forgetful struct {
	metricsstore.Store
	states interface {
		Delete(ctx context.Context, run record.RunID) error
	}
}

// Delete implements metricsstore.Store.
func (f forgetful) Delete(ctx context.Context, run record.RunID) error {
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

// workerCommand returns the command that starts one more worker for the shared runs.
func (s *session) workerCommand(at storeFlags) string {
	return s.name + " worker " + at.redisFlags()
}

// redisFlags returns the flags that select the Redis, quoted for a shell.
func (f storeFlags) redisFlags() string {
	flags := "--redis " + shellWord(f.String())
	if f.Prefix != "" {
		flags += " --redis-prefix " + shellWord(f.Prefix)
	}
	return flags
}

// place returns the flags with which another command finds the same runs, from any working folder.
func (s *session) place(at storeFlags) string {
	if at.inRedis() {
		return at.redisFlags()
	}
	dir, err := filepath.Abs(s.flags.Data)
	if err != nil {
		dir = s.flags.Data // good enough for a shell in the same folder
	}
	flags := "--data " + shellWord(dir)
	if at.IsSet() {
		flags = at.redisFlags() + " --metrics embedded " + flags
	}
	return flags
}

// shellWord quotes a word for a POSIX shell if necessary.
func shellWord(word string) string {
	plain := func(r rune) bool {
		return r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("@%+=:,./_-", r))
	}
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !plain(r) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
