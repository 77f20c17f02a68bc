package embedded

import (
	"fmt"

	"github.com/dagscope/dagscope/metricsstore"
)

// Durability says when a call that changes something returns. Either way, what it changed is on disk when it does.
type Durability uint8

// Values of Durability.
const (
	// Group: calls of Append wait up to 10 ms, or until 1,000 steps and rows wait, for others to share one
	// transaction with them. All other calls are executed at once, together with those that wait.
	Group Durability = iota
	// Each: no call waits for others. Calls that come while the disk is busy still share the next transaction.
	Each
)

// String returns the text that UnmarshalText reads.
func (d Durability) String() string {
	if d == Each {
		return "each"
	}
	return "group"
}

// MarshalText is String.
func (d Durability) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads "group" or "each", so that a Durability can be a flag; the error is metricsstore.ErrInvalid.
func (d *Durability) UnmarshalText(text []byte) error {
	switch string(text) {
	case "group":
		*d = Group
	case "each":
		*d = Each
	default:
		return fmt.Errorf("%w: durability %q, expected group or each", metricsstore.ErrInvalid, text)
	}
	return nil
}
