package dag

import (
	"errors"
	"fmt"
	"math"
	"reflect"

	"github.com/dagscope/dagscope/engine/codec"
)

// ErrInvalidGraph: the graph breaks a rule, which the text names.
var ErrInvalidGraph = errors.New("engine: invalid graph")

// Limits of a graph that the engine accepts; the zero value means the defaults.
type Limits struct {
	Tasks int // default 100,000; tasks of fan-outs count once they are expanded
	Edges int // default 1,000,000
}

// WithDefaults fills in the defaults.
func (l Limits) WithDefaults() Limits {
	if l.Tasks <= 0 {
		l.Tasks = 100_000
	}
	if l.Edges <= 0 {
		l.Edges = 1_000_000
	}
	return l
}

// Graph is an immutable directed acyclic graph of tasks, in compressed sparse rows. Safe for concurrent use.
//
// It consists of scopes: scope 0 is the graph itself, every other one the body of a fan-out, which is instantiated
// once for each element when the fan-out expands. The nodes of a scope are its tasks, then its expansions (where a
// fan-out learns its width) and its joins (where the results of a fan-out are complete). Expansions and joins are
// the engine's own and are not counted as tasks.
//
// Compile returns a graph that can run. AppendShape writes its structure, which is enough to draw, name and replay a
// run; AppendGraph writes everything except the bodies of functions, which is enough to take part in one.
type Graph struct {
	functions  []*Function
	scopes     []Scope
	constants  []Constant
	composites []composite
	roots      []NodeID
	result     operand
	resultType *codec.Type
	reads      int  // number of values that arguments and lists consist of, see link
	partial    bool // this process does not know some function or type
	hash       [32]byte
	names      *names // nil if no node has one
}

// NodeKind says what a node of a scope is.
type NodeKind uint8

// Kinds of nodes.
const (
	TaskNode NodeKind = iota
	ExpandNode
	JoinNode
)

// NodeFlags are facts about a node that hold in every run.
type NodeFlags uint8

// Flags of nodes.
const (
	// SoleParent: the node waits for exactly one other node of its instance, and for nothing else.
	SoleParent NodeFlags = 1 << iota
	// SoleReader: exactly one node of the same instance reads the output.
	SoleReader
	// ReadsOuter: the node reads the element or something from outside of its scope, so it holds its expansion.
	ReadsOuter
	// Sink: nothing waits for it; a run is over when all its sinks are.
	Sink
	// Kept: the result of the run needs the output.
	Kept
	// Gathers: an argument is put together from others, which takes time if there are many.
	Gathers
)

// Scope is the graph itself or the template of a fan-out's body. Nodes are numbered from 0 within it.
type Scope struct {
	up      int32  // enclosing scope, -1 for the graph itself
	expand  uint32 // the expansion that instantiates it: a node of up
	tasks   uint32
	expands uint32
	joins   uint32

	functions []uint16 // of each task
	argOff    []uint32
	args      []operand
	parentOff []uint32
	parents   []uint32
	childOff  []uint32
	children  []uint32
	outOff    []uint32
	outs      []uint32 // joins of the enclosing scope that wait for the node in every instance
	flags     []NodeFlags

	regions     []region        // of each expansion
	joinOf      []join          // of each join
	roots       []uint32        // nodes that wait for nothing in their instance
	sinks       uint32          // nodes with the flag Sink
	outerHolds  uint32          // nodes with the flag ReadsOuter
	functionUse []uint32        // how often each function of the graph is called here
	ordinals    func() []uint32 // of each task: which call of its function it is; computed on the first call
}

// region is what an expansion instantiates.
type region struct {
	scope  int32
	source operand      // in the scope of the expansion
	list   codec.Lists  // takes the source apart
	elem   reflect.Type // of an element, nil if it is not known here
	joins  []uint32     // nodes of the scope of the expansion
}

// join collects the results of one fan-out; several joins share a region when fan-outs are fused.
type join struct {
	expand     uint32 // node of the same scope
	region     int32
	composite  uint32
	waits      []uint32 // nodes of the region's scope, of each instance
	readsOuter bool
}

// Functions lists the functions that the graph calls.
func (g *Graph) Functions() []*Function { return g.functions }

// Scopes is the number of scopes, at least 1.
func (g *Graph) Scopes() int { return len(g.scopes) }

// Scope returns scope i; 0 is the graph itself.
func (g *Graph) Scope(i int32) *Scope { return &g.scopes[i] }

// region returns what instantiates scope i, which must not be the graph itself.
func (g *Graph) region(i int32) *region {
	s := &g.scopes[i]
	up := &g.scopes[s.up]
	return &up.regions[s.expand-up.tasks]
}

// Tasks is the number of tasks before any fan-out expands.
func (g *Graph) Tasks() int { return int(g.scopes[0].tasks) }

// Edges is the number of edges before any fan-out expands.
func (g *Graph) Edges() int { return len(g.scopes[0].parents) }

// Roots lists the nodes that are ready when a run starts, ascending. The slice must not be modified.
func (g *Graph) Roots() []NodeID { return g.roots }

// Hash identifies the structure: functions with versions, edges and regions, but not constants. Graphs of equal
// hash have the same layout and the same task identities.
func (g *Graph) Hash() [32]byte { return g.hash }

// ResultType describes the value that the run returns.
func (g *Graph) ResultType() *codec.Type { return g.resultType }

// Check returns ErrInvalidGraph if the graph exceeds the limits before any fan-out expands.
func (g *Graph) Check(l Limits) error {
	l = l.WithDefaults()
	if n := g.Tasks(); n > l.Tasks {
		return fmt.Errorf("%w: it has %d tasks, at most %d are allowed", ErrInvalidGraph, n, l.Tasks)
	}
	if n := g.Edges(); n > l.Edges {
		return fmt.Errorf("%w: it has %d edges, at most %d are allowed", ErrInvalidGraph, n, l.Edges)
	}
	return nil
}

// Len is the number of nodes of one instance.
func (s *Scope) Len() uint32 { return s.tasks + s.expands + s.joins }

// Up is the enclosing scope, -1 for the graph itself.
func (s *Scope) Up() int32 { return s.up }

// Expansion is the node of the enclosing scope that instantiates this one.
func (s *Scope) Expansion() uint32 { return s.expand }

// Tasks is the number of tasks of one instance. Their numbers are 0 to Tasks-1.
func (s *Scope) Tasks() uint32 { return s.tasks }

// Sinks is the number of nodes of one instance with the flag Sink.
func (s *Scope) Sinks() uint32 { return s.sinks }

// Roots lists the nodes of an instance that wait for no other node of it, ascending.
func (s *Scope) Roots() []uint32 { return s.roots }

// OuterHolds is how many nodes of one instance hold the expansion, so that its elements and captures are kept for them.
// Joins of the enclosing scope may also hold it: see JoinReadsOuter.
func (s *Scope) OuterHolds() uint32 { return s.outerHolds }

// Kind is what node n is: a task, an expansion or a join.
func (s *Scope) Kind(n uint32) NodeKind {
	switch {
	case n < s.tasks:
		return TaskNode
	case n < s.tasks+s.expands:
		return ExpandNode
	default:
		return JoinNode
	}
}

// Function is the number, in Graph.Functions, of the function that task n calls.
func (s *Scope) Function(n uint32) uint16 { return s.functions[n] }

// Parents lists the nodes of the same instance that node n waits for, each once, ascending. A join waits for its
// expansion here, and then for JoinWaits of each instance.
func (s *Scope) Parents(n uint32) []uint32 { return s.parents[s.parentOff[n]:s.parentOff[n+1]] }

// Children lists the nodes of the same instance that wait for node n, each once, ascending.
func (s *Scope) Children(n uint32) []uint32 { return s.children[s.childOff[n]:s.childOff[n+1]] }

// Outs lists the joins of the enclosing scope that wait for node n of every instance.
func (s *Scope) Outs(n uint32) []uint32 { return s.outs[s.outOff[n]:s.outOff[n+1]] }

// Flags are the facts known about node n.
func (s *Scope) Flags(n uint32) NodeFlags { return s.flags[n] }

// Region is the scope that expansion n instantiates.
func (s *Scope) Region(n uint32) int32 { return s.regions[n-s.tasks].scope }

// RegionJoins lists the joins of the same scope that expansion n widens.
func (s *Scope) RegionJoins(n uint32) []uint32 { return s.regions[n-s.tasks].joins }

// JoinExpansion is the expansion whose instances join n collects, a node of the same scope.
func (s *Scope) JoinExpansion(n uint32) uint32 { return s.join(n).expand }

// JoinWaits lists the nodes of the region's scope that join n waits for in each instance.
func (s *Scope) JoinWaits(n uint32) []uint32 { return s.join(n).waits }

// JoinReadsOuter reports whether join n itself reads elements or captures, so that it holds the expansion.
func (s *Scope) JoinReadsOuter(n uint32) bool { return s.join(n).readsOuter }

func (s *Scope) join(n uint32) *join { return &s.joinOf[n-s.tasks-s.expands] }

// Readers is how many releases node n's output waits for in a run: its children, the joins of the enclosing scope, and
// the result. For a join, it counts the readers of the join itself.
func (s *Scope) Readers(n uint32) int32 {
	k := len(s.Children(n)) + len(s.Outs(n))
	if s.flags[n]&Kept != 0 {
		k++
	}
	return int32(min(k, math.MaxInt32))
}

// ordinal returns which of the calls of the same function in this scope a task is, from 0.
func (s *Scope) ordinal(task uint32) uint32 { return s.ordinals()[task] }

func (s *Scope) countOrdinals() []uint32 {
	seen := make([]uint32, len(s.functionUse))
	out := make([]uint32, len(s.functions))
	for i, f := range s.functions {
		out[i] = seen[f]
		seen[f]++
	}
	return out
}

// Constants are the values that were known when the graph was built. They must not be modified.
func (g *Graph) Constants() []Constant { return g.constants }
