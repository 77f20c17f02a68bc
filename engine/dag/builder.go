package dag

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/dagscope/dagscope/engine/codec"
)

// Ref numbers a value of the graph under construction, in the order of building.
type Ref int32

// NoRef is not a value of the builder. Using it is a mistake that Compile reports.
const NoRef Ref = -1

// refKind is what a reference refers to.
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
	scope int32 // the fan-out whose body contains it; 0 is the graph itself
	index int32 // refConst: constant; refTask: function; refMap: constant of the keys; refElement, refJoin: fan-out
	args  []Ref
	whole Collection // refList, refMap, refJoin
}

// Collection is a Go type that consists of parts, a list or a map, and says how boxed parts are assembled into one.
type Collection struct {
	Type reflect.Type
	Join func(parts []any) any
}

// Elements describe what a fan-out runs over: the Go type of the elements, and how lists of it are taken apart.
type Elements struct {
	Type  reflect.Type
	Lists codec.Lists
}

// builderFanOut is one fan-out under construction; its number is also that of the scope of its body.
type builderFanOut struct {
	scope    int32 // the scope that contains the fan-out itself
	source   Ref
	body     Ref   // what the body returned
	fused    int32 // > 0: the number of the fan-out over whose results this one runs, element by element
	captures []Ref
	joins    []Ref // what this fan-out and those fused with it return
	over     Elements
}

// Builder collects one graph from untyped references; package engine has the typed ones that programs use. It is not
// safe for concurrent use. The first mistake is kept and reported by Compile.
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
	Type  *codec.Type
}

// NewBuilder returns an empty builder.
func NewBuilder() *Builder {
	return &Builder{fanOuts: make([]builderFanOut, 1), numbers: map[*Function]int32{}}
}

// Constant adds a value of type t.
func (b *Builder) Constant(v any, t *codec.Type) Ref {
	if err := t.Err(); err != nil {
		b.fail("constant: %v", err)
	}
	return b.add(builderNode{kind: refConst, index: b.constant(Constant{v, t})})
}

// Task adds a call of f, with one argument for each of its inputs.
func (b *Builder) Task(f *Function, args ...Ref) Ref {
	number, known := b.numbers[f]
	if !known {
		number = int32(len(b.functions))
		b.numbers[f] = number
		b.functions = append(b.functions, f)
	}
	return b.add(builderNode{kind: refTask, index: number, args: b.useAll(args)})
}

// List adds a list of parts.
func (b *Builder) List(whole Collection, parts []Ref) Ref {
	return b.add(builderNode{kind: refList, args: b.useAll(parts), whole: whole})
}

// Map adds a map; keys is a list with one key for each part.
func (b *Builder) Map(whole Collection, keys Constant, parts []Ref) Ref {
	args := b.useAll(parts)
	return b.add(builderNode{kind: refMap, index: b.constant(keys), args: args, whole: whole})
}

// FanOut adds a fan-out over the elements of list, and returns the list of what body returns for each. body is called
// once, before FanOut returns, with a stand-in for the element. See engine.FanOut for when fan-outs are fused.
func (b *Builder) FanOut(list Ref, over Elements, body func(element Ref) Ref, whole Collection) Ref {
	id := int32(len(b.fanOuts))
	b.fanOuts = append(b.fanOuts, builderFanOut{scope: b.scope, source: b.use(list), over: over})
	outer := b.scope
	b.scope = id
	result := b.use(body(b.add(builderNode{kind: refElement, index: id})))
	b.scope = outer
	b.fanOuts[id].body = result
	if b.err == nil {
		b.fuse(id)
	}
	join := b.add(builderNode{kind: refJoin, index: id, whole: whole})
	root := &b.fanOuts[b.fusedRoot(id)]
	root.joins = append(root.joins, join)
	return join
}

func (b *Builder) add(n builderNode) Ref {
	n.scope = b.scope
	b.nodes = append(b.nodes, n)
	return Ref(len(b.nodes) - 1)
}

func (b *Builder) constant(c Constant) int32 {
	b.constants = append(b.constants, c)
	return int32(len(b.constants) - 1)
}

func (b *Builder) fail(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf("%w: "+format, append([]any{ErrInvalidGraph}, args...)...)
	}
}

// useAll is a copy of refs, each checked by use.
func (b *Builder) useAll(refs []Ref) []Ref {
	own := make([]Ref, len(refs))
	for i, n := range refs {
		own[i] = b.use(n)
	}
	return own
}

// use checks that a value may be read in the current scope and notes it as a capture of the fan-outs in between.
func (b *Builder) use(n Ref) Ref {
	if n < 0 || int(n) >= len(b.nodes) {
		b.fail("a reference of another builder, or a zero one, is used")
		return 0
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

// fuse decides whether fan-out id runs element by element over the results of another. Fused fan-outs expand together,
// so what one of them captures must not depend on what any of them returns.
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

// dependOn reports whether a reference depends on the result of root or of a fan-out fused with it. If so, it has to
// wait for the whole list, and nothing can be fused. Fused fan-outs expand together, so the result of each depends on
// what any of them captures, even one that was built later.
func (b *Builder) dependOn(refs []Ref, root int32) bool {
	seen := make(map[Ref]bool)
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
