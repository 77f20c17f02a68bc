package submission

import (
	"fmt"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/environment"
	"github.com/dagscope/dagscope/engine/python"
)

// Build makes the graph. bundle has the files of Archive, and was sealed; the runner signs tasks if it has a secret.
// Graph is one that Decode returned. The run's value is a code.Value, or []code.Value if the result is a list.
func (g *Graph) Build(runner *code.Runner, bundle code.Bundle) (*dag.Graph, error) {
	if g.Environment != nil {
		bundle.Environments = map[string]environment.Spec{environmentName: *g.Environment}
		if err := bundle.Seal(); err != nil {
			return nil, err
		}
	}
	b := &builder{
		Builder: engine.NewBuilder(), graph: g, runner: runner, hash: bundle.Hash, made: make([]product, len(g.Nodes)),
		functions: map[functionKey]function{},
		helpers:   function{one: runner.One("dagscope.collect"), many: runner.Many("dagscope.elements")},
	}
	b.bundle = engine.Const(b.Builder, bundle)
	if _, err := b.scope(0); err != nil {
		return nil, err
	}
	return b.Compile(b.made[g.Result].any())
}

// environmentName is what tasks call the environment of their graph.
const environmentName = "packages"

// builder makes the graph of one run.
type builder struct {
	*engine.Builder
	graph     *Graph
	runner    *code.Runner
	bundle    engine.Ref[code.Bundle]
	hash      string // of the bundle
	made      []product
	functions map[functionKey]function // those that have been called
	helpers   function                 // that make one value of a list, and a list of one value
}

// functionKey tells apart functions of the engine: one of Python may give two, as they differ in what they return.
type functionKey struct {
	number int
	isMany bool
}

// function is one of the two.
type function struct {
	one  engine.F4[code.Task, code.Bundle, []code.Value, [][]code.Value, code.Value]
	many engine.F4[code.Task, code.Bundle, []code.Value, [][]code.Value, []code.Value]
}

// product is what a node has become: one value, or a list of them.
type product struct {
	value  engine.Ref[code.Value]
	list   engine.Ref[[]code.Value]
	isList bool
}

func (p product) any() engine.AnyRef {
	if p.isList {
		return p.list
	}
	return p.value
}

// scope makes the nodes from one on, to the end of the fan-out that they are in, and returns where that is.
func (b *builder) scope(from int) (int, error) {
	for i := from; i < len(b.graph.Nodes); i++ {
		n := &b.graph.Nodes[i]
		var err error
		switch n.Kind {
		case value:
			b.made[i] = product{value: engine.Const(b.Builder, b.graph.decoded[i])}
		case call:
			b.made[i], err = b.call(i)
		case list:
			b.made[i], err = b.list(n.Nodes)
		case each:
			i, err = b.fanOut(i)
		case end:
			return i, nil
		}
		if err != nil {
			return i, fmt.Errorf("submission: node %d: %w", i, err)
		}
	}
	return len(b.graph.Nodes), nil
}

// list makes a list of nodes; those that are lists become one value each.
func (b *builder) list(of []int) (product, error) {
	parts := make([]engine.Ref[code.Value], len(of))
	for k, i := range of {
		part, err := b.single(b.made[i])
		if err != nil {
			return product{}, err
		}
		parts[k] = part.value
	}
	return product{list: engine.List(b.Builder, parts...), isList: true}, nil
}

// fanOut makes the fan-out that begins at a node, and returns where it ends.
func (b *builder) fanOut(at int) (ending int, err error) {
	source, err := b.source(b.graph.Nodes[at].Number)
	if err != nil {
		return at, err
	}
	results := engine.FanOut(b.Builder, source, func(item engine.Ref[code.Value]) engine.Ref[code.Value] {
		b.made[at] = product{value: item}
		var result product
		if ending, err = b.scope(at + 1); err == nil {
			result, err = b.single(b.made[b.graph.Nodes[ending].Number])
		}
		if err != nil {
			return item // the error ends the build
		}
		return result.value
	})
	if err != nil {
		return at, err
	}
	b.made[ending] = product{list: results, isList: true}
	return ending, nil
}

// source is what a fan-out runs over: a list, or the elements of a value, which takes a task.
func (b *builder) source(of int) (engine.Ref[[]code.Value], error) {
	p := b.made[of]
	if p.isList {
		return p.list, nil
	}
	constant, err := b.same()
	if err != nil {
		return p.list, err
	}
	return b.helpers.many.Call(constant, b.bundle, engine.List(b.Builder, p.value), b.noLists()), nil
}

// single makes one value of a list, which takes a task: its elements may be arrays, which only Python can put together.
func (b *builder) single(p product) (product, error) {
	if !p.isList {
		return p, nil
	}
	constant, err := b.same(code.Operand{IsList: true})
	if err != nil {
		return p, err
	}
	made := b.helpers.one.Call(constant, b.bundle, engine.List[code.Value](b.Builder), engine.List(b.Builder, p.list))
	return product{value: made}, nil
}

func (b *builder) noLists() engine.Ref[[][]code.Value] { return engine.List[[]code.Value](b.Builder) }

// same is a task that returns its argument: by default, the first value that it reads.
func (b *builder) same(of ...code.Operand) (engine.Ref[code.Task], error) {
	of = append(of, code.Operand{})
	return b.task(&code.Call{
		Module: "dagscope._task", Function: "same", Arguments: oneHole, Holes: []code.Template{{{Hole: &of[0]}}},
	})
}

// oneHole are arguments of which the only one is a hole.
var oneHole = code.Value{Codec: python.CBOR, Data: []byte{0x82, 0x81, 0xd9, python.HoleTag >> 8, python.HoleTag & 0xff, 0x00, 0xa0}}

// task is a signed constant.
func (b *builder) task(c *code.Call) (engine.Ref[code.Task], error) {
	t := code.Task{Call: c, Bundle: b.hash}
	if b.graph.Environment != nil {
		t.Environment = environmentName
	}
	err := b.runner.Sign(&t)
	return engine.Const(b.Builder, t), err
}

// call makes a task of a call. A value that it reads several times is among its inputs once.
func (b *builder) call(i int) (product, error) {
	n := &b.graph.Nodes[i]
	f := b.graph.Functions[n.Number]
	var values []engine.Ref[code.Value]
	var lists []engine.Ref[[]code.Value]
	operands := map[int]*code.Operand{}
	holes := make([]code.Template, len(n.Nodes))
	for k, of := range n.Nodes {
		o := operands[of]
		if p := b.made[of]; o == nil && p.isList {
			o = &code.Operand{Index: len(lists), IsList: true}
			lists = append(lists, p.list)
		} else if o == nil {
			o = &code.Operand{Index: len(values)}
			values = append(values, p.value)
		}
		operands[of], holes[k] = o, code.Template{{Hole: o}}
	}
	constant, err := b.task(&code.Call{Module: f.Module, Function: f.Name, Arguments: b.graph.decoded[i], Holes: holes, AllowPickle: f.Pickle})
	if err != nil {
		return product{}, err
	}
	key := functionKey{n.Number, b.graph.lists[i]}
	of := b.function(key)
	in, inLists := engine.List(b.Builder, values...), engine.List(b.Builder, lists...)
	if key.isMany {
		return product{list: of.many.Call(constant, b.bundle, in, inLists), isList: true}, nil
	}
	return product{value: of.one.Call(constant, b.bundle, in, inLists)}, nil
}

// function declares a function when it is first called.
func (b *builder) function(key functionKey) function {
	if f, ok := b.functions[key]; ok {
		return f
	}
	described := &b.graph.Functions[key.number]
	name := described.Module + "." + described.Name
	o := engine.Options{Retries: described.Retries, Timeout: described.Timeout, CPUs: described.CPUs, Memory: described.Memory}
	if o.Retries == 0 {
		o.Retries = engine.NoRetries
	}
	if o.Timeout == 0 {
		o.Timeout = engine.NoTimeout
	}
	var f function
	if key.isMany {
		if b.graph.plain[key.number] { // a graph has one function of a name
			name += ".elements"
		}
		f.many = b.runner.Many(name).With(o)
	} else {
		f.one = b.runner.One(name).With(o)
	}
	b.functions[key] = f
	return f
}
