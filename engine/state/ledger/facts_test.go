package ledger_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/internal/testkit/ledgertest"
)

// shape is a small graph to be explored.
type shape struct {
	layout *ledgertest.Layout
	width  uint32 // how many elements expansions find
	facts  map[string]*facts
}

// facts are what a process knows about a graph as far as it has expanded. They are computed once for all worlds.
type facts struct {
	layout *ledgertest.Layout
	nodes  []fact
}

type fact struct {
	kind       dag.NodeKind
	class      ledger.Class
	kept, wide bool // wide: something that is not a task waits for it
	parents    []dag.NodeID
	reads      []dag.NodeID // tasks whose outputs it needs
	edges      []ledger.Edge
	want       byte // its value, according to sequential evaluation
}

func newShape(t testing.TB, build func(g *engine.Builder) engine.AnyRef, width uint32) *shape {
	t.Helper()
	b := engine.NewBuilder()
	g, err := b.Compile(build(b))
	require.NoError(t, err)
	return &shape{layout: ledgertest.NewLayout(g), width: width, facts: map[string]*facts{}}
}

// at returns the facts after some expansions.
func (s *shape) at(blocks []ledger.Block) *facts {
	key := fmt.Sprint(blocks)
	if f := s.facts[key]; f != nil {
		return f
	}
	f := &facts{layout: s.layout.Clone()}
	for _, b := range blocks {
		f.layout.Append(b)
	}
	for i := range f.layout.Nodes() {
		id := dag.NodeID(i)
		n := fact{
			kind: f.layout.Kind(id), class: f.layout.Class(id), kept: f.layout.IsKept(id),
			parents: f.layout.Parents(id), edges: f.layout.Edges(id, s.width),
		}
		if n.kind != dag.JoinNode {
			n.reads = f.layout.Reads(id)
		}
		n.wide = slices.ContainsFunc(n.edges, func(e ledger.Edge) bool { return f.layout.Kind(e.Child) != dag.TaskNode })
		f.nodes = append(f.nodes, n)
	}
	f.evaluate()
	s.facts[key] = f
	return f
}

// evaluate evaluates a graph sequentially: it runs one node after the other, parents first.
func (f *facts) evaluate() {
	values := make([]byte, len(f.nodes))
	var run func(id dag.NodeID)
	run = func(id dag.NodeID) {
		if f.nodes[id].want != 0 {
			return
		}
		for _, in := range f.nodes[id].reads {
			run(in)
		}
		values[id] = f.value(id, values)
		f.nodes[id].want = values[id]
	}
	for i := range f.nodes {
		run(dag.NodeID(i))
	}
}

// value is the value that a node computes from its inputs: never 0, and most likely different if an input is different.
func (f *facts) value(id dag.NodeID, of []byte) byte {
	h := uint32(2166136261)
	mix := func(v uint32) { h = (h ^ v) * 16777619 }
	for _, n := range f.layout.Identity(id) {
		mix(n)
	}
	for _, in := range f.nodes[id].reads {
		mix(uint32(of[in]))
	}
	return byte(1 + h>>8%255)
}

var (
	one  = engine.Func0("one", func(context.Context) (int, error) { return 1, nil })
	next = engine.Func1("next", func(_ context.Context, a int) (int, error) { return a + 1, nil })
	add  = engine.Func2("add", func(_ context.Context, a, b int) (int, error) { return a + b, nil })
	list = engine.Func1("list", func(_ context.Context, n int) ([]int, error) { return make([]int, n), nil })
	sum  = engine.Func1("sum", func(_ context.Context, v []int) (int, error) { return len(v), nil })
	solo = next.With(engine.Options{MaxConcurrent: 1})
)

// The shapes have at most five tasks. An arrow is an edge; [ ] is a fan-out, once for each element.
var shapes = map[string]func(g *engine.Builder) engine.AnyRef{
	// 0
	"single": func(g *engine.Builder) engine.AnyRef { return one.Call(g) },
	// 0, 1
	"pair": func(g *engine.Builder) engine.AnyRef { one.Call(g); return one.Call(g) },
	// 0 → 1 → 2
	"chain": func(g *engine.Builder) engine.AnyRef { return next.Call(next.Call(one.Call(g))) },
	// 0 → 1 → 2 → 3 → 4
	"long chain": func(g *engine.Builder) engine.AnyRef {
		return next.Call(next.Call(next.Call(next.Call(one.Call(g)))))
	},
	// 0 → {1, 2}
	"fork": func(g *engine.Builder) engine.AnyRef { a := one.Call(g); next.Call(a); return next.Call(a) },
	// {0, 1} → 2
	"join": func(g *engine.Builder) engine.AnyRef { return add.Call(one.Call(g), one.Call(g)) },
	// 0 → {1, 2} → 3
	"diamond": func(g *engine.Builder) engine.AnyRef {
		a := one.Call(g)
		return add.Call(next.Call(a), next.Call(a))
	},
	// {0, 1} → 2, 1 → 3
	"gather": func(g *engine.Builder) engine.AnyRef {
		a, b := one.Call(g), one.Call(g)
		next.Call(b)
		return add.Call(a, b)
	},
	// 0 → {1, 2, 3} → 4
	"wide": func(g *engine.Builder) engine.AnyRef {
		a := one.Call(g)
		return sum.Call(engine.List(g, next.Call(a), next.Call(a), next.Call(a)))
	},
	// {0, 1, 2, 3} → 4
	"fan-in": func(g *engine.Builder) engine.AnyRef {
		return sum.Call(engine.List(g, one.Call(g), one.Call(g), one.Call(g), one.Call(g)))
	},
	// {0, 1} → {2, 3}, both of both
	"crossed": func(g *engine.Builder) engine.AnyRef {
		a, b := one.Call(g), one.Call(g)
		add.Call(b, a)
		return add.Call(a, b)
	},
	// 0 → 1 → 3, 0 → 2 → 3, 0 → 3
	"short cut": func(g *engine.Builder) engine.AnyRef {
		a := one.Call(g)
		return sum.Call(engine.List(g, a, next.Call(a), next.Call(next.Call(a))))
	},
	// 0 → {1, 2}, of which one runs at a time
	"bounded": func(g *engine.Builder) engine.AnyRef { a := one.Call(g); solo.Call(a); return solo.Call(a) },
	// 0 → [1] → 2
	"region": func(g *engine.Builder) engine.AnyRef {
		return sum.Call(engine.FanOut(g, list.Call(engine.Const(g, 2)), next.Call))
	},
	// 0 → [1 with 3] → 2, 3 →, where 3 is captured
	"captured": func(g *engine.Builder) engine.AnyRef {
		c := one.Call(g)
		return engine.FanOut(g, list.Call(engine.Const(g, 1)), func(e engine.Ref[int]) engine.Ref[int] { return add.Call(e, c) })
	},
	// [0 → [1]] over a constant
	"rows": func(g *engine.Builder) engine.AnyRef {
		return engine.FanOut(g, engine.Const(g, []int{1}), func(e engine.Ref[int]) engine.Ref[[]int] {
			return engine.FanOut(g, list.Call(e), next.Call)
		})
	},
}
