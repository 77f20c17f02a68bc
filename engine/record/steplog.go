package record

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/internal/wire"
)

// The packed form of steps is described in FORMAT-steps.md. Encoder and decoder walk the same columns with the same
// predictions, which are in steplog_columns.go.

// The first byte of every block of steps is its version. In version 2 steps may have a Usage. It is written only if one
// does, so that older programs can read all other blocks.
const (
	stepsVersion = 1
	usageVersion = 2
	// In version 3 each Usage has all of its parts.
	detailVersion = 3
)

// AppendSteps packs steps into one self-contained block and appends it to dst. A block of 512 steps of a running graph
// takes about 10 bytes a step once it is compressed. DecodeSteps restores every field of every step, even of steps that
// make no sense, but refuses blocks that list more than MaxReadied nodes.
func AppendSteps(dst []byte, steps []Step) []byte {
	var e StepEncoder
	return e.Append(dst, steps)
}

// StepEncoder packs steps like AppendSteps and reuses its buffers, so that a block costs no allocation but the growth
// of dst. The zero value is ready to use. It is not safe for concurrent use.
type StepEncoder struct {
	columns  [columns][]byte
	controls []control  // distinct control words of the block
	recent   [64]uint16 // where a word was last found, by its hash; only a hint
	state    stepState
	usage    int // how many parts of a Usage the block has
}

// versionOf is the least version that can have the steps, so that earlier programs read what they can.
func versionOf(steps []Step) byte {
	version := byte(stepsVersion)
	for i := range steps {
		switch u := steps[i].Usage; {
		case u == nil:
		case u.isDetailed():
			return detailVersion
		default:
			version = usageVersion
		}
	}
	return version
}

// Append packs steps into one block and appends it to dst.
func (e *StepEncoder) Append(dst []byte, steps []Step) []byte {
	for i := range e.columns {
		e.columns[i] = e.columns[i][:0]
	}
	e.controls = e.controls[:0]
	e.state.reset()
	version := versionOf(steps)
	dst = append(dst, version)
	e.usage = fewerParts
	if version == detailVersion {
		e.usage = usageParts
	}
	dst = binary.AppendUvarint(dst, uint64(len(steps)))
	first, readied := uint64(1), 0
	if len(steps) > 0 {
		first = steps[0].Seq
	}
	e.state.seq = first - 1
	for i := range steps {
		e.step(&steps[i])
		readied += len(steps[i].Readied)
	}
	dst = binary.AppendUvarint(dst, first)
	dst = binary.AppendUvarint(dst, uint64(readied))
	dst = binary.AppendUvarint(dst, uint64(len(e.controls)))
	for _, w := range e.controls {
		dst = binary.AppendUvarint(dst, uint64(w))
	}
	for _, c := range e.columns {
		dst = binary.AppendUvarint(dst, uint64(len(c)))
	}
	for _, c := range e.columns {
		dst = append(dst, c...)
	}
	return dst
}

func (e *StepEncoder) put(c column, v uint64) {
	if v < 0x80 {
		e.columns[c] = append(e.columns[c], byte(v))
		return
	}
	e.columns[c] = binary.AppendUvarint(e.columns[c], v)
}

// step writes the fields that were not as predicted; the control word says which these are.
func (e *StepEncoder) step(s *Step) {
	st := &e.state
	w := control(s.Kind) | control(s.Outcome)<<outcomeShift | control(s.Location)<<locationShift
	w |= flag(s.Announced, isAnnounced) | flag(s.Head, isHead)
	if s.Seq != st.seq+1 {
		w |= seqJumps
		e.put(seqColumn, s.Seq-st.seq)
	}
	if s.Worker != st.worker {
		w |= otherWorker
		e.put(workerColumn, uint64(s.Worker))
	}
	if s.Slot != st.slot {
		w |= otherSlot
		e.put(slotColumn, uint64(s.Slot))
	}
	lane := st.lane(s.Worker, s.Slot)
	if s.Node != lane.became {
		w |= otherNode
		e.put(nodeColumn, wire.Zigzag(int64(int32(s.Node-st.node))))
	}
	w |= e.lives(s) | e.moments(s, lane) | e.output(s) | e.readied(s)
	if s.Width != 0 {
		w |= hasWidth
		e.put(rareColumn, uint64(s.Width))
	}
	if s.Delay != 0 {
		w |= hasDelay
		e.put(rareColumn, uint64(s.Delay))
	}
	if s.Usage != nil {
		w |= hasUsage
		parts := s.Usage.parts()
		for _, v := range parts[:e.usage] {
			e.put(rareColumn, wire.Zigzag(v))
		}
	}
	st.advance(s, lane)
	e.control(w)
}

// control writes the index of a control word; a block has few distinct ones.
func (e *StepEncoder) control(w control) {
	hint := &e.recent[uint64(w)*0x9e3779b97f4a7c15>>58] // the golden ratio mixes all bits into the upper six
	i := int(*hint)
	if i >= len(e.controls) || e.controls[i] != w {
		if i = slices.Index(e.controls, w); i < 0 {
			i = len(e.controls)
			e.controls = append(e.controls, w)
		}
		*hint = uint16(i)
	}
	e.put(controlColumn, uint64(i))
}

func (e *StepEncoder) lives(s *Step) (w control) {
	if s.Epoch != e.state.epoch {
		w |= otherEpoch
		e.put(rareColumn, uint64(s.Epoch))
	}
	if s.Attempt != 1 {
		w |= otherAttempt
		e.put(rareColumn, uint64(s.Attempt))
	}
	return w
}

func (e *StepEncoder) moments(s *Step, lane *laneState) (w control) {
	if s.Claimed != lane.updated {
		w |= otherClaimed
		e.put(claimedColumn, wire.Zigzag(s.Claimed-lane.updated))
	}
	if s.Ready != s.Claimed {
		w |= otherReady
		e.put(readyColumn, wire.Zigzag(s.Ready-e.state.ready))
	}
	if s.Fetch != 0 {
		w |= hasFetch
		e.put(fetchColumn, wire.Zigzag(s.Fetch))
	}
	wait, execute, update := s.Started-s.Claimed-s.Fetch, s.Ended-s.Started, s.Updated-s.Ended
	if wait|execute|update < 0 { // one of them is negative
		w |= isDisordered
		e.put(waitColumn, wire.Zigzag(wait))
		e.put(executeColumn, wire.Zigzag(execute))
		e.put(updateColumn, wire.Zigzag(update))
		return w
	}
	e.put(waitColumn, uint64(wait))
	e.put(executeColumn, uint64(execute))
	e.put(updateColumn, uint64(update))
	return w
}

func (e *StepEncoder) output(s *Step) (w control) {
	switch s.OutputBytes {
	case 0:
	case codec.UnknownSize:
		w |= outputUnknown
	case e.state.output:
		w |= outputSame
	default:
		w |= outputUnknown | outputSame
		e.put(outputColumn, uint64(s.OutputBytes))
	}
	switch s.StoredBytes {
	case 0:
	case s.OutputBytes:
		w |= storedSame
	default:
		w |= hasStored
		e.put(rareColumn, uint64(s.StoredBytes))
	}
	return w
}

// readied writes the list as runs of equal distance, because fan-outs number their instances that way.
func (e *StepEncoder) readied(s *Step) (w control) {
	list := s.Readied
	switch {
	case s.Became == dag.NoNode:
		w |= becameNone
	case len(list) > 0 && s.Became == list[0]:
		w |= becameFirst
	default:
		e.put(rareColumn, wire.Zigzag(int64(int32(s.Became-s.Node))))
	}
	if len(list) == 0 {
		return w
	}
	fromNode, fromLast := wire.Zigzag(int64(int32(list[0]-s.Node))), wire.Zigzag(int64(int32(list[0]-e.state.readied)))
	first := fromLast
	if fromNode <= fromLast {
		w |= readiedNearNode
		first = fromNode
	}
	e.put(readiedColumn, first)
	if len(list) == 1 {
		return w | readiedOne
	}
	w |= readiedMany
	e.put(runColumn, uint64(len(list)))
	for i := 0; i < len(list); {
		if i > 0 {
			e.put(runColumn, wire.Zigzag(int64(int32(list[i]-list[i-1]))))
		}
		n := runLength(list[i:])
		e.put(runColumn, uint64(n-1))
		if n > 1 {
			e.put(runColumn, wire.Zigzag(int64(int32(list[i+1]-list[i]))))
		}
		i += n
	}
	return w
}

// runLength is how many nodes at the start of a list are at equal distances.
func runLength(list []dag.NodeID) int {
	if len(list) < 2 {
		return len(list)
	}
	distance, n := list[1]-list[0], 2
	for n < len(list) && n < math.MaxInt32 && list[n]-list[n-1] == distance {
		n++
	}
	return n
}
