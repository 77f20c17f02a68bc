package dag

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/internal/wire"
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

// maxCPUs bounds Options.CPUs, so that they are encoded exactly.
const maxCPUs = 1 << 16

// Options of a function; the zero value means the defaults.
type Options struct {
	// Version distinguishes implementations with the same name, so that history never mixes them. Default 0.
	Version int
	// Retries is how often a failed attempt is repeated: 0 means DefaultRetries, NoRetries none.
	Retries int
	// Timeout bounds one attempt: 0 means DefaultTimeout, NoTimeout none.
	Timeout time.Duration
	// Impure says that repeating a call may return another value, so lost outputs are never recomputed.
	Impure bool
	// MaxConcurrent bounds how many tasks of this function one run executes at a time; 0 means no bound.
	MaxConcurrent int
	// CPUs is how many processors a call keeps busy, in steps of 1/1,000, and Memory how many bytes it takes. A worker
	// calls no more at a time than it has; one that lacks them for a single call takes no part in the run. 0 is not counted.
	CPUs   float64
	Memory int64
}

// needsResources reports whether a worker has to count what a call needs.
func (o Options) needsResources() bool { return o.CPUs != 0 || o.Memory != 0 }

// Function is what the engine knows of a declared Go function. Immutable and safe for concurrent use.
type Function struct {
	name   string
	opts   Options
	in     []*codec.Type
	out    *codec.Type
	invoke func(ctx context.Context, args []any) (any, error)
	// bodiless: only the shape is known, and invoke always fails.
	bodiless bool
}

// Signature is the name of a function and of the types it takes and returns, as Go writes them.
type Signature struct {
	Name   string
	Inputs []string
	Output string
	// CPUs and Memory are what a call of the run needs, see Options. A declared function has neither.
	CPUs   float64
	Memory int64
}

// Equal reports whether both are the same.
func (s Signature) Equal(t Signature) bool {
	return s.Name == t.Name && s.Output == t.Output && slices.Equal(s.Inputs, t.Inputs)
}

// Callable is any declared function: F0 to F4 and FN.
type Callable interface{ function() *Function }

func (f *Function) function() *Function { return f }

// Name is the name given at the declaration.
func (f *Function) Name() string { return f.name }

// Options are those of the declaration, defaults filled in.
func (f *Function) Options() Options { return f.opts }

// Output describes what the function returns.
func (f *Function) Output() *codec.Type { return f.out }

// Inputs describes the arguments.
func (f *Function) Inputs() []*codec.Type { return f.in }

// Signature is the function's, without its version.
func (f *Function) Signature() Signature {
	s := Signature{Name: f.name, Output: f.out.Name()}
	for _, t := range f.in {
		s.Inputs = append(s.Inputs, t.Name())
	}
	return s
}

// Invoke calls the function with boxed arguments, one for each of Inputs and of that type; nil is the zero value.
func (f *Function) Invoke(ctx context.Context, args []any) (any, error) { return f.invoke(ctx, args) }

// newFunction panics on mistakes that only a programmer can make: an empty name, no body or a type without a codec.
func NewFunction(name string, hasBody bool, out *codec.Type, in []*codec.Type, invoke func(context.Context, []any) (any, error)) *Function {
	if name == "" {
		panic("engine: a function needs a name")
	}
	if !hasBody {
		panic("engine: function " + name + " is declared with nil, expected a Go function")
	}
	for _, t := range append([]*codec.Type{out}, in...) {
		if err := t.Err(); err != nil {
			panic(fmt.Sprintf("engine: function %s: %v", name, err))
		}
	}
	return &Function{name: name, opts: Options{}.withDefaults(), in: in, out: out, invoke: invoke}
}

// withoutBody returns a copy that stands for a function which only another program has; calling it fails.
func (f *Function) withoutBody() *Function {
	f.bodiless = true
	f.invoke = func(context.Context, []any) (any, error) {
		return nil, fmt.Errorf("engine: of function %s only the shape is known, expected one of this program", wire.Printable(f.name))
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

func (f *Function) WithOptions(o Options) *Function {
	g := *f
	g.opts = o.withDefaults()
	return &g
}

// Functions lists declared functions.
func Functions(fs ...Callable) []*Function {
	out := make([]*Function, len(fs))
	for i, f := range fs {
		out[i] = f.function()
	}
	return out
}
