package invoke

import (
	"sync/atomic"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// Tally counts what the lanes of a process execute. It has the methods of a Board that a store calls. The zero value is
// ready to use. Safe for concurrent use.
type Tally struct {
	executed atomic.Int64
	busy     atomic.Int64
	lanes    [MaxSlots]atomic.Bool // lanes that execute a node; one may continue with another node without Idle
}

// Executed is how many executions of nodes have begun so far.
func (t *Tally) Executed() int64 { return t.executed.Load() }

// Busy is how many lanes execute a node; those with slots from MaxSlots on do not count.
func (t *Tally) Busy() int64 { return t.busy.Load() }

// Opened does nothing.
func (t *Tally) Opened(record.RunID, ledger.SessionID) uint32 { return 0 }

// Closed does nothing.
func (t *Tally) Closed(uint32) {}

// Executing counts a node.
func (t *Tally) Executing(slot int, _ uint32, _ dag.NodeID) {
	t.executed.Add(1)
	if slot < MaxSlots && !t.lanes[slot].Swap(true) {
		t.busy.Add(1)
	}
}

// Idle notes that a lane executes no node.
func (t *Tally) Idle(slot int) {
	if slot < MaxSlots && t.lanes[slot].Swap(false) {
		t.busy.Add(-1)
	}
}
