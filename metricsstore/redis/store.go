package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
)

// ErrVersion: what is kept was written by a newer version of the program.
var ErrVersion = errors.New("redis: the data is of a newer version")

// Config is what New needs. Client is required; the zero value of the rest means the defaults.
type Config struct {
	// Client reaches a server or a cluster. It stays the caller's, who closes it after the store. It must read from
	// masters.
	Client goredis.UniversalClient
	// Prefix begins every key, so that other programs may use the same Redis; without '{' and '}'. Default
	// "dagscope:".
	Prefix string
	// Log gets warnings while Redis does not answer; default none.
	Log *slog.Logger
}

const (
	// stagedFor is how long values wait for the call that they belong to. What an interrupted call has staged is gone
	// after that.
	stagedFor = time.Hour
	// fencedFor is how long a call may take between its announcement and its end at most.
	fencedFor = 24 * time.Hour
)

// Store keeps runs in Redis. Safe for concurrent use by any number of goroutines and processes.
type Store struct {
	cfg     Config
	name    string // the sender in messages of this store
	changes *metricsstore.Changes
	fits    atomic.Bool // the format was checked

	complained atomic.Int64 // when, in Unix ns; see complain

	calls backend.Calls

	closing    chan struct{} // closed by Close: nothing is tried again
	asking     sync.WaitGroup
	subscriber *subscriber
}

// New makes a store of what is kept under a prefix. It does not call Redis; the first call may return ErrVersion. The
// error is metricsstore.ErrInvalid.
func New(cfg Config) (*Store, error) {
	if cfg.Client == nil {
		return nil, fmt.Errorf("%w: Client is nil", metricsstore.ErrInvalid)
	}
	if cfg.Prefix == "" {
		cfg.Prefix = "dagscope:"
	}
	if strings.ContainsAny(cfg.Prefix, "{}") {
		return nil, fmt.Errorf("%w: prefix %q has braces, which a cluster reads as the part of a key that places it", metricsstore.ErrInvalid, cfg.Prefix)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{cfg: cfg, name: rand.Text(), changes: metricsstore.NewChanges(), closing: make(chan struct{})}
	s.subscriber = newSubscriber(s)
	return s, nil
}

// checkFormat refuses what a newer version of the program has written. It asks Redis once.
func (s *Store) checkFormat(ctx context.Context) error {
	if s.fits.Load() {
		return nil
	}
	kept, err := ask(ctx, s, func(ctx context.Context) (string, error) {
		if err := s.cfg.Client.SetNX(ctx, s.index(formatIndex), formatVersion, 0).Err(); err != nil {
			return "", err
		}
		return s.cfg.Client.Get(ctx, s.index(formatIndex)).Result()
	})
	if err != nil {
		return err
	}
	version, err := strconv.Atoi(kept)
	if err != nil || version < 1 {
		return fmt.Errorf("%w: %s is %q, expected a version", metricsstore.ErrCorrupt, s.index(formatIndex), kept)
	}
	if version > formatVersion {
		return fmt.Errorf("%w: %d, this program knows %d", ErrVersion, version, formatVersion)
	}
	s.fits.Store(true)
	return nil
}

// change makes a call that changes a run, and notifies those who wait for it. f reports whether it has changed
// anything.
func (s *Store) change(ctx context.Context, run record.RunID, f func() (bool, error)) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.calls.End()
	changed, err := f()
	if changed || err != nil && !backend.Refused(err) { // a call that failed may have taken effect
		s.changes.Notify(run)
	}
	return err
}

// message notifies other processes that a run has changed.
func (s *Store) message(run record.RunID) string { return s.name + " " + string(run) }

// Changed implements metricsstore.Store. The first call takes up to 0.5 s: it makes a connection on which other
// processes report changes, usually within a millisecond. When that connection was lost and is restored, every run
// counts as changed.
func (s *Store) Changed(run record.RunID) <-chan struct{} {
	s.subscriber.await()
	return s.changes.Wait(run)
}

// ChangedSince implements metricsstore.Store. It lists what was reported on the same connection; while that is down,
// any run may have changed.
func (s *Store) ChangedSince(ctx context.Context, number uint64) (metricsstore.ChangeList, error) {
	if err := s.begin(ctx); err != nil {
		return metricsstore.ChangeList{}, err
	}
	defer s.calls.End()
	s.subscriber.await()
	list := s.changes.Since(number)
	list.Partial = list.Partial || !s.subscriber.isSubscribed.Load()
	return list, nil
}

// Close implements metricsstore.Store. Calls that Redis does not answer give up. The client stays open.
func (s *Store) Close() error {
	s.subscriber.close(s.closing)
	err := s.calls.Close(func() error { return nil })
	s.asking.Wait()
	s.changes.Close()
	return err
}
