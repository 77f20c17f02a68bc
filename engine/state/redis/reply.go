package redis

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// statuses are the statuses of runs, indexed by the numbers that scripts use.
var statuses = [...]record.Status{"", record.Running, record.Paused, record.Succeeded, record.Failed, record.Cancelled, record.Interrupted}

func status(n uint8) record.Status {
	if int(n) < len(statuses) {
		return statuses[n]
	}
	return ""
}

func numberOf(s record.Status) uint8 { return uint8(max(0, slices.Index(statuses[:], s))) }

// What a reply says in addition to its verdict.
const (
	moreToDo    uint8 = 1 // of Applied: another call is needed to complete Leave or Reap
	misnumbered uint8 = 1 // of Malformed: the number is not that of the next commit, which may have been overtaken
)

// decodeReply decodes the reply to an operation. why is moreToDo or misnumbered, 0 for neither.
func decodeReply(raw []byte) (r ledger.Reply, why uint8, err error) {
	u := unpacker{rest: raw}
	r.Verdict = ledger.Verdict(u.u8())
	if why = u.u8(); r.Verdict == ledger.Malformed && why == misnumbered {
		r.Why = "the number is not that of the next commit"
	}
	r.Status, r.Stopping = status(u.u8()), status(u.u8())
	r.Now = u.float()
	r.Worker = uint16(u.u32())
	r.Waiting = int(u.u32())
	r.Suspects = int(u.u32())
	r.NextDue = u.float()
	claims, blocks, store, readied, lost := u.u32(), u.u32(), u.u32(), u.u32(), u.u32()
	for range u.many(claims, 1) {
		r.Claims = u.claims(r.Claims)
	}
	for range u.many(blocks, 16) {
		r.Blocks = append(r.Blocks, u.block())
	}
	for range u.many(store, 4) {
		r.Store = append(r.Store, dag.NodeID(u.u32()))
	}
	for range u.many(readied, 6) {
		r.Readied = append(r.Readied, ledger.Readied{Class: ledger.Class(u.u16()), Nodes: int(u.u32())})
	}
	slices.SortFunc(r.Readied, func(a, b ledger.Readied) int { return cmp.Compare(a.Class, b.Class) })
	for range u.many(lost, 9) {
		r.Lost = append(r.Lost, u.lost())
	}
	if u.short || len(u.rest) > 0 {
		return r, 0, fmt.Errorf("%w reply of %d bytes", errMalformed, len(raw))
	}
	return r, why, nil
}

// Kinds of entries in a queue or a reply: nodes to run, nodes to skip, a node with a record in :odd, and one that has
// ended but still has edges to set.
const (
	plainKind uint8 = iota
	skipKind
	otherKind
	edgesKind
)

// claims reads a range of plain claims, or one claim in full.
func (u *unpacker) claims(to []ledger.Claim) []ledger.Claim {
	kind := u.u8()
	if kind >= otherKind {
		return append(to, u.claim())
	}
	node, step, count := u.u32(), u.u32(), u.u32()
	c := ledger.Claim{Class: ledger.Class(u.u16()), Attempt: 1, Since: u.float(), Skip: kind == skipKind}
	for range u.many(count, 0) {
		c.Node = dag.NodeID(node)
		to = append(to, c)
		node += step
	}
	return to
}

func (u *unpacker) claim() ledger.Claim {
	c := ledger.Claim{Node: dag.NodeID(u.u32()), Class: ledger.Class(u.u16()), Epoch: u.u16(), Attempt: u.u16(), Errors: u.u16(), Losses: u.u16()}
	c.Since = u.float()
	f := u.u8()
	c.Skip, c.Poison, c.Solo, c.EdgesOnly, c.EdgesBad = f&1 != 0, f&2 != 0, f&4 != 0, f&8 != 0, f&16 != 0
	return c
}

func (u *unpacker) block() ledger.Block {
	return ledger.Block{
		Expansion: dag.NodeID(u.u32()), Width: u.u32(), First: dag.NodeID(u.u32()), FirstEdge: u.u32(),
	}
}

func (u *unpacker) lost() ledger.Lost {
	l := ledger.Lost{Worker: uint16(u.u32())}
	losses, f, name := u.u16(), u.u8(), u.u16()
	l.Session = ledger.SessionID(u.bytes(int(name)))
	if u.u8() == otherKind {
		l.Claim = u.claim()
	}
	l.Claim.Losses = losses
	l.Started, l.Charged = f&1 != 0, f&2 != 0
	return l
}
