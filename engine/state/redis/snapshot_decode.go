package redis

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// decode rebuilds the ledger.
func (p *ledgerCopy) decode() (*ledger.State, error) {
	c, err := decodeCounters(p.state)
	if err != nil {
		return nil, err
	}
	s := &ledger.State{}
	c.fill(s)
	for class, n := range p.bounds {
		if s.MaxConcurrent == nil {
			s.MaxConcurrent = map[ledger.Class]int{}
		}
		number, _ := strconv.Atoi(class)
		s.MaxConcurrent[ledger.Class(number)], _ = strconv.Atoi(n)
	}
	d := copyDecoder{ledgerCopy: p, s: s, owners: map[uint32]ledger.SessionID{}, claimed: map[ledger.Class]int{}}
	if len(p.nodes) < 4*int(c.nodes) { // Clean removed the nodes after success
		return s, nil
	}
	for _, step := range []func() error{
		d.sessions, d.blocks, d.bits, func() error { return d.nodes(int(c.nodes)) }, d.claims, d.queues, d.retries,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// copyDecoder rebuilds a ledger step by step; each step may use what the previous ones set.
type copyDecoder struct {
	*ledgerCopy
	s       *ledger.State
	owners  map[uint32]ledger.SessionID // by the session's number plus one
	holds   []uint32                    // for each node, the number of the session that claimed it, plus one; 0 for none
	claimed map[ledger.Class]int
}

func (d *copyDecoder) sessions() error {
	all, err := decodeSessions(d.ledgerCopy.sessions)
	if err != nil {
		return err
	}
	for _, w := range all {
		d.owners[w.worker+1] = ledger.SessionID(w.name)
		ses := ledger.Session{
			ID: ledger.SessionID(w.name), Worker: uint16(w.worker), Last: uint64(w.last), Until: w.till, Claims: int(w.claims),
			Solo: int(w.solo), Over: w.over && w.resigned, Suspect: w.suspect,
		}
		for _, raw := range d.mine[w.worker] {
			u := unpacker{rest: []byte(raw)}
			ses.Ready = append(ses.Ready, dag.NodeID(u.u32()))
		}
		for _, raw := range d.owed[w.worker] {
			u := unpacker{rest: []byte(raw)}
			ses.Owed = append(ses.Owed, ledger.Edge{
				Offset: u.u32(), Child: dag.NodeID(u.u32()), Waits: u.u32(), Class: ledger.Class(u.u16()), End: -1, Parent: dag.NodeID(u.u32()),
			})
		}
		d.s.Sessions = append(d.s.Sessions, ses)
	}
	return nil
}

func (d *copyDecoder) blocks() error {
	for u := (unpacker{rest: d.ledgerCopy.blocks}); len(u.rest) > 0; {
		d.s.Blocks = append(d.s.Blocks, u.block())
	}
	return nil
}

func (d *copyDecoder) bits() error {
	d.s.Bits = make(ledger.Bits, (int(d.s.Edges)+63)/64)
	for i, b := range d.ledgerCopy.bits {
		for j := range 8 {
			if at := 8*i + j; b&(0x80>>j) != 0 && at < int(d.s.Edges) {
				d.s.Bits[at/64] |= 1 << (at % 64)
			}
		}
	}
	return nil
}

func (d *copyDecoder) nodes(count int) error {
	d.s.Nodes, d.holds = make([]ledger.Node, count), make([]uint32, count)
	records, arrived := d.ledgerCopy.nodes, d.arrived
	for i := range d.s.Nodes {
		n := &d.s.Nodes[i]
		owner, f, st := uint32(binary.BigEndian.Uint16(records[4*i:])), records[4*i+2], records[4*i+3]
		if f&isOdd != 0 {
			o, err := decodeOddity([]byte(d.odd[strconv.Itoa(i)]))
			if err != nil {
				return err
			}
			*n = o.node
			n.Reserved.Session = d.owners[o.reserver]
		}
		n.Status = ledger.NodeStatus(st)
		n.Bad, n.Started = f&isBad != 0, f&isStarted != 0
		if f&hasPendingEdges != 0 {
			n.PendingEdges = ledger.EdgesQueued
			if owner > 0 {
				n.PendingEdges = ledger.EdgesClaimed
			}
			n.Class = ledger.EngineClass
		}
		n.Session, d.holds[i] = d.owners[owner], owner
		if 4*i+4 <= len(arrived) {
			n.Arrived = binary.BigEndian.Uint32(arrived[4*i:])
		}
	}
	return nil
}

// claims finds the classes and moments of claimed nodes in the journals, where the last mention of a node counts.
func (d *copyDecoder) claims() error {
	for worker, journal := range d.ledgerCopy.claims {
		for _, raw := range journal {
			u := unpacker{rest: []byte(raw)}
			node, step, count := u.u32(), u.u32(), u.u32()
			class, since := ledger.Class(u.u16()), u.float()
			for range u.many(count, 0) {
				if int(node) < len(d.s.Nodes) && d.holds[node] == worker+1 && d.s.Nodes[node].Status == ledger.Claimed {
					d.s.Nodes[node].Class, d.s.Nodes[node].Since = class, since
				}
				node += step
			}
		}
	}
	for i := range d.s.Nodes {
		if n := &d.s.Nodes[i]; n.Status == ledger.Claimed {
			d.claimed[n.Class]++
		}
	}
	return nil
}

// queues expands the entries of all queues.
func (d *copyDecoder) queues() error {
	for class, list := range d.ready {
		q := ledger.Queue{Class: class, Claimed: d.claimed[class]}
		delete(d.claimed, class)
		for _, raw := range list {
			q.Ready = append(q.Ready, d.entry(class, []byte(raw))...)
		}
		for _, raw := range d.solo[class] {
			q.Solo = append(q.Solo, d.entry(class, []byte(raw))...)
		}
		d.s.Queues = append(d.s.Queues, q)
	}
	for class, n := range d.claimed {
		d.s.Queues = append(d.s.Queues, ledger.Queue{Class: class, Claimed: n})
	}
	slices.SortFunc(d.s.Queues, func(a, b ledger.Queue) int { return cmp.Compare(a.Class, b.Class) })
	return nil
}

// entry lists the nodes of one entry of a queue.
func (d *copyDecoder) entry(class ledger.Class, raw []byte) (nodes []dag.NodeID) {
	u := unpacker{rest: raw}
	base, step, next, total := u.u32(), u.u32(), u.u32(), u.u32()
	since, kind := u.float(), u.u8()
	offsets := []uint32{0}
	if len(u.rest) > 0 {
		offsets = offsets[:0]
		for len(u.rest) > 0 {
			offsets = append(offsets, u.u32())
		}
	}
	width := uint32(len(offsets))
	for i := next; i < total; i++ {
		id := dag.NodeID(base + i/width*step + offsets[i%width])
		nodes = append(nodes, id)
		if n := &d.s.Nodes[id]; kind <= skipKind {
			n.Class, n.Since = class, since
		}
	}
	return nodes
}

func (d *copyDecoder) retries() error {
	for _, name := range d.due {
		id, err := strconv.ParseUint(name, 10, 32)
		if err != nil {
			return fmt.Errorf("%w node %q", errMalformed, name)
		}
		d.s.Retries = append(d.s.Retries, dag.NodeID(id))
	}
	return nil
}
