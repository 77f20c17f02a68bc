package engine_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

var (
	add = engine.Func2("add", func(_ context.Context, a, b int) (int, error) { return a + b, nil })
	sum = engine.Func1("sum", func(_ context.Context, v []int) (int, error) {
		s := 0
		for _, x := range v {
			s += x
		}
		return s, nil
	})
	upto = engine.Func1("upto", func(_ context.Context, n int) ([]int, error) {
		v := make([]int, n)
		for i := range v {
			v[i] = i
		}
		return v, nil
	})
	double = engine.Func1("double", func(_ context.Context, a int) (int, error) { return 2 * a, nil })
	total  = engine.Func1("total", func(_ context.Context, m map[string][][]int) (int, error) {
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

// shapes are graphs with the value that each must give.
var shapes = []struct {
	name  string
	build func(g *engine.Builder) engine.AnyRef
	want  any
	tasks int
}{
	{"one task", func(g *engine.Builder) engine.AnyRef { return double.Call(engine.Const(g, 21)) }, 42, 1},
	{"constant", func(g *engine.Builder) engine.AnyRef { return engine.Const(g, 7) }, 7, 0},
	{"same reference twice", func(g *engine.Builder) engine.AnyRef {
		x := double.Call(engine.Const(g, 2))
		return add.Call(x, x)
	}, 8, 2},
	{"nested arguments", func(g *engine.Builder) engine.AnyRef {
		x, y := engine.Const(g, 3), engine.Const(g, 4)
		s := add.Call(x, y)
		return total.Call(engine.Map(g, map[string]engine.Ref[[][]int]{
			"a": engine.List(g, engine.List(g, x, s), upto.Call(y)),
			"b": engine.Const(g, [][]int{{1}, {2}}),
		}))
	}, 3 + 7 + 6 + 3, 3},
	{"map, map, reduce", func(g *engine.Builder) engine.AnyRef {
		s := add.Call(engine.Const(g, 3), engine.Const(g, 4))
		a := engine.FanOut(g, upto.Call(s), func(e engine.Ref[int]) engine.Ref[int] { return add.Call(e, s) })
		return sum.Call(engine.FanOut(g, a, double.Call))
	}, 2 * (21 + 49), 17},
	{"fan-out inside a fan-out", func(g *engine.Builder) engine.AnyRef {
		return sum.Call(engine.FanOut(g, upto.Call(engine.Const(g, 4)), func(e engine.Ref[int]) engine.Ref[int] {
			return sum.Call(engine.FanOut(g, upto.Call(e), func(f engine.Ref[int]) engine.Ref[int] { return add.Call(f, e) }))
		}))
	}, 0 + 1 + 5 + 12, 1 + 4*2 + 6 + 1},
	{"captures in the third scope", func(g *engine.Builder) engine.AnyRef {
		s := double.Call(engine.Const(g, 5))
		list := upto.Call(engine.Const(g, 3))
		return sum.Call(engine.FanOut(g, list, func(e engine.Ref[int]) engine.Ref[int] {
			d := double.Call(e)
			return sum.Call(engine.FanOut(g, list, func(f engine.Ref[int]) engine.Ref[int] {
				return sum.Call(engine.List(g, s, d, e, f))
			}))
		}))
	}, 3*3*10 + 3*(0+2+4) + 3*3 + 3*3, 2 + 3*2 + 9 + 1},
	{"identity body", func(g *engine.Builder) engine.AnyRef {
		return sum.Call(engine.FanOut(g, upto.Call(engine.Const(g, 4)), func(e engine.Ref[int]) engine.Ref[int] { return e }))
	}, 6, 2},
	{"empty", func(g *engine.Builder) engine.AnyRef {
		return sum.Call(engine.FanOut(g, upto.Call(engine.Const(g, 0)), double.Call))
	}, 0, 2},
	{"list of references as source", func(g *engine.Builder) engine.AnyRef {
		x := double.Call(engine.Const(g, 1))
		return engine.FanOut(g, engine.List(g, x, double.Call(x), engine.Const(g, 9)), double.Call)
	}, []int{4, 8, 18}, 5},
	{"fused, and the first is used too", func(g *engine.Builder) engine.AnyRef {
		a := engine.FanOut(g, upto.Call(engine.Const(g, 5)), double.Call)
		b := engine.FanOut(g, a, double.Call)
		s := sum.Call(a)
		c := engine.FanOut(g, b, func(e engine.Ref[int]) engine.Ref[int] { return add.Call(e, s) })
		return engine.List(g, s, sum.Call(b), sum.Call(c))
	}, []int{20, 40, 40 + 5*20}, 1 + 5 + 5 + 1 + 5 + 2},
	{"result of two values", func(g *engine.Builder) engine.AnyRef {
		return engine.FanOut(g, upto.Call(engine.Const(g, 2)), func(e engine.Ref[int]) engine.Ref[[]int] {
			return engine.List(g, e, double.Call(e), engine.Const(g, 1))
		})
	}, [][]int{{0, 0, 1}, {1, 2, 1}}, 3},
	{"a body that returns what it made, in another order", func(g *engine.Builder) engine.AnyRef {
		return engine.FanOut(g, upto.Call(engine.Const(g, 2)), func(e engine.Ref[int]) engine.Ref[[]int] {
			x := double.Call(e)
			y := add.Call(x, e)
			return engine.List(g, y, x, y)
		})
	}, [][]int{{0, 0, 0}, {3, 2, 3}}, 5},
	{"a captured value as result", func(g *engine.Builder) engine.AnyRef {
		x := double.Call(engine.Const(g, 4))
		return engine.FanOut(g, upto.Call(engine.Const(g, 2)), func(engine.Ref[int]) engine.Ref[int] { return x })
	}, []int{8, 8}, 2},
	{"several sinks", func(g *engine.Builder) engine.AnyRef {
		x := double.Call(engine.Const(g, 1))
		double.Call(x)
		engine.FanOut(g, upto.Call(x), double.Call)
		return x
	}, 2, 5},
}

func TestShapes(t *testing.T) {
	for _, c := range shapes {
		t.Run(c.name, func(t *testing.T) {
			g := engine.NewBuilder()
			graph, err := g.Compile(c.build(g))
			require.NoError(t, err)
			out, err := enginetest.Evaluate(t.Context(), graph)
			require.NoError(t, err)
			require.Equal(t, c.want, out.Result)
			require.Equal(t, c.tasks, out.Tasks)
		})
	}
}

func TestElementOutsideItsBody(t *testing.T) {
	g := engine.NewBuilder()
	var leak engine.Ref[int]
	engine.FanOut(g, upto.Call(engine.Const(g, 3)), func(e engine.Ref[int]) engine.Ref[int] { leak = e; return e })
	_, err := g.Compile(double.Call(leak))
	require.ErrorIs(t, err, engine.ErrInvalidGraph)
	require.ErrorContains(t, err, "outside of its body")
}

func TestTwoFunctionsOfOneName(t *testing.T) {
	other := engine.Func1("double", func(_ context.Context, a int) (int, error) { return a, nil })
	g := engine.NewBuilder()
	_, err := g.Compile(other.Call(double.Call(engine.Const(g, 1))))
	require.ErrorIs(t, err, engine.ErrInvalidGraph)
	require.ErrorContains(t, err, `"double"`)
}

func TestFusedBothWays(t *testing.T) {
	g := engine.NewBuilder()
	l1, l2 := upto.Call(engine.Const(g, 2)), upto.Call(engine.Const(g, 3))
	a := engine.FanOut(g, l1, double.Call)
	b := engine.FanOut(g, l2, double.Call)
	sb, sa := sum.Call(b), sum.Call(a)
	c := engine.FanOut(g, a, func(e engine.Ref[int]) engine.Ref[int] { return add.Call(e, sb) })
	d := engine.FanOut(g, b, func(e engine.Ref[int]) engine.Ref[int] { return add.Call(e, sa) })
	graph, err := g.Compile(engine.List(g, c, d))
	require.NoError(t, err)
	_, err = enginetest.Evaluate(t.Context(), graph)
	require.NoError(t, err)
}
