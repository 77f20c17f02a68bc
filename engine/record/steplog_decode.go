package record

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/internal/wire"
)

// MaxReadied bounds how many nodes all steps of one block may ready, because a few bytes can describe any number of
// them.
const MaxReadied = 1 << 24

// minStepBytes is the least that a step takes: one byte each for control word, wait, execute and update.
const minStepBytes = 4

// DecodeSteps unpacks one block, which must be all of src, and appends its steps to dst. All lists of readied nodes share one
// allocation. It fails with ErrMalformed, or with ErrUnknownVersion if a later version packed the steps, and then
// returns dst as it was. Kinds, outcomes and locations that are not known yet are not errors. It allocates at most
// 50 times the length of src, and 4 bytes for each readied node, at most MaxReadied.
func DecodeSteps(src []byte, dst []Step) ([]Step, error) {
	r := wire.Reader{Rest: src}
	version := r.Byte()
	if r.Err == nil && (version < stepsVersion || version > detailVersion) {
		return dst, fmt.Errorf("%w: steps of version %d, expected %d to %d", codec.ErrUnknownVersion, version, stepsVersion, detailVersion)
	}
	d := stepDecoder{last: controlEnd - 1, usage: fewerParts}
	if version == detailVersion {
		d.usage = usageParts
	}
	if version == stepsVersion {
		d.last = hasUsage - 1
	}
	n := d.header(&r)
	if r.Err != nil {
		return dst, fmt.Errorf("%w: steps: %w", codec.ErrMalformed, r.Err)
	}
	out := slices.Grow(dst, n)[:len(dst)+n]
	for i := range n {
		s := &out[len(dst)+i]
		*s = Step{}
		d.step(s)
		if d.bad {
			return dst, fmt.Errorf("%w: steps: step %d of %d has a field that is cut off or out of range", codec.ErrMalformed, i+1, n)
		}
	}
	for i, at := range d.at {
		if rest := d.end[i] - at; rest > 0 {
			return dst, fmt.Errorf("%w: steps: %d bytes too many in column %d", codec.ErrMalformed, rest, i)
		}
	}
	if len(d.nodes) > 0 {
		return dst, fmt.Errorf("%w: steps: %d nodes fewer than announced are readied", codec.ErrMalformed, len(d.nodes))
	}
	return out, nil
}

// stepDecoder reads the columns in parallel. It keeps offsets rather than slices, because moving a pointer costs a
// write barrier while the garbage collector runs.
type stepDecoder struct {
	src      []byte // all columns
	at, end  [columns]int
	controls []control
	last     control      // the greatest valid control word
	nodes    []dag.NodeID // room for the nodes that the remaining steps ready
	bad      bool
	state    stepState
	usage    int // how many parts of a Usage the block has
}

// header reads everything before the columns, and their bounds; it returns the number of steps.
func (d *stepDecoder) header(r *wire.Reader) int {
	n := r.Number("the number of steps", uint64(len(r.Rest)/minStepBytes))
	d.state.seq = r.Uvarint() - 1
	readied := r.Number("the number of readied nodes", MaxReadied)
	d.controls = make([]control, r.Count("the number of control words"))
	for i := range d.controls {
		d.controls[i] = control(r.Number("a control word", uint64(d.last)))
	}
	total := 0
	for i := range d.end {
		d.at[i] = total
		total += r.Count("the length of a column")
		d.end[i] = total
	}
	d.src = r.Bytes(total)
	if len(r.Rest) > 0 {
		r.Fail("%d bytes too many after the columns", len(r.Rest))
	}
	if r.Err == nil && readied > 0 {
		d.nodes = make([]dag.NodeID, readied)
	}
	return int(n)
}

// get reads one number of a column.
func (d *stepDecoder) get(c column) uint64 {
	b := d.src[d.at[c]:d.end[c]]
	if len(b) > 0 && b[0] < 0x80 {
		d.at[c]++
		return uint64(b[0])
	}
	if len(b) > 1 && b[1] < 0x80 {
		d.at[c] += 2
		return uint64(b[0]&0x7f) | uint64(b[1])<<7
	}
	v, n := binary.Uvarint(b)
	if n <= 0 {
		d.bad = true
		return 0
	}
	d.at[c] += n
	return v
}

// short reads a number of at most 16 bits.
func (d *stepDecoder) short(c column) uint16 {
	v := d.get(c)
	if v > math.MaxUint16 {
		d.bad = true
	}
	return uint16(v)
}

// near reads a node that is stored as its distance from another one.
func (d *stepDecoder) near(c column, from dag.NodeID) dag.NodeID {
	v := d.get(c)
	if v > math.MaxUint32 {
		d.bad = true
	}
	return from + dag.NodeID(wire.Unzigzag(v))
}

func (d *stepDecoder) step(s *Step) {
	number := d.get(controlColumn)
	if number >= uint64(len(d.controls)) {
		d.bad = true
		return
	}
	st, w := &d.state, d.controls[number]
	s.Kind, s.Outcome, s.Location = StepKind(w), Outcome(w>>outcomeShift), Location(w>>locationShift)
	s.Announced, s.Head = w&isAnnounced != 0, w&isHead != 0
	s.Seq, s.Worker, s.Slot, s.Epoch, s.Attempt = st.seq+1, st.worker, st.slot, st.epoch, 1
	if w&seqJumps != 0 {
		s.Seq = st.seq + d.get(seqColumn)
	}
	if w&otherWorker != 0 {
		s.Worker = d.short(workerColumn)
	}
	if w&otherSlot != 0 {
		s.Slot = d.short(slotColumn)
	}
	lane := st.lane(s.Worker, s.Slot)
	s.Node = lane.became
	if w&otherNode != 0 {
		s.Node = d.near(nodeColumn, st.node)
	}
	if w&otherEpoch != 0 {
		s.Epoch = d.short(rareColumn)
	}
	if w&otherAttempt != 0 {
		s.Attempt = d.short(rareColumn)
	}
	d.moments(s, w, lane)
	d.output(s, w)
	d.readied(s, w)
	if w&hasWidth != 0 {
		v := d.get(rareColumn)
		d.bad = d.bad || v > math.MaxUint32
		s.Width = uint32(v)
	}
	if w&hasDelay != 0 {
		s.Delay = time.Duration(d.get(rareColumn))
	}
	if w&hasUsage != 0 {
		parts := unknownParts()
		for i := range d.usage {
			parts[i] = wire.Unzigzag(d.get(rareColumn))
		}
		s.Usage = usageOf(parts)
	}
	st.advance(s, lane)
}

func (d *stepDecoder) moments(s *Step, w control, lane *laneState) {
	s.Claimed = lane.updated
	if w&otherClaimed != 0 {
		s.Claimed += wire.Unzigzag(d.get(claimedColumn))
	}
	s.Ready = s.Claimed
	if w&otherReady != 0 {
		s.Ready = d.state.ready + wire.Unzigzag(d.get(readyColumn))
	}
	if w&hasFetch != 0 {
		s.Fetch = wire.Unzigzag(d.get(fetchColumn))
	}
	wait, execute, update := d.get(waitColumn), d.get(executeColumn), d.get(updateColumn)
	if w&isDisordered != 0 {
		wait, execute, update = uint64(wire.Unzigzag(wait)), uint64(wire.Unzigzag(execute)), uint64(wire.Unzigzag(update))
	}
	s.Started = s.Claimed + s.Fetch + int64(wait)
	s.Ended = s.Started + int64(execute)
	s.Updated = s.Ended + int64(update)
}

func (d *stepDecoder) output(s *Step, w control) {
	switch w & (outputUnknown | outputSame) {
	case outputUnknown:
		s.OutputBytes = codec.UnknownSize
	case outputSame:
		s.OutputBytes = d.state.output
	case outputUnknown | outputSame:
		s.OutputBytes = int64(d.get(outputColumn))
	}
	switch {
	case w&hasStored != 0:
		s.StoredBytes = int64(d.get(rareColumn))
	case w&storedSame != 0:
		s.StoredBytes = s.OutputBytes
	}
}

func (d *stepDecoder) readied(s *Step, w control) {
	switch {
	case w&becameNone != 0:
		s.Became = dag.NoNode
	case w&becameFirst == 0:
		s.Became = d.near(rareColumn, s.Node)
	}
	if w&(readiedOne|readiedMany) == 0 {
		return
	}
	from := d.state.readied
	if w&readiedNearNode != 0 {
		from = s.Node
	}
	first := d.near(readiedColumn, from)
	if w&becameFirst != 0 {
		s.Became = first
	}
	n := uint64(1)
	if w&readiedMany != 0 {
		n = d.get(runColumn)
	}
	if n == 0 || n > uint64(len(d.nodes)) {
		d.bad = true
		return
	}
	s.Readied, d.nodes = d.nodes[:n:n], d.nodes[n:]
	s.Readied[0] = first
	if w&readiedMany != 0 {
		d.runs(s.Readied)
	}
}

// runs fills in a list whose first node is set.
func (d *stepDecoder) runs(list []dag.NodeID) {
	for i := 0; i < len(list) && !d.bad; {
		if i > 0 {
			list[i] = d.near(runColumn, list[i-1])
		}
		more := d.get(runColumn)
		if more > uint64(len(list)-i-1) {
			d.bad = true
			return
		}
		i++
		if more == 0 {
			continue
		}
		distance := d.near(runColumn, 0)
		for ; more > 0; more-- {
			list[i] = list[i-1] + distance
			i++
		}
	}
}
