package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
	"github.com/dagscope/dagscope/metricsstore/internal/wire"
)

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

// Store is a data folder, owned by this process or by another one. Safe for concurrent use.
type Store struct {
	*folder
	calls backend.Calls
	logs  ownLogs
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
	at := &folder{cfg: cfg, coding: c, changes: metricsstore.NewChanges(), turn: make(chan struct{}, 1)}
	s := &Store{folder: at, logs: ownLogs{byRun: map[record.RunID]*runLog{}}}
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
		for _, l := range s.logs.all() {
			errs = append(errs, s.logs.end(l))
		}
		if s.role != nil {
			errs = append(errs, s.role.Close())
		}
		s.changes.Close()
		return errors.Join(errs...)
	})
}
