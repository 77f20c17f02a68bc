package protocol_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
)

var (
	one  = engine.Func0("one", func(context.Context) (int, error) { return 1, nil })
	next = engine.Func1("next", func(_ context.Context, a int) (int, error) { return a + 1, nil })
	add  = engine.Func2("add", func(_ context.Context, a, b int) (int, error) { return a + b, nil })
	list = engine.Func1("list", func(_ context.Context, n int) ([]int, error) { return make([]int, n), nil })
	sum  = engine.Func1("sum", func(_ context.Context, v []int) (int, error) { return len(v), nil })
)

func compile(t testing.TB, build func(g *engine.Builder) engine.AnyRef) *dag.Graph {
	t.Helper()
	b := engine.NewBuilder()
	g, err := b.Compile(build(b))
	require.NoError(t, err)
	return g
}

// chain is 0 → 1 → 2.
func chain(g *engine.Builder) engine.AnyRef { return next.Call(next.Call(one.Call(g))) }

// diamond is 0 → {1, 2} → 3.
func diamond(g *engine.Builder) engine.AnyRef {
	a := one.Call(g)
	return add.Call(next.Call(a), next.Call(a))
}

// gather is {0, 1} → 2, and 1 → 3, so that there are two sinks.
func gather(g *engine.Builder) engine.AnyRef {
	a, b := one.Call(g), one.Call(g)
	c := add.Call(a, b)
	next.Call(b)
	return c
}

// region is 0 → expansion 2 → an instance of one task for each element → join 3 → 1.
func region(g *engine.Builder) engine.AnyRef {
	return sum.Call(engine.FanOut(g, list.Call(engine.Const(g, 2)), next.Call))
}

// rows is a fan-out over a constant, in each instance of which a task and another fan-out follow.
func rows(g *engine.Builder) engine.AnyRef {
	return engine.FanOut(g, engine.Const(g, []int{1}), func(e engine.Ref[int]) engine.Ref[[]int] {
		return engine.FanOut(g, list.Call(e), next.Call)
	})
}

// constant has no task at all.
func constant(g *engine.Builder) engine.AnyRef { return engine.Const(g, 1) }
