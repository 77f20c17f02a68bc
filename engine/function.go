package engine

import (
	"context"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
)

// F0 is a function without arguments.
type F0[R any] struct{ *Function }

// F1 is a function of one argument.
type F1[A, R any] struct{ *Function }

// F2 is a function of two arguments.
type F2[A, B, R any] struct{ *Function }

// F3 is a function of three arguments.
type F3[A, B, C, R any] struct{ *Function }

// F4 is a function of four arguments.
type F4[A, B, C, D, R any] struct{ *Function }

// FN is a function of a list whose parts are passed one by one.
type FN[A, R any] struct{ *Function }

// Func0 declares a function without arguments. Like its siblings it panics on an empty name and on interface types,
// which have no codec.
func Func0[R any](name string, f func(context.Context) (R, error)) F0[R] {
	return F0[R]{dag.NewFunction(name, f != nil, codec.TypeOf[R](), nil,
		func(ctx context.Context, _ []any) (any, error) { return f(ctx) })}
}

// Func1 declares a function of one argument.
func Func1[A, R any](name string, f func(context.Context, A) (R, error)) F1[A, R] {
	return F1[A, R]{dag.NewFunction(name, f != nil, codec.TypeOf[R](), []*codec.Type{codec.TypeOf[A]()},
		func(ctx context.Context, in []any) (any, error) { return f(ctx, codec.Unbox[A](in[0])) })}
}

// Func2 declares a function of two arguments.
func Func2[A, B, R any](name string, f func(context.Context, A, B) (R, error)) F2[A, B, R] {
	return F2[A, B, R]{dag.NewFunction(name, f != nil, codec.TypeOf[R](), []*codec.Type{codec.TypeOf[A](), codec.TypeOf[B]()},
		func(ctx context.Context, in []any) (any, error) {
			return f(ctx, codec.Unbox[A](in[0]), codec.Unbox[B](in[1]))
		})}
}

// Func3 declares a function of three arguments.
func Func3[A, B, C, R any](name string, f func(context.Context, A, B, C) (R, error)) F3[A, B, C, R] {
	return F3[A, B, C, R]{dag.NewFunction(name, f != nil, codec.TypeOf[R](), []*codec.Type{codec.TypeOf[A](), codec.TypeOf[B](), codec.TypeOf[C]()},
		func(ctx context.Context, in []any) (any, error) {
			return f(ctx, codec.Unbox[A](in[0]), codec.Unbox[B](in[1]), codec.Unbox[C](in[2]))
		})}
}

// Func4 declares a function of four arguments.
func Func4[A, B, C, D, R any](name string, f func(context.Context, A, B, C, D) (R, error)) F4[A, B, C, D, R] {
	return F4[A, B, C, D, R]{dag.NewFunction(name, f != nil, codec.TypeOf[R](), []*codec.Type{codec.TypeOf[A](), codec.TypeOf[B](), codec.TypeOf[C](), codec.TypeOf[D]()},
		func(ctx context.Context, in []any) (any, error) {
			return f(ctx, codec.Unbox[A](in[0]), codec.Unbox[B](in[1]), codec.Unbox[C](in[2]), codec.Unbox[D](in[3]))
		})}
}

// FuncN declares a function of a list; FN.Call takes the parts of that list one by one.
func FuncN[A, R any](name string, f func(context.Context, []A) (R, error)) FN[A, R] {
	return FN[A, R]{Func1(name, f).Function}
}

// With returns the same function with other options.
func (f F0[R]) With(o Options) F0[R] { return F0[R]{f.WithOptions(o)} }

// Call adds a task to the graph that g builds.
func (f F0[R]) Call(g *Builder) Ref[R] { return Ref[R]{g, g.task(f.Function)} }

// With returns the same function with other options.
func (f F1[A, R]) With(o Options) F1[A, R] { return F1[A, R]{f.WithOptions(o)} }

// Call adds a task and returns the reference to its output.
func (f F1[A, R]) Call(a Ref[A]) Ref[R] { return Ref[R]{a.b, a.b.task(f.Function, a.n)} }

// With returns the same function with other options.
func (f F2[A, B, R]) With(o Options) F2[A, B, R] { return F2[A, B, R]{f.WithOptions(o)} }

// Call adds a task and returns the reference to its output.
func (f F2[A, B, R]) Call(a Ref[A], b Ref[B]) Ref[R] {
	return Ref[R]{a.b, a.b.task(f.Function, a.n, b.of(a.b))}
}

// With returns the same function with other options.
func (f F3[A, B, C, R]) With(o Options) F3[A, B, C, R] { return F3[A, B, C, R]{f.WithOptions(o)} }

// Call adds a task and returns the reference to its output.
func (f F3[A, B, C, R]) Call(a Ref[A], b Ref[B], c Ref[C]) Ref[R] {
	return Ref[R]{a.b, a.b.task(f.Function, a.n, b.of(a.b), c.of(a.b))}
}

// With returns the same function with other options.
func (f F4[A, B, C, D, R]) With(o Options) F4[A, B, C, D, R] {
	return F4[A, B, C, D, R]{f.WithOptions(o)}
}

// Call adds a task and returns the reference to its output.
func (f F4[A, B, C, D, R]) Call(a Ref[A], b Ref[B], c Ref[C], d Ref[D]) Ref[R] {
	return Ref[R]{a.b, a.b.task(f.Function, a.n, b.of(a.b), c.of(a.b), d.of(a.b))}
}

// With returns the same function with other options.
func (f FN[A, R]) With(o Options) FN[A, R] { return FN[A, R]{f.WithOptions(o)} }

// Call adds a task whose argument is the list of parts, which may be empty.
func (f FN[A, R]) Call(g *Builder, parts ...Ref[A]) Ref[R] {
	return Ref[R]{g, g.task(f.Function, List(g, parts...).n)}
}

// Functions lists declared functions, for Workflow.Functions.
func Functions(fs ...Callable) []*Function { return dag.Functions(fs...) }
