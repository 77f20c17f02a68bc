package engine

import (
	"context"
	"fmt"
	"time"
)

// Defaults of Options.
const (
	DefaultRetries = 3
	DefaultTimeout = 10 * time.Minute
	// NoRetries as Options.Retries: the first failure is final.
	NoRetries = -1
	// NoTimeout as Options.Timeout: an attempt may last until the run's deadline.
	NoTimeout = time.Duration(-1)
)

// Options of a function; the zero value means the defaults.
type Options struct {
	// Version distinguishes implementations of one name, so that history never mixes them. Default 0.
	Version int
	// Retries is how often a failed attempt is repeated: 0 means DefaultRetries, NoRetries none.
	Retries int
	// Timeout bounds one attempt: 0 means DefaultTimeout, NoTimeout none.
	Timeout time.Duration
	// Impure says that repeating a call may return another value: its outputs are never recomputed when lost.
	Impure bool
	// MaxConcurrent bounds how many tasks of this function one run executes at a time; 0 means no bound.
	MaxConcurrent int
}

// Function is what the engine knows of a declared Go function. Immutable and safe for concurrent use.
type Function struct {
	name   string
	opts   Options
	in     []*Type
	out    *Type
	invoke func(ctx context.Context, args []any) (any, error)
	// bodiless: only the shape is known, and invoke only fails.
	bodiless bool
}

// Callable is any declared function: F0 to F4 and FN.
type Callable interface{ function() *Function }

// Functions lists declared functions, for Workflow.Functions and Config.Functions.
func Functions(fs ...Callable) []*Function {
	out := make([]*Function, len(fs))
	for i, f := range fs {
		out[i] = f.function()
	}
	return out
}

func (f *Function) function() *Function { return f }

// Name is the name given at the declaration.
func (f *Function) Name() string { return f.name }

// Options are those of the declaration, defaults filled in.
func (f *Function) Options() Options { return f.opts }

// Output describes what the function returns.
func (f *Function) Output() *Type { return f.out }

// Inputs describes the arguments.
func (f *Function) Inputs() []*Type { return f.in }

// Invoke calls the function with boxed arguments, one for each of Inputs and of that type; nil is the zero value.
func (f *Function) Invoke(ctx context.Context, args []any) (any, error) { return f.invoke(ctx, args) }

// newFunction panics on what only a programmer's mistake can cause: an empty name, no body or a type without a codec.
func newFunction(name string, hasBody bool, out *Type, in []*Type, invoke func(context.Context, []any) (any, error)) *Function {
	if name == "" {
		panic("engine: a function needs a name")
	}
	if !hasBody {
		panic("engine: function " + name + " is declared with nil, expected a Go function")
	}
	for _, t := range append([]*Type{out}, in...) {
		if err := t.Err(); err != nil {
			panic(fmt.Sprintf("engine: function %s: %v", name, err))
		}
	}
	return &Function{name: name, opts: Options{}.withDefaults(), in: in, out: out, invoke: invoke}
}

// withoutBody returns a copy that stands for a function which only another program has: invoking it fails.
func (f *Function) withoutBody() *Function {
	f.bodiless = true
	f.invoke = func(context.Context, []any) (any, error) {
		return nil, fmt.Errorf("engine: of function %s only the shape is known, expected one of this program", printable(f.name))
	}
	return f
}

func (o Options) withDefaults() Options {
	switch {
	case o.Retries == 0:
		o.Retries = DefaultRetries
	case o.Retries < 0:
		o.Retries = 0
	}
	switch {
	case o.Timeout == 0:
		o.Timeout = DefaultTimeout
	case o.Timeout < 0:
		o.Timeout = 0
	}
	return o
}

func (f *Function) with(o Options) *Function {
	g := *f
	g.opts = o.withDefaults()
	return &g
}

// arg unboxes; a nil interface stands for the zero value.
func arg[T any](v any) T {
	t, _ := v.(T)
	return t
}

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
	return F0[R]{newFunction(name, f != nil, TypeOf[R](), nil,
		func(ctx context.Context, _ []any) (any, error) { return f(ctx) })}
}

// Func1 declares a function of one argument.
func Func1[A, R any](name string, f func(context.Context, A) (R, error)) F1[A, R] {
	return F1[A, R]{newFunction(name, f != nil, TypeOf[R](), []*Type{TypeOf[A]()},
		func(ctx context.Context, in []any) (any, error) { return f(ctx, arg[A](in[0])) })}
}

// Func2 declares a function of two arguments.
func Func2[A, B, R any](name string, f func(context.Context, A, B) (R, error)) F2[A, B, R] {
	return F2[A, B, R]{newFunction(name, f != nil, TypeOf[R](), []*Type{TypeOf[A](), TypeOf[B]()},
		func(ctx context.Context, in []any) (any, error) { return f(ctx, arg[A](in[0]), arg[B](in[1])) })}
}

// Func3 declares a function of three arguments.
func Func3[A, B, C, R any](name string, f func(context.Context, A, B, C) (R, error)) F3[A, B, C, R] {
	return F3[A, B, C, R]{newFunction(name, f != nil, TypeOf[R](), []*Type{TypeOf[A](), TypeOf[B](), TypeOf[C]()},
		func(ctx context.Context, in []any) (any, error) {
			return f(ctx, arg[A](in[0]), arg[B](in[1]), arg[C](in[2]))
		})}
}

// Func4 declares a function of four arguments.
func Func4[A, B, C, D, R any](name string, f func(context.Context, A, B, C, D) (R, error)) F4[A, B, C, D, R] {
	return F4[A, B, C, D, R]{newFunction(name, f != nil, TypeOf[R](), []*Type{TypeOf[A](), TypeOf[B](), TypeOf[C](), TypeOf[D]()},
		func(ctx context.Context, in []any) (any, error) {
			return f(ctx, arg[A](in[0]), arg[B](in[1]), arg[C](in[2]), arg[D](in[3]))
		})}
}

// FuncN declares a function of a list; FN.Call takes the parts of that list one by one.
func FuncN[A, R any](name string, f func(context.Context, []A) (R, error)) FN[A, R] {
	return FN[A, R]{Func1(name, f).Function}
}

// With returns the same function with other options.
func (f F0[R]) With(o Options) F0[R] { return F0[R]{f.with(o)} }

// With returns the same function with other options.
func (f F1[A, R]) With(o Options) F1[A, R] { return F1[A, R]{f.with(o)} }

// With returns the same function with other options.
func (f F2[A, B, R]) With(o Options) F2[A, B, R] { return F2[A, B, R]{f.with(o)} }

// With returns the same function with other options.
func (f F3[A, B, C, R]) With(o Options) F3[A, B, C, R] { return F3[A, B, C, R]{f.with(o)} }

// With returns the same function with other options.
func (f F4[A, B, C, D, R]) With(o Options) F4[A, B, C, D, R] { return F4[A, B, C, D, R]{f.with(o)} }

// With returns the same function with other options.
func (f FN[A, R]) With(o Options) FN[A, R] { return FN[A, R]{f.with(o)} }

// Call adds a task to the graph that g builds.
func (f F0[R]) Call(g *Builder) Ref[R] { return Ref[R]{g, g.task(f.Function)} }

// Call adds a task and returns the reference to its output.
func (f F1[A, R]) Call(a Ref[A]) Ref[R] { return Ref[R]{a.b, a.b.task(f.Function, a.n)} }

// Call adds a task and returns the reference to its output.
func (f F2[A, B, R]) Call(a Ref[A], b Ref[B]) Ref[R] {
	return Ref[R]{a.b, a.b.task(f.Function, a.n, b.n)}
}

// Call adds a task and returns the reference to its output.
func (f F3[A, B, C, R]) Call(a Ref[A], b Ref[B], c Ref[C]) Ref[R] {
	return Ref[R]{a.b, a.b.task(f.Function, a.n, b.n, c.n)}
}

// Call adds a task and returns the reference to its output.
func (f F4[A, B, C, D, R]) Call(a Ref[A], b Ref[B], c Ref[C], d Ref[D]) Ref[R] {
	return Ref[R]{a.b, a.b.task(f.Function, a.n, b.n, c.n, d.n)}
}

// Call adds a task whose argument is the list of parts, which may be empty.
func (f FN[A, R]) Call(g *Builder, parts ...Ref[A]) Ref[R] {
	return Ref[R]{g, g.task(f.Function, List(g, parts...).n)}
}
