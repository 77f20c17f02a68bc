package runtable

import (
	"encoding/binary"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
)

// Cursor is the position of a client in a table. The zero value belongs to a client that has nothing. Cursors can be
// compared with ==.
type Cursor struct {
	seq uint64 // the client has everything up to this step
	// Within a batch of frames:
	started   bool
	to        uint64 // the step that the batch leads to
	expansion int    // the next expansion to send
	row       int    // the next row to send
}

// At returns the cursor of a client that has everything up to a step.
func At(seq uint64) Cursor { return Cursor{seq: seq} }

// Seq is the step up to which the client has everything.
func (c Cursor) Seq() uint64 { return c.seq }

// More reports whether further frames of a batch follow.
func (c Cursor) More() bool { return c.started }

// FrameHeader is the part of a frame about its client and the moment of sending.
type FrameHeader struct {
	Channel uint64
	// Now is the run's clock, ns since its start. If Complete is set, it is the end of the run.
	Now int64
	// Complete says that nothing follows after the batch of the frame.
	Complete bool
}

const (
	frameVersion = 2

	kindSnapshot = 1
	kindPatch    = 2

	flagMore     = 1
	flagComplete = 2
)

// DefaultFrameRows keeps frames below 256 KiB in any case: a row takes at most 139 bytes.
const DefaultFrameRows = 1792

// usualRow is the usual size of a row in bytes, rounded up.
const usualRow = 32

// AppendHeader appends the part of a frame that differs between clients; the body from AppendBody has to follow.
func AppendHeader(dst []byte, h FrameHeader, c, next Cursor) []byte {
	kind, flags := byte(kindPatch), byte(0)
	if c == (Cursor{}) {
		kind = kindSnapshot
	}
	switch {
	case next.More():
		flags = flagMore
	case h.Complete:
		flags = flagComplete
	}
	dst = append(dst, frameVersion, kind)
	dst = binary.AppendUvarint(dst, h.Channel)
	dst = binary.AppendUvarint(dst, c.seq)
	dst = binary.AppendUvarint(dst, next.seq)
	dst = binary.AppendVarint(dst, clampTime(h.Now))
	return append(dst, flags)
}

// AppendBody appends the part of a frame that all clients at the same cursor share. It is valid for any of them, even
// after the table has changed, but the next frame must start at the returned cursor.
func (t *Table) AppendBody(dst []byte, c Cursor, maxRows int) ([]byte, Cursor) {
	next := c
	if !c.started {
		next = Cursor{seq: c.seq, started: true, to: t.seq, expansion: firstAfter(t.seqOfExpansion, c.seq)}
	}
	maxRows = max(maxRows, 1)
	expansions := t.expansions[next.expansion:]
	expansions = expansions[:min(len(expansions), maxRows)]
	next.expansion += len(expansions)
	rows := t.changes.after(t.picked[:0], c.seq, next.row, maxRows+1)
	t.picked = rows
	if room := maxRows - len(expansions); len(rows) > room {
		next.row = int(rows[room])
		rows = rows[:room]
	} else if next.expansion == len(t.expansions) {
		next = Cursor{seq: next.to}
	}
	var marks []Mark
	if !next.More() {
		marks = t.marks[firstAfter(t.seqOfMark, c.seq):firstAfter(t.seqOfMark, next.seq)]
	}
	dst = slices.Grow(dst, usualRow*len(rows)+16*len(expansions)+64)
	dst = binary.AppendUvarint(dst, uint64(t.tasks))
	dst = appendMarks(dst, marks)
	dst = appendExpansions(dst, expansions)
	return appendRows(dst, t.rows, rows), next
}

// firstAfter returns the index of the first step of an ascending list that is after another.
func firstAfter(seqs []uint64, seq uint64) int {
	low, high := 0, len(seqs)
	for low < high {
		if mid := (low + high) / 2; seqs[mid] <= seq {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

func appendMarks(dst []byte, marks []Mark) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(marks)))
	for _, m := range marks {
		dst = append(dst, byte(m.Kind))
		dst = binary.AppendVarint(dst, m.At)
		dst = binary.AppendUvarint(dst, uint64(m.Value))
	}
	return dst
}

func appendExpansions(dst []byte, expansions []Expansion) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(expansions)))
	for _, e := range expansions {
		dst = binary.AppendUvarint(dst, uint64(e.Node))
		dst = binary.AppendUvarint(dst, uint64(e.Width))
		dst = binary.AppendUvarint(dst, uint64(e.First))
	}
	return dst
}

// appendRows appends the rows with the given numbers, column by column.
func appendRows(dst []byte, rows []Row, numbers []uint32) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(numbers)))
	before := int64(-1)
	for _, i := range numbers {
		dst = binary.AppendUvarint(dst, uint64(int64(i)-before-1))
		before = int64(i)
	}
	node := dag.NodeID(0)
	for _, i := range numbers {
		dst = binary.AppendVarint(dst, int64(rows[i].Node)-int64(node))
		node = rows[i].Node
	}
	for _, column := range columns {
		for _, i := range numbers {
			dst = binary.AppendUvarint(dst, column.get(&rows[i]))
		}
	}
	for _, i := range numbers {
		dst = append(dst, byte(rows[i].Outcome))
	}
	for _, i := range numbers {
		dst = append(dst, byte(rows[i].Flags))
	}
	for _, i := range numbers {
		dst = append(dst, byte(rows[i].Has))
	}
	dst = appendTimes(dst, rows, numbers)
	for _, i := range numbers {
		dst = binary.AppendUvarint(dst, uint64(rows[i].Fetch))
	}
	for _, i := range numbers {
		dst = binary.AppendVarint(dst, rows[i].OutputBytes)
	}
	for _, i := range numbers {
		dst = binary.AppendVarint(dst, rows[i].StoredBytes)
	}
	return appendUsages(dst, rows, numbers)
}

// appendUsages appends what attempts used. Few runs have any usage, so the rows that have one are named.
func appendUsages(dst []byte, rows []Row, numbers []uint32) []byte {
	measured := 0
	for _, i := range numbers {
		if rows[i].Usage != nil {
			measured++
		}
	}
	dst = binary.AppendUvarint(dst, uint64(measured))
	before := -1
	for place, i := range numbers {
		if rows[i].Usage == nil {
			continue
		}
		dst = binary.AppendUvarint(dst, uint64(place-before-1))
		before = place
		for _, part := range rows[i].Usage.parts() {
			dst = binary.AppendVarint(dst, *part)
		}
	}
	return dst
}

// columns are the small numbers of a row, in the order in which they are sent.
var columns = [...]struct {
	get func(*Row) uint64
	set func(*Row, uint16)
}{
	{func(r *Row) uint64 { return uint64(r.Epoch) }, func(r *Row, v uint16) { r.Epoch = v }},
	{func(r *Row) uint64 { return uint64(r.Attempt) }, func(r *Row, v uint16) { r.Attempt = v }},
	{func(r *Row) uint64 { return uint64(r.Worker + 1) }, func(r *Row, v uint16) { r.Worker = v - 1 }},
	{func(r *Row) uint64 { return uint64(r.Slot) }, func(r *Row, v uint16) { r.Slot = v }},
}

// times returns the moments of a row in their order.
func (r *Row) times() [5]*int64 {
	return [5]*int64{&r.Ready, &r.Claimed, &r.Started, &r.Ended, &r.Updated}
}

func appendTimes(dst []byte, rows []Row, numbers []uint32) []byte {
	before := int64(0)
	for _, i := range numbers {
		r := &rows[i]
		for bit, at := range r.times() {
			if r.Has&(1<<bit) != 0 {
				dst = binary.AppendVarint(dst, *at-before)
				before = *at
			}
		}
	}
	return dst
}
