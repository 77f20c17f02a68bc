// Package wire lets processes of one machine use one metricsstore.Store: the process that owns it serves its calls on the
// loopback, and the others are clients of that.
//
// It guarantees that results and refusals of a client are those of the owner, to the byte, and that errors keep their
// meaning. An owner that does not answer, or has closed, is ErrGone, so that the call may be made again, with another
// owner: closing is up to package embedded, and so is checking that a header can be encoded. A call costs a
// request over a kept connection, some 0.1 ms, and holds its arguments and results in memory as a whole, at most 1 GiB.
//
// Caveats: a process with the key can make every call. Keys of messages only ever grow, since logs of runs contain
// requests; the path of methods changes when older clients could not continue.
package wire

import (
	"context"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// Owner is the store as its owner has it, and as a client reaches it.
type Owner interface {
	metricsstore.Store
	metricsstore.Repairer
	// Adopt adopts the log that another process writes of a run, at least up to an offset, and returns the answer to
	// the record that ends there.
	Adopt(ctx context.Context, run record.RunID, offset int64) error
}
