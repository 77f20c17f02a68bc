package redis

import (
	"crypto/rand"
	"fmt"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/shared"
)

// Backend keeps runs in Redis. Safe for concurrent use: its fields are set by New.
type Backend struct {
	cleaner
	nodesPerCall int // the constant of that name, or fewer in tests
	// clock replaces the server's clock in tests: nanoseconds since the run's start.
	clock func() int64
}

var _ shared.Backend = (*Backend)(nil)

// New makes a back end of an open connection, which the caller closes.
func New(conn *Connection) *Backend {
	b := &Backend{nodesPerCall: nodesPerCall}
	b.conn, b.keys, b.keep = conn, keyspace(conn.Prefix), conn.keep
	return b
}

// Costs implements shared.Backend.
func (b *Backend) Costs() shared.Costs {
	return shared.Costs{Commands: b.commands.Load(), RoundTrips: b.roundTrips.Load()}
}

// now is the moment that scripts use, in nanoseconds since the run's start; negative for the server's clock.
func (b *Backend) now() int64 {
	if b.clock == nil {
		return -1
	}
	return b.clock()
}

// unknown is the error for a run that Redis does not have.
func unknown(run record.RunID) error { return fmt.Errorf("%w: %s", engine.ErrUnknownRun, run) }

// token returns a random name that is never used twice.
func token() string { return rand.Text() }
