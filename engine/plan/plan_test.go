package plan_test

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/plan"
)

// named makes a function with any number of arguments, so that graphs can be described by names.
func named(name string) engine.FN[int, int] {
	return engine.FuncN(name, func(_ context.Context, v []int) (int, error) { return len(v), nil })
}

var (
	spread = engine.FuncN("spread", func(_ context.Context, v []int) ([]int, error) { return v, nil })
	task   = named("task")
	gather = engine.Func1("gather", func(_ context.Context, v []int) (int, error) { return len(v), nil })
)

// written parses a graph such as "a b:a c:a d:b,c": tasks in order, each after those that it waits for. The result
// depends on all of them, so that none is dropped.
func written(t require.TestingT, text string) *dag.Graph {
	b := engine.NewBuilder()
	refs := map[string]engine.Ref[int]{}
	var all []engine.Ref[int]
	for _, word := range strings.Fields(text) {
		name, parents, _ := strings.Cut(word, ":")
		var args []engine.Ref[int]
		for _, p := range strings.FieldsFunc(parents, func(r rune) bool { return r == ',' }) {
			args = append(args, refs[p])
		}
		refs[name] = named(name).Call(b, args...)
		all = append(all, refs[name])
	}
	g, err := b.Compile(engine.List(b, all...))
	require.NoError(t, err)
	return g
}

// drawn is a schedule as text: each node with its mark and the edges that leave it.
func drawn(p *plan.Plan, root dag.NodeID) string {
	s, ok := p.Schedule(root)
	if !ok {
		return "none"
	}
	var lines []string
	for n := range s.Nodes() {
		line := nameOf(p, n) + " " + p.Mark(n).String()
		for e := range p.Edges(n) {
			line += " →" + nameOf(p, e.To)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func nameOf(p *plan.Plan, n plan.Node) string {
	s := p.Graph().Scope(n.Scope)
	switch s.Kind(n.Local) {
	case dag.ExpandNode:
		return "fan-out"
	case dag.JoinNode:
		return "join"
	default:
		return p.Graph().Functions()[s.Function(n.Local)].Name()
	}
}

func lines(all ...string) string { return strings.Join(all, "\n") }

func TestSchedules(t *testing.T) {
	for _, c := range []struct {
		name, graph string
		want        map[dag.NodeID]string // by root
		sizes       []plan.Size
	}{
		{"one task", "a", map[dag.NodeID]string{0: "a root"}, []plan.Size{{Tasks: 1}}},
		{
			"a chain is become", "a b:a c:b",
			map[dag.NodeID]string{0: lines("a root →b", "b become →c", "c become"), 1: "none"},
			[]plan.Size{{Tasks: 3, Edges: 2, Became: 2}},
		},
		{
			"of several children the first is become", "a b:a c:a d:c",
			map[dag.NodeID]string{0: lines("a root →b →c", "b become", "c invoke →d", "d become")},
			[]plan.Size{{Tasks: 4, Edges: 3, Became: 2, Invoked: 1}},
		},
		{
			"a fan-in is neither, though it stands first", "a x b:a,x c:a",
			map[dag.NodeID]string{
				0: lines("a root →b →c", "c become", "b fan-in"),
				1: lines("x root →b", "b fan-in"),
			},
			[]plan.Size{{Tasks: 3, Edges: 2, Became: 1, FanIns: 1}, {Tasks: 2, Edges: 1, FanIns: 1}},
		},
		{
			"roots share what follows a fan-in", "a b c:a,b d:c e:c",
			map[dag.NodeID]string{
				0: lines("a root →c", "c fan-in →d →e", "d become", "e invoke"),
				1: lines("b root →c", "c fan-in →d →e", "d become", "e invoke"),
			},
			[]plan.Size{
				{Tasks: 4, Edges: 3, Became: 1, Invoked: 1, FanIns: 1},
				{Tasks: 4, Edges: 3, Became: 1, Invoked: 1, FanIns: 1},
			},
		},
		{
			"a diamond is one task at its end", "a b:a c:a d:b,c",
			map[dag.NodeID]string{0: lines("a root →b →c", "b become →d", "d fan-in", "c invoke →d")},
			[]plan.Size{{Tasks: 4, Edges: 4, Became: 1, Invoked: 1, FanIns: 1}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := plan.New(written(t, c.graph))
			for root, want := range c.want {
				assert.Equal(t, want, drawn(p, root), "root %d", root)
			}
			assert.Equal(t, c.sizes, p.Sizes(p.Roots()))
			for i, root := range p.Roots() {
				s, ok := p.Schedule(root)
				require.True(t, ok)
				assert.Equal(t, root, s.Root())
				assert.Equal(t, c.sizes[i], s.Size())
			}
		})
	}
}

// TestFanOut: a schedule contains the body of a fan-out once, and also the bodies nested in it.
func TestFanOut(t *testing.T) {
	b := engine.NewBuilder()
	outer := engine.FanOut(b, spread.Call(b), func(e engine.Ref[int]) engine.Ref[int] {
		cut := named("cut").Call(b, e)
		return gather.Call(engine.FanOut(b, spread.Call(b, cut), func(e engine.Ref[int]) engine.Ref[int] {
			return named("leaf").Call(b, e, cut)
		}))
	})
	g, err := b.Compile(gather.Call(outer))
	require.NoError(t, err)
	p := plan.New(g)
	require.Len(t, p.Roots(), 1)
	assert.Equal(t, lines(
		"spread root →fan-out",
		"fan-out become →cut →join",
		"cut invoke →spread →fan-out",
		"spread become →fan-out",
		"fan-out fan-in →leaf →join",
		"leaf invoke →join",
		"join fan-in →gather",
		"gather become →join",
		"join fan-in →gather",
		"gather become",
	), drawn(p, p.Roots()[0]))
	assert.Equal(t, []plan.Size{{Tasks: 6, FanOuts: 2, Edges: 12, Became: 4, Invoked: 2, FanIns: 3}}, p.Sizes(p.Roots()))
	_, ok := p.Schedule(1)
	assert.False(t, ok, "what waits is no root")
	_, ok = p.Schedule(dag.NoNode)
	assert.False(t, ok)
}

// TestEmpty: the body of a fan-out may be just its element, and a graph may have no task.
func TestEmpty(t *testing.T) {
	b := engine.NewBuilder()
	same := engine.FanOut(b, spread.Call(b), func(e engine.Ref[int]) engine.Ref[int] { return e })
	g, err := b.Compile(gather.Call(same))
	require.NoError(t, err)
	assert.Equal(t, lines("spread root →fan-out", "fan-out become →join", "join fan-in →gather", "gather become"), drawn(plan.New(g), 0))

	g, err = b.Compile(engine.Const(b, 7))
	require.NoError(t, err)
	assert.Equal(t, []plan.Size{}, plan.New(g).Sizes(nil))
}

// grown makes a graph of one task for each number, each waiting for some earlier ones, with fan-outs in between.
func grown(t *rapid.T) *dag.Graph {
	b := engine.NewBuilder()
	var grow func(depth int, refs []engine.Ref[int]) engine.Ref[int]
	grow = func(depth int, refs []engine.Ref[int]) engine.Ref[int] {
		for range rapid.IntRange(1, 12).Draw(t, "nodes") {
			args := []engine.Ref[int]{}
			if len(refs) > 0 {
				args = rapid.SliceOfN(rapid.SampledFrom(refs), 0, 3).Draw(t, "parents")
			}
			if depth < 2 && rapid.IntRange(0, 5).Draw(t, "kind") == 0 {
				known := slices.Clone(refs)
				refs = append(refs, gather.Call(engine.FanOut(b, spread.Call(b, args...), func(e engine.Ref[int]) engine.Ref[int] {
					return grow(depth+1, append(known, e))
				})))
				continue
			}
			refs = append(refs, task.Call(b, args...))
		}
		return refs[len(refs)-1]
	}
	last := grow(0, nil)
	g, err := b.Compile(last)
	require.NoError(t, err)
	return g
}

func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := plan.New(grown(t))
		g := p.Graph()
		reached := map[plan.Node]bool{}
		sizes := p.Sizes(p.Roots())
		for i, root := range p.Roots() {
			s, ok := p.Schedule(root)
			require.True(t, ok)
			reachedBySearch(t, s, p, sizes[i], reached)
		}
		handed := map[plan.Node]int{} // edges by which a node is become or invoked
		for scope := range int32(g.Scopes()) {
			for n := range g.Scope(scope).Len() {
				require.True(t, reached[plan.Node{Scope: scope, Local: n}], "node %d of scope %d is in no schedule", n, scope)
				became := 0
				for e := range p.Edges(plan.Node{Scope: scope, Local: n}) {
					require.Equal(t, p.Mark(e.To), e.Mark)
					require.NotEqual(t, plan.Root, e.Mark)
					if e.Mark != plan.FanIn {
						handed[e.To]++
					}
					if e.Mark == plan.Become {
						became++
					}
				}
				require.LessOrEqual(t, became, 1, "a worker continues with one")
			}
		}
		for n := range reached {
			marksHold(t, p, n, handed[n])
		}
	})
}

// reachedBySearch checks a schedule: it contains each node once, after a node that leads to it, and as many nodes as
// its size says.
func reachedBySearch(t *rapid.T, s plan.Schedule, p *plan.Plan, want plan.Size, reached map[plan.Node]bool) {
	mine, led := map[plan.Node]bool{}, map[plan.Node]bool{{Local: uint32(s.Root())}: true}
	var got plan.Size
	for n := range s.Nodes() {
		require.False(t, mine[n], "node %v comes twice", n)
		require.True(t, led[n], "node %v comes before what leads to it", n)
		mine[n], reached[n] = true, true
		switch p.Graph().Scope(n.Scope).Kind(n.Local) {
		case dag.TaskNode:
			got.Tasks++
		case dag.ExpandNode:
			got.FanOuts++
		}
		switch p.Mark(n) {
		case plan.Become:
			got.Became++
		case plan.Invoke:
			got.Invoked++
		case plan.FanIn:
			got.FanIns++
		}
		for e := range p.Edges(n) {
			led[e.To] = true
			got.Edges++
		}
	}
	require.Equal(t, mine, led, "what is led to is in the schedule")
	require.Equal(t, want, got)
}

// marksHold compares the mark of a node with what it waits for.
func marksHold(t *rapid.T, p *plan.Plan, n plan.Node, handed int) {
	s := p.Graph().Scope(n.Scope)
	parents := len(s.Parents(n.Local))
	switch mark := p.Mark(n); mark {
	case plan.Root:
		require.Zero(t, parents)
		require.Zero(t, n.Scope)
		require.Zero(t, handed)
	case plan.FanIn:
		require.True(t, parents > 1 || s.Kind(n.Local) == dag.JoinNode)
		require.Zero(t, handed)
	default:
		require.LessOrEqual(t, parents, 1)
		require.Equal(t, 1, handed, "%s of node %v", mark, n)
	}
}

// TestLinear: a plan of 100,000 tasks, with everything computed from it, takes memory in proportion to the graph,
// though every root reaches half of it.
func TestLinear(t *testing.T) {
	const half = 50_000
	b := engine.NewBuilder()
	row := make([]engine.Ref[int], half)
	for i := range row {
		row[i] = task.Call(b)
	}
	last := task.Call(b, row...)
	for range half {
		last = task.Call(b, last)
	}
	g, err := b.Compile(last)
	require.NoError(t, err)
	var p *plan.Plan
	assert.Less(t, allocated(func() { p = plan.New(g) }), 100_000*16, "bytes of a plan")
	assert.Less(t, allocated(func() { sizes(t, p, half) }), 100_000*16, "bytes of sizes")
	assert.Less(t, allocated(func() {
		s, ok := p.Schedule(half - 1)
		require.True(t, ok)
		n := 0
		for range s.Nodes() {
			n++
		}
		assert.Equal(t, half+2, n)
	}), 100_000, "bytes of going through a schedule")
}

func sizes(t *testing.T, p *plan.Plan, half int) {
	want := plan.Size{Tasks: half + 2, Edges: half + 1, Became: half, FanIns: 1}
	for _, s := range p.Sizes(p.Roots()[:200]) {
		assert.Equal(t, want, s)
	}
}

// allocated is how many bytes f allocates.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}
