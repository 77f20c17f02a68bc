package dag_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

var add, sum, upto, double = enginetest.Add, enginetest.Sum, enginetest.Upto, enginetest.Double

func TestShapes(t *testing.T) {
	for _, c := range enginetest.Shapes {
		t.Run(c.Name, func(t *testing.T) {
			g := engine.NewBuilder()
			graph, err := g.Compile(c.Build(g))
			require.NoError(t, err)
			out, err := enginetest.Evaluate(t.Context(), graph)
			require.NoError(t, err)
			require.Equal(t, c.Want, out.Result)
			require.Equal(t, c.Tasks, out.Tasks)
		})
	}
}

func TestElementOutsideItsBody(t *testing.T) {
	g := engine.NewBuilder()
	var leak engine.Ref[int]
	engine.FanOut(g, upto.Call(engine.Const(g, 3)), func(e engine.Ref[int]) engine.Ref[int] { leak = e; return e })
	_, err := g.Compile(double.Call(leak))
	require.ErrorIs(t, err, dag.ErrInvalidGraph)
	require.ErrorContains(t, err, "outside of its body")
}

func TestTwoFunctionsOfOneName(t *testing.T) {
	other := engine.Func1("double", func(_ context.Context, a int) (int, error) { return a, nil })
	g := engine.NewBuilder()
	_, err := g.Compile(other.Call(double.Call(engine.Const(g, 1))))
	require.ErrorIs(t, err, dag.ErrInvalidGraph)
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
