package backend

import (
	"errors"
	"fmt"

	"github.com/dagscope/dagscope/engine/record"

	"github.com/dagscope/dagscope/metricsstore"
)

// MaxValue bounds the data of one block, row, roll-up or attachment, in bytes: some 10 million tasks of a graph.
const MaxValue = 128 << 20

// Refused reports whether a store has refused a call, which then has changed nothing. Any other error may come after
// the call has taken effect.
func Refused(err error) bool {
	for _, refusal := range []error{
		metricsstore.ErrNotFound, metricsstore.ErrExists, metricsstore.ErrConflict, metricsstore.ErrStale,
		metricsstore.ErrLease, metricsstore.ErrLive, metricsstore.ErrInvalid,
	} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

// NotFound is ErrNotFound for a run.
func NotFound(run record.RunID) error {
	return fmt.Errorf("%w: run %s", metricsstore.ErrNotFound, run)
}

// TooLarge is ErrInvalid for a value of n bytes, more than MaxValue.
func TooLarge(what string, n int) error {
	return fmt.Errorf("%w: %s has %d bytes, expected at most %d", metricsstore.ErrInvalid, what, n, MaxValue)
}
