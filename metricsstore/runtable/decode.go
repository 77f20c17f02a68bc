package runtable

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// ErrFrame says that bytes are not a frame.
var ErrFrame = errors.New("runtable: malformed frame")

// Frame is the content of one message: what changed between two steps, or a part of it.
type Frame struct {
	// Snapshot means that the client has to discard what it had.
	Snapshot bool
	Channel  uint64
	// The client must have everything up to the step From; with this frame it has everything up to To.
	From, To uint64
	// Now is the run's clock at sending, ns since its start. If Complete is set, it is the end of the run.
	Now int64
	// More: further frames of this batch follow immediately. Until the last one, To equals From.
	More bool
	// Complete: the run has ended, and nothing follows.
	Complete   bool
	Tasks      int // known so far
	Marks      []Mark
	Expansions []Expansion // the client may already have some of them
	Numbers    []uint32    // of Rows, ascending
	Rows       []Row
}

// The fewest bytes that a mark, an expansion, a row and a usage take: they bound how many a frame of some length can
// contain.
const (
	leastMark      = 3
	leastExpansion = 3
	leastRow       = 12
	leastUsage     = 5
)

// DecodeFrame decodes a frame; the error is ErrFrame. It keeps no reference to b.
func DecodeFrame(b []byte) (Frame, error) {
	d := decoder{rest: b}
	f := d.frame()
	if d.err == nil && len(d.rest) > 0 {
		d.fail("%d bytes after the end", len(d.rest))
	}
	if d.err != nil {
		return Frame{}, d.err
	}
	return f, nil
}

// decoder reads until something is wrong, and returns zeros from then on.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrFrame, fmt.Sprintf(format, args...))
	}
	d.rest = nil
}

func (d *decoder) frame() Frame {
	var f Frame
	if v := d.byte(); v != frameVersion {
		d.fail("version %d, expected %d", v, frameVersion)
	}
	kind := d.byte()
	if kind != kindSnapshot && kind != kindPatch {
		d.fail("kind %d, expected %d or %d", kind, kindSnapshot, kindPatch)
	}
	f.Snapshot = kind == kindSnapshot
	f.Channel, f.From, f.To, f.Now = d.number(MaxTime), d.number(MaxTime), d.number(MaxTime), d.signed()
	flags := d.byte()
	if flags > flagMore|flagComplete {
		d.fail("flags %d", flags)
	}
	f.More, f.Complete = flags&flagMore != 0, flags&flagComplete != 0
	if f.To < f.From || f.Snapshot && f.From != 0 {
		d.fail("from step %d to step %d", f.From, f.To)
	}
	f.Tasks = int(d.number(math.MaxInt32))
	f.Marks = make([]Mark, d.count("marks", leastMark))
	for i := range f.Marks {
		f.Marks[i] = Mark{record.StepKind(d.byte()), d.signed(), uint32(d.number(math.MaxUint32))}
	}
	f.Expansions = make([]Expansion, d.count("expansions", leastExpansion))
	for i := range f.Expansions {
		f.Expansions[i] = Expansion{d.node(), uint32(d.number(math.MaxUint32)), d.node()}
	}
	f.Numbers = make([]uint32, d.count("rows", leastRow))
	f.Rows = make([]Row, len(f.Numbers))
	d.rows(f.Numbers, f.Rows)
	return f
}

func (d *decoder) rows(numbers []uint32, rows []Row) {
	before := int64(-1)
	for i := range rows {
		before += int64(d.number(math.MaxInt32)) + 1
		if before > math.MaxInt32 {
			d.fail("row %d", before)
		}
		numbers[i] = uint32(before)
	}
	node := int64(0)
	for i := range rows {
		if node += d.signed(); node < 0 || node > record.MaxNodes {
			d.fail("node %d", node)
			return
		}
		rows[i].Node = dag.NodeID(node)
	}
	for _, column := range columns {
		for i := range rows {
			column.set(&rows[i], uint16(d.number(math.MaxUint16)))
		}
	}
	for i := range rows {
		rows[i].Outcome = record.Outcome(d.byte())
	}
	for i := range rows {
		rows[i].Flags = RowFlags(d.byte())
	}
	for i := range rows {
		if rows[i].Has = Moments(d.byte()); rows[i].Has >= momentsEnd {
			d.fail("moments %d", rows[i].Has)
		}
	}
	d.times(rows)
	for i := range rows {
		rows[i].Fetch = int64(d.number(2 * MaxTime))
	}
	for i := range rows {
		rows[i].OutputBytes = d.signed()
	}
	for i := range rows {
		rows[i].StoredBytes = d.signed()
	}
	d.usages(rows)
}

func (d *decoder) usages(rows []Row) {
	place := -1
	for range d.count("usages", leastUsage) {
		if place += int(d.number(math.MaxInt32)) + 1; place >= len(rows) {
			d.fail("a usage of row %d of %d", place, len(rows))
			return
		}
		u := &Usage{}
		for _, part := range u.parts() {
			*part = d.signed()
		}
		rows[place].Usage = u
	}
}

func (d *decoder) times(rows []Row) {
	before := int64(0)
	for i := range rows {
		for bit, at := range rows[i].times() {
			if rows[i].Has&(1<<bit) == 0 {
				continue
			}
			if before += d.signed(); before < -MaxTime || before > MaxTime {
				d.fail("moment %d", before)
				return
			}
			*at = before
		}
	}
}

func (d *decoder) byte() byte {
	if len(d.rest) == 0 {
		d.fail("it ends early")
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

// number reads an unsigned number of at most limit.
func (d *decoder) number(limit uint64) uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 || v > limit {
		d.fail("a number that is cut off or above %d", limit)
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

// signed reads a number that may be the difference of two moments.
func (d *decoder) signed() int64 {
	v, n := binary.Varint(d.rest)
	if n <= 0 || v < -2*MaxTime || v > 2*MaxTime {
		d.fail("a signed number that is cut off or beyond %d", int64(2*MaxTime))
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) node() dag.NodeID { return dag.NodeID(d.number(record.MaxNodes)) }

// count reads the number of items that follow, which take at least size bytes each.
func (d *decoder) count(what string, least int) int {
	n := d.number(math.MaxUint32)
	if n > uint64(len(d.rest)/least) {
		d.fail("%d %s in %d bytes", n, what, len(d.rest))
		return 0
	}
	return int(n)
}
