package engine

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
)

// Builder collects the tasks of one graph. It is not safe for concurrent use. The first mistake is kept and reported by
// Compile.
type Builder struct{ graph *dag.Builder }

// NewBuilder returns an empty builder.
func NewBuilder() *Builder { return &Builder{dag.NewBuilder()} }

// Compile turns what was built into a graph whose run returns result. The error, if any, is dag.ErrInvalidGraph and
// says which rule is broken.
func (b *Builder) Compile(result AnyRef) (*dag.Graph, error) {
	if result == nil {
		return nil, fmt.Errorf("%w: the result is nil, expected a reference of this builder", dag.ErrInvalidGraph)
	}
	n, t := result.in(b)
	return b.graph.Compile(n, t)
}

// Ref refers to a value of type T that exists once the run has produced it. The zero Ref is not valid.
type Ref[T any] struct {
	b *Builder
	n dag.Ref
}

// AnyRef is a reference of any type: what a workflow returns.
type AnyRef interface {
	// in is the reference as b knows it, dag.NoRef if another builder made it, and its type.
	in(b *Builder) (dag.Ref, *codec.Type)
}

func (r Ref[T]) in(b *Builder) (dag.Ref, *codec.Type) { return r.of(b), codec.TypeOf[T]() }

// of returns the reference as b knows it, dag.NoRef if another builder made it.
func (r Ref[T]) of(b *Builder) dag.Ref {
	if r.b != b {
		return dag.NoRef
	}
	return r.n
}

// task adds a call of f to the graph.
func (b *Builder) task(f *Function, args ...dag.Ref) dag.Ref {
	if b == nil {
		panic("engine: " + f.Name() + " is called with a zero Ref, expected one made by this builder")
	}
	return b.graph.Task(f, args...)
}

// Const is a value known when the graph is built.
func Const[T any](b *Builder, v T) Ref[T] {
	return Ref[T]{b, b.graph.Constant(v, codec.TypeOf[T]())}
}

// List is the list of its parts, which may be any references of one type, so lists nest.
func List[T any](b *Builder, parts ...Ref[T]) Ref[[]T] {
	args := make([]dag.Ref, len(parts))
	for i, p := range parts {
		args[i] = p.of(b)
	}
	return Ref[[]T]{b, b.graph.List(listOf[T](), args)}
}

// Map is the map of its parts.
func Map[K cmp.Ordered, T any](b *Builder, parts map[K]Ref[T]) Ref[map[K]T] {
	keys := slices.Sorted(maps.Keys(parts))
	args := make([]dag.Ref, len(keys))
	for i, k := range keys {
		args[i] = parts[k].of(b)
	}
	join := func(in []any) any {
		out := make(map[K]T, len(in))
		for i, v := range in {
			out[keys[i]] = codec.Unbox[T](v)
		}
		return out
	}
	whole := dag.Collection{Type: reflect.TypeFor[map[K]T](), Join: join}
	return Ref[map[K]T]{b, b.graph.Map(whole, dag.Constant{Value: keys, Type: codec.TypeOf[[]K]()}, args)}
}

// listOf returns how parts of type T are made into a list.
func listOf[T any]() dag.Collection {
	return dag.Collection{Type: reflect.TypeFor[[]T](), Join: codec.ListsOf[T]().Join}
}

// FanOut applies body to each element of a list whose length is known only at run time and gives the results in the
// order of the elements; an empty list gives an empty one. body is called once, before FanOut returns, with a stand-in
// for the element: what it builds is the template for every element. It may call functions, use values from outside,
// and fan out again.
//
// Two fan-outs in a row are fused (element i flows on to element i without waiting for the others) when the source of
// the second is exactly what the first returned and nothing else that the second uses depends on the first. Every value
// from outside that a body uses, or that any body of fused fan-outs uses, has to exist before the first element starts.
func FanOut[A, R any](b *Builder, list Ref[[]A], body func(element Ref[A]) Ref[R]) Ref[[]R] {
	if body == nil {
		panic("engine: FanOut is called with a nil body, expected a function of an element")
	}
	over := dag.Elements{Type: reflect.TypeFor[A](), Lists: codec.ListsOf[A]()}
	each := func(element dag.Ref) dag.Ref { return body(Ref[A]{b, element}).of(b) }
	return Ref[[]R]{b, b.graph.FanOut(list.of(b), over, each, listOf[R]())}
}
