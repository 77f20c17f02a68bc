package dag

import (
	"fmt"
	"sort"
	"sync"
	"sync/atomic"
)

// Block is a range of node numbers: the graph itself, or all instances of one expanded fan-out.
type Block struct {
	First     NodeID
	Scope     int32  // the template
	Instances uint32 // 1 for the graph itself
	Size      uint32 // nodes of one instance
	Expansion NodeID // the node that expanded, NoNode for the graph itself
	up        Place  // of Expansion
}

// Len is the number of nodes of all instances.
func (b *Block) Len() uint32 { return b.Instances * b.Size }

// Place is the position of a node: Local is its number within the scope of the block.
type Place struct {
	Block    *Block
	Instance uint32
	Local    uint32
}

// Node is the number of another node of the same instance.
func (p Place) Node(local uint32) NodeID {
	return p.Block.First + NodeID(p.Instance*p.Block.Size+local)
}

// ID is the number of the node itself.
func (p Place) ID() NodeID { return p.Node(p.Local) }

// Numbering maps the node numbers of one run to places. It grows as fan-outs expand; the order of the expansions alone
// determines the numbers. Reading never blocks and is safe concurrently with one writer.
type Numbering struct {
	graph    *Graph
	static   *Block
	blocks   atomic.Pointer[[]*Block] // ascending by First
	expanded sync.Map                 // NodeID of an expansion → *Block

	mu    sync.Mutex // one writer at a time
	tasks atomic.Int64
	edges int
}

// NewNumbering numbers the nodes of the graph itself.
func NewNumbering(g *Graph) *Numbering {
	n := &Numbering{graph: g, edges: g.Edges()}
	n.static = &Block{Instances: 1, Size: g.scopes[0].Len(), Expansion: NoNode}
	n.blocks.Store(&[]*Block{n.static})
	n.tasks.Store(int64(g.Tasks()))
	return n
}

// Graph is the graph whose nodes are numbered.
func (n *Numbering) Graph() *Graph { return n.graph }

// Blocks lists the blocks in the order of their numbers. The slice must not be modified.
func (n *Numbering) Blocks() []*Block { return *n.blocks.Load() }

// Block returns block i; 0 is the graph itself.
func (n *Numbering) Block(i int) *Block { return (*n.blocks.Load())[i] }

// Tasks is the number of tasks known so far.
func (n *Numbering) Tasks() int { return int(n.tasks.Load()) }

// Nodes is the number of nodes known so far; every NodeID below it has a place.
func (n *Numbering) Nodes() int {
	blocks := *n.blocks.Load()
	last := blocks[len(blocks)-1]
	return int(last.First) + int(last.Len())
}

// Locate returns the place of a node, which must exist.
func (n *Numbering) Locate(id NodeID) Place {
	if s := n.static; uint32(id) < s.Size {
		return Place{Block: s, Local: uint32(id)}
	}
	blocks := *n.blocks.Load()
	b := blocks[sort.Search(len(blocks), func(i int) bool { return blocks[i].First > id })-1]
	rest := uint32(id - b.First)
	return Place{Block: b, Instance: rest / b.Size, Local: rest % b.Size}
}

// Contains reports whether a node exists.
func (n *Numbering) Contains(id NodeID) bool { return int(id) < n.Nodes() }

// Up is the place of the expansion that made the instance of p, which must not be in the graph itself.
func (n *Numbering) Up(p Place) Place { return p.Block.up }

// Expanded is the block that an expansion has appended, nil before it has.
func (n *Numbering) Expanded(expansion NodeID) *Block {
	b, _ := n.expanded.Load(expansion)
	block, _ := b.(*Block)
	return block
}

// Expand appends the instances of a fan-out of width w. It fails with ErrInvalidGraph if the limits would be exceeded.
func (n *Numbering) Expand(expansion NodeID, w int, l Limits) (*Block, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l = l.WithDefaults()
	at := n.Locate(expansion)
	scope := n.graph.scopes[at.Block.Scope].Region(at.Local)
	body := &n.graph.scopes[scope]
	tasks, edges := n.Tasks()+w*int(body.tasks), n.edges+w*(len(body.parents)+len(body.outs))
	if w > l.Tasks || tasks > l.Tasks {
		return nil, fmt.Errorf("%w: a fan-out of width %d makes %d tasks, at most %d are allowed", ErrInvalidGraph, w, tasks, l.Tasks)
	}
	if edges > l.Edges {
		return nil, fmt.Errorf("%w: a fan-out of width %d makes %d edges, at most %d are allowed", ErrInvalidGraph, w, edges, l.Edges)
	}
	b := &Block{
		First: NodeID(n.Nodes()), Scope: scope, Instances: uint32(w), Size: body.Len(), Expansion: expansion, up: at,
	}
	blocks := append(*n.blocks.Load(), b)
	n.edges = edges
	n.tasks.Store(int64(tasks))
	n.expanded.Store(expansion, b)
	n.blocks.Store(&blocks)
	return b, nil
}

// IsTask reports whether the node is a task and not one of the engine's own expansions and joins.
func (n *Numbering) IsTask(id NodeID) bool {
	p := n.Locate(id)
	return p.Local < n.graph.scopes[p.Block.Scope].tasks
}

// Function is the function that a task calls.
func (n *Numbering) Function(p Place) *Function {
	return n.graph.functions[n.graph.scopes[p.Block.Scope].functions[p.Local]]
}

// Identity names the task at p.
func (n *Numbering) Identity(p Place) Identity {
	s := &n.graph.scopes[p.Block.Scope]
	number := s.functions[p.Local]
	f := n.graph.functions[number]
	id := Identity{Function: f.name, Version: f.opts.Version, Name: n.graph.Name(p.ID())}
	for q := p; q.Block.Expansion != NoNode; q = q.Block.up {
		id.Path = append(id.Path, q.Instance)
	}
	for i, j := 0, len(id.Path)-1; i < j; i, j = i+1, j-1 {
		id.Path[i], id.Path[j] = id.Path[j], id.Path[i]
	}
	if s.functionUse[number] > 1 {
		id.Path = append(id.Path, s.ordinal(p.Local))
	}
	return id
}
