package engine

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// Workflow is a named builder of graphs with typed parameters.
type Workflow struct {
	Name        string
	Description string // one sentence
	Params      []Param
	// Source is the file that the workflow was made of, such as a pipeline; nil for workflows of this program. Its runs keep
	// it, see RunInfo.
	Source *record.Source
	// Functions lists every function that Build may call.
	Functions []*Function
	// Dynamic returns the function of a signature that only the arguments mention, for example if a file names the
	// programs of its tasks; nil if there are no such functions. A worker finds these functions by workflow and
	// signature, so Dynamic must return the same function in every process, and Build may only call functions that are
	// listed or come from Dynamic. It returns nil for a signature that no function of the workflow can have.
	Dynamic func(Signature) *Function
	// Build makes the graph for checked arguments and returns the reference to the run's result. An error says why it
	// cannot; a *ParameterError names the argument that is to blame.
	Build func(g *Builder, args Args) (AnyRef, error)
}

// Graph builds and compiles the graph for the given arguments; see Arguments. The error is ErrInvalidParameter if
// Build returned one, since that depends on nothing but the arguments.
func (w *Workflow) Graph(args Args) (*dag.Graph, error) {
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

// makes reports whether Dynamic returns a function with the name, version and types of f.
func (w *Workflow) makes(f *Function) bool {
	if w.Dynamic == nil {
		return false
	}
	g := w.Dynamic(f.Signature())
	return g != nil && g.Options().Version == f.Options().Version && g.Signature().Equal(f.Signature())
}

// Arguments checks set, texts by parameter, against the parameters and fills in defaults. open reads the file that a file
// parameter names; if it is nil, files are refused. Errors are ErrInvalidParameter and say what was expected.
func (w *Workflow) Arguments(set map[string]string, open func(name string) (File, error)) (Args, error) {
	a := Args{text: make(map[string]string, len(w.Params)), value: make(map[string]any, len(w.Params))}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if !slices.ContainsFunc(w.Params, func(p Param) bool { return p.Name == name }) {
			return Args{}, fmt.Errorf("%w: workflow %s has no parameter %q, expected %s", ErrInvalidParameter, w.Name, name, w.paramNames())
		}
	}
	for _, p := range w.Params {
		text, isSet := set[p.Name]
		v, err := p.parse(text, isSet, open)
		if err != nil {
			return Args{}, &ParameterError{Workflow: w.Name, Param: p.Name, Err: err}
		}
		if f, ok := v.(File); ok {
			text = f.Name
		} else if !isSet {
			text = p.Default
		}
		a.text[p.Name], a.value[p.Name] = text, v
	}
	return a, nil
}

func (w *Workflow) paramNames() string {
	if len(w.Params) == 0 {
		return "none"
	}
	names := make([]string, len(w.Params))
	for i, p := range w.Params {
		names[i] = p.Name
	}
	return strings.Join(names, ", ")
}
