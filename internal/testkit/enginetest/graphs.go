package enginetest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
)

// Functions of the graphs that several packages test with.
var (
	Add = engine.Func2("add", func(_ context.Context, a, b int) (int, error) { return a + b, nil })
	Sum = engine.Func1("sum", func(_ context.Context, v []int) (int, error) {
		s := 0
		for _, x := range v {
			s += x
		}
		return s, nil
	})
	// Upto lists the numbers from 0 below its argument.
	Upto = engine.Func1("upto", func(_ context.Context, n int) ([]int, error) {
		v := make([]int, n)
		for i := range v {
			v[i] = i
		}
		return v, nil
	})
	Double = engine.Func1("double", func(_ context.Context, a int) (int, error) { return 2 * a, nil })

	total = engine.Func1("total", func(_ context.Context, m map[string][][]int) (int, error) {
		s := 0
		for _, a := range m {
			for _, b := range a {
				for _, c := range b {
					s += c
				}
			}
		}
		return s, nil
	})
)

// FanOutGraph is: node 0 upto, 1 sum, 2 expansion, 3 join; a body of add after double.
func FanOutGraph(t testing.TB) *dag.Graph {
	t.Helper()
	g := engine.NewBuilder()
	list := Upto.Call(engine.Const(g, 2))
	graph, err := g.Compile(Sum.Call(engine.FanOut(g, list, func(e engine.Ref[int]) engine.Ref[int] {
		return Add.Call(Double.Call(e), e)
	})))
	require.NoError(t, err)
	return graph
}

// TreeGraph adds so many numbers in pairs.
func TreeGraph(t testing.TB, leaves int) *dag.Graph {
	t.Helper()
	plus := engine.Func2("plus", func(_ context.Context, a, b int) (int, error) { return a + b, nil })
	g := engine.NewBuilder()
	level := make([]engine.Ref[int], leaves)
	for i := range level {
		level[i] = engine.Const(g, i)
	}
	for len(level) > 1 {
		next := make([]engine.Ref[int], 0, len(level)/2+1)
		for i := 0; i+1 < len(level); i += 2 {
			next = append(next, plus.Call(level[i], level[i+1]))
		}
		if len(level)%2 == 1 {
			next = append(next, level[len(level)-1])
		}
		level = next
	}
	graph, err := g.Compile(level[0])
	require.NoError(t, err)
	return graph
}

// Shapes are graphs with the value that each must give.
var Shapes = []struct {
	Name  string
	Build func(g *engine.Builder) engine.AnyRef
	Want  any
	Tasks int
}{
	{"one task", func(g *engine.Builder) engine.AnyRef { return Double.Call(engine.Const(g, 21)) }, 42, 1},
	{"constant", func(g *engine.Builder) engine.AnyRef { return engine.Const(g, 7) }, 7, 0},
	{"same reference twice", func(g *engine.Builder) engine.AnyRef {
		x := Double.Call(engine.Const(g, 2))
		return Add.Call(x, x)
	}, 8, 2},
	{"nested arguments", func(g *engine.Builder) engine.AnyRef {
		x, y := engine.Const(g, 3), engine.Const(g, 4)
		s := Add.Call(x, y)
		return total.Call(engine.Map(g, map[string]engine.Ref[[][]int]{
			"a": engine.List(g, engine.List(g, x, s), Upto.Call(y)),
			"b": engine.Const(g, [][]int{{1}, {2}}),
		}))
	}, 3 + 7 + 6 + 3, 3},
	{"map, map, reduce", func(g *engine.Builder) engine.AnyRef {
		s := Add.Call(engine.Const(g, 3), engine.Const(g, 4))
		a := engine.FanOut(g, Upto.Call(s), func(e engine.Ref[int]) engine.Ref[int] { return Add.Call(e, s) })
		return Sum.Call(engine.FanOut(g, a, Double.Call))
	}, 2 * (21 + 49), 17},
	{"fan-out inside a fan-out", func(g *engine.Builder) engine.AnyRef {
		return Sum.Call(engine.FanOut(g, Upto.Call(engine.Const(g, 4)), func(e engine.Ref[int]) engine.Ref[int] {
			return Sum.Call(engine.FanOut(g, Upto.Call(e), func(f engine.Ref[int]) engine.Ref[int] { return Add.Call(f, e) }))
		}))
	}, 0 + 1 + 5 + 12, 1 + 4*2 + 6 + 1},
	{"captures in the third scope", func(g *engine.Builder) engine.AnyRef {
		s := Double.Call(engine.Const(g, 5))
		list := Upto.Call(engine.Const(g, 3))
		return Sum.Call(engine.FanOut(g, list, func(e engine.Ref[int]) engine.Ref[int] {
			d := Double.Call(e)
			return Sum.Call(engine.FanOut(g, list, func(f engine.Ref[int]) engine.Ref[int] {
				return Sum.Call(engine.List(g, s, d, e, f))
			}))
		}))
	}, 3*3*10 + 3*(0+2+4) + 3*3 + 3*3, 2 + 3*2 + 9 + 1},
	{"identity body", func(g *engine.Builder) engine.AnyRef {
		return Sum.Call(engine.FanOut(g, Upto.Call(engine.Const(g, 4)), func(e engine.Ref[int]) engine.Ref[int] { return e }))
	}, 6, 2},
	{"empty", func(g *engine.Builder) engine.AnyRef {
		return Sum.Call(engine.FanOut(g, Upto.Call(engine.Const(g, 0)), Double.Call))
	}, 0, 2},
	{"list of references as source", func(g *engine.Builder) engine.AnyRef {
		x := Double.Call(engine.Const(g, 1))
		return engine.FanOut(g, engine.List(g, x, Double.Call(x), engine.Const(g, 9)), Double.Call)
	}, []int{4, 8, 18}, 5},
	{"fused, and the first is used too", func(g *engine.Builder) engine.AnyRef {
		a := engine.FanOut(g, Upto.Call(engine.Const(g, 5)), Double.Call)
		b := engine.FanOut(g, a, Double.Call)
		s := Sum.Call(a)
		c := engine.FanOut(g, b, func(e engine.Ref[int]) engine.Ref[int] { return Add.Call(e, s) })
		return engine.List(g, s, Sum.Call(b), Sum.Call(c))
	}, []int{20, 40, 40 + 5*20}, 1 + 5 + 5 + 1 + 5 + 2},
	{"result of two values", func(g *engine.Builder) engine.AnyRef {
		return engine.FanOut(g, Upto.Call(engine.Const(g, 2)), func(e engine.Ref[int]) engine.Ref[[]int] {
			return engine.List(g, e, Double.Call(e), engine.Const(g, 1))
		})
	}, [][]int{{0, 0, 1}, {1, 2, 1}}, 3},
	{"a body that returns what it made, in another order", func(g *engine.Builder) engine.AnyRef {
		return engine.FanOut(g, Upto.Call(engine.Const(g, 2)), func(e engine.Ref[int]) engine.Ref[[]int] {
			x := Double.Call(e)
			y := Add.Call(x, e)
			return engine.List(g, y, x, y)
		})
	}, [][]int{{0, 0, 0}, {3, 2, 3}}, 5},
	{"a captured value as result", func(g *engine.Builder) engine.AnyRef {
		x := Double.Call(engine.Const(g, 4))
		return engine.FanOut(g, Upto.Call(engine.Const(g, 2)), func(engine.Ref[int]) engine.Ref[int] { return x })
	}, []int{8, 8}, 2},
	{"several sinks", func(g *engine.Builder) engine.AnyRef {
		x := Double.Call(engine.Const(g, 1))
		Double.Call(x)
		engine.FanOut(g, Upto.Call(x), Double.Call)
		return x
	}, 2, 5},
}

// Compiled compiles every one of Shapes, and a tree.
func Compiled(t testing.TB) map[string]*dag.Graph {
	t.Helper()
	graphs := map[string]*dag.Graph{"tree": TreeGraph(t, 100)}
	for _, c := range Shapes {
		g := engine.NewBuilder()
		graph, err := g.Compile(c.Build(g))
		require.NoError(t, err)
		graphs[c.Name] = graph
	}
	return graphs
}
