package pipeline

import (
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/code"
)

// checker checks names and types, and finds out in which order steps are built.
type checker struct {
	p     *Pipeline
	wrong *mistakes
}

// scope is what a group of steps, or the pipeline, can mention.
type scope struct {
	outer   *scope
	steps   []*step
	element string // the name of the element, "" in the pipeline itself
}

// find returns the step of a name, and the scope that it is in.
func (s *scope) find(name string) (*step, *scope) {
	for in := s; in != nil; in = in.outer {
		if i := slices.IndexFunc(in.steps, func(t *step) bool { return t.name == name }); i >= 0 {
			return in.steps[i], in
		}
	}
	return nil, nil
}

func (s *scope) hasElement(name string) bool {
	for in := s; in != nil; in = in.outer {
		if in.element != "" && in.element == name {
			return true
		}
	}
	return false
}

func (s *scope) names() string {
	var names []string
	for in := s; in != nil; in = in.outer {
		for _, t := range in.steps {
			names = append(names, t.name)
		}
	}
	return strings.Join(names, ", ")
}

func (c *checker) check() {
	top := &scope{steps: c.p.Steps}
	c.group(top)
	if c.p.Result != nil {
		c.expression(c.p.Result, top)
	}
	setOutputs(c.p.Steps)
}

// setOutputs gives commands that do not say what their output is the kind that their readers expect.
func setOutputs(steps []*step) {
	for _, t := range steps {
		isCommand := t.script != nil || len(t.run) > 0
		switch {
		case !isCommand || t.output != code.Nothing:
		case t.isListed:
			t.output = code.Lines
		case t.isRead:
			t.output = code.Text
		}
		setOutputs(t.steps)
	}
}

// group checks the steps of a scope, and sorts them so that each comes after those that it needs.
func (c *checker) group(s *scope) {
	for _, t := range s.steps {
		c.step(t, s)
	}
	if cycle := sortSteps(s); cycle != nil {
		names := make([]string, len(cycle))
		for i, t := range cycle {
			names[i] = t.name
		}
		c.wrong.add(cycle[0].at, "the steps %s need each other in a circle", strings.Join(names, " → "))
	}
}

func (c *checker) step(t *step, s *scope) {
	for _, n := range t.needs {
		if known, in := s.find(n.text); known == nil || in != s {
			c.wrong.add(n.at, "needs has %q, expected one of the steps %s", n.text, s.names())
		}
	}
	c.condition(t.condition)
	if t.environment != "" && !slices.ContainsFunc(c.p.Environments, func(e environmentFile) bool { return e.name == t.environment }) {
		c.wrong.add(t.at, "the step %s has the environment %q, expected one below environments:", t.path, t.environment)
	}
	inside := s
	if t.foreach != nil {
		c.source(t, s)
		inside = &scope{outer: s, element: t.as}
	}
	if t.script != nil && len(t.script.expressions()) > 0 && !isPosix(t.shell) {
		c.wrong.add(t.script.at, "the script has expressions and is for %s, expected them in env: or stdin:; only in scripts for sh and its like are they replaced by variables", t.shell[0])
	}
	for _, e := range t.expressions() {
		c.expression(e, inside)
	}
	if t.steps != nil {
		inside.steps = t.steps
		c.group(inside)
		if t.result != nil {
			c.expression(t.result, inside)
		}
	}
}

// source checks that a step can run for each element of its source.
func (c *checker) source(t *step, s *scope) {
	e := t.foreach.from
	if e == nil {
		for i := range t.foreach.elements {
			for _, e := range t.foreach.elements[i].expressions() {
				c.expression(e, s)
			}
		}
		return
	}
	c.expression(e, s)
	of, _ := s.find(e.name)
	isOutput := e.root == stepOutput && of != nil && len(e.path) == 0
	switch {
	case e.root == parameter:
		c.wrong.add(t.foreach.at, "foreach is a parameter, expected a list or the output of a step")
	case e.root == stepOutput && e.file != "":
		c.wrong.add(t.foreach.at, "foreach is a file, expected a list or the output of a step")
	case isOutput && of.foreach == nil && of.output == code.Text:
		c.wrong.add(t.foreach.at, "foreach is the output of %s, which is a text, expected output: lines or output: json there", of.name)
	case isOutput && of.foreach == nil:
		of.isListed = true
	}
}

func (c *checker) condition(cond *condition) {
	if cond == nil {
		return
	}
	p := c.param(cond.param)
	switch {
	case p == nil:
		c.wrong.add(cond.at, "if has the parameter %q, expected one below params:", cond.param)
	case cond.value == nil && p.Kind != engine.BoolParam:
		c.wrong.add(cond.at, "if has the parameter %s of type %s, expected one of type bool, or == and a value", cond.param, p.Kind)
	}
}

func (c *checker) param(name string) *engine.Param {
	i := slices.IndexFunc(c.p.Params, func(p engine.Param) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return &c.p.Params[i]
}

// expression checks that what it mentions exists.
func (c *checker) expression(e *expression, s *scope) {
	switch e.root {
	case parameter:
		if c.param(e.name) == nil {
			c.wrong.add(e.at, "there is no parameter %q, expected one below params:", e.name)
		}
	case element:
		if !s.hasElement(e.name) {
			c.wrong.add(e.at, "the expression begins with %q, %s", e.name, expected)
		}
	case stepOutput:
		t, _ := s.find(e.name)
		switch {
		case t == nil:
			c.wrong.add(e.at, "there is no step %q here, expected one of %s", e.name, s.names())
		case e.file != "" && t.foreach != nil:
			c.wrong.add(e.at, "the step %s runs for each element, expected a step with one file %s", e.name, e.file)
		case e.file != "" && !slices.ContainsFunc(t.outputs, func(o output) bool { return o.name == e.file }):
			c.wrong.add(e.at, "the step %s has no output file %q, expected one below its outputs:", e.name, e.file)
		case e.file == "":
			t.isRead = true
		}
	}
}

// isPosix reports whether a shell reads variables as sh does.
func isPosix(shell []string) bool {
	program := shell[0][strings.LastIndexAny(shell[0], `/\`)+1:]
	return slices.Contains([]string{"sh", "bash", "dash", "zsh", "ksh", "ash"}, program)
}

// sortSteps sorts the steps of a scope so that each comes after those that it needs, as far as possible in the order of
// the file. It returns steps that need each other, nil if there are none.
func sortSteps(s *scope) (cycle []*step) {
	const entered, left = 1, 2
	state := map[*step]int{}
	var sorted, path []*step
	var visit func(t *step) []*step
	visit = func(t *step) []*step {
		switch state[t] {
		case left:
			return nil
		case entered:
			return append(slices.Clone(path[slices.Index(path, t):]), t)
		}
		state[t] = entered
		path = append(path, t)
		for _, n := range t.needed() {
			if other, in := s.find(n); other != nil && in == s {
				if cycle := visit(other); cycle != nil {
					return cycle
				}
			}
		}
		path = path[:len(path)-1]
		state[t] = left
		sorted = append(sorted, t)
		return nil
	}
	for _, t := range s.steps {
		if cycle := visit(t); cycle != nil {
			return cycle
		}
	}
	copy(s.steps, sorted)
	return nil
}
