package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
)

// Shape is a graph that is measured: its tasks do next to nothing, so what is seen is what a task costs.
type Shape struct {
	Kind string `json:"kind"`
	// Size counts the leaves of a Tree, the branches of a Fan, the links of a Chain; at least 1.
	Size int `json:"size"`
}

// Kinds of shapes.
const (
	// Tree adds the numbers 0 to Size-1 in pairs, with a task for each number: 2·Size-1 tasks.
	Tree = "tree"
	// Fan is one task, Size tasks after it that add 1 to Size to its output, and one that adds them up: Size+2.
	Fan = "fan"
	// Chain adds 0 to Size-1 one after the other: Size tasks.
	Chain = "chain"
)

// String gives tree 1024.
func (s Shape) String() string { return fmt.Sprintf("%s %d", s.Kind, s.Size) }

// Tasks is how many tasks the shape has.
func (s Shape) Tasks() int {
	switch s.Kind {
	case Tree:
		return 2*s.Size - 1
	case Fan:
		return s.Size + 2
	}
	return s.Size
}

// Want is what a run of the shape returns.
func (s Shape) Want() int {
	if s.Kind == Fan {
		return s.Size * (s.Size + 1) / 2
	}
	return s.Size * (s.Size - 1) / 2
}

// Maker makes the parts of a graph, in whatever form something can execute it. R refers to a number that a run will
// have.
type Maker[R any] interface {
	Const(v int) R
	Leaf(a R) R       // a task that returns a
	Add(a, b R) R     // a task that returns a + b
	Sum(parts ...R) R // a task that adds a list up
}

// Build makes the shape, the same one whatever the maker, and returns the reference to its result.
func Build[R any](s Shape, m Maker[R]) R {
	switch s.Kind {
	case Tree:
		return buildTree(s.Size, m)
	case Fan:
		root := m.Leaf(m.Const(0))
		branches := make([]R, s.Size)
		for i := range branches {
			branches[i] = m.Add(root, m.Const(i+1))
		}
		return m.Sum(branches...)
	}
	at := m.Leaf(m.Const(0))
	for i := 1; i < s.Size; i++ {
		at = m.Add(at, m.Const(i))
	}
	return at
}

func buildTree[R any](leaves int, m Maker[R]) R {
	level := make([]R, leaves)
	for i := range level {
		level[i] = m.Leaf(m.Const(i))
	}
	for len(level) > 1 {
		up := make([]R, 0, len(level)/2+1)
		for i := 0; i+1 < len(level); i += 2 {
			up = append(up, m.Add(level[i], level[i+1]))
		}
		if len(level)%2 == 1 {
			up = append(up, level[len(level)-1])
		}
		level = up
	}
	return level[0]
}

// The bodies, the same ones for the engine and the floor.

func leaf(_ context.Context, a int) (int, error) { return a, nil }

func add(_ context.Context, a, b int) (int, error) { return a + b, nil }

func sum(_ context.Context, parts []int) (int, error) {
	total := 0
	for _, p := range parts {
		total += p
	}
	return total, nil
}

// Graph makes the shape for the engine.
func (s Shape) Graph() (*dag.Graph, error) { return plainFunctions().graph(s) }

// Functions are those that the graphs of Shape.Graph call, for workers elsewhere.
func Functions() []*engine.Function {
	f := plainFunctions()
	return engine.Functions(f.leaf, f.add, f.sum)
}

// functions make a shape for the engine.
type functions struct {
	leaf engine.F1[int, int]
	add  engine.F2[int, int, int]
	sum  engine.FN[int, int]
}

func plainFunctions() functions {
	return functions{engine.Func1("leaf", leaf), engine.Func2("add", add), engine.FuncN("sum", sum)}
}

// sleepingFunctions block for d before they compute.
func sleepingFunctions(d time.Duration) functions {
	return functions{
		engine.Func1("leaf", func(ctx context.Context, a int) (int, error) { time.Sleep(d); return leaf(ctx, a) }),
		engine.Func2("add", func(ctx context.Context, a, b int) (int, error) { time.Sleep(d); return add(ctx, a, b) }),
		engine.FuncN("sum", func(ctx context.Context, parts []int) (int, error) { time.Sleep(d); return sum(ctx, parts) }),
	}
}

func (f functions) graph(s Shape) (*dag.Graph, error) {
	b := engine.NewBuilder()
	return b.Compile(Build(s, refMaker{b, f}))
}

// refMaker makes a shape for the engine.
type refMaker struct {
	b *engine.Builder
	f functions
}

func (m refMaker) Const(v int) engine.Ref[int]                  { return engine.Const(m.b, v) }
func (m refMaker) Leaf(a engine.Ref[int]) engine.Ref[int]       { return m.f.leaf.Call(a) }
func (m refMaker) Add(a, b engine.Ref[int]) engine.Ref[int]     { return m.f.add.Call(a, b) }
func (m refMaker) Sum(parts ...engine.Ref[int]) engine.Ref[int] { return m.f.sum.Call(m.b, parts...) }
