package redis

import (
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// draft encodes a commit as scripts/commit.lua reads it. Adjacent nodes and edges are encoded as runs, which the script
// handles as a whole. The cost of a commit depends on the number of runs, and the 1,000 children of a fan-out are a
// single run.
type draft struct {
	packer
	maxNode int64 // the largest node that has to exist, -1 for none
	maxBit  int64 // the largest edge that has to exist, -1 for none
}

// encodeCommit packs a commit, as the first argument of the script. Of a malformed one it packs no lists.
func encodeCommit(c *ledger.Commit, isMalformed bool, now int64, outputs, details int) []byte {
	d := draft{maxNode: -1, maxBit: -1}
	d.packer = make(packer, 0, 128+16*len(c.Ends)+16*len(c.Edges))
	if isMalformed {
		c = &ledger.Commit{Session: c.Session, Number: c.Number, Lease: c.Lease}
		outputs, details = 0, 0
	}
	body := d
	body.packer = body.packer[:0]
	for _, class := range c.Classes {
		body.u16(uint16(class))
	}
	ends := body.ends(c.Ends)
	body.nodes(c.EdgesDone)
	onward := body.onward(c.Onward)
	edges := body.edges(c.Edges)
	body.nodes(c.Unhold)
	body.nodes(c.Started)

	head := make(packer, 0, 80+len(body.packer))
	head.float(now)
	head.float(int64(c.Number))
	head.float(int64(c.Lease))
	head.clamped(c.Blocks)
	head.clamped(c.Keep)
	head.clamped(c.Want)
	head.clamped(c.Steps)
	head.u8(flags(isMalformed))
	head.float(body.maxNode)
	head.float(body.maxBit)
	for _, n := range []int{
		len(c.Classes), ends, len(c.EdgesDone), onward, edges, len(c.Unhold), len(c.Started), outputs, details,
	} {
		head.u16(uint16(n))
	}
	return append(head, body.packer...)
}

func (d *draft) needsNode(id dag.NodeID) { d.maxNode = max(d.maxNode, int64(id)) }

func (d *draft) nodes(ids []dag.NodeID) {
	for _, id := range ids {
		d.needsNode(id)
		d.u32(uint32(id))
	}
}

// ends packs consecutive nodes that ended in the same way as runs, and returns the number of runs.
func (d *draft) ends(ends []ledger.End) (runs int) {
	for i := 0; i < len(ends); {
		e := &ends[i]
		n := 1
		for i+n < len(ends) && follows(e, &ends[i+n], n) {
			n++
		}
		d.needsNode(e.Node + dag.NodeID(n-1))
		d.u32(uint32(e.Node))
		d.u32(uint32(n))
		d.u16(uint16(e.Class))
		d.u8(uint8(e.Outcome))
		d.u8(flags(e.Local, e.Task, e.Sink, e.More, e.Expand != nil))
		if e.Outcome == record.OutcomeRetrying {
			d.float(int64(e.Delay))
		}
		if e.Expand != nil {
			d.expand(e.Expand)
		}
		i += n
		runs++
	}
	return runs
}

// follows reports whether b can be the n-th end of a run that begins with a.
func follows(a, b *ledger.End, n int) bool {
	return b.Node == a.Node+dag.NodeID(n) && b.Class == a.Class && b.Outcome == a.Outcome && b.Local == a.Local &&
		b.Task == a.Task && b.Sink == a.Sink && b.More == a.More && a.Expand == nil && b.Expand == nil &&
		a.Outcome != record.OutcomeRetrying
}

// expand packs an expansion, with its roots grouped by class.
func (d *draft) expand(x *ledger.Expand) {
	var classes []ledger.Class
	offsets := map[ledger.Class]packer{}
	for _, r := range x.Roots {
		of, ok := offsets[r.Class]
		if !ok {
			classes = append(classes, r.Class)
		}
		of.u32(uint32(r.Node))
		offsets[r.Class] = of
	}
	for _, v := range []uint32{x.Width, x.Size, x.EdgesPer, x.TasksPer, x.LimitEdges, x.SinksPer, uint32(len(classes))} {
		d.u32(v)
	}
	for _, class := range classes {
		d.u16(uint16(class))
		d.u32(uint32(len(offsets[class]) / 4))
		d.packer = append(d.packer, offsets[class]...)
	}
	records := make([]byte, 4*x.Size)
	for _, r := range x.Roots {
		records[4*r.Node+3] = byte(ledger.Ready)
	}
	d.packer = append(d.packer, records...)
}

// onward packs consecutive nodes of a class as ranges, and returns the number of ranges.
func (d *draft) onward(grants []ledger.Grant) (runs int) {
	for i := 0; i < len(grants); {
		g := grants[i]
		n := 1
		for i+n < len(grants) && grants[i+n] == (ledger.Grant{Node: g.Node + dag.NodeID(n), Class: g.Class}) {
			n++
		}
		d.needsNode(g.Node + dag.NodeID(n-1))
		d.u32(uint32(g.Node))
		d.u32(uint32(n))
		d.u16(uint16(g.Class))
		i += n
		runs++
	}
	return runs
}

// edges packs edges as runs if their offsets, children and ends are at constant distances, and returns the number of
// runs.
func (d *draft) edges(edges []ledger.Edge) (runs int) {
	for i := range edges {
		e := &edges[i]
		d.needsNode(e.Child)
		d.maxBit = max(d.maxBit, int64(e.Offset))
		if e.Hold > 0 {
			d.needsNode(e.Parent)
		}
	}
	for i := 0; i < len(edges); {
		e := &edges[i]
		n, offsetStep, childStep, endStep := row(edges[i:])
		d.u32(e.Offset)
		d.u32(offsetStep)
		d.u32(uint32(n))
		d.u32(uint32(e.Child))
		d.u32(childStep)
		d.u32(e.Waits)
		d.u16(uint16(e.Class))
		d.i32(e.End)
		d.u8(flags(endStep == 1, e.Bad, e.Hold > 0))
		if e.Hold > 0 {
			d.float(e.Hold)
			d.u32(uint32(e.Parent))
		}
		i += n
		runs++
	}
	return runs
}

// row returns how many of the first edges make a run, and the distances in it.
func row(edges []ledger.Edge) (n int, offsetStep, childStep uint32, endStep int) {
	if len(edges) == 1 || !alike(&edges[0], &edges[1]) {
		return 1, 0, 0, 0
	}
	a, b := &edges[0], &edges[1]
	endStep = b.End - a.End
	if b.Offset <= a.Offset || b.Child < a.Child || endStep < 0 || endStep > 1 {
		return 1, 0, 0, 0
	}
	offsetStep, childStep = b.Offset-a.Offset, uint32(b.Child-a.Child)
	for n = 2; n < len(edges) && n < maxInRun; n++ {
		p, e := &edges[n-1], &edges[n]
		if !alike(a, e) || e.Offset != p.Offset+offsetStep || e.Child != p.Child+dag.NodeID(childStep) || e.End != p.End+endStep {
			break
		}
	}
	return n, offsetStep, childStep, endStep
}

// maxInRun bounds a run to what one BITFIELD command of the script may contain.
const maxInRun = 1000

// alike reports whether two edges may be in one run.
func alike(a, b *ledger.Edge) bool {
	return a.Waits == b.Waits && a.Class == b.Class && a.Bad == b.Bad && a.Hold == 0 && b.Hold == 0
}
