package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
	"github.com/dagscope/dagscope/metricsstore/internal/wire"
)

const windows = runtime.GOOS == "windows"

// ErrVersion: the data file was written by a newer version of the program.
var ErrVersion = errors.New("embedded: the data is of a newer version")

// Config is what Open needs. Dir is required; the zero value of the rest means the defaults.
type Config struct {
	// Dir is the data folder. It is made where it does not exist, with its parents. It must be on a local disk.
	Dir string
	// Durability says which calls share a transaction; default Group.
	Durability Durability
	// KeepLive leaves runs that have not ended as they are. Without it, runs whose process has gone are archived as
	// interrupted. For tools that only read, and for tests.
	KeepLive bool
	// KeepDamage leaves a data file with damaged pages as it is and makes Open fail with ErrCorrupt, whose text names
	// the damage. Without it, what can be read is written into a new file, and the damaged one is kept next to it.
	KeepDamage bool
	// Log gets what goes wrong in the background; default none.
	Log *slog.Logger

	noSync bool // for tests without power cuts
}

// gatherFor is how long Append waits at most for others to share its transaction. With the 40 ms for which a Recorder
// gathers steps it makes the 50 ms that a crash may cost.
const gatherFor = 10 * time.Millisecond

func (c *Config) gather() time.Duration {
	if c.Durability == Each {
		return 0
	}
	return gatherFor
}

// How long calls wait for the owner.
const (
	// patience is how long a call without a deadline tries to reach an owner or to get the lock.
	patience = 15 * time.Second
	minWait  = 5 * time.Millisecond
	maxWait  = 200 * time.Millisecond
	// adoptPatience is how long a call that is safe in a log waits for the owner's answer to it.
	adoptPatience = 2 * time.Second
)

// Store is a data folder, owned by this process or by another one. Safe for concurrent use.
type Store struct {
	cfg     Config
	coding  *wire.Coding
	changes *metricsstore.Changes

	calls backend.Calls

	turn chan struct{} // of capacity 1: filled by the goroutine that changes role

	mu   sync.Mutex
	role wire.Owner // *owner, *client, or nil
	logs map[record.RunID]*runLog
}

// Open opens a data folder: this process becomes its owner, or a client of the process that owns it; see the package
// comment. The errors are ErrVersion, metricsstore.ErrCorrupt, metricsstore.ErrInvalid, or name path and cause.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Dir == "" {
		return nil, fmt.Errorf("%w: Dir is empty, expected a folder", metricsstore.ErrInvalid)
	}
	if cfg.Durability > Each {
		return nil, fmt.Errorf("%w: Durability is %d, expected Group or Each", metricsstore.ErrInvalid, cfg.Durability)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("embedded: data folder %s cannot be made: %w", cfg.Dir, err)
	}
	c, err := wire.NewCoding()
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, coding: c, changes: metricsstore.NewChanges(), turn: make(chan struct{}, 1), logs: map[record.RunID]*runLog{}}
	if err := s.do(ctx, func(wire.Owner) error { return nil }); err != nil {
		return nil, err
	}
	return s, nil
}

// Owns reports whether this process owns the folder at the moment, which may change with any call.
func (s *Store) Owns() bool {
	_, ok := s.current().(*owner)
	return ok
}

func (s *Store) current() wire.Owner {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.role
}

// do calls f with the current role, and again with another one where the owner has gone.
func (s *Store) do(ctx context.Context, f func(wire.Owner) error) error {
	start, wait := time.Now(), minWait
	for {
		b, err := s.reach(ctx)
		if err == nil {
			err = f(b)
		}
		if !errors.Is(err, wire.ErrGone) {
			return err
		}
		s.drop(b)
		if time.Since(start) > patience {
			return s.unreachable(err)
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), s.unreachable(err))
		case <-time.After(wait):
		}
		wait = min(2*wait, maxWait)
	}
}

func (s *Store) unreachable(err error) error {
	h, _ := readOwner(s.cfg.Dir)
	if h == nil {
		return fmt.Errorf("embedded: another process holds data folder %s and does not say where it listens: %w", s.cfg.Dir, err)
	}
	return fmt.Errorf("embedded: process %d holds data folder %s and does not answer at %s: %w", h.PID, s.cfg.Dir, h.Address, err)
}

// reach returns the current role; where there is none, this process becomes owner or client.
func (s *Store) reach(ctx context.Context) (wire.Owner, error) {
	if b := s.current(); b != nil {
		return b, nil
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-s.turn }()
	if b := s.current(); b != nil {
		return b, nil
	}
	b, err := s.find(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.role = b
	s.mu.Unlock()
	s.changes.NotifyAll() // numbers of changes begin anew
	return b, nil
}

func (s *Store) find(ctx context.Context) (wire.Owner, error) {
	h, err := takeFolder(ctx, s.cfg, s.coding, s.changes)
	if err == nil {
		return h, nil
	}
	if !errors.Is(err, errLocked) {
		return nil, err
	}
	name, err := readOwner(s.cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", wire.ErrGone, err)
	}
	g, err := wire.Dial(ctx, name.Address, name.Key, s.coding, s.changes)
	if err != nil {
		return nil, err
	}
	return g, nil
}

// drop gives up a role that has failed.
func (s *Store) drop(b wire.Owner) {
	if b == nil {
		return
	}
	s.mu.Lock()
	mine := s.role == b
	if mine {
		s.role = nil
	}
	s.mu.Unlock()
	if mine {
		_ = b.Close() // a client, which has nothing to lose
	}
}

// Changed implements metricsstore.Store. A client asks the owner first, which takes at most 0.5 s. It learns of
// changes by the owner within 0.1 s and of those by another client within 0.3 s, and it is also notified when the
// folder changes its owner.
func (s *Store) Changed(run record.RunID) <-chan struct{} {
	if b := s.current(); b != nil {
		return b.Changed(run)
	}
	return s.changes.Wait(run)
}

// ChangedSince implements metricsstore.Store. Changes in logs of other clients are listed once they are adopted.
func (s *Store) ChangedSince(ctx context.Context, number uint64) (out metricsstore.ChangeList, err error) {
	err = s.call(ctx, func(b wire.Owner) error {
		out, err = b.ChangedSince(ctx, number)
		return err
	})
	return out, err
}

// Close implements metricsstore.Store. Runs of this process that have not ended are interrupted by it.
func (s *Store) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), wire.CloseTimeout)
	defer cancel()
	if err := s.settleLogs(ctx); err != nil {
		s.cfg.Log.Warn("logs of runs are adopted when the data folder is opened again", "folder", s.cfg.Dir, "error", err)
	}
	return s.calls.Close(func() error {
		var errs []error
		for _, l := range s.ownLogs() {
			errs = append(errs, s.endLog(l))
		}
		if s.role != nil {
			errs = append(errs, s.role.Close())
		}
		s.changes.Close()
		return errors.Join(errs...)
	})
}
