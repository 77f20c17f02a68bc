package ledger

import (
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// Entry is what one operation adds to the log. Its steps are numbered from First: those of Packed, then Plain.
type Entry struct {
	First  uint64
	Now    int64
	Worker uint16 // the session's number, 0 if the operation is not a session's
	Steps  int
	Packed []byte
	// Readied names the nodes that edges made ready, each with the step of Packed that its last edge belongs to, or -1
	// if that step is in an earlier entry. The roots of Block are not listed.
	Readied []ReadiedBy
	// Block is what an expansion, whose step is the first of Packed, has appended.
	Block *Block
	// Plain are steps that the ledger added itself. Their Seq is 0, because it is determined by First.
	Plain []record.Step
}

// ReadiedBy is a node and the index of the step that made it ready.
type ReadiedBy struct {
	Step int
	Node dag.NodeID
}

// log is the entry of the operation.
func (t *transition) log() *Entry {
	if t.entry == nil {
		t.entry = &Entry{First: t.Seq + 1, Now: t.now}
	}
	return t.entry
}

// pack adds the steps of a commit to the entry.
func (t *transition) pack(op *Commit, worker uint16) {
	if op.Steps == 0 {
		return
	}
	e := t.log()
	e.Worker, e.Steps, e.Packed = worker, op.Steps, op.Packed
	t.Seq += uint64(op.Steps)
}

// plain appends a step that the ledger adds itself.
func (t *transition) plain(s record.Step) {
	e := t.log()
	e.Plain = append(e.Plain, s)
	t.Seq++
}

// readied logs that an edge made a node ready.
func (t *transition) readied(step int, id dag.NodeID) {
	e := t.log()
	e.Readied = append(e.Readied, ReadiedBy{step, id})
}
