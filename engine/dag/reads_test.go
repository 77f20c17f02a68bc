package dag_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

// TestReads names outputs in the cases in which a task reads fewer outputs than it waits for.
func TestReads(t *testing.T) {
	b := engine.NewBuilder()
	x, y := few.Call(engine.Const(b, 2)), few.Call(engine.Const(b, 3)) // nodes 0 and 1
	n := double.Call(engine.Const(b, 9))                               // node 2
	over := engine.FanOut(b, engine.List(b, x, y), func(e engine.Ref[[]int]) engine.Ref[int] {
		return add.Call(sum.Call(e), n)
	})
	g, err := b.Compile(engine.List(b, sum.Call(over), n, n)) // nodes 3 (sum), 4 (expansion), 5 (join)
	require.NoError(t, err)
	numbering := dag.NewNumbering(g)
	reads := func(id dag.NodeID) []dag.NodeID { return g.Reads(nil, numbering.Locate(id), numbering) }
	require.Empty(t, reads(0), "a constant")
	require.Equal(t, []uint32{0, 1, 2}, g.Scope(0).Parents(4), "the expansion waits for its list and what the body captures")
	require.Empty(t, reads(4), "the length of a list that is put together is known")
	_, err = numbering.Expand(4, 2, dag.Limits{})
	require.NoError(t, err)
	require.Equal(t, []dag.NodeID{0}, reads(6), "the first element")
	require.Equal(t, []dag.NodeID{1}, reads(8), "the second element")
	require.Equal(t, []dag.NodeID{2, 8}, reads(9), "a capture and the task before")
	require.Empty(t, reads(5), "a join")
	require.Equal(t, []dag.NodeID{7, 9}, reads(3))
	require.Equal(t, []dag.NodeID{99, 2, 3}, g.ResultReads([]dag.NodeID{99}, numbering), "appended, once each")
	require.Same(t, codec.TypeOf[[]int](), g.OutputType(numbering.Locate(1)))
	require.Equal(t, dag.SoleParent|dag.ReadsOuter, g.Scope(1).Flags(1), "which reads a capture and one task of its instance")
	require.Nil(t, g.OutputType(numbering.Locate(4)))
	require.Nil(t, g.OutputType(numbering.Locate(5)))
}

// TestOutputsOfUnknownFunctions checks what a process can do with outputs of functions that it does not have.
func TestOutputsOfUnknownFunctions(t *testing.T) {
	g := compile(t, func(b *engine.Builder) engine.AnyRef { // nodes 0 to 3: load, text, pack, stack
		crates := load.Call(engine.Const(b, 2))
		one := pack.Call(text.Call(engine.Const(b, 1)), engine.Const(b, 1))
		return stack.Call(engine.List(b, engine.FanOut(b, crates, func(engine.Ref[crate]) engine.Ref[crate] { return one })))
	})
	at := func(g *dag.Graph, local uint32) *codec.Type {
		return g.OutputType(dag.Place{Block: dag.NewNumbering(g).Block(0), Local: local})
	}
	reader := travel(t, g, stack.Function)
	require.Same(t, codec.TypeOf[[]crate](), at(reader, 0), "a function known here takes lists of such lists")
	require.Same(t, codec.TypeOf[string](), at(reader, 1), "Go's own types are known everywhere")
	require.Same(t, codec.TypeOf[crate](), at(reader, 2))

	stranger := travel(t, g)
	require.Same(t, codec.TypeOf[string](), at(stranger, 1))
	require.Nil(t, at(stranger, 2))
	lists := at(stranger, 0)
	require.Equal(t, "[]dag_test.crate", lists.Name())
	require.Equal(t, codec.UnknownSize, lists.Size(nil))
	for _, list := range [][]crate{{{"a", 1}, {"b", 2}}, {}, nil} {
		wire, err := codec.TypeOf[[]crate]().Append(nil, list)
		require.NoError(t, err)
		v, err := lists.Decode(wire)
		require.NoError(t, err)
		require.Equal(t, make([]any, len(list)), v, "as many as there are")
		_, err = lists.Decode(wire[:len(wire)-1])
		require.ErrorIs(t, err, codec.ErrMalformed)
	}
	_, err := lists.Append(nil, []any{nil})
	require.ErrorContains(t, err, "of []dag_test.crate only the name is known")
	require.ErrorContains(t, lists.Err(), "only the name is known")
}

// TestStrangersExpand has a process that knows no function and no package type expand nested fan-outs.
func TestStrangersExpand(t *testing.T) {
	grid := engine.Func1("grid", func(_ context.Context, n int) ([][]crate, error) {
		return [][]crate{{{"a", 1}, {"b", int32(n)}}, nil, {{"c", 3}}}, nil
	})
	grades := engine.Func1("grades", func(_ context.Context, n int) ([][]grade, error) { return [][]grade{{1, 2}, {}, {3}}, nil })
	weighed := func(b *engine.Builder, over engine.Ref[[][]crate]) engine.Ref[[][]int] {
		return engine.FanOut(b, over, func(e engine.Ref[[]crate]) engine.Ref[[]int] { return engine.FanOut(b, e, weigh.Call) })
	}
	for _, c := range []struct {
		name  string
		build func(b *engine.Builder) engine.AnyRef
		want  any
	}{
		{"an output", func(b *engine.Builder) engine.AnyRef {
			return weighed(b, grid.Call(engine.Const(b, 5)))
		}, [][]int{{2, 6}, {}, {4}}},
		{"a constant", func(b *engine.Builder) engine.AnyRef {
			return weighed(b, engine.Const(b, [][]crate{{{"a", 7}}, {}}))
		}, [][]int{{8}, {}}},
		{"lists", func(b *engine.Builder) engine.AnyRef {
			one := pack.Call(engine.Const(b, "x"), engine.Const(b, 2))
			return weighed(b, engine.List(b, engine.List(b, one, one), load.Call(engine.Const(b, 2)), engine.List(b, one)))
		}, [][]int{{3, 3}, {3, 3}, {3}}},
		{"a join", func(b *engine.Builder) engine.AnyRef {
			rows := engine.FanOut(b, few.Call(engine.Const(b, 2)), load.Call)
			first := weigh.Call(pack.Call(text.Call(stack.Call(rows)), engine.Const(b, 1))) // which keeps the two from being fused
			return engine.FanOut(b, rows, func(e engine.Ref[[]crate]) engine.Ref[[]int] {
				return engine.FanOut(b, e, func(c engine.Ref[crate]) engine.Ref[int] { return add.Call(weigh.Call(c), first) })
			})
		}, [][]int{{5, 5}, {}}},
		{"a join of a join", func(b *engine.Builder) engine.AnyRef {
			one := pack.Call(engine.Const(b, "x"), engine.Const(b, 2))
			row := engine.FanOut(b, few.Call(engine.Const(b, 2)), func(engine.Ref[int]) engine.Ref[crate] { return one })
			return weighed(b, engine.List(b, row, row))
		}, [][]int{{3, 3}, {3, 3}}},
		{"bytes by another name", func(b *engine.Builder) engine.AnyRef {
			return engine.FanOut(b, grades.Call(engine.Const(b, 1)), func(e engine.Ref[[]grade]) engine.Ref[int] {
				return worst.Call(engine.FanOut(b, e, func(g engine.Ref[grade]) engine.Ref[grade] { return mark.Call(g, engine.Const(b, 1)) }))
			})
		}, []int{2, 0, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := compile(t, c.build)
			require.Equal(t, c.want, evaluated(t, g).Result)
			stranger := travel(t, g)
			for seed := range uint64(10) {
				out, err := enginetest.EvaluateApart(t.Context(), seed, stranger, g)
				require.NoError(t, err)
				require.Equal(t, evaluated(t, g), out)
			}
		})
	}
}
