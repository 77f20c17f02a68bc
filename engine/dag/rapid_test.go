package dag_test

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
)

// crate is a type that only some of the functions below name.
type crate struct {
	Label  string
	Weight int32
}

// grade is a type derived from a number that is so small that its lists are encoded as byte strings.
type grade uint8

// What generated graphs are made of. No list is longer than four.
var (
	few = engine.Func1("few", func(_ context.Context, n int) ([]int, error) {
		list := make([]int, (n%4+4)%4)
		for i := range list {
			list[i] = n + i
		}
		return list, nil
	})
	flat  = engine.Func1("flat", func(_ context.Context, m [][]int) ([]int, error) { return slices.Concat(m...), nil })
	none  = engine.Func0("none", func(context.Context) (int, error) { return 5, nil })
	text  = engine.Func1("text", func(_ context.Context, n int) (string, error) { return strconv.Itoa(n), nil })
	tally = engine.Func2("tally", func(_ context.Context, m map[string]int, by string) (int, error) {
		s := len(by)
		for _, k := range slices.Sorted(maps.Keys(m)) {
			s = 3*s + len(k) + m[k]
		}
		return s, nil
	})
	pack = engine.Func2("pack", func(_ context.Context, s string, n int) (crate, error) { return crate{s, int32(n)}, nil })
	load = engine.Func1("load", func(_ context.Context, n int) ([]crate, error) {
		list := make([]crate, (n%3+3)%3)
		for i := range list {
			list[i] = crate{strconv.Itoa(i), int32(n)}
		}
		return list, nil
	})
	weigh = engine.Func1("weigh", func(_ context.Context, c crate) (int, error) { return int(c.Weight) + len(c.Label), nil })
	stack = engine.Func1("stack", func(_ context.Context, m [][]crate) (int, error) { return len(slices.Concat(m...)), nil })
	marks = engine.Func1("marks", func(_ context.Context, n int) ([]grade, error) { return make([]grade, (n%3+3)%3), nil })
	mark  = engine.Func2("mark", func(_ context.Context, g grade, n int) (grade, error) { return g + grade(n%7), nil })
	worst = engine.Func1("worst", func(_ context.Context, v []grade) (int, error) { return len(v), nil })
)

// refs are the references that a scope of a generated graph can use, by type.
type refs struct {
	ints       []engine.Ref[int]
	lists      []engine.Ref[[]int]
	nested     []engine.Ref[[][]int]
	texts      []engine.Ref[string]
	maps       []engine.Ref[map[string]int]
	crates     []engine.Ref[crate]
	crateLists []engine.Ref[[]crate]
	crateGrids []engine.Ref[[][]crate]
	grades     []engine.Ref[grade]
	gradeLists []engine.Ref[[]grade]
}

func (r refs) clone() refs {
	return refs{
		slices.Clone(r.ints), slices.Clone(r.lists), slices.Clone(r.nested), slices.Clone(r.texts), slices.Clone(r.maps),
		slices.Clone(r.crates), slices.Clone(r.crateLists), slices.Clone(r.crateGrids), slices.Clone(r.grades), slices.Clone(r.gradeLists),
	}
}

// generator makes a graph by calls drawn at random.
type generator struct {
	t     *rapid.T
	b     *engine.Builder
	depth int
}

func pick[T any](g *generator, from []engine.Ref[T]) engine.Ref[T] {
	return from[rapid.IntRange(0, len(from)-1).Draw(g.t, "ref")]
}

// some draws up to three references.
func some[T any](g *generator, from []engine.Ref[T]) []engine.Ref[T] {
	out := make([]engine.Ref[T], rapid.IntRange(0, 3).Draw(g.t, "parts"))
	for i := range out {
		out[i] = pick(g, from)
	}
	return out
}

func (g *generator) constants() refs {
	b := g.b
	return refs{
		ints:       []engine.Ref[int]{engine.Const(b, 2), engine.Const(b, 3), none.Call(b)},
		lists:      []engine.Ref[[]int]{engine.Const(b, []int{4, 1})},
		nested:     []engine.Ref[[][]int]{engine.Const(b, [][]int{{1}, nil, {2, 3}})},
		texts:      []engine.Ref[string]{engine.Const(b, "t")},
		maps:       []engine.Ref[map[string]int]{engine.Const(b, map[string]int{"c": 1})},
		crates:     []engine.Ref[crate]{engine.Const(b, crate{"c", 1})},
		crateLists: []engine.Ref[[]crate]{engine.Const(b, []crate{{"d", 1}, {"e", 2}})},
		crateGrids: []engine.Ref[[][]crate]{engine.Const(b, [][]crate{{{"f", 3}}, nil, {{"g", 4}, {"h", 5}}})},
		grades:     []engine.Ref[grade]{engine.Const(b, grade(1))},
		gradeLists: []engine.Ref[[]grade]{engine.Const(b, []grade{3, 1})},
	}
}

// grow adds one reference to r.
func (g *generator) grow(r *refs) {
	b := g.b
	switch rapid.IntRange(0, 24).Draw(g.t, "what") {
	case 0:
		r.ints = append(r.ints, add.Call(pick(g, r.ints), pick(g, r.ints)))
	case 1:
		r.ints = append(r.ints, sum.Call(pick(g, r.lists)))
	case 2:
		r.lists = append(r.lists, few.Call(pick(g, r.ints)))
	case 3:
		r.lists = append(r.lists, engine.List(b, some(g, r.ints)...))
	case 4:
		r.nested = append(r.nested, engine.List(b, some(g, r.lists)...))
	case 5:
		r.ints = append(r.ints, sum.Call(flat.Call(pick(g, r.nested))))
	case 6:
		r.texts = append(r.texts, text.Call(pick(g, r.ints)))
	case 7:
		r.maps = append(r.maps, engine.Map(b, map[string]engine.Ref[int]{"a": pick(g, r.ints), "b": pick(g, r.ints)}))
	case 8:
		r.ints = append(r.ints, tally.Call(pick(g, r.maps), pick(g, r.texts)))
	case 9:
		r.crates = append(r.crates, pack.Call(pick(g, r.texts), pick(g, r.ints)))
	case 10:
		r.crateLists = append(r.crateLists, load.Call(pick(g, r.ints)), engine.List(b, some(g, r.crates)...))
	case 11:
		r.crateGrids = append(r.crateGrids, engine.List(b, some(g, r.crateLists)...))
	case 12:
		r.ints = append(r.ints, weigh.Call(pick(g, r.crates)))
	case 13:
		r.ints = append(r.ints, stack.Call(pick(g, r.crateGrids)))
	case 14:
		r.gradeLists = append(r.gradeLists, marks.Call(pick(g, r.ints)))
	case 15:
		r.ints = append(r.ints, worst.Call(pick(g, r.gradeLists)))
	case 16:
		r.grades = append(r.grades, mark.Call(pick(g, r.grades), pick(g, r.ints)))
	default:
		if g.depth < 2 {
			g.depth++
			g.fanOut(r)
			g.depth--
		}
	}
}

func (g *generator) fanOut(r *refs) {
	b := g.b
	switch rapid.IntRange(0, 7).Draw(g.t, "over") {
	case 0:
		r.lists = append(r.lists, engine.FanOut(b, pick(g, r.lists), func(e engine.Ref[int]) engine.Ref[int] {
			return pick(g, g.body(r, func(in *refs) { in.ints = append(in.ints, e, e) }).ints)
		}))
	case 1:
		r.nested = append(r.nested, engine.FanOut(b, pick(g, r.nested), func(e engine.Ref[[]int]) engine.Ref[[]int] {
			return pick(g, g.body(r, func(in *refs) { in.lists = append(in.lists, e, e) }).lists)
		}))
	case 2:
		r.crateLists = append(r.crateLists, engine.FanOut(b, pick(g, r.lists), func(e engine.Ref[int]) engine.Ref[crate] {
			return pick(g, g.body(r, func(in *refs) { in.ints = append(in.ints, e, e) }).crates)
		}))
	case 3:
		r.lists = append(r.lists, engine.FanOut(b, pick(g, r.crateLists), func(e engine.Ref[crate]) engine.Ref[int] {
			return pick(g, g.body(r, func(in *refs) { in.crates = append(in.crates, e, e) }).ints)
		}))
	case 4:
		r.crateGrids = append(r.crateGrids, engine.FanOut(b, pick(g, r.crateGrids), func(e engine.Ref[[]crate]) engine.Ref[[]crate] {
			return pick(g, g.body(r, func(in *refs) { in.crateLists = append(in.crateLists, e, e) }).crateLists)
		}))
	case 5:
		r.gradeLists = append(r.gradeLists, engine.FanOut(b, pick(g, r.gradeLists), func(e engine.Ref[grade]) engine.Ref[grade] {
			return pick(g, g.body(r, func(in *refs) { in.grades = append(in.grades, e, e) }).grades)
		}))
	case 6:
		r.crateLists = append(r.crateLists, engine.FanOut(b, pick(g, r.crateLists), func(e engine.Ref[crate]) engine.Ref[crate] { return e }))
	default:
		r.nested = append(r.nested, engine.FanOut(b, engine.List(b, some(g, r.maps)...), func(e engine.Ref[map[string]int]) engine.Ref[[]int] {
			return pick(g, g.body(r, func(in *refs) { in.maps = append(in.maps, e) }).lists)
		}))
	}
}

// body returns the references that can be used at the end of a body. It gets the element from add.
func (g *generator) body(outer *refs, add func(in *refs)) refs {
	in := outer.clone()
	add(&in)
	for range rapid.IntRange(0, 4).Draw(g.t, "size of body") {
		g.grow(&in)
	}
	return in
}

func (g *generator) result(r refs) engine.AnyRef {
	switch rapid.IntRange(0, 6).Draw(g.t, "result") {
	case 0:
		return pick(g, r.ints)
	case 1:
		return pick(g, r.nested)
	case 2:
		return pick(g, r.maps)
	case 3:
		return pick(g, r.crateGrids)
	case 4:
		return pick(g, r.gradeLists)
	case 5:
		return engine.Map(g.b, map[grade]engine.Ref[[]crate]{3: pick(g, r.crateLists), 1: pick(g, r.crateLists)})
	default:
		return engine.List(g.b, pick(g, r.lists), pick(g, r.lists))
	}
}

func generated(t *rapid.T) *dag.Graph {
	g := &generator{t: t, b: engine.NewBuilder()}
	r := g.constants()
	for range rapid.IntRange(1, 12).Draw(t, "size") {
		g.grow(&r)
	}
	graph, err := g.b.Compile(g.result(r))
	require.NoError(t, err)
	return graph
}

func TestGeneratedGraphsTravel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := generated(t)
		wire, constants, err := g.AppendGraph(nil)
		require.NoError(t, err)
		require.Empty(t, constants)
		got, err := dag.DecodeGraph(wire, nil, finder(g.Functions()...))
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(facts(g), facts(got), cmpopts.EquateEmpty()))
		requireApart(t, g, rapid.Uint64().Draw(t, "seed"))
	})
}
