package engine

import (
	"errors"
	"fmt"
	"slices"
)

// Workflow is a named builder of graphs with typed parameters.
type Workflow struct {
	Name        string
	Description string // one sentence
	Params      []Param
	// Functions lists every function that Build may call.
	Functions []*Function
	// Dynamic returns, by name, functions that only the arguments name, as where a file names the programs of its
	// tasks; it is nil if there are none. It must return the same function for a name in every process: what Build
	// calls without listing it must be what Dynamic returns, and a worker finds it by workflow and name. It returns
	// nil for a name that cannot be one of the workflow's.
	Dynamic func(name string) *Function
	// Build makes the graph for checked arguments and returns the reference to the run's result. An error says why it
	// cannot; a *ParameterError names the argument that is to blame.
	Build func(g *Builder, args Args) (AnyRef, error)
}

// Graph builds and compiles the graph for the given arguments; see Arguments. The error is ErrInvalidParameter if
// Build returned one, since that depends on nothing but the arguments.
func (w *Workflow) Graph(args Args) (*Graph, error) {
	b := NewBuilder()
	result, err := w.Build(b, args)
	var argument *ParameterError
	switch {
	case errors.As(err, &argument):
		return nil, &ParameterError{Workflow: w.Name, Param: argument.Param, Err: argument.Err}
	case err != nil:
		return nil, fmt.Errorf("%w: workflow %s: %w", ErrInvalidParameter, w.Name, err)
	}
	g, err := b.Compile(result)
	if err != nil {
		return nil, fmt.Errorf("engine: workflow %s: %w", w.Name, err)
	}
	for _, f := range g.Functions() {
		if !slices.Contains(w.Functions, f) && !w.makes(f) {
			return nil, fmt.Errorf("%w: workflow %s calls %q, which it does not list", ErrUnknownFunction, w.Name, f.Name())
		}
	}
	return g, nil
}

// makes reports whether Dynamic returns a function like f: of its name, version and types.
func (w *Workflow) makes(f *Function) bool {
	if w.Dynamic == nil {
		return false
	}
	g := w.Dynamic(f.name)
	return g != nil && g.name == f.name && g.opts.Version == f.opts.Version && g.out.Name() == f.out.Name() &&
		slices.EqualFunc(g.in, f.in, func(a, b *Type) bool { return a.Name() == b.Name() })
}
