package member

import (
	"errors"
	"fmt"
	"iter"
	"sort"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// phase is the state of a node in this session.
type phase uint8

const (
	away    phase = iota // not in this session
	queued               // in the local queue
	running              // a lane has it
	ended                // its end is not reported yet
	done                 // this session has reported its end
)

// node is what one process knows about a node: 48 bytes.
type nodeState struct {
	out   *Value // the value, if it is in memory
	ready int64  // when it could first be claimed
	since int64  // identifies the claim on the node in the ledger
	// arrived counts the parents that this session has ended, reported those whose ends are in commits.
	arrived   uint32
	reported  uint32
	mark      uint32 // the draft by which it ends or the session becomes it
	epoch     uint16
	attempt   uint16 // the next one
	errors    uint16 // attempts that failed by themselves
	phase     phase
	claimed   bool // the ledger has it as a claim of this session
	bad       bool // a parent has failed or was skipped
	announced bool // the log has an AttemptStarted step of this attempt
}

// forget records that the session does not have the node any more.
func (n *nodeState) forget() { n.phase, n.claimed, n.announced = away, false, false }

// owned reports whether this session has the node in its queue, in a lane or in its outbox.
func (n *nodeState) owned() bool { return n.phase == queued || n.phase == running || n.phase == ended }

// block is the state of one block of nodes.
type block struct {
	*dag.Block
	bits      *scopeBits
	firstEdge uint32
	nodes     []nodeState
	up        Node // the expansion that made it
}

// at refers to a node: local is its number within the scope, base that of its instance within the block.
type Node struct {
	b     *block
	base  uint32
	local uint32
}

func (p Node) state() *nodeState         { return &p.b.nodes[p.base+p.local] }
func (p Node) ID() dag.NodeID            { return p.b.First + dag.NodeID(p.base+p.local) }
func (p Node) scope() *dag.Scope         { return p.b.bits.scope }
func (p Node) kind() dag.NodeKind        { return p.scope().Kind(p.local) }
func (p Node) class() ledger.Class       { return p.b.bits.class(p.local) }
func (p Node) sibling(local uint32) Node { return Node{p.b, p.base, local} }
func (p Node) is(f dag.NodeFlags) bool   { return p.scope().Flags(p.local)&f != 0 }
func (p Node) IsTask() bool              { return p.local < p.scope().Tasks() }
func (p Node) instance() uint32          { return p.base / p.b.Size }
func (p Node) place() dag.Place {
	return dag.Place{Block: p.b.Block, Instance: p.instance(), Local: p.local}
}

// degree is how many edges leave the node.
func (p Node) degree() int { return len(p.scope().Children(p.local)) + len(p.scope().Outs(p.local)) }

// child is the end of edge i of those that leave the node, its children first.
func (p Node) child(i int) Node {
	children := p.scope().Children(p.local)
	if i < len(children) {
		return p.sibling(children[i])
	}
	return p.b.up.sibling(p.scope().Outs(p.local)[i-len(children)])
}

// offset is the bit of edge i of those that leave the node.
func (p Node) offset(i int) uint32 {
	first := p.b.firstEdge + p.instance()*p.b.bits.bits
	children := p.scope().Children(p.local)
	if i < len(children) {
		return first + p.b.bits.parentBit(p.local, children[i])
	}
	return first + p.b.bits.outs[p.local] + uint32(i-len(children))
}

// nodeTable holds the nodes of a run that this process knows: those of the graph and those of expanded fan-outs.
type Nodes struct {
	layout    *Layout
	numbering *dag.Numbering
	static    *block
	dynamic   []*block // ascending by First
}

func newNodes(l *Layout) *Nodes {
	t := &Nodes{layout: l, numbering: dag.NewNumbering(l.Graph)}
	b := t.numbering.Block(0)
	t.static = &block{Block: b, bits: &l.scopes[0], nodes: make([]nodeState, b.Len())}
	return t
}

// grow adds the instances that an expansion has made. They are numbered after all others, as in the ledger.
func (t *Nodes) grow(b ledger.Block) error {
	up := t.Find(b.Expansion)
	eb, err := t.numbering.Expand(b.Expansion, int(b.Width), dag.Limits{Tasks: 1 << 31, Edges: 1 << 40}) // the ledger has checked the run's own
	if err != nil {
		return err
	}
	t.dynamic = append(t.dynamic, &block{
		Block: eb, bits: &t.layout.scopes[eb.Scope], firstEdge: b.FirstEdge, nodes: make([]nodeState, eb.Len()), up: up,
	})
	return nil
}

// find locates a node that exists.
func (t *Nodes) Find(id dag.NodeID) Node {
	if int(id) < len(t.static.nodes) {
		return Node{t.static, 0, uint32(id)}
	}
	b := t.dynamic[sort.Search(len(t.dynamic), func(i int) bool { return t.dynamic[i].First > id })-1]
	i := uint32(id - b.First)
	local := i % b.Size
	return Node{b, i - local, local}
}

// blocks are the block of the graph and those of expanded fan-outs.
func (t *Nodes) blocks() iter.Seq[*block] {
	return func(yield func(*block) bool) {
		if !yield(t.static) {
			return
		}
		for _, b := range t.dynamic {
			if !yield(b) {
				return
			}
		}
	}
}

// clear resets all nodes at the end of a session, except for values that the store has.
func (t *Nodes) clear() {
	for b := range t.blocks() {
		for i := range b.nodes {
			out := b.nodes[i].out
			if out != nil && out.stage != stored {
				out = nil
			}
			b.nodes[i] = nodeState{out: out}
		}
	}
}

// waits is how many bits the node at p waits for. A join also waits for each instance of its fan-out, of which there are
// none before the expansion.
func (t *Nodes) waits(p Node) uint32 {
	scope := p.scope()
	n := uint32(len(scope.Parents(p.local)))
	if p.kind() != dag.JoinNode {
		return n
	}
	if b := t.numbering.Expanded(p.sibling(scope.JoinExpansion(p.local)).ID()); b != nil {
		n += b.Instances * uint32(len(scope.JoinWaits(p.local)))
	}
	return n
}

// ErrRolledBack: the store has forgotten what it had acknowledged, and numbers the instances of a fan-out differently.
var ErrRolledBack = errors.New("shared: the store has forgotten what it had acknowledged, fan-outs among it")

// Learn adds blocks, which follow the first known ones. Those that other answers have brought have to be the same.
func (t *Nodes) Learn(blocks []ledger.Block, known int) error {
	for i, b := range blocks {
		if known+i < len(t.dynamic) {
			if has := t.dynamic[known+i]; has.Expansion != b.Expansion || has.First != b.First || has.Instances != b.Width {
				return ErrRolledBack
			}
			continue
		}
		if int(b.First) != t.numbering.Nodes() {
			return fmt.Errorf("shared: a fan-out appends nodes from %d, expected from %d", b.First, t.numbering.Nodes())
		}
		if err := t.grow(b); err != nil {
			return err
		}
	}
	return nil
}

// Known is how many fan-outs are known to have expanded.
func (t *Nodes) Known() int { return len(t.dynamic) }

// Numbering is the numbering of all nodes that are known.
func (t *Nodes) Numbering() *dag.Numbering { return t.numbering }

// Identity names a task; it is empty for the engine's own nodes.
func (t *Nodes) Identity(p Node) string {
	if !p.IsTask() {
		return ""
	}
	return t.numbering.Identity(p.place()).String()
}

// Errors is how many earlier attempts of a node have failed by themselves.
func (t *Nodes) Errors(id dag.NodeID) int { return int(t.Find(id).state().errors) }

// Invalidated ends the claim of an invalidation, unless the node was claimed again meanwhile.
func (t *Nodes) Invalidated(p Node, op ledger.Invalidate) {
	if n := p.state(); n.since == op.Since {
		n.forget()
	}
}
