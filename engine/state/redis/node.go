package redis

import (
	"encoding/binary"
	"fmt"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// Flags of a node's record.
const (
	isOdd uint8 = 1 << iota
	isBad
	isStarted
	hasPendingEdges
	isBoundNode
)

// oddity is what the hash :odd has about a node in addition to its record.
type oddity struct {
	node     ledger.Node
	reserver uint32 // number of the session for which the node is reserved, plus one; 0 for none
}

func (o *oddity) encode() []byte {
	n := &o.node
	var p packer
	for _, v := range []uint16{n.Epoch, n.Attempts, n.Errors, n.Losses} {
		p.u16(v)
	}
	p.u8(n.Solo)
	p.u8(flags(n.Poison))
	p.u16(uint16(n.Class))
	p.float(n.Since)
	p.float(n.Due)
	p.u32(n.Awaits)
	p.u32(o.reserver)
	p.float(n.Reserved.Size)
	p.u32(uint32(n.Reserved.Parent))
	p.u32(uint32(len(n.Reserved.Held)))
	p.u32(uint32(len(n.Awaited)))
	for _, h := range n.Reserved.Held {
		p.u32(h.Offset)
		p.u32(uint32(h.Parent))
	}
	for _, id := range n.Awaited {
		p.u32(uint32(id))
	}
	return p
}

func decodeOddity(raw []byte) (o oddity, err error) {
	u := unpacker{rest: raw}
	n := &o.node
	n.Epoch, n.Attempts, n.Errors, n.Losses = u.u16(), u.u16(), u.u16(), u.u16()
	n.Solo, n.Poison, n.Class = u.u8(), u.u8() != 0, ledger.Class(u.u16())
	n.Since, n.Due, n.Awaits = u.float(), u.float(), u.u32()
	o.reserver = u.u32()
	n.Reserved.Size, n.Reserved.Parent = u.float(), dag.NodeID(u.u32())
	held, awaited := u.u32(), u.u32()
	for range u.many(held, 8) {
		n.Reserved.Held = append(n.Reserved.Held, ledger.HeldEdge{Offset: u.u32(), Parent: dag.NodeID(u.u32())})
	}
	for range u.many(awaited, 4) {
		n.Awaited = append(n.Awaited, dag.NodeID(u.u32()))
	}
	if u.short {
		return o, fmt.Errorf("%w node of %d bytes", errMalformed, len(raw))
	}
	return o, nil
}

// installed is a ledger without sessions, in the form in which its keys hold it.
type installed struct {
	nodes, bits, arrived, blocks []byte
	odd                          map[string]any         // fields of :odd
	queues                       map[ledger.Class][]any // entries of :ready
}

// encodeLedger packs the ledger with which a run, or its next revision, begins.
func encodeLedger(s *ledger.State) installed {
	in := installed{
		nodes: make([]byte, 4*len(s.Nodes)), arrived: make([]byte, 4*len(s.Nodes)), bits: make([]byte, (s.Edges+7)/8),
		odd: map[string]any{}, queues: map[ledger.Class][]any{},
	}
	for i := range s.Nodes {
		n := &s.Nodes[i]
		f := flags(false, n.Bad && !n.Status.Terminal())
		if n.Epoch > 0 || !n.Status.Terminal() && (n.Attempts|n.Errors|n.Losses) > 0 {
			o := oddity{node: *n}
			o.node.Reserved, o.node.Awaited = ledger.Reservation{}, nil
			in.odd[fmt.Sprint(i)] = o.encode()
			f |= isOdd
		}
		in.nodes[4*i+2], in.nodes[4*i+3] = f, byte(n.Status)
		binary.BigEndian.PutUint32(in.arrived[4*i:], n.Arrived)
	}
	for i := range s.Edges {
		if s.Bits.Has(i) {
			in.bits[i/8] |= 0x80 >> (i % 8)
		}
	}
	for _, b := range s.Blocks {
		for _, v := range []uint32{uint32(b.Expansion), b.Width, uint32(b.First), b.FirstEdge} {
			(*packer)(&in.blocks).u32(v)
		}
	}
	for _, q := range s.Queues {
		if len(q.Ready) > 0 {
			in.queues[q.Class] = encodeQueue(s, q.Ready, in.nodes)
		}
	}
	return in
}

// encodeQueue packs a queue. Consecutive plain nodes that became ready at the same moment share an entry.
func encodeQueue(s *ledger.State, ready []dag.NodeID, records []byte) (entries []any) {
	kind := func(id dag.NodeID) uint8 {
		switch f := records[4*id+2]; {
		case f&isOdd != 0:
			return otherKind
		case f&isBad != 0:
			return skipKind
		default:
			return plainKind
		}
	}
	for i := 0; i < len(ready); {
		first, since, k := ready[i], s.Nodes[ready[i]].Since, kind(ready[i])
		n := 1
		for i+n < len(ready) && k != otherKind && ready[i+n] == first+dag.NodeID(n) && kind(ready[i+n]) == k &&
			s.Nodes[ready[i+n]].Since == since {
			n++
		}
		var p packer
		for _, v := range []uint32{uint32(first), 1, 0, uint32(n)} {
			p.u32(v)
		}
		p.float(since)
		p.u8(k)
		entries = append(entries, []byte(p))
		i += n
	}
	return entries
}
