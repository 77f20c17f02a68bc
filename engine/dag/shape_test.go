package dag_test

import (
	"context"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

// facts lists everything that readers of a graph without bodies can ask.
func facts(g *dag.Graph) []any {
	out := []any{g.Hash(), g.Tasks(), g.Edges(), g.ResultType().Name(), g.Scopes()}
	for node := range g.Named() {
		out = append(out, g.Name(dag.NodeID(node)))
	}
	for _, f := range g.Functions() {
		out = append(out, f.Name(), f.Options(), f.Output().Name())
		for _, in := range f.Inputs() {
			out = append(out, in.Name())
		}
	}
	for i := range g.Scopes() {
		s := g.Scope(int32(i))
		out = append(out, s.Up(), s.Expansion(), s.Len(), s.Tasks(), s.Sinks(), s.OuterHolds())
		for n := range s.Len() {
			out = append(out, n, s.Kind(n), s.Flags(n), s.Readers(n), slices.Clone(s.Parents(n)), slices.Clone(s.Children(n)), slices.Clone(s.Outs(n)))
			switch s.Kind(n) {
			case dag.TaskNode:
				out = append(out, s.Function(n))
			case dag.ExpandNode:
				out = append(out, s.Region(n), slices.Clone(s.RegionJoins(n)))
			case dag.JoinNode:
				out = append(out, s.JoinExpansion(n), slices.Clone(s.JoinWaits(n)), s.JoinReadsOuter(n))
			}
		}
	}
	return out
}

func TestShapeRoundTrip(t *testing.T) {
	for name, g := range enginetest.Compiled(t) {
		t.Run(name, func(t *testing.T) {
			b := g.AppendShape([]byte("before"))
			require.Equal(t, "before", string(b[:6]))
			got, err := dag.DecodeShape(b[6:])
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(facts(g), facts(got), cmpopts.EquateEmpty()))
			require.Equal(t, b[6:], got.AppendShape(nil))
			require.True(t, g.Executable())
			require.False(t, got.Executable())
			for seed := range uint64(5) {
				require.Equal(t, enginetest.SimulateSteps(g, seed, 2), enginetest.SimulateSteps(got, seed, 2))
			}
			for _, f := range got.Functions() {
				_, err := f.Invoke(t.Context(), nil)
				require.ErrorContains(t, err, f.Name())
				require.ErrorContains(t, f.Output().Err(), f.Output().Name())
			}
		})
	}
}

func TestShapeKeepsOptionsAndIdentities(t *testing.T) {
	f := engine.Func1("f", func(_ context.Context, n int) ([]int, error) { return nil, nil }).With(engine.Options{
		Version: -3, Retries: engine.NoRetries, Timeout: 7 * time.Second, Impure: true, MaxConcurrent: 5,
	})
	b := engine.NewBuilder()
	list := f.Call(engine.Const(b, 1))
	g, err := b.Compile(engine.FanOut(b, list, func(e engine.Ref[int]) engine.Ref[[]int] {
		return engine.FanOut(b, f.Call(e), double.Call)
	}))
	require.NoError(t, err)
	got, err := dag.DecodeShape(g.AppendShape(nil))
	require.NoError(t, err)
	require.Equal(t, f.Options(), got.Functions()[0].Options())
	require.Equal(t, "[][]int", got.ResultType().Name())
	a, z := dag.NewNumbering(g), dag.NewNumbering(got)
	for _, n := range []*dag.Numbering{a, z} {
		outer, err := n.Expand(1, 3, dag.Limits{})
		require.NoError(t, err)
		_, err = n.Expand(dag.Place{Block: outer, Instance: 2, Local: 1}.ID(), 4, dag.Limits{})
		require.NoError(t, err)
	}
	for id := range a.Nodes() {
		if !a.IsTask(dag.NodeID(id)) {
			continue
		}
		require.Equal(t, a.Identity(a.Locate(dag.NodeID(id))), z.Identity(z.Locate(dag.NodeID(id))))
	}
}

// shapeBytes encodes a graph of one function "f" and one scope of tasks; rest follows their functions.
func shapeBytes(tasks byte, rest ...byte) []byte {
	b := []byte{1, 1, 1, 'f', 0, 0, 0, 0, 0, 0, 1, 'T', 1, 'T', 1}
	b = append(b, 0, 0, tasks, 0, 0)
	b = append(b, make([]byte, tasks)...)
	return append(b, rest...)
}

func TestMalformedShapes(t *testing.T) {
	_, err := dag.DecodeShape(shapeBytes(2, 0, 1, 2, 0, 0))
	require.NoError(t, err, "node 1 waits for node 0")
	cases := []struct {
		name string
		src  []byte
		is   error
		want string
	}{
		{"empty", nil, codec.ErrMalformed, "too early"},
		{"version", []byte{4}, codec.ErrUnknownVersion, "version 4, expected 1 to 3"},
		{"self", shapeBytes(1, 1, 0, 0), codec.ErrMalformed, "cycle: f (node 0) → f (node 0)"},
		{"two", shapeBytes(2, 1, 1, 1, 2, 0, 0), codec.ErrMalformed, "cycle: f (node 0) → f (node 1) → f (node 0)"},
		{
			"after a cycle", shapeBytes(4, 1, 1, 1, 1, 1, 2, 0, 0, 0, 0, 0), codec.ErrMalformed,
			"cycle: f (node 1) → f (node 2) → f (node 1)",
		},
		{"parent", shapeBytes(2, 0, 1, 4, 0, 0), codec.ErrMalformed, "node 1 waits for node -1, there are 2"},
		{"parent too far", shapeBytes(2, 0, 1, 1, 0, 0), codec.ErrMalformed, "node 1 waits for node 2, there are 2"},
		{"bytes after it", shapeBytes(1, 0, 0, 0), codec.ErrMalformed, "1 bytes too many"},
		{"many tasks", shapeBytes(100)[:30], codec.ErrMalformed, "number of tasks is 100"},
		{"no scope", []byte{1, 0, 1, 'T', 0}, codec.ErrMalformed, "0 scopes"},
		{"function", []byte{1, 0, 1, 'T', 1, 0, 0, 1, 0, 0, 0, 0, 0}, codec.ErrMalformed, "function 0 is called, there are 0"},
		{"expansion without region", []byte{1, 0, 1, 'T', 1, 0, 0, 0, 1, 0, 0, 0}, codec.ErrMalformed, "expands no scope"},
		{"scope in itself", []byte{1, 0, 1, 'T', 2, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0}, codec.ErrMalformed, "enclosing scope is 2"},
		{"scope in none", []byte{1, 0, 1, 'T', 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, codec.ErrMalformed, "only scope 0 is in none"},
		{"no expansion", []byte{1, 0, 1, 'T', 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0}, codec.ErrMalformed, "is no expansion"},
		{
			"two regions",
			[]byte{1, 0, 1, 'T', 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0},
			codec.ErrMalformed,
			"expands the scopes 1 and 2",
		},
		{
			"join without edge",
			[]byte{1, 0, 1, 'T', 2, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0},
			codec.ErrMalformed,
			"expected its expansion 0",
		},
		{
			"join waits",
			[]byte{1, 0, 1, 'T', 2, 0, 0, 0, 1, 1, 0, 1, 2, 0, 0, 0, 0, 1, 5, 1, 0, 0, 0, 0},
			codec.ErrMalformed,
			"waits for node 5 of scope 1, which has 0",
		},
		{"join of none", []byte{1, 0, 1, 'T', 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0}, codec.ErrMalformed, "collects expansion 0, there are 0"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := dag.DecodeShape(c.src)
			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestShapesAreBounded(t *testing.T) {
	const n = 3000 // functions and scopes: each scope would count the uses of each function
	b := binary.AppendUvarint([]byte{1}, n)
	for range n {
		b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	b = binary.AppendUvarint(append(b, 0), n)
	_, err := dag.DecodeShape(append(b, make([]byte, 5*n)...))
	require.ErrorIs(t, err, codec.ErrMalformed)
	require.ErrorContains(t, err, "3000 scopes and 3000 functions")
}

func TestCutOffShapes(t *testing.T) {
	for name, g := range enginetest.Compiled(t) {
		b := g.AppendShape(nil)
		for n := range b {
			_, err := dag.DecodeShape(b[:n])
			require.ErrorIs(t, err, codec.ErrMalformed, "%s cut to %d bytes", name, n)
		}
	}
}

func FuzzDecodeShape(f *testing.F) {
	for _, g := range enginetest.Compiled(f) {
		f.Add(g.AppendShape(nil))
	}
	f.Add(shapeBytes(2, 1, 1, 1, 2, 0, 0))
	f.Add(named(f, "stg_orders", "stg_items", "").AppendShape(nil))
	f.Fuzz(func(t *testing.T, src []byte) {
		g, err := dag.DecodeShape(src)
		if err != nil {
			require.ErrorContains(t, err, "shape")
			return
		}
		again, err := dag.DecodeShape(g.AppendShape(nil))
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(facts(g), facts(again), cmpopts.EquateEmpty()))
		n := dag.NewNumbering(g)
		for id := range n.Nodes() {
			if n.IsTask(dag.NodeID(id)) {
				n.Identity(n.Locate(dag.NodeID(id)))
			}
		}
	})
}
