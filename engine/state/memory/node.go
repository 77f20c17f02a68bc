package memory

import (
	"sort"
	"sync/atomic"

	"github.com/dagscope/dagscope/engine/dag"
)

// node is the state of one node: 40 bytes.
type node struct {
	out     any    // a task's value, an expansion's elements; nil when nothing needs it any more
	ready   int64  // when it could first be claimed, in ns since the run's start
	waits   int32  // nodes that it still waits for; atomic once the block is published
	readers int32  // nodes that still need out; atomic once the block is published
	attempt uint16 // attempts that have ended; only the lane that holds the claim changes it
	epoch   uint16
	barren  atomic.Bool // it has failed or will be skipped: nodes that wait for it are skipped
}

// block is the state of one block of nodes.
type block struct {
	*dag.Block
	scope *dag.Scope
	nodes []node
	up    at // the expansion that made it
}

// at is the place of a node: local is its number within the scope, base the offset of its instance within the block.
type at struct {
	b     *block
	base  uint32
	local uint32
}

func (p at) node() *node             { return &p.b.nodes[p.base+p.local] }
func (p at) id() dag.NodeID          { return p.b.First + dag.NodeID(p.base+p.local) }
func (p at) flags() dag.NodeFlags    { return p.b.scope.Flags(p.local) }
func (p at) kind() dag.NodeKind      { return p.b.scope.Kind(p.local) }
func (p at) sibling(local uint32) at { return at{p.b, p.base, local} }
func (p at) is(f dag.NodeFlags) bool { return p.flags()&f != 0 }

// readyAfter records the end of a node that this one waits for: it cannot be ready before.
func (n *node) readyAfter(ended int64) {
	for at := atomic.LoadInt64(&n.ready); at < ended; at = atomic.LoadInt64(&n.ready) {
		if atomic.CompareAndSwapInt64(&n.ready, at, ended) {
			return
		}
	}
}

// arrived counts down what the node waits for, and returns true when it waits for nothing more.
func (n *node) arrived() bool { return atomic.AddInt32(&n.waits, -1) == 0 }

// released counts down the readers, and returns true when none is left.
func (n *node) released() bool { return atomic.AddInt32(&n.readers, -1) == 0 }

// unread reports whether nothing reads the output any more.
func (n *node) unread() bool { return atomic.LoadInt32(&n.readers) == 0 }

func newBlock(g *dag.Graph, eb *dag.Block, up at) *block {
	s := g.Scope(eb.Scope)
	b := &block{Block: eb, scope: s, nodes: make([]node, eb.Len()), up: up}
	for i, base := uint32(0), uint32(0); i < eb.Instances; i, base = i+1, base+eb.Size {
		for n := range eb.Size {
			state := &b.nodes[base+n]
			state.waits = int32(len(s.Parents(n)))
			state.readers = s.Readers(n)
		}
	}
	return b
}

// find locates a node that exists.
func (r *run) find(id dag.NodeID) at {
	if int(id) < len(r.static.nodes) {
		return at{r.static, 0, uint32(id)}
	}
	blocks := *r.dynamic.Load()
	b := blocks[sort.Search(len(blocks), func(i int) bool { return blocks[i].First > id })-1]
	i := uint32(id - b.First)
	local := i % b.Size
	return at{b, i - local, local}
}

// expanded is the block that the expansion at p has made, nil if it has not expanded yet.
func (r *run) expanded(p at) *block {
	eb := r.numbering.Expanded(p.id())
	if eb == nil {
		return nil
	}
	blocks := *r.dynamic.Load()
	i := sort.Search(len(blocks), func(i int) bool { return blocks[i].First >= eb.First })
	for i < len(blocks) && blocks[i].Block != eb { // an empty block has the same first number as the next one
		i++
	}
	if i == len(blocks) {
		return nil
	}
	return blocks[i]
}
