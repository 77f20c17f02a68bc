package shared

import (
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// Config of a Store. Backend is required; the zero value of the rest means the defaults.
type Config struct {
	Backend Backend
	// HoldBytes bounds the outputs that this process keeps in memory, of all runs; default 25 % of the memory that the
	// process may use.
	HoldBytes int64
	// ValueBytes bounds each output that has to be stored and each constant, as it is encoded; default DefaultValueBytes. A
	// larger output fails the run with record.StoreError, a larger constant its submission.
	ValueBytes int
	// Log gets errors that are not part of a run's record; default none.
	Log *slog.Logger
	// Invoke invokes workers that do not poll: it is called whenever the back end gives a hint, with the number of unclaimed
	// nodes of each function ("" for the engine's own) and Rules.Invokers, and every few seconds for a run in which nodes
	// wait. It must return at once and not call back.
	Invoke func(run record.RunID, readied map[string]int, invokers int)
	// Board shows what lanes execute, so that a process that outlives this one can find the node that took it down.
	Board Board
	// Lease is how long a session of this process is valid without a heartbeat; default 15 s. There are three heartbeats
	// in a lease, a session fences itself without an answer for two thirds of it, and expired ones are reaped about every
	// 4/15 of it.
	Lease time.Duration
}

// DefaultValueBytes is the default of Config.ValueBytes. Redis accepts at most 512 MiB, passes 300 MiB in 24 s on one
// machine, and answers no other call meanwhile: with more, leases expire before a value is stored, and its task is
// repeated for ever.
const DefaultValueBytes = 256 << 20

// Board shows what lanes execute. Its methods are called from lanes: they must return at once and not call back.
type Board interface {
	// Opened is called before a node of a session is handed to a lane; the handle stands for it from then on.
	Opened(run record.RunID, session ledger.SessionID) (handle uint32)
	// Closed is called when the session is over; the handle may be reused.
	Closed(handle uint32)
	// Executing is called when the lane of that slot gets the node.
	Executing(slot int, handle uint32, node dag.NodeID)
	// Idle is called when the lane of that slot has no node any more.
	Idle(slot int)
}

// noBoard is the Board of a process without a supervisor.
type noBoard struct{}

func (noBoard) Opened(record.RunID, ledger.SessionID) uint32 { return 0 }
func (noBoard) Closed(uint32)                                {}
func (noBoard) Executing(int, uint32, dag.NodeID)            {}
func (noBoard) Idle(int)                                     {}

// Fixed times. What depends on the lease is computed from it.
const (
	defaultLease  = 15 * time.Second
	auditEvery    = 60 * time.Second       // ± 20 %
	searchEvery   = 5 * time.Second        // for new runs without news of them
	sleepFor      = 250 * time.Millisecond // an idle process asks for work without a hint
	retryCall     = 250 * time.Millisecond // pause after an error that the back end did not retry by itself
	shortCall     = 10 * time.Second       // bound of calls in the background
	parallelMoves = 16                     // outputs put, or groups fetched, at a time
)

// withDefaults fills in all but Backend.
func (cfg Config) withDefaults() Config {
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
		cfg.Invoke = func(record.RunID, map[string]int, int) {}
	}
	if cfg.Board == nil {
		cfg.Board = noBoard{}
	}
	if cfg.Lease <= 0 {
		cfg.Lease = defaultLease
	}
	return cfg
}

// defaultHold is a quarter of the process's memory limit, or of 4 GiB if it has none.
func defaultHold() int64 {
	const assumed = 4 << 30
	return min(debug.SetMemoryLimit(-1), assumed) / 4
}
