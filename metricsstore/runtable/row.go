package runtable

import (
	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// Row is one attempt of a task. Times are nanoseconds since the run's start, within ±MaxTime, and in order.
type Row struct {
	Node    dag.NodeID
	Epoch   uint16
	Attempt uint16 // from 1
	Worker  uint16 // NoWorker if no worker has claimed it
	Slot    uint16
	Outcome record.Outcome // NoOutcome until it ends
	Flags   RowFlags
	// Has says which of the moments are known; the others are 0.
	Has     Moments
	Ready   int64
	Claimed int64
	Started int64 // inputs present, body called
	Ended   int64 // body returned
	Updated int64 // output passed on, the attempt is over; the only moment of a skipped task
	// Fetch is how much of the time from Claimed to Started was spent on fetching inputs from other processes.
	Fetch       int64
	OutputBytes int64 // codec.UnknownSize as long as it is not known
	StoredBytes int64
	// Usage is nil if nothing was measured. It must not be modified.
	Usage *Usage
}

// Usage is what an attempt used, codec.UnknownSize if a figure is not known; see record.Usage.
type Usage struct {
	CPU          int64 // ns, of all processors together
	MemoryBytes  int64
	ReadBytes    int64
	WrittenBytes int64
}

// newUsage returns the part of a usage that a table shows, nil if that is nothing.
func newUsage(u *record.Usage) *Usage {
	if u == nil || u.CPU < 0 && u.MemoryBytes < 0 && u.ReadBytes < 0 && u.WrittenBytes < 0 {
		return nil
	}
	return &Usage{clampSize(int64(u.CPU)), clampSize(u.MemoryBytes), clampSize(u.ReadBytes), clampSize(u.WrittenBytes)}
}

// parts lists the numbers of a usage in the order in which they are sent.
func (u *Usage) parts() [4]*int64 {
	return [4]*int64{&u.CPU, &u.MemoryBytes, &u.ReadBytes, &u.WrittenBytes}
}

// MaxTime bounds moments and sizes: the greatest integer that JavaScript represents exactly, 104 days in ns.
const MaxTime = 1<<53 - 1

// NoWorker as Row.Worker means none.
const NoWorker = 1<<16 - 1

// RowFlags are facts about an attempt that has ended.
type RowFlags uint8

// Flags of rows. The numbers are sent: new ones may be added, none reused.
const (
	Head   RowFlags = 1 // claimed from the ready tasks; otherwise its worker became it
	Became RowFlags = 2 // its worker continued with one of its children
	Stored RowFlags = 4 // the output was stored
)

// Moments is a set of moments of a row.
type Moments uint8

// Moments, in their order. The numbers are sent.
const (
	HasReady   Moments = 1
	HasClaimed Moments = 2
	HasStarted Moments = 4
	HasEnded   Moments = 8
	HasUpdated Moments = 16

	momentsEnd Moments = 32
)

// begin is the first moment that is known.
func (r *Row) begin() (at int64, ok bool) {
	switch {
	case r.Has&HasReady != 0:
		return r.Ready, true
	case r.Has&HasClaimed != 0:
		return r.Claimed, true
	case r.Has&HasUpdated != 0:
		return r.Updated, true
	}
	return 0, false
}

// reached reports whether a moment is known and not after at.
func (r *Row) reached(m Moments, moment, at int64) bool { return r.Has&m != 0 && moment <= at }

// over reports whether the attempt has ended.
func (r *Row) over() bool { return r.Outcome != record.NoOutcome }

// latest is the last known moment, 0 if none is known.
func (r *Row) latest() int64 {
	return max(r.Claimed, r.Started, r.Ended, r.Updated)
}

// Mark is something that happened to the run or to a worker as a whole.
type Mark struct {
	Kind record.StepKind
	At   int64
	// Value is, for marks of workers and leaked slots, the number of the worker, plus WorkerLost if it stopped because
	// it was lost; for RunFinished, the record.Outcome; else 0.
	Value uint32
}

// WorkerLost is added to the number of a worker that was lost instead of stopped, in its mark.
const WorkerLost = 1 << 16

// Expansion is a fan-out whose width is known: its instances have the nodes from First on.
type Expansion struct {
	Node  dag.NodeID
	Width uint32
	First dag.NodeID
}

func clampTime(ns int64) int64 { return max(-MaxTime, min(ns, MaxTime)) }

// clampSize keeps -1 for unknown sizes.
func clampSize(n int64) int64 { return max(codec.UnknownSize, min(n, MaxTime)) }
