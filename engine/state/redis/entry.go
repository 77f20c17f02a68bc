package redis

import (
	"fmt"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/shared"
)

// ofPlain stands for the entry's first plain step, RunStarted, in place of the index of a packed step.
const ofPlain = -2

// decodeEntry decodes an entry of the log, see FORMAT.md. The entry's Packed shares memory with raw.
func decodeEntry(at shared.Position, raw []byte) (shared.Entry, error) {
	u := unpacker{rest: raw}
	hasBlock := u.u8() != 0
	e := shared.Entry{At: at, First: uint64(u.float()), Now: u.float(), Worker: uint16(u.u32()), Steps: int(u.u32())}
	readied, plains := u.u32(), u.u32()
	if hasBlock {
		b := u.block()
		e.Block = &b
	}
	var roots []dag.NodeID
	for range u.many(readied, 17) {
		step, endStep := int(int32(u.u32())), int(u.u8())
		node, nodeStep, count := u.u32(), u.u32(), u.u32()
		for range u.many(count, 0) {
			if step == ofPlain {
				roots = append(roots, dag.NodeID(node))
			} else {
				e.Readied = append(e.Readied, shared.ReadiedBy{Step: step, Node: dag.NodeID(node)})
				step += endStep
			}
			node += nodeStep
		}
	}
	for range u.many(plains, 22) {
		e.Plain = append(e.Plain, u.plain())
	}
	if u.short {
		return e, fmt.Errorf("%w entry %s of the log, of %d bytes", errMalformed, at, len(raw))
	}
	if len(roots) > 0 && len(e.Plain) > 0 {
		e.Plain[0].Readied = roots
	}
	if e.Steps > 0 {
		e.Packed = u.rest
	}
	return e, nil
}

// plain reads a step that the ledger added itself.
func (u *unpacker) plain() record.Step {
	s := record.Step{Kind: record.StepKind(u.u8()), Outcome: record.Outcome(u.u8()), Became: dag.NoNode}
	node := dag.NodeID(u.u32())
	s.Epoch, s.Attempt, s.Worker = u.u16(), u.u16(), uint16(u.u32())
	moment := u.float()
	switch s.Kind {
	case record.AttemptEnded:
		s.Node, s.Announced = node, true
		s.Ended, s.Updated = moment, moment
	case record.RunFinished, record.WorkerStopped:
		s.Ended = moment
	}
	return s
}

// appendRows packs the nodes that a step made ready in the form of an entry of the log, and returns the number of rows.
func appendRows(to *packer, step int, nodes []dag.NodeID) (runs int) {
	for i := 0; i < len(nodes); runs++ {
		n, nodeStep := 1, uint32(0)
		if i+1 < len(nodes) && nodes[i+1] > nodes[i] {
			nodeStep = uint32(nodes[i+1] - nodes[i])
			for i+n < len(nodes) && nodes[i+n] == nodes[i+n-1]+dag.NodeID(nodeStep) {
				n++
			}
		}
		to.i32(step)
		to.u8(0)
		to.u32(uint32(nodes[i]))
		to.u32(nodeStep)
		to.u32(uint32(n))
		i += n
	}
	return runs
}
