package dag_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

// wire appends numbers, texts, and bytes that are already encoded.
func wire(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = binary.AppendUvarint(b, uint64(p))
		case string:
			b = append(binary.AppendUvarint(b, uint64(len(p))), p...)
		case []byte:
			b = append(b, p...)
		}
	}
	return b
}

// written is an encoded graph in its parts. The zero value of each part means the part of a graph in which one task
// calls double with the constant 21; its types are int and an unused []int.
type written struct {
	types, functions, constants, scopes, composites, operands []byte
}

var (
	options   = []byte{0, 0, 0, 0, 0}
	callable  = wire(1, "double", options, 1, 0, 0)
	twentyOne = wire(0, 0, string([]byte{1, 1, 3, 'i', 'n', 't', 0, 21, 0, 0, 0, 0, 0, 0, 0}))
)

func (w written) bytes() []byte {
	or := func(b, standard []byte) []byte {
		if b == nil {
			return standard
		}
		return b
	}
	return wire(
		1,
		or(w.types, wire(2, 0, "int", 1, 0)),
		or(w.functions, callable),
		or(w.constants, wire(1, twentyOne)),
		or(w.scopes, wire(1, 1, 0, 0)),
		or(w.composites, wire(0)),
		or(w.operands, wire(constant(0), task(0))),
	)
}

// Operands.
func constant(n int) int  { return n << 3 }
func task(n int) int      { return n<<3 | 1 }
func outerTask(n int) int { return n<<3 | 2 }
func element(up int) int  { return up<<3 | 3 }
func made(n int) int      { return n<<3 | 4 }
func outerMade(n int) int { return n<<3 | 5 }

// fanOut is a graph that doubles each element of a constant list and returns the list: one join, one task in its body.
func fanOut() written {
	list := wire(1, 0, string([]byte{1, 1, 5, '[', ']', 'i', 'n', 't', 1, 2, 7, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0}))
	return written{
		constants:  wire(2, twentyOne, list),
		scopes:     wire(2, 0, 1, 0, 0, 0, 1, 0, 0),
		composites: wire(1, 0, 1, 1, task(0)),
		operands:   wire(constant(1), element(0), made(0)),
	}
}

func TestWrittenGraphs(t *testing.T) {
	for _, c := range []struct {
		name string
		of   written
		want any
	}{
		{"task", written{}, 42},
		{"constant", written{operands: wire(constant(0), constant(0))}, 21},
		{"fan-out", fanOut(), []int{14, 16}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, err := dag.DecodeGraph(c.of.bytes(), from(nil), finder(double.Function))
			require.NoError(t, err)
			require.Equal(t, c.want, evaluated(t, g).Result)
		})
	}
}

// malformedCase is a graph that is refused.
type malformedCase struct {
	name string
	src  []byte
	is   error
	want string
}

func TestMalformedGraphs(t *testing.T) {
	for _, c := range slices.Concat(malformedTypes(), malformedScopes(), malformedLists(), malformedOperands()) {
		t.Run(c.name, func(t *testing.T) {
			_, err := dag.DecodeGraph(c.src, from(nil), finder(double.Function, sum.Function))
			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// changed is the fan-out with a change.
func changed(change func(w *written)) []byte {
	w := fanOut()
	change(&w)
	return w.bytes()
}

// malformedTypes are wrong in some part before the constants.
func malformedTypes() []malformedCase {
	deep := []any{67, 0, "int"}
	for i := range 66 {
		deep = append(deep, 1, i)
	}
	long := []any{20, 0, strings.Repeat("x", 1<<20)}
	for range 19 {
		long = append(long, 1, 0)
	}
	return []malformedCase{
		{"empty", nil, codec.ErrMalformed, "too early"},
		{"version", []byte{3}, codec.ErrUnknownVersion, "graph of version 3, expected 1 or 2"},
		{"bytes after it", append(written{}.bytes(), 0), codec.ErrMalformed, "1 bytes too many"},
		{"kind of type", written{types: wire(1, 3)}.bytes(), codec.ErrMalformed, "type 0 is of kind 3"},
		{"list of itself", written{types: wire(1, 1, 0)}.bytes(), codec.ErrMalformed, "the type of an element is 0, there are 0"},
		{"list as key", written{types: wire(3, 0, "int", 1, 0, 2, 1, 0)}.bytes(), codec.ErrMalformed, "a map has keys of type []int"},
		{"deep type", written{types: wire(deep...)}.bytes(), codec.ErrMalformed, "nests 65 lists and maps"},
		{"long names", written{types: wire(long...)}.bytes(), codec.ErrMalformed, "names of types exceed"},
		{"type of an input", written{functions: wire(1, "f", options, 1, 2, 0)}.bytes(), codec.ErrMalformed, "the type of an input is 2, there are 2"},
		{"type of an output", written{functions: wire(1, "f", options, 1, 0, 2)}.bytes(), codec.ErrMalformed, "the type of an output is 2"},
		{"functions", written{functions: wire(70_000, make([]byte, 70_000))}.bytes(), codec.ErrMalformed, "the number of functions is 70000"},
		{
			"one name twice", written{functions: wire(2, "f", options, 0, 0, "f", options, 0, 0)}.bytes(),
			codec.ErrMalformed, "two functions are named f",
		},
		{
			"another make of one name",
			written{types: wire(2, 0, "int", 0, "[]int"), functions: wire(1, "sum", options, 1, 1, 0)}.bytes(),
			dag.ErrInvalidGraph, "expected a type of that name and make",
		},
		{"type of a constant", written{constants: wire(1, 2)}.bytes(), codec.ErrMalformed, "the type of a constant is 2"},
		{"value of another type", written{constants: wire(1, 1, twentyOne[1:])}.bytes(), codec.ErrMalformed, "value of type int, expected []int"},
		{"value of another version", written{constants: wire(1, 0, 0, "\x02")}.bytes(), codec.ErrUnknownVersion, "constant 0 of a graph"},
		{"end of a constant", written{constants: wire(1, 0, 0, 1000)}.bytes(), codec.ErrMalformed, "the length of a constant is 1000"},
		{"flag of a constant", written{constants: wire(1, 0, 2)}.bytes(), codec.ErrMalformed, "the byte 2"},
		{"end of a hash", written{constants: wire(1, 0, 1, 5)}.bytes(), codec.ErrMalformed, "too early"},
	}
}

func malformedScopes() []malformedCase {
	nested := []any{260}
	for i := range 260 {
		if i > 0 {
			nested = append(nested, i-1, 0)
		}
		nested = append(nested, 0, 0)
	}
	scopes := []any{5000}
	for range 5000 {
		scopes = append(scopes, 0, 0, 0, 0)
	}
	functions := []any{1000}
	for i := range 1000 {
		functions = append(functions, strings.Repeat("f", i+1), options, 0, 0)
	}
	return []malformedCase{
		{"no scope", written{scopes: wire(0)}.bytes(), codec.ErrMalformed, "0 scopes"},
		{"many scopes", written{functions: wire(functions...), scopes: wire(scopes...)}.bytes(), codec.ErrMalformed, "5000 scopes and 1000 functions"},
		{"scope in itself", written{scopes: wire(2, 0, 0, 1, 0, 0, 0)}.bytes(), codec.ErrMalformed, "an enclosing scope is 1"},
		{"type of an element", written{scopes: wire(2, 0, 0, 0, 2, 0, 0)}.bytes(), codec.ErrMalformed, "the type of an element is 2"},
		{"deep scopes", written{scopes: wire(nested...)}.bytes(), codec.ErrMalformed, "stands in 251 others"},
		{"function", written{scopes: wire(1, 1, 1, 0)}.bytes(), codec.ErrMalformed, "a function is 1, there are 1"},
		{"tasks", written{scopes: wire(1, 1000)}.bytes(), codec.ErrMalformed, "the number of tasks is 1000"},
		{"join of none", written{scopes: wire(1, 1, 0, 1, 0)}.bytes(), codec.ErrMalformed, "collects expansion 0, there are 0"},
		{"join not made", changed(func(w *written) { w.composites = wire(0) }), codec.ErrMalformed, "join 0 of scope 0 is made of nothing"},
	}
}

func malformedLists() []malformedCase {
	return []malformedCase{
		{"scope of a list", written{composites: wire(1, 1, 1, 0, 0)}.bytes(), codec.ErrMalformed, "the scope of a list is 1"},
		{"type of a list", written{composites: wire(1, 0, 2, 0, 0)}.bytes(), codec.ErrMalformed, "the type of a list is 2"},
		{"list without list", written{composites: wire(1, 0, 0, 0, 0)}.bytes(), codec.ErrMalformed, "a list or join is of type int"},
		{"join out of range", written{composites: wire(1, 0, 1, 1, task(0))}.bytes(), codec.ErrMalformed, "join 0 of scope 0 is made, there are 0"},
		{
			"join made twice", changed(func(w *written) { w.composites = wire(2, 0, 1, 1, task(0), 0, 1, 1, task(0)) }),
			codec.ErrMalformed, "join 0 of scope 0 is made twice",
		},
		{
			"list of itself", written{composites: wire(1, 0, 1, 0, 1, made(0)), operands: wire(constant(0), task(0))}.bytes(),
			codec.ErrMalformed, "list 0 is made of list 0, expected an earlier one",
		},
		{
			"parts of another type", written{types: wire(3, 0, "int", 1, 0, 1, 1), composites: wire(1, 0, 2, 0, 1, task(0))}.bytes(),
			codec.ErrMalformed, "a part is of type int (0), expected []int (1)",
		},
		{
			"join of another type", changed(func(w *written) { w.types, w.composites = wire(3, 0, "int", 1, 0, 1, 1), wire(1, 0, 2, 1, task(0)) }),
			codec.ErrMalformed, "a part is of type int (0), expected []int (1)",
		},
		{
			"keys", written{types: wire(3, 0, "int", 1, 0, 2, 0, 0), composites: wire(1, 0, 2, 0, 0, 0)}.bytes(),
			codec.ErrMalformed, "the keys of a map[int]int are a int",
		},
		{
			"keys missing", written{types: wire(3, 0, "int", 1, 0, 2, 0, 0), composites: wire(1, 0, 2, 0, 1, 0)}.bytes(),
			codec.ErrMalformed, "the keys of a map is 1, there are 1",
		},
		{
			"keys without values", changed(func(w *written) {
				w.types, w.composites = wire(3, 0, "int", 1, 0, 2, 0, 0), wire(2, 0, 1, 1, task(0), 0, 2, 0, 1, 1, constant(0))
			}), codec.ErrMalformed, "a map of 2 keys and 1 values",
		},
	}
}

func malformedOperands() []malformedCase {
	return []malformedCase{
		{"kind of operand", written{operands: wire(6, task(0))}.bytes(), codec.ErrMalformed, "an operand of kind 6"},
		{"operand out of range", written{operands: wire(constant(1<<33), task(0))}.bytes(), codec.ErrMalformed, "an operand reads number 8589934592"},
		{"no constant", written{operands: wire(constant(1), task(0))}.bytes(), codec.ErrMalformed, "reads number 1 of scope 0, which has none"},
		{"no task", written{operands: wire(constant(0), task(1))}.bytes(), codec.ErrMalformed, "reads number 1 of scope 0, which has none"},
		{"no list", written{operands: wire(constant(0), made(0))}.bytes(), codec.ErrMalformed, "reads number 0 of scope 0, which has none"},
		{"no element", written{operands: wire(element(0), task(0))}.bytes(), codec.ErrMalformed, "reads number 0 of scope 0, which has none"},
		{"too far out", written{operands: wire(outerTask(0), 1, task(0))}.bytes(), codec.ErrMalformed, "reads 1 scopes further out, there are 0"},
		{"much too far out", written{operands: wire(outerTask(0), 251, task(0))}.bytes(), codec.ErrMalformed, "how far up an operand stands is 251"},
		{"element too far out", written{operands: wire(element(251), task(0))}.bytes(), codec.ErrMalformed, "an operand reads number 251"},
		{
			"list of another scope", changed(func(w *written) { w.operands = wire(constant(1), made(0), made(0)) }),
			codec.ErrMalformed, "reads number 0 of scope 1, which has none",
		},
		{
			"argument of another type", changed(func(w *written) { w.operands = wire(constant(1), constant(1), made(0)) }),
			codec.ErrMalformed, "an argument is of type []int (1), expected int (0)",
		},
		{
			"fan-out over no list", changed(func(w *written) { w.operands = wire(constant(0), element(0), made(0)) }),
			codec.ErrMalformed, "a fan-out over elements of type int reads a int",
		},
		{"a task reads itself", written{operands: wire(task(0), task(0))}.bytes(), codec.ErrMalformed, "cycle: double (node 0) → double (node 0)"},
		{
			"a body reads its join", changed(func(w *written) {
				w.types, w.functions = wire(2, 0, "int", 1, 0), wire(1, "sum", options, 1, 1, 0)
				w.operands = wire(constant(1), outerMade(0), 1, made(0))
			}), codec.ErrMalformed, "cycle: fan-out (node 0) → join (node 1) → fan-out (node 0)",
		},
		{"doubled often", doubling(40), codec.ErrMalformed, "its arguments are made of more than 16777216 values"},
	}
}

// doubling is a graph whose result is a list of twice a list of twice a list and so on.
func doubling(levels int) []byte {
	types, lists := []any{levels + 2, 0, "int"}, []any{levels}
	for i := range levels {
		types = append(types, 1, i)
		if i > 0 {
			lists = append(lists, 0, i+1, 0, 2, made(i-1), made(i-1))
		} else {
			lists = append(lists, 0, 1, 0, 2, task(0), task(0))
		}
	}
	types = append(types, 1, levels)
	return written{types: wire(types...), composites: wire(lists...), operands: wire(constant(0), made(levels-1))}.bytes()
}

func TestDoublingStaysBounded(t *testing.T) {
	g, err := dag.DecodeGraph(doubling(10), from(nil), finder(double.Function))
	require.NoError(t, err)
	numbering := dag.NewNumbering(g)
	require.Equal(t, []dag.NodeID{0}, g.ResultReads(nil, numbering))
}

func TestCutOffGraphs(t *testing.T) {
	for name, g := range enginetest.Compiled(t) {
		b, _, err := g.AppendGraph(nil)
		require.NoError(t, err)
		for n := range b {
			_, err := dag.DecodeGraph(b[:n], from(nil), finder(g.Functions()...))
			require.ErrorIs(t, err, codec.ErrMalformed, "%s cut to %d bytes", name, n)
		}
	}
}

// takesAnother takes a type that has the same name as the type in TestTypesOfOneName.
func takesAnother() *engine.Function {
	type local struct{ B string }
	return engine.Func1("take", func(_ context.Context, v local) (int, error) { return len(v.B), nil }).Function
}

func TestTypesOfOneName(t *testing.T) {
	type local struct{ A int }
	made := engine.Func0("make", func(context.Context) (local, error) { return local{1}, nil })
	take := engine.Func1("take", func(_ context.Context, v local) (int, error) { return v.A, nil })
	g := compile(t, func(b *engine.Builder) engine.AnyRef { return take.Call(made.Call(b)) })
	wire, _, err := g.AppendGraph(nil)
	require.NoError(t, err)
	_, err = dag.DecodeGraph(wire, from(nil), finder(made.Function, takesAnother()))
	require.ErrorIs(t, err, dag.ErrInvalidGraph)
	require.ErrorContains(t, err, "function take: dag_test.local is")
	require.ErrorContains(t, err, "expected one type")
	got, err := dag.DecodeGraph(wire, from(nil), finder(made.Function))
	require.NoError(t, err)
	require.Equal(t, []bool{true, false}, []bool{got.Runs(0), got.Runs(1)})
}

// FuzzDecodeGraph decodes with all functions, some and none, runs the decoded graph and encodes it again.
func FuzzDecodeGraph(f *testing.F) {
	known := engine.Functions(add, sum, double, few, flat, none, text, tally, pack, load, weigh, stack, marks, mark, worst)
	seed := func(build func(b *engine.Builder) engine.AnyRef) {
		wire, _, err := compile(f, build).AppendGraph(nil)
		require.NoError(f, err)
		f.Add(wire)
	}
	for _, build := range fuzzSeeds {
		seed(build)
	}
	f.Add(written{}.bytes())
	f.Add(fanOut().bytes())
	f.Add(doubling(3))
	f.Fuzz(func(t *testing.T, src []byte) {
		kept := bytes.Clone(src)
		g, err := dag.DecodeGraph(src, from(nil), finder(known...))
		require.Equal(t, kept, src)
		if err != nil {
			ok := errors.Is(err, codec.ErrMalformed) || errors.Is(err, codec.ErrUnknownVersion) ||
				errors.Is(err, dag.ErrInvalidGraph) || strings.Contains(err.Error(), "there is no constant")
			require.True(t, ok, err)
			return
		}
		shape, err := dag.DecodeShape(g.AppendShape(nil))
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(facts(shape), facts(g), cmpopts.EquateEmpty()))
		half, err := dag.DecodeGraph(src, from(nil), finder(known[:len(known)/2]...))
		require.NoError(t, err, "a process that knows fewer functions refuses no more")
		require.Equal(t, g.Hash(), half.Hash())
		if wire, constants, err := g.AppendGraph(nil); err == nil {
			again, err := dag.DecodeGraph(wire, from(constants), finder(known...))
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(facts(g), facts(again), cmpopts.EquateEmpty()))
		}
		if g.Executable() && g.Scopes() <= 3 && len(src) < 700 { // otherwise it may take long
			_, err := enginetest.EvaluateApart(t.Context(), uint64(len(src)), g, half)
			require.NoError(t, err)
		}
	})
}

// fuzzSeeds are small graphs that contain everything that can be encoded.
var fuzzSeeds = []func(b *engine.Builder) engine.AnyRef{
	func(b *engine.Builder) engine.AnyRef {
		s := add.Call(engine.Const(b, 3), none.Call(b))
		a := engine.FanOut(b, few.Call(s), func(e engine.Ref[int]) engine.Ref[int] { return add.Call(e, s) })
		return sum.Call(engine.FanOut(b, a, double.Call))
	},
	func(b *engine.Builder) engine.AnyRef {
		m := engine.Map(b, map[string]engine.Ref[int]{"a": engine.Const(b, 1), "b": none.Call(b)})
		return tally.Call(m, text.Call(engine.Const(b, 9)))
	},
	func(b *engine.Builder) engine.AnyRef {
		grid := engine.FanOut(b, few.Call(engine.Const(b, 3)), load.Call)
		return engine.FanOut(b, grid, func(e engine.Ref[[]crate]) engine.Ref[[]int] {
			return engine.FanOut(b, e, weigh.Call)
		})
	},
	func(b *engine.Builder) engine.AnyRef {
		list := engine.List(b, pack.Call(engine.Const(b, "x"), engine.Const(b, 2)), engine.Const(b, crate{"y", 1}))
		return stack.Call(engine.List(b, list, engine.FanOut(b, list, func(e engine.Ref[crate]) engine.Ref[crate] { return e })))
	},
	func(b *engine.Builder) engine.AnyRef {
		g := engine.FanOut(b, marks.Call(engine.Const(b, 2)), func(e engine.Ref[grade]) engine.Ref[grade] {
			return mark.Call(e, engine.Const(b, 3))
		})
		return engine.List(b, worst.Call(g), sum.Call(flat.Call(engine.List(b, few.Call(engine.Const(b, 2))))))
	},
}
