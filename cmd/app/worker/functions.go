package worker

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/dagscope/dagscope/engine"
)

// Catalogue is the functions that this program has.
type Catalogue struct {
	workflows map[string]*engine.Workflow
	functions map[string]*engine.Function
}

// NewCatalogue collects functions. Two different ones of one name are refused.
func NewCatalogue(workflows []*engine.Workflow) (*Catalogue, error) {
	c := &Catalogue{workflows: map[string]*engine.Workflow{}, functions: map[string]*engine.Function{}}
	for _, w := range workflows {
		if c.workflows[w.Name] != nil {
			return nil, fmt.Errorf("worker: two workflows are named %q, expected one name each", w.Name)
		}
		c.workflows[w.Name] = w
		for _, f := range w.Functions {
			if other := c.functions[f.Name()]; other != nil && other != f {
				return nil, fmt.Errorf("worker: two functions are named %q, expected one name each", f.Name())
			}
			c.functions[f.Name()] = f
		}
	}
	return c, nil
}

// Find gives the function that a workflow means by a name, nil where there is none. What the workflow lists or makes
// comes before what others list under the same name; a workflow that is not known here may still use these.
func (c *Catalogue) Find(workflow, function string) *engine.Function {
	w := c.workflows[workflow]
	if w == nil {
		return c.functions[function]
	}
	for _, f := range w.Functions {
		if f.Name() == function {
			return f
		}
	}
	if w.Dynamic != nil {
		if f := w.Dynamic(function); f != nil {
			return f
		}
	}
	return c.functions[function]
}

// Names lists the functions by FunctionName, sorted.
func (c *Catalogue) Names() []string {
	var names []string
	for _, f := range c.functions {
		names = append(names, FunctionName(f))
	}
	slices.Sort(names)
	return names
}

// FunctionName is how workers tell which functions they have: by name, and name@version above version 0.
func FunctionName(f *engine.Function) string {
	if v := f.Options().Version; v > 0 {
		return f.Name() + "@" + strconv.Itoa(v)
	}
	return f.Name()
}
