package enginetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
)

// EvaluateApart runs one graph as several processes that share it would: copies are the graphs that each of them decoded,
// in any order, and need not know all functions. Each task is executed by a copy that runs its function, each fan-out is
// expanded by any copy, and the result comes from any that knows its type, all drawn from seed. Outputs travel encoded,
// and a copy sees exactly those that its Graph.Reads names. The error is the first that a body returned, or describes a
// copy's mistake: it read more or less than Reads names, assembled a value of another type, or no copy could continue.
func EvaluateApart(ctx context.Context, seed uint64, copies ...*dag.Graph) (Outcome, error) {
	a := &apart{rng: rand.New(rand.NewPCG(seed, 0xa9a27)), encoded: map[dag.NodeID][]byte{}}
	for _, g := range copies {
		a.processes = append(a.processes, process{g, dag.NewNumbering(g)})
	}
	e := newEvaluation(copies[0])
	e.task = func(p dag.Place) (any, error) { return nil, a.task(ctx, p) }
	e.expand = func(p dag.Place) (any, int, error) {
		width, err := a.expand(p.ID())
		return nil, width, err
	}
	if err := e.all(); err != nil {
		return Outcome{}, err
	}
	var err error
	e.out.Result, err = a.result()
	return e.out, err
}

// apart is the processes and what they share.
type apart struct {
	rng       *rand.Rand
	processes []process
	encoded   map[dag.NodeID][]byte
}

type process struct {
	graph     *dag.Graph
	numbering *dag.Numbering
}

// any draws a process that is able to continue.
func (a *apart) any(able func(*dag.Graph) bool) (process, error) {
	could := slices.Clone(a.processes)
	could = slices.DeleteFunc(could, func(p process) bool { return !able(p.graph) })
	if len(could) == 0 {
		return process{}, errors.New("no process knows enough to continue")
	}
	return could[a.rng.IntN(len(could))], nil
}

func (a *apart) task(ctx context.Context, p dag.Place) error {
	function := int(a.processes[0].graph.Scope(p.Block.Scope).Function(p.Local))
	by, err := a.any(func(g *dag.Graph) bool { return g.Runs(function) })
	if err != nil {
		return err
	}
	p = by.numbering.Locate(p.ID())
	f := by.numbering.Function(p)
	v := a.view(by, by.graph.Reads(nil, p, by.numbering))
	args := by.graph.Args(nil, p, by.numbering, v)
	if err := v.complete(); err != nil {
		return err
	}
	for i, arg := range args {
		if arg != nil && reflect.TypeOf(arg).String() != f.Inputs()[i].Name() {
			return fmt.Errorf("argument %d is a %T, expected %s", i, arg, f.Inputs()[i].Name())
		}
	}
	out, err := f.Invoke(ctx, args)
	if err != nil {
		return err
	}
	a.encoded[p.ID()], err = by.graph.OutputType(p).Append(nil, out)
	return err
}

func (a *apart) expand(id dag.NodeID) (int, error) {
	by := a.processes[a.rng.IntN(len(a.processes))]
	p := by.numbering.Locate(id)
	v := a.view(by, by.graph.Reads(nil, p, by.numbering))
	width := len(by.graph.Elements(p, by.numbering, v))
	for _, other := range a.processes {
		if _, err := other.numbering.Expand(id, width, wide); err != nil {
			return 0, err
		}
	}
	return width, v.complete()
}

func (a *apart) result() (any, error) {
	by, err := a.any(func(g *dag.Graph) bool { return g.ResultType().Err() == nil })
	if err != nil {
		return nil, fmt.Errorf("enginetest: the result: %w", err)
	}
	v := a.view(by, by.graph.ResultReads(nil, by.numbering))
	result := by.graph.Result(by.numbering, v)
	if err := v.complete(); err != nil {
		return nil, err
	}
	wire, err := by.graph.ResultType().Append(nil, result) // as a store would keep it
	if err != nil {
		return nil, err
	}
	return by.graph.ResultType().Decode(wire)
}

// view shows a process the outputs that its graph reads.
func (a *apart) view(by process, reads []dag.NodeID) *view {
	v := &view{outputs: map[dag.NodeID]any{}, used: map[dag.NodeID]bool{}}
	for i, id := range reads {
		if i > 0 && id <= reads[i-1] {
			v.err = fmt.Errorf("what it reads are nodes %v, expected ascending nodes", reads)
		}
		t := by.graph.OutputType(by.numbering.Locate(id))
		if t == nil {
			v.err = fmt.Errorf("it reads node %d, whose type is not known here", id)
			return v
		}
		output, err := t.Decode(a.encoded[id])
		if err != nil {
			v.err = fmt.Errorf("the output of node %d: %w", id, err)
		}
		v.outputs[id] = output
	}
	return v
}

// view is the Values of one task.
type view struct {
	outputs map[dag.NodeID]any
	used    map[dag.NodeID]bool
	err     error
}

// Output implements dag.Values.
func (v *view) Output(id dag.NodeID) any {
	if _, isRead := v.outputs[id]; !isRead && v.err == nil {
		v.err = fmt.Errorf("node %d is read, Reads does not name it", id)
	}
	v.used[id] = true
	return v.outputs[id]
}

// Elements implements dag.Values.
func (v *view) Elements(id dag.NodeID) []any {
	panic(fmt.Sprintf("enginetest: elements of node %d are asked for, of lazy values none are", id))
}

// LazyElements implements dag.Lazy.
func (v *view) LazyElements() {}

// complete reports what went wrong, if only that less was read than named.
func (v *view) complete() error {
	if v.err == nil && len(v.used) != len(v.outputs) {
		return fmt.Errorf("%d nodes are read, Reads names %d", len(v.used), len(v.outputs))
	}
	return v.err
}
