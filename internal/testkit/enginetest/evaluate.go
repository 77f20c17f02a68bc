// Package enginetest helps to test graphs and readers of logs: a sequential evaluator with which every execution has to
// agree, one that plays several processes with different functions, legal logs of simulated runs, and a check of the laws
// that every log keeps.
//
// Evaluate guarantees to run each task once, after its parents, in the calling goroutine, without retries or timeouts; it
// costs what the bodies cost. It keeps every output until it returns, so it is not suited to large workflows.
package enginetest

import (
	"context"
	"fmt"

	"github.com/dagscope/dagscope/engine/dag"
)

// Outcome is what a sequential evaluation gives.
type Outcome struct {
	Result any
	Tasks  int // tasks that ran, those of fan-outs included
	Roots  int // tasks of the graph itself that wait for nothing
	Depth  int // tasks on the longest path
}

// wide are limits that no graph of a test reaches.
var wide = dag.Limits{Tasks: 1 << 24, Edges: 1 << 26}

// Evaluate runs a graph sequentially. The error is the first that a body returned, with the task's name.
func Evaluate(ctx context.Context, g *dag.Graph) (Outcome, error) {
	e := newEvaluation(g)
	e.task = func(p dag.Place) (any, error) {
		return e.numbering.Function(p).Invoke(ctx, g.Args(nil, p, e.numbering, e))
	}
	e.expand = func(p dag.Place) (any, int, error) {
		elements := g.Elements(p, e.numbering, e)
		return elements, len(elements), nil
	}
	if err := e.all(); err != nil {
		return Outcome{}, err
	}
	e.out.Result = g.Result(e.numbering, e)
	return e.out, nil
}

// evaluation is one run. How nodes are executed is up to its functions.
type evaluation struct {
	task      func(p dag.Place) (output any, err error)
	expand    func(p dag.Place) (elements any, width int, err error)
	graph     *dag.Graph
	numbering *dag.Numbering
	outputs   map[dag.NodeID]any
	waits     map[dag.NodeID]int
	depth     map[dag.NodeID]int
	ready     []dag.NodeID
	finished  int
	out       Outcome
}

func newEvaluation(g *dag.Graph) *evaluation {
	return &evaluation{
		graph: g, numbering: dag.NewNumbering(g), outputs: map[dag.NodeID]any{},
		waits: map[dag.NodeID]int{}, depth: map[dag.NodeID]int{},
	}
}

// all executes every node in an order in which parents come before children.
func (e *evaluation) all() error {
	e.enter(e.numbering.Block(0))
	for len(e.ready) > 0 {
		id := e.ready[0]
		e.ready = e.ready[1:]
		if err := e.run(id); err != nil {
			return err
		}
	}
	if e.finished != e.numbering.Nodes() {
		return fmt.Errorf("enginetest: %d of %d nodes ran, expected all", e.finished, e.numbering.Nodes())
	}
	return nil
}

// Output implements dag.Values.
func (e *evaluation) Output(id dag.NodeID) any { return e.outputs[id] }

// Elements implements dag.Values.
func (e *evaluation) Elements(id dag.NodeID) []any { return e.outputs[id].([]any) }

// enter makes the roots of a new block ready.
func (e *evaluation) enter(b *dag.Block) {
	s := e.graph.Scope(b.Scope)
	for i := range b.Instances {
		for n := range s.Len() {
			p := dag.Place{Block: b, Instance: i, Local: n}
			e.waits[p.ID()] = len(s.Parents(n))
			e.depth[p.ID()] = 0
			if b.Expansion != dag.NoNode {
				e.depth[p.ID()] = e.depth[b.Expansion]
			}
			if len(s.Parents(n)) > 0 {
				continue
			}
			e.ready = append(e.ready, p.ID())
			if b.Expansion == dag.NoNode && n < s.Tasks() {
				e.out.Roots++
			}
		}
	}
}

func (e *evaluation) run(id dag.NodeID) error {
	p := e.numbering.Locate(id)
	switch e.graph.Scope(p.Block.Scope).Kind(p.Local) {
	case dag.TaskNode:
		v, err := e.task(p)
		if err != nil {
			return fmt.Errorf("enginetest: %s: %w", e.numbering.Identity(p), err)
		}
		e.out.Tasks++
		e.outputs[id] = v
		e.depth[id]++
		e.out.Depth = max(e.out.Depth, e.depth[id])
	case dag.ExpandNode:
		elements, width, err := e.expand(p)
		if err != nil {
			return fmt.Errorf("enginetest: expansion %d: %w", id, err)
		}
		e.outputs[id] = elements
		b, err := e.numbering.Expand(id, width, wide)
		if err != nil {
			return err
		}
		s := e.graph.Scope(p.Block.Scope)
		for _, j := range s.RegionJoins(p.Local) {
			e.waits[p.Node(j)] += width * len(s.JoinWaits(j))
		}
		e.enter(b)
	}
	e.finish(p)
	return nil
}

// finish counts down the nodes that wait for the node.
func (e *evaluation) finish(p dag.Place) {
	e.finished++
	s := e.graph.Scope(p.Block.Scope)
	depth := e.depth[p.ID()]
	for _, c := range s.Children(p.Local) {
		e.arrive(p.Node(c), depth)
	}
	if len(s.Outs(p.Local)) > 0 {
		up := e.numbering.Up(p)
		for _, j := range s.Outs(p.Local) {
			e.arrive(up.Node(j), depth)
		}
	}
}

func (e *evaluation) arrive(id dag.NodeID, depth int) {
	e.waits[id]--
	e.depth[id] = max(e.depth[id], depth)
	if e.waits[id] == 0 {
		e.ready = append(e.ready, id)
	}
}
