package runtable_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

// nested fans out inside a fan-out, and has a wide row of independent tasks.
func nested(t testing.TB, wide int) *dag.Graph {
	t.Helper()
	grow := engine.Func1("grow", func(_ context.Context, n int) ([]int, error) { return make([]int, n), nil })
	sum := engine.FuncN("sum", func(_ context.Context, v []int) (int, error) { return len(v), nil })
	leaf := engine.Func1("leaf", func(_ context.Context, n int) (int, error) { return n, nil })
	total := engine.Func2("total", func(_ context.Context, a [][]int, n int) (int, error) { return len(a) + n, nil })
	b := engine.NewBuilder()
	outer := engine.FanOut(b, grow.Call(engine.Const(b, 3)), func(e engine.Ref[int]) engine.Ref[[]int] {
		return engine.FanOut(b, grow.Call(e), func(e engine.Ref[int]) engine.Ref[int] { return leaf.Call(leaf.Call(e)) })
	})
	var row []engine.Ref[int]
	for i := range wide {
		row = append(row, leaf.Call(engine.Const(b, i)))
	}
	g, err := b.Compile(total.Call(outer, sum.Call(b, row...)))
	require.NoError(t, err)
	return g
}

// simulated is a graph with the log of one of its runs.
func simulated(t testing.TB, seed uint64, wide int) (*dag.Graph, []record.Step) {
	t.Helper()
	g := nested(t, wide)
	return g, enginetest.SimulateSteps(g, seed, 4)
}

// measure returns steps of which some have a usage, each a different one.
func measure(steps []record.Step) []record.Step {
	out := slices.Clone(steps)
	for i := range out {
		if out[i].Kind != record.AttemptEnded || i%3 == 0 {
			continue
		}
		part := func(n int64) int64 { return n%5*n - n%2 } // 0 and UnknownSize among them
		n := int64(i)
		out[i].Usage = &record.Usage{
			CPU: time.Duration(part(n)), MemoryBytes: part(n + 1), ReadBytes: part(n + 2), WrittenBytes: part(n + 3), InputBytes: n,
		}
	}
	return out
}

func folded(t require.TestingT, g *dag.Graph, steps []record.Step) *runtable.Table {
	table := runtable.New(g)
	require.NoError(t, table.Steps(steps))
	return table
}

// content is everything that a table shows.
type content struct {
	Seq        uint64
	Tasks      int
	Rows       []runtable.Row
	RowsOf     [][]int
	Marks      []runtable.Mark
	Expansions []runtable.Expansion
	Ended      bool
}

func contentOf(v *runtable.View) content {
	c := content{
		Seq: v.Seq(), Tasks: v.Tasks(), Ended: v.Ended(),
		Marks: slices.Clone(v.Marks()), Expansions: slices.Clone(v.Expansions()),
	}
	for i := range v.Rows() {
		r := v.Row(i)
		c.Rows = append(c.Rows, r)
		if of := v.RowsOf(r.Node); of[0] == i {
			c.RowsOf = append(c.RowsOf, of)
		}
	}
	return c
}

// pull applies to a copy everything that it lacks, in frames of at most n rows.
func pull(t require.TestingT, table *runtable.Table, c *runtable.Copy, cursor runtable.Cursor, n int) runtable.Cursor {
	for {
		var b []byte
		b, cursor = table.AppendFrame(nil, runtable.FrameHeader{Now: table.End(), Complete: table.Ended()}, cursor, n)
		f, err := runtable.DecodeFrame(b)
		require.NoError(t, err)
		require.LessOrEqual(t, len(f.Rows)+len(f.Expansions), n)
		require.NoError(t, c.Apply(f))
		require.Equal(t, cursor.More(), f.More)
		if !cursor.More() {
			return cursor
		}
	}
}
