package dag_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
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

// finder finds functions by name.
func finder(fs ...*engine.Function) func(dag.Signature) *engine.Function {
	byName := map[string]*engine.Function{}
	for _, f := range fs {
		byName[f.Name()] = f
	}
	return func(s dag.Signature) *engine.Function { return byName[s.Name] }
}

// from returns constants from a map.
func from(constants map[string][]byte) func(string) ([]byte, error) {
	return func(hash string) ([]byte, error) {
		if c, isKnown := constants[hash]; isKnown {
			return c, nil
		}
		return nil, errors.New("there is no constant " + hash)
	}
}

// travel sends a graph to a process that has the given functions.
func travel(t testing.TB, g *dag.Graph, fs ...*engine.Function) *dag.Graph {
	t.Helper()
	b, constants, err := g.AppendGraph([]byte("before"))
	require.NoError(t, err)
	require.Equal(t, "before", string(b[:6]))
	got, err := dag.DecodeGraph(b[6:], from(constants), finder(fs...))
	require.NoError(t, err)
	clear(b) // the graph must not have kept a reference to it
	return got
}

// evaluated is the result of sequential evaluation.
func evaluated(t testing.TB, g *dag.Graph) enginetest.Outcome {
	t.Helper()
	out, err := enginetest.Evaluate(t.Context(), g)
	require.NoError(t, err)
	return out
}

// compile makes the graph of one test.
func compile(t testing.TB, build func(b *engine.Builder) engine.AnyRef) *dag.Graph {
	t.Helper()
	b := engine.NewBuilder()
	g, err := b.Compile(build(b))
	require.NoError(t, err)
	return g
}

func TestGraphRoundTrip(t *testing.T) {
	for name, g := range enginetest.Compiled(t) {
		t.Run(name, func(t *testing.T) {
			got := travel(t, g, g.Functions()...)
			require.Empty(t, cmp.Diff(facts(g), facts(got), cmpopts.EquateEmpty()))
			require.Equal(t, g.AppendShape(nil), got.AppendShape(nil))
			require.True(t, got.Executable())
			for i, f := range got.Functions() {
				require.True(t, got.Runs(i))
				require.Same(t, g.Functions()[i], f)
			}
			require.Same(t, g.ResultType(), got.ResultType())
			require.Equal(t, evaluated(t, g), evaluated(t, got))
			for seed := range uint64(5) {
				out, err := enginetest.EvaluateApart(t.Context(), seed, got, travel(t, g, g.Functions()...))
				require.NoError(t, err)
				require.Equal(t, evaluated(t, g), out)
			}
			first, constants, err := g.AppendGraph(nil)
			require.NoError(t, err)
			again, same, err := got.AppendGraph(nil)
			require.NoError(t, err)
			require.Equal(t, first, again)
			require.Equal(t, constants, same)
		})
	}
}

// TestGraphsWithoutSomeFunctions has three processes that each know some of the functions, every one by at least one.
func TestGraphsWithoutSomeFunctions(t *testing.T) {
	for name, g := range enginetest.Compiled(t) {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(20) {
				requireApart(t, g, seed)
			}
		})
	}
}

// requireApart shares a graph among three processes and compares the result with that of sequential evaluation.
func requireApart(t require.TestingT, g *dag.Graph, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 3))
	known := make([][]*engine.Function, 3)
	for _, f := range g.Functions() {
		owner := rng.IntN(len(known))
		for i := range known {
			if i == owner || rng.IntN(3) == 0 {
				known[i] = append(known[i], f)
			}
		}
	}
	wire, constants, err := g.AppendGraph(nil)
	require.NoError(t, err)
	copies := make([]*dag.Graph, len(known))
	for i, fs := range known {
		copies[i], err = dag.DecodeGraph(wire, from(constants), finder(fs...))
		require.NoError(t, err)
		require.Equal(t, g.Hash(), copies[i].Hash())
		require.Equal(t, len(fs) == len(g.Functions()) && copies[i].ResultType().Err() == nil, copies[i].Executable())
		for n, f := range copies[i].Functions() {
			require.Equal(t, finder(fs...)(f.Signature()) != nil, copies[i].Runs(n))
		}
	}
	want, err := enginetest.Evaluate(context.Background(), g)
	require.NoError(t, err)
	if !slices.ContainsFunc(copies, func(g *dag.Graph) bool { return g.ResultType().Err() == nil }) {
		copies = append(copies, g) // the submitter always has it
	}
	got, err := enginetest.EvaluateApart(context.Background(), seed, copies...)
	require.NoError(t, err, "seed %d", seed)
	require.Equal(t, want, got, "seed %d", seed)
}

func TestUnknownFunctionsKeepWhatIsKnown(t *testing.T) {
	f := engine.Func1("f", func(_ context.Context, n int) ([]int, error) { return nil, nil }).With(engine.Options{
		Version: -3, Retries: engine.NoRetries, Timeout: 7 * time.Second, Impure: true, MaxConcurrent: 5,
	})
	g := compile(t, func(b *engine.Builder) engine.AnyRef { return f.Call(engine.Const(b, 1)) })
	for _, c := range []struct {
		name string
		has  *engine.Function
		runs bool
	}{
		{"none", nil, false},
		{"same", f.Function, true},
		{"other options", f.With(engine.Options{Version: -3}).Function, true},
		{"other version", f.With(engine.Options{Version: 1}).Function, false},
		{"other name", double.Function, false},
		{"other input", engine.Func1("f", func(context.Context, int8) ([]int, error) { return nil, nil }).With(f.Options()).Function, false},
		{"other output", engine.Func1("f", func(context.Context, int) ([]int8, error) { return nil, nil }).With(f.Options()).Function, false},
		{"more inputs", engine.Func2("f", func(context.Context, int, int) ([]int, error) { return nil, nil }).With(f.Options()).Function, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			wire, _, err := g.AppendGraph(nil)
			require.NoError(t, err)
			got, err := dag.DecodeGraph(wire, nil, func(dag.Signature) *engine.Function { return c.has })
			require.NoError(t, err)
			require.Equal(t, c.runs, got.Runs(0))
			require.Equal(t, c.runs, got.Executable())
			require.Equal(t, g.Hash(), got.Hash())
			own := got.Functions()[0]
			require.Equal(t, "f", own.Name())
			require.Equal(t, []any{-3, 0, 7 * time.Second, true, 5}, []any{
				own.Options().Version, own.Options().Retries, own.Options().Timeout, own.Options().Impure, own.Options().MaxConcurrent,
			}, "the options are those of the submitter")
			require.Equal(t, []string{"int", "[]int"}, []string{own.Inputs()[0].Name(), own.Output().Name()})
			_, err = own.Invoke(t.Context(), []any{1})
			if c.runs {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "of function f only the shape is known")
			_, _, err = got.AppendGraph(nil)
			require.ErrorIs(t, err, dag.ErrInvalidGraph)
		})
	}
}

// TestConstantsTravelOnce checks which constants are encoded within the graph and which are stored separately.
func TestConstantsTravelOnce(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 2000)
	length := engine.Func2("length", func(_ context.Context, a, b engine.File) (int, error) { return len(a.Data) + len(b.Data), nil })
	g := compile(t, func(b *engine.Builder) engine.AnyRef {
		one := length.Call(engine.Const(b, engine.File{Name: "x", Data: large}), engine.Const(b, engine.File{Name: "x", Data: large}))
		two := length.Call(engine.Const(b, engine.File{Name: "small", Data: []byte("small")}), engine.Const(b, engine.File{Name: "y", Data: large}))
		return engine.List(b, one, two, engine.Const(b, 5), engine.Const(b, 5))
	})
	wire, constants, err := g.AppendGraph(nil)
	require.NoError(t, err)
	require.Less(t, len(wire), 200)
	require.Equal(t, 2, bytes.Count(wire, []byte("engine.File")), "among the types, and in the small constant")
	require.Len(t, constants, 2, "files of the same name and content are one")
	for hash, value := range constants {
		sum := sha256.Sum256(value)
		require.Equal(t, hex.EncodeToString(sum[:]), hash)
	}
	asked := map[string]int{}
	fetch := func(hash string) ([]byte, error) {
		asked[hash]++
		return constants[hash], nil
	}
	got, err := dag.DecodeGraph(wire, fetch, finder(length.Function))
	require.NoError(t, err)
	require.Equal(t, []int{64_000, 32_005, 5, 5}, evaluated(t, got).Result)
	require.Len(t, asked, 2)
	for _, n := range asked {
		require.Equal(t, 1, n)
	}

	clear(asked)
	_, err = dag.DecodeGraph(wire, fetch, finder())
	require.NoError(t, err)
	require.Empty(t, asked, "no function here can use a file")

	gone := errors.New("gone")
	_, err = dag.DecodeGraph(wire, func(string) ([]byte, error) { return nil, gone }, finder(length.Function))
	require.ErrorIs(t, err, gone)
	_, err = dag.DecodeGraph(wire, func(string) ([]byte, error) { return []byte("other"), nil }, finder(length.Function))
	require.ErrorIs(t, err, codec.ErrMalformed)
	require.ErrorContains(t, err, "has the hash")
}

// hidden is a type that is neither input nor output of a function, so that it can only be found by reflection.
type hidden struct{ A int }

func TestTypesWithinOthers(t *testing.T) {
	make3 := engine.Func1("make", func(_ context.Context, n int) ([]hidden, error) { return []hidden{{n}, {n + 1}, {n + 2}}, nil })
	weigh := engine.Func1("weigh", func(_ context.Context, m map[string][][]hidden) (int, error) {
		s := 0
		for k, grid := range m {
			for _, row := range grid {
				for _, h := range row {
					s += len(k) * h.A
				}
			}
		}
		return s, nil
	})
	g := compile(t, func(b *engine.Builder) engine.AnyRef {
		list := make3.Call(engine.Const(b, 4))
		grid := engine.FanOut(b, list, func(e engine.Ref[hidden]) engine.Ref[[]hidden] { return engine.List(b, e, e) })
		return weigh.Call(engine.Map(b, map[string]engine.Ref[[][]hidden]{"x": grid, "yy": engine.List(b, list)}))
	})
	require.Equal(t, 2*15+2*15, evaluated(t, g).Result)
	got := travel(t, g, make3.Function, weigh.Function)
	require.Equal(t, evaluated(t, g), evaluated(t, got))
	out, err := enginetest.EvaluateApart(t.Context(), 1, got)
	require.NoError(t, err)
	require.Equal(t, evaluated(t, g), out)
}

func TestWhatCannotTravel(t *testing.T) {
	for _, c := range []struct {
		name  string
		graph func() (*dag.Graph, error)
		want  string
	}{
		{"a shape", func() (*dag.Graph, error) {
			return dag.DecodeShape(enginetest.Compiled(t)["one task"].AppendShape(nil))
		}, "not all of its functions and types are known here"},
		{"a result without codec", func() (*dag.Graph, error) {
			b := engine.NewBuilder()
			return b.Compile(engine.List[chan int](b))
		}, "the result"},
		{"a constant that fails", func() (*dag.Graph, error) {
			b := engine.NewBuilder()
			return b.Compile(engine.Const(b, broken{}))
		}, "constant 0"},
		{"deep", func() (*dag.Graph, error) {
			b := engine.NewBuilder()
			return b.Compile(nest(b, engine.Const(b, [1]int{})))
		}, "nests deeper than 64"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, err := c.graph()
			require.NoError(t, err)
			dst, constants, err := g.AppendGraph([]byte("before"))
			require.ErrorIs(t, err, dag.ErrInvalidGraph)
			require.ErrorContains(t, err, c.want)
			require.Equal(t, "before", string(dst))
			require.Nil(t, constants)
		})
	}
}

// broken fails when it is encoded.
type broken struct{}

func (broken) AppendShape(dst []int) []int          { return dst }
func (broken) RawBytes() int64                      { return 0 }
func (broken) AppendRaw(dst []byte) ([]byte, error) { return dst, errors.New("broken") }
func (*broken) DecodeRaw([]int, []byte) error       { return errors.New("broken") }

// nest puts v into 81 lists.
func nest[T any](b *engine.Builder, v engine.Ref[T]) engine.AnyRef {
	type (
		three[E any] = [][][]E
		nine[E any]  = three[three[three[E]]]
		all[E any]   = nine[nine[nine[nine[nine[nine[nine[nine[nine[E]]]]]]]]]
	)
	return engine.Const(b, all[T]{})
}

func TestGraphsDecodeQuickly(t *testing.T) {
	const tasks = 100_000
	g := enginetest.TreeGraph(t, tasks+1)
	require.Equal(t, tasks, g.Tasks())
	wire, _, err := g.AppendGraph(nil)
	require.NoError(t, err)
	start := time.Now()
	got, err := dag.DecodeGraph(wire, nil, finder(g.Functions()...))
	took := time.Since(start)
	require.NoError(t, err)
	require.Equal(t, g.Hash(), got.Hash())
	t.Log(len(wire), "bytes,", took)
	require.Less(t, took, 5*time.Second, "on an idle machine it is a fiftieth of that")
	allocated := testing.AllocsPerRun(1, func() {
		_, err = dag.DecodeGraph(wire, nil, finder(g.Functions()...))
		require.NoError(t, err)
	})
	require.Less(t, allocated, 4.0*tasks, "a task with its constants takes no more than a few allocations")
}

func BenchmarkDecodeGraph(b *testing.B) {
	g := enginetest.TreeGraph(b, 100_001)
	wire, _, err := g.AppendGraph(nil)
	require.NoError(b, err)
	find := finder(g.Functions()...)
	b.SetBytes(int64(len(wire)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dag.DecodeGraph(wire, nil, find); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendGraph(b *testing.B) {
	g := enginetest.TreeGraph(b, 100_001)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := g.AppendGraph(nil); err != nil {
			b.Fatal(err)
		}
	}
}
