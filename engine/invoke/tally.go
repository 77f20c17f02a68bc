package invoke

import (
	"sync/atomic"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// Tally counts what the lanes of a process execute. It is told like a Board. The zero value is ready; safe for
// concurrent use.
type Tally struct {
	executed atomic.Int64
	busy     atomic.Int64
	lanes    [MaxSlots]atomic.Bool // those that execute; a lane may go from one node to the next without a pause
}

// Executed is how many nodes lanes have been given so far.
func (t *Tally) Executed() int64 { return t.executed.Load() }

// Busy is how many lanes execute one; those with slots from MaxSlots on are not seen.
func (t *Tally) Busy() int64 { return t.busy.Load() }

// Opened does nothing.
func (t *Tally) Opened(engine.RunID, ledger.SessionID) uint32 { return 0 }

// Closed does nothing.
func (t *Tally) Closed(uint32) {}

// Executing counts a node.
func (t *Tally) Executing(slot int, _ uint32, _ engine.NodeID) {
	t.executed.Add(1)
	if slot < MaxSlots && !t.lanes[slot].Swap(true) {
		t.busy.Add(1)
	}
}

// Idle says that a lane has no node any more.
func (t *Tally) Idle(slot int) {
	if slot < MaxSlots && t.lanes[slot].Swap(false) {
		t.busy.Add(-1)
	}
}
