package shared

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// Config of a Store. Backend is required; the zero value of the rest means the defaults.
type Config struct {
	Backend Backend
	// HoldBytes bounds the outputs that this process keeps in memory, of all runs; default 25 % of the memory that the
	// process may use.
	HoldBytes int64
	// ValueBytes bounds each output that has to be stored and each constant, as it is encoded; default DefaultValueBytes. A
	// larger output fails the run with engine.StoreError, a larger constant its submission.
	ValueBytes int
	// Host names this machine in records; default as the worker says.
	Host string
	// Log gets what goes wrong beside the runs; default nowhere.
	Log *slog.Logger
	// Invoke gets others to look for work, where anything but a poll can do that: it is called wherever the back end wakes
	// sleepers, with the nodes of each function that nobody got ("" for the engine's own) and Rules.Invokers, and every few
	// seconds for a run in which nodes wait. It must return at once and not call back.
	Invoke func(run engine.RunID, readied map[string]int, invokers int)
	// Board is told what lanes execute, so that whoever outlives this process can tell which node took it down.
	Board Board
	// Lease is how long a session of this process lives without a sign of it; default 15 s. It beats three times within,
	// gives itself up when it had no answer for two thirds of it, and looks for dead ones four times in 16 s, or as the
	// lease is longer or shorter.
	Lease time.Duration
}

// DefaultValueBytes is what a value that is shared may take. Redis takes no more than 512 MiB as a whole, passes 300 MiB
// in 24 s on one machine, and answers nobody else meanwhile: with more, leases end before a value is stored, and what made
// it is done again, for ever.
const DefaultValueBytes = 256 << 20

// Board shows what lanes execute. Its methods are called from lanes: they must return at once and not call back.
type Board interface {
	// Opened is called before a node of a session is handed to a lane; the handle stands for it from then on.
	Opened(run engine.RunID, session ledger.SessionID) (handle uint32)
	// Closed: the session is over.
	Closed(handle uint32)
	// Executing: the lane of that slot has the node.
	Executing(slot int, handle uint32, node engine.NodeID)
	// Idle: the lane of that slot has nothing.
	Idle(slot int)
}

// noBoard is the Board of a process that nobody looks after.
type noBoard struct{}

func (noBoard) Opened(engine.RunID, ledger.SessionID) uint32 { return 0 }
func (noBoard) Closed(uint32)                                {}
func (noBoard) Executing(int, uint32, engine.NodeID)         {}
func (noBoard) Idle(int)                                     {}

// Fixed times. What depends on the lease is computed from it.
const (
	defaultLease  = 15 * time.Second
	auditEvery    = 60 * time.Second       // ± 20 %
	lookEvery     = 5 * time.Second        // for runs that are new, where no news told of them
	sleepFor      = 250 * time.Millisecond // an idle process looks for work that nobody told it of
	shortCall     = 10 * time.Second       // bound of calls that nobody waits for
	parallelMoves = 16                     // outputs that are put, or groups that are fetched, at a time
)

// Store is one process's part in runs that several processes share. It implements state.Shared and state.Watcher. Safe
// for concurrent use.
type Store struct {
	cfg     Config
	backend Backend
	moves   chan struct{} // a place for each output under way
	hunger  chan struct{} // capacity 1: some run wants nodes and did not get them
	hired   chan struct{} // capacity 1: there is one more run
	held    heldBytes

	own ownRuns

	mu      sync.Mutex
	live    map[*run]struct{}  // with goroutines
	numbers int                // runs that this process has come to know of
	active  int                // runs with goroutines, Join and Find calls under way
	stop    context.CancelFunc // of the caretakers, which look after all runs
	heard   map[*inbox]struct{}
}

var (
	_ state.Shared  = (*Store)(nil)
	_ state.Watcher = (*Store)(nil)
)

// New checks the configuration.
func New(cfg Config) (*Store, error) {
	if cfg.Backend == nil {
		return nil, errors.New("shared: Backend is nil, expected one such as redis.New gives")
	}
	if cfg.ValueBytes <= 0 {
		cfg.ValueBytes = DefaultValueBytes
	}
	if cfg.HoldBytes <= 0 {
		cfg.HoldBytes = defaultHold()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Invoke == nil {
		cfg.Invoke = func(engine.RunID, map[string]int, int) {}
	}
	if cfg.Board == nil {
		cfg.Board = noBoard{}
	}
	if cfg.Lease <= 0 {
		cfg.Lease = defaultLease
	}
	return &Store{
		cfg: cfg, backend: cfg.Backend, moves: make(chan struct{}, parallelMoves),
		hunger: make(chan struct{}, 1), hired: make(chan struct{}, 1), own: ownRuns{created: map[engine.RunID]time.Time{}}, live: map[*run]struct{}{}, heard: map[*inbox]struct{}{},
	}, nil
}
