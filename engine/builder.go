package engine

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// refKind says what a reference refers to.
type refKind uint8

const (
	refConst refKind = iota
	refTask
	refList
	refMap
	refElement // the stand-in for an element inside a fan-out's body
	refJoin    // all results of a fan-out, in order
)

// builderNode is one reference under construction.
type builderNode struct {
	kind  refKind
	scope int32 // the fan-out whose body holds it, 0 is the graph itself
	index int32 // refConst: constant; refTask: function; refMap: constant of the keys; refElement, refJoin: fan-out
	args  []int32
	rt    reflect.Type          // refList, refMap, refJoin
	build func(parts []any) any // refList, refMap, refJoin: boxed parts to the typed whole
}

// builderFanOut is one fan-out under construction; its number is also that of the scope of its body.
type builderFanOut struct {
	scope    int32 // where the fan-out itself stands
	source   int32
	body     int32 // the reference that the body returned
	fused    int32 // > 0: the fan-out whose elements this one continues with, element by element
	captures []int32
	joins    []int32 // what this fan-out and those fused with it return
	list     list    // takes the source apart
	elem     reflect.Type
}

// Builder collects one graph. It is not safe for concurrent use. The first mistake is kept and reported by Compile.
type Builder struct {
	nodes     []builderNode
	fanOuts   []builderFanOut
	constants []Constant
	functions []*Function
	numbers   map[*Function]int32
	scope     int32
	err       error
}

// Constant is a value known when the graph is built.
type Constant struct {
	Value any
	Type  *Type
}

// NewBuilder returns an empty builder.
func NewBuilder() *Builder {
	return &Builder{fanOuts: make([]builderFanOut, 1), numbers: map[*Function]int32{}}
}

// Ref refers to a value of type T that the run will compute. The zero Ref is not valid.
type Ref[T any] struct {
	b *Builder
	n int32
}

// AnyRef is a reference of any type: what a workflow returns.
type AnyRef interface {
	ref() (*Builder, int32, *Type)
}

func (r Ref[T]) ref() (*Builder, int32, *Type) { return r.b, r.n, TypeOf[T]() }

func (b *Builder) add(n builderNode) int32 {
	n.scope = b.scope
	b.nodes = append(b.nodes, n)
	return int32(len(b.nodes) - 1)
}

func (b *Builder) fail(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf("%w: "+format, append([]any{ErrInvalidGraph}, args...)...)
	}
}

// use checks that a value may be read where the builder stands and notes it as a capture of the fan-outs between.
func (b *Builder) use(n int32) int32 {
	if n < 0 || int(n) >= len(b.nodes) {
		b.fail("a reference of another builder is used")
		return n
	}
	at := b.nodes[n].scope
	for s := b.scope; s != at; s = b.fanOuts[s].scope {
		if s == 0 {
			b.fail("an element of a fan-out is used outside of its body, use the list that FanOut returns")
			return n
		}
		if r := &b.fanOuts[s]; b.nodes[n].kind != refConst && !slices.Contains(r.captures, n) {
			r.captures = append(r.captures, n)
		}
	}
	return n
}

func (b *Builder) task(f *Function, args ...int32) int32 {
	if b == nil {
		panic("engine: " + f.name + " is called with a zero Ref, expected one made by this builder")
	}
	number, known := b.numbers[f]
	if !known {
		number = int32(len(b.functions))
		b.numbers[f] = number
		b.functions = append(b.functions, f)
	}
	own := make([]int32, len(args))
	for i, a := range args {
		own[i] = b.use(a)
	}
	return b.add(builderNode{kind: refTask, index: number, args: own})
}

// Const is a value known now.
func Const[T any](b *Builder, v T) Ref[T] {
	t := TypeOf[T]()
	if err := t.Err(); err != nil {
		b.fail("constant: %v", err)
	}
	b.constants = append(b.constants, Constant{Value: v, Type: t})
	return Ref[T]{b, b.add(builderNode{kind: refConst, index: int32(len(b.constants) - 1)})}
}

// List is the list of its parts, which may be any references of one type, so lists nest.
func List[T any](b *Builder, parts ...Ref[T]) Ref[[]T] {
	args := make([]int32, len(parts))
	for i, p := range parts {
		args[i] = b.useRef(p.b, p.n)
	}
	return Ref[[]T]{b, b.add(builderNode{kind: refList, args: args, rt: reflect.TypeFor[[]T](), build: joinParts[T]})}
}

// Map is the map of its parts.
func Map[K cmp.Ordered, T any](b *Builder, parts map[K]Ref[T]) Ref[map[K]T] {
	keys := slices.Sorted(maps.Keys(parts))
	args := make([]int32, len(keys))
	for i, k := range keys {
		args[i] = b.useRef(parts[k].b, parts[k].n)
	}
	b.constants = append(b.constants, Constant{Value: keys, Type: TypeOf[[]K]()})
	made := builderNode{kind: refMap, index: int32(len(b.constants) - 1), args: args, rt: reflect.TypeFor[map[K]T]()}
	made.build = func(in []any) any {
		out := make(map[K]T, len(in))
		for i, v := range in {
			out[keys[i]] = arg[T](v)
		}
		return out
	}
	return Ref[map[K]T]{b, b.add(made)}
}

func (b *Builder) useRef(of *Builder, n int32) int32 {
	if of != b {
		b.fail("a reference of another builder, or a zero one, is used")
		return 0
	}
	return b.use(n)
}

// FanOut applies body to each element of a list whose length is known only at run time and returns the results in the
// order of the elements; an empty list yields an empty one. body is called once, now, with a stand-in for the
// element: what it builds is the template for every element. It may call functions, use values from outside, and
// fan out again.
//
// Two fan-outs in a row are fused (element i continues without waiting for the others) when the second
// one's source is exactly what the first returned and nothing else the second uses depends on that. What a body
// uses from outside (of fused ones: all of their bodies) has to exist before the first element starts.
func FanOut[A, R any](b *Builder, list Ref[[]A], body func(element Ref[A]) Ref[R]) Ref[[]R] {
	if body == nil {
		panic("engine: FanOut is called with a nil body, expected a function of an element")
	}
	id := int32(len(b.fanOuts))
	source := b.useRef(list.b, list.n)
	b.fanOuts = append(b.fanOuts, builderFanOut{scope: b.scope, source: source, list: listOf[A](), elem: reflect.TypeFor[A]()})
	outer := b.scope
	b.scope = id
	element := b.add(builderNode{kind: refElement, index: id})
	result := body(Ref[A]{b, element})
	n := b.useRef(result.b, result.n)
	b.scope = outer
	b.fanOuts[id].body = n
	if b.err == nil {
		b.fuse(id)
	}
	join := b.add(builderNode{kind: refJoin, index: id, rt: reflect.TypeFor[[]R](), build: joinParts[R]})
	root := &b.fanOuts[b.fusedRoot(id)]
	root.joins = append(root.joins, join)
	return Ref[[]R]{b, join}
}

// fuse decides whether fan-out id continues its source element by element. Fused fan-outs expand together, so what
// one of them captures must not depend on what any of them returns.
func (b *Builder) fuse(id int32) {
	f := &b.fanOuts[id]
	source := b.nodes[f.source]
	if source.kind != refJoin || source.scope != f.scope {
		return
	}
	if b.dependOn(f.captures, b.fusedRoot(source.index)) {
		return
	}
	f.fused = source.index
}

// fusedRoot is the first of the fan-outs that are fused with id.
func (b *Builder) fusedRoot(id int32) int32 {
	for b.fanOuts[id].fused > 0 {
		id = b.fanOuts[id].fused
	}
	return id
}

// dependOn reports whether one of the references needs what root, or a fan-out fused with it, returns; then it has to
// wait for the whole list and nothing can be fused. Fan-outs that are fused expand together, so what one returns needs
// what any of them captures, even one that was built later.
func (b *Builder) dependOn(refs []int32, root int32) bool {
	seen := make(map[int32]bool)
	for todo := slices.Clone(refs); len(todo) > 0; {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[i] {
			continue
		}
		seen[i] = true
		node := &b.nodes[i]
		todo = append(todo, node.args...)
		if node.kind != refJoin {
			continue
		}
		own := b.fusedRoot(node.index)
		if own == root {
			return true
		}
		for _, join := range b.fanOuts[own].joins {
			f := &b.fanOuts[b.nodes[join].index]
			todo = append(append(todo, f.source, f.body), f.captures...)
		}
	}
	return false
}
