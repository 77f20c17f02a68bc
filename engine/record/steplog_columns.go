package record

import (
	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
)

// column is one of the columns of a block of steps. The order is that of the format.
type column int

const (
	controlColumn column = iota
	seqColumn
	workerColumn
	slotColumn
	nodeColumn
	claimedColumn
	readyColumn
	fetchColumn
	waitColumn
	executeColumn
	updateColumn
	outputColumn
	readiedColumn
	runColumn
	rareColumn
	columns int = iota
)

// control says which fields of a step are as predicted and which are in the columns. Kind, outcome and location
// take 8 bits each at its lower end.
type control uint64

const (
	kindBits, outcomeBits, locationBits = 8, 8, 8

	outcomeShift  = kindBits
	locationShift = outcomeShift + outcomeBits
	flagShift     = locationShift + locationBits
)

// Flags of a control word, above kind, outcome and location.
const (
	isAnnounced control = 1 << (flagShift + iota)
	isHead
	seqJumps        // Seq is not the one before plus one
	otherWorker     // not that of the step before
	otherSlot       // not that of the step before
	otherNode       // not the node that the lane became
	otherEpoch      // not that of the step before
	otherAttempt    // not 1
	otherClaimed    // not the moment at which the lane's last step was over
	otherReady      // not the moment at which it was claimed
	hasFetch        // Fetch is not 0
	isDisordered    // the moments are not in order: their differences are signed
	outputUnknown   // OutputBytes is UnknownSize; with outputSame: it is in its column; with neither: 0
	outputSame      // OutputBytes is that of the last step that had one in its column
	hasStored       // StoredBytes is neither 0 nor OutputBytes
	storedSame      // StoredBytes is OutputBytes, which is not 0
	becameNone      // Became is NoNode
	becameFirst     // Became is the first of Readied
	readiedOne      // Readied has one node
	readiedMany     // Readied has two or more
	readiedNearNode // the first of Readied is relative to Node, not to the node that was readied before it
	hasWidth
	hasDelay
	hasUsage // only in blocks of version 2
	controlEnd
)

func flag(is bool, f control) control {
	if is {
		return f
	}
	return 0
}

// lanesPredicted is how many lanes have an entry of their own; lanes that share one are predicted less well, but not
// wrongly.
const lanesPredicted = 256

// laneState predicts the next step of a lane.
type laneState struct {
	updated int64      // when its last step was over
	became  dag.NodeID // the node that it continued with
}

// stepState is what the next step is predicted from. Encoder and decoder update it in the same way.
type stepState struct {
	lanes   [lanesPredicted]laneState
	seq     uint64
	ready   int64
	output  int64
	node    dag.NodeID
	readied dag.NodeID // the last one
	worker  uint16
	slot    uint16
	epoch   uint16
}

func (st *stepState) reset() { *st = stepState{} }

func (st *stepState) lane(worker, slot uint16) *laneState {
	return &st.lanes[(uint32(worker)*31+uint32(slot))%lanesPredicted]
}

// advance updates the state with a step.
func (st *stepState) advance(s *Step, lane *laneState) {
	st.seq, st.node, st.worker, st.slot, st.epoch = s.Seq, s.Node, s.Worker, s.Slot, s.Epoch
	if s.Ready != s.Claimed {
		st.ready = s.Ready
	}
	if s.OutputBytes != 0 && s.OutputBytes != codec.UnknownSize {
		st.output = s.OutputBytes
	}
	if n := len(s.Readied); n > 0 {
		st.readied = s.Readied[n-1]
	}
	lane.updated, lane.became = s.Updated, s.Became
}
