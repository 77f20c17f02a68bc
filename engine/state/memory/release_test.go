package memory

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
)

var (
	double = engine.Func1("double", func(_ context.Context, a int) (int, error) { return 2 * a, nil })
	sum    = engine.Func1("sum", func(_ context.Context, v []int) (int, error) { return len(v), nil })
	list   = engine.Func0("list", func(context.Context) ([]int, error) { return []int{1, 2, 3}, nil })
)

// drive runs a graph to its end on one lane and calls seen after each completion.
func drive(t *testing.T, build func(g *engine.Builder) engine.AnyRef, seen func(r *run)) *run {
	t.Helper()
	b := engine.NewBuilder()
	g, err := b.Compile(build(b))
	require.NoError(t, err)
	opened, err := New().Create(t.Context(), execution.Job{Info: record.RunInfo{ID: "r"}, Graph: g}, state.Hooks{})
	require.NoError(t, err)
	r := opened.(*run)
	l := r.Lane(0)
	for c, ok := l.Claim(); ok; c, ok = l.Claim() {
		p := r.numbering.Locate(c.Node)
		e := state.End{Node: c.Node, Attempt: c.Attempt, Outcome: record.OutcomeOK}
		if g.Scope(p.Block.Scope).Kind(p.Local) == dag.ExpandNode {
			e.Output = g.Elements(p, r.numbering, r)
		} else {
			e.Output, err = r.numbering.Function(p).Invoke(t.Context(), g.Args(nil, p, r.numbering, r))
			require.NoError(t, err)
		}
		require.False(t, l.Complete([]state.End{e}, false).Stale)
		if seen != nil {
			seen(r)
		}
	}
	select {
	case <-r.Done():
	default:
		t.Fatal("the run has not ended")
	}
	return r
}

// outputs counts the nodes that still have an output.
func outputs(r *run) int {
	n := 0
	for _, b := range append([]*block{r.static}, *r.dynamic.Load()...) {
		for i := range b.nodes {
			if b.nodes[i].out != nil {
				n++
			}
		}
	}
	return n
}

func TestIntermediatesAreDropped(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(g *engine.Builder) engine.AnyRef
		kept  int // outputs that the result needs
	}{
		{"chain", func(g *engine.Builder) engine.AnyRef {
			return double.Call(double.Call(double.Call(engine.Const(g, 1))))
		}, 1},
		{"two readers", func(g *engine.Builder) engine.AnyRef {
			x := double.Call(engine.Const(g, 1))
			return engine.List(g, double.Call(x), double.Call(x))
		}, 2},
		{"a result that is also read", func(g *engine.Builder) engine.AnyRef {
			x := double.Call(engine.Const(g, 1))
			return engine.List(g, x, double.Call(x))
		}, 2},
		{"not read", func(g *engine.Builder) engine.AnyRef {
			double.Call(engine.Const(g, 1))
			return engine.Const(g, 1)
		}, 0},
		{"fan-out", func(g *engine.Builder) engine.AnyRef { return sum.Call(engine.FanOut(g, list.Call(g), double.Call)) }, 1},
		{"fused fan-outs with a capture", func(g *engine.Builder) engine.AnyRef {
			l, k := list.Call(g), double.Call(engine.Const(g, 1))
			a := engine.FanOut(g, l, double.Call)
			return sum.Call(engine.FanOut(g, a, func(e engine.Ref[int]) engine.Ref[int] { return sum.Call(engine.List(g, e, k)) }))
		}, 1},
		{"elements as results", func(g *engine.Builder) engine.AnyRef {
			return sum.Call(engine.FanOut(g, list.Call(g), func(e engine.Ref[int]) engine.Ref[int] { return e }))
		}, 1},
		{"a fan-out that is not read", func(g *engine.Builder) engine.AnyRef {
			engine.FanOut(g, list.Call(g), double.Call)
			return engine.Const(g, 1)
		}, 0},
		{"fan-out inside a fan-out", func(g *engine.Builder) engine.AnyRef {
			l := list.Call(g)
			return sum.Call(engine.FanOut(g, l, func(e engine.Ref[int]) engine.Ref[int] {
				return sum.Call(engine.FanOut(g, l, func(f engine.Ref[int]) engine.Ref[int] { return sum.Call(engine.List(g, e, f)) }))
			}))
		}, 1},
		{"the results of a fan-out are the result", func(g *engine.Builder) engine.AnyRef {
			return engine.FanOut(g, list.Call(g), double.Call)
		}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.kept, outputs(drive(t, c.build, nil)))
		})
	}
}

// TestChainHoldsOneOutput: an output is dropped with its last reader, while the run continues.
func TestChainHoldsOneOutput(t *testing.T) {
	drive(t, func(g *engine.Builder) engine.AnyRef {
		x := double.Call(engine.Const(g, 1))
		for range 50 {
			x = double.Call(x)
		}
		return x
	}, func(r *run) { require.LessOrEqual(t, outputs(r), 1) })
}
