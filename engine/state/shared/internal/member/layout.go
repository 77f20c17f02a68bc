package member

import (
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// Layout numbers the bits of a graph's edges, the same way in every process: within an instance first, for each node of
// the scope in order, one for each of its Parents; then, for each node in order, one for each of its Outs. It is immutable.
type Layout struct {
	Graph  *dag.Graph
	scopes []scopeBits
	// Indexed by class: runs, whether this process can execute it; bounded, whether the number of concurrent executions
	// is limited; needy, whether executing it takes resources; impure, whether repeating a task may give another value.
	runs    []bool
	bounded []bool
	needy   []bool
	impure  []bool
	Own     []ledger.Class // what this process can execute; the engine's own nodes first, because others wait for them
	Plain   []ledger.Class // those of Own that take no resources
}

// scopeBits are the bits of one instance of a scope.
type scopeBits struct {
	scope   *dag.Scope
	parents []uint32 // of each node: its first bit for a parent
	outs    []uint32 // of each node: its first bit for a join around the scope
	bits    uint32
	uses    []use
}

// use is who may read what a task returns.
type use uint8

const (
	unread  use = iota // no node
	chained            // tasks that wait for it
	spread             // also nodes without an edge to it: instances of a fan-out, a list of results, the run's result
)

func NewLayout(g *dag.Graph) *Layout {
	l := &Layout{Graph: g, scopes: make([]scopeBits, g.Scopes())}
	for i := range l.scopes {
		l.scopes[i] = newScopeBits(g.Scope(int32(i)))
	}
	for i, f := range g.Functions() {
		l.runs = append(l.runs, g.Runs(i))
		o := f.Options()
		l.bounded = append(l.bounded, o.MaxConcurrent > 0)
		l.needy = append(l.needy, o.CPUs > 0 || o.Memory > 0)
		l.impure = append(l.impure, o.Impure)
	}
	l.Own = []ledger.Class{ledger.EngineClass}
	for i, runs := range l.runs {
		if runs {
			l.Own = append(l.Own, ledger.Class(i))
		}
	}
	l.Plain = slices.DeleteFunc(slices.Clone(l.Own), l.isNeedy)
	return l
}

// Roots are the nodes that a run of a graph begins with; edges is the number of bits before any fan-out expands.
func Roots(g *dag.Graph) (roots []ledger.Grant, edges uint32) {
	bits := newScopeBits(g.Scope(0))
	for _, root := range g.Roots() {
		roots = append(roots, ledger.Grant{Node: root, Class: bits.class(uint32(root))})
	}
	return roots, bits.bits
}

func newScopeBits(s *dag.Scope) scopeBits {
	b := scopeBits{scope: s, parents: make([]uint32, s.Len()), outs: make([]uint32, s.Len())}
	for n := range s.Len() {
		b.parents[n] = b.bits
		b.bits += uint32(len(s.Parents(n)))
	}
	for n := range s.Len() {
		b.outs[n] = b.bits
		b.bits += uint32(len(s.Outs(n)))
	}
	for n := range s.Tasks() {
		b.uses = append(b.uses, useOf(s, n))
	}
	return b
}

func useOf(s *dag.Scope, task uint32) use {
	if len(s.Outs(task)) > 0 || s.Flags(task)&dag.Kept != 0 {
		return spread
	}
	children := s.Children(task)
	if len(children) == 0 {
		return unread
	}
	if s.Kind(children[len(children)-1]) != dag.TaskNode { // tasks come first
		return spread
	}
	return chained
}

// class is what a worker needs in order to run node n of the scope.
func (b *scopeBits) class(n uint32) ledger.Class {
	if n < b.scope.Tasks() {
		return ledger.Class(b.scope.Function(n))
	}
	return ledger.EngineClass
}

// parentBit is the bit, within an instance, of the edge from a parent to one of its children.
func (b *scopeBits) parentBit(parent, child uint32) uint32 {
	i, _ := slices.BinarySearch(b.scope.Parents(child), parent) // it is found: Children is the inverse of Parents
	return b.parents[child] + uint32(i)
}

// CanRun reports whether this process can execute nodes of a class.
func (l *Layout) CanRun(c ledger.Class) bool { return c == ledger.EngineClass || l.runs[c] }

// isBounded reports whether the number of concurrent executions of a class is limited.
func (l *Layout) isBounded(c ledger.Class) bool { return c != ledger.EngineClass && l.bounded[c] }

// isNeedy reports whether executing a class takes resources.
func (l *Layout) isNeedy(c ledger.Class) bool { return c != ledger.EngineClass && l.needy[c] }

// AnyRoom is state.Hooks.Room of a process that has room for any number of tasks.
func (l *Layout) AnyRoom() (functions []int, calls int) {
	for _, c := range l.Own {
		if l.isNeedy(c) {
			functions = append(functions, int(c))
		}
	}
	return functions, maxQueued
}

// mayBecome reports whether a session may become nodes of a class: not where the number of concurrent executions is
// limited or takes resources, since then it has to be asked for them.
func (l *Layout) mayBecome(c ledger.Class) bool {
	return l.CanRun(c) && !l.isBounded(c) && !l.isNeedy(c)
}

// ClassName names a class in hints to idle workers.
func (l *Layout) ClassName(c ledger.Class) string {
	if c == ledger.EngineClass {
		return ""
	}
	return l.Graph.Functions()[c].Name()
}

// expand is what the ledger has to know of an expansion with width elements.
func (l *Layout) expand(region int32, width uint32) *ledger.Expand {
	b := &l.scopes[region]
	e := &ledger.Expand{
		Width: width, Size: b.scope.Len(), EdgesPer: b.bits, TasksPer: b.scope.Tasks(), LimitEdges: b.bits, SinksPer: b.scope.Sinks(),
	}
	for _, root := range b.scope.Roots() {
		e.Roots = append(e.Roots, ledger.Grant{Node: dag.NodeID(root), Class: b.class(root)})
	}
	return e
}
