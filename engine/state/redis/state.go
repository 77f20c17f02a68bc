package redis

import (
	"fmt"
	"math"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// stateVersion is the first byte of a run's state.
const stateVersion = 1

// counters are the state of a run in the string :state: everything except lists and the fields of nodes. FORMAT.md
// describes the fields.
type counters struct {
	status, stopping                                uint8
	policy, flags                                   uint8
	revision                                        uint16
	workers, nodes, bits, blocks, tasks, edges      uint32
	maxTasks, maxEdges, open, claims, waiting, solo uint32
	done, failed, skipped, retries, retrying        uint32
	seq, base, now, due                             int64
}

// Flags of counters.
const (
	isUnlogged uint8 = 1 << iota
	isBounded
)

func (c *counters) words() []*uint32 {
	return []*uint32{
		&c.workers, &c.nodes, &c.bits, &c.blocks, &c.tasks, &c.edges, &c.maxTasks, &c.maxEdges, &c.open, &c.claims,
		&c.waiting, &c.solo, &c.done, &c.failed, &c.skipped, &c.retries, &c.retrying,
	}
}

func (c *counters) encode() []byte {
	var p packer
	for _, b := range []uint8{stateVersion, c.status, c.stopping, c.policy, c.flags} {
		p.u8(b)
	}
	p.u16(c.revision)
	for _, w := range c.words() {
		p.u32(*w)
	}
	for _, v := range []int64{c.seq, c.base, c.now, c.due} {
		p.float(v)
	}
	// Without sessions, no lease expires.
	return append(p, floatBytes(math.Inf(1))...)
}

func floatBytes(f float64) []byte {
	bits := math.Float64bits(f)
	b := make([]byte, 8)
	for i := range b {
		b[i] = byte(bits >> (8 * i))
	}
	return b
}

func decodeCounters(raw []byte) (c counters, err error) {
	u := unpacker{rest: raw}
	if v := u.u8(); v != stateVersion {
		return c, fmt.Errorf("%w state of a run: it has version %d, expected %d", errMalformed, v, stateVersion)
	}
	c.status, c.stopping, c.policy, c.flags = u.u8(), u.u8(), u.u8(), u.u8()
	c.revision = u.u16()
	for _, w := range c.words() {
		*w = u.u32()
	}
	c.seq, c.base, c.now, c.due = u.float(), u.float(), u.float(), u.float()
	u.bytes(8) // only the scripts use the lease
	if u.short {
		return c, fmt.Errorf("%w state of a run: it has %d bytes, expected more", errMalformed, len(raw))
	}
	return c, nil
}

// newCounters returns the counters of a ledger that is to be installed.
func newCounters(s *ledger.State, unlogged bool) counters {
	c := counters{
		status: numberOf(s.Status), stopping: numberOf(s.Stopping), revision: uint16(s.Revision), workers: uint32(s.Workers),
		nodes: uint32(len(s.Nodes)), bits: s.Edges, blocks: uint32(len(s.Blocks)), tasks: count(s.Counts.Tasks),
		edges: count(s.Counts.Edges), maxTasks: count(s.Limits.Tasks), maxEdges: count(s.Limits.Edges), open: count(s.Counts.Open),
		claims: count(s.Counts.Claims), waiting: count(s.Counts.Waiting), done: count(s.Counts.Done), failed: count(s.Counts.Failed),
		skipped: count(s.Counts.Skipped), retries: count(s.Counts.Retries), retrying: count(len(s.Retries)), seq: int64(s.Seq),
	}
	if s.Policy == record.Continue {
		c.policy = 1
	}
	if unlogged {
		c.flags |= isUnlogged
	}
	if len(s.MaxConcurrent) > 0 {
		c.flags |= isBounded
	}
	for _, q := range s.Queues {
		c.solo += uint32(len(q.Solo))
	}
	if len(s.Retries) > 0 {
		c.due = s.Nodes[s.Retries[0]].Due
	}
	return c
}

func count(n int) uint32 { return uint32(min(max(n, 0), math.MaxUint32)) }

// fill sets the fields of a ledger for which there are counters.
func (c *counters) fill(s *ledger.State) {
	s.Policy = record.FailFast
	if c.policy == 1 {
		s.Policy = record.Continue
	}
	s.Limits = dag.Limits{Tasks: int(c.maxTasks), Edges: int(c.maxEdges)}
	s.Revision, s.Status, s.Stopping = int(c.revision), status(c.status), status(c.stopping)
	s.Seq, s.Workers, s.Edges = uint64(c.seq), uint16(c.workers), c.bits
	s.Counts = ledger.Counts{
		Tasks: int(c.tasks), Edges: int(c.edges), Open: int(int32(c.open)), Claims: int(c.claims), Waiting: int(c.waiting),
		Done: int(c.done), Failed: int(c.failed), Skipped: int(c.skipped), Retries: int(c.retries),
	}
}
