package pipeline

import (
	"fmt"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/engine/python"
)

// builder makes the graph of one run.
type builder struct {
	*engine.Builder
	pipeline *Pipeline
	runner   *code.Runner
	args     engine.Args
	bundle   engine.Ref[code.Bundle]
	hash     string // of the bundle
}

// frame is what the steps of a group can read: the outputs of its steps so far, and its element.
type frame struct {
	outer   *frame
	made    map[*step]product
	steps   []*step
	element string
	item    engine.Ref[code.Value]
}

// product is what a step has become: one value, or a list of them.
type product struct {
	value  engine.Ref[code.Value]
	list   engine.Ref[[]code.Value]
	isList bool
}

// build makes the graph and returns the reference to the result.
func (b *builder) build() (engine.AnyRef, error) {
	top := &frame{steps: b.pipeline.Steps, made: map[*step]product{}}
	if err := b.group(top); err != nil {
		return nil, err
	}
	if b.pipeline.Result != nil {
		return b.result(b.pipeline.Result, top)
	}
	return b.results(top)
}

// group builds the steps of a frame that are not left out: those whose condition is not met, and those that need one of
// them.
func (b *builder) group(f *frame) error {
	for _, t := range f.steps {
		if !t.condition.holds(b.args.Text()) || f.misses(t) {
			continue
		}
		made, err := b.step(t, f)
		if err != nil {
			return fmt.Errorf("the step %s: %w", t.path, err)
		}
		f.made[t] = made
	}
	return nil
}

// misses reports whether a step needs one that was left out.
func (f *frame) misses(t *step) bool {
	for _, name := range t.needed() {
		if of, in := f.find(name); of != nil {
			if _, ok := in.made[of]; !ok {
				return true
			}
		}
	}
	return false
}

// find returns the step of a name, and its frame.
func (f *frame) find(name string) (*step, *frame) {
	for in := f; in != nil; in = in.outer {
		for _, t := range in.steps {
			if t.name == name {
				return t, in
			}
		}
	}
	return nil, nil
}

func (b *builder) step(t *step, f *frame) (product, error) {
	if t.foreach == nil {
		return b.task(t, f, t.isListed && len(t.outputs) == 0)
	}
	list, err := b.source(t, f)
	if err != nil {
		return product{}, err
	}
	results := engine.FanOut(b.Builder, list, func(item engine.Ref[code.Value]) engine.Ref[code.Value] {
		inside := &frame{outer: f, element: t.as, item: item, made: map[*step]product{}}
		var made engine.Ref[code.Value]
		made, err = b.body(t, inside)
		if err != nil {
			return item // the error ends the build
		}
		return made
	})
	return product{list: results, isList: true}, err
}

// body builds what a foreach does for an element.
func (b *builder) body(t *step, f *frame) (engine.Ref[code.Value], error) {
	if t.steps == nil {
		made, err := b.task(t, f, false)
		return made.value, err
	}
	f.steps = t.steps
	if err := b.group(f); err != nil {
		return f.item, err
	}
	if t.result != nil {
		return b.asValue(t.result, t.path+".result", f)
	}
	last := f.sinks()
	if len(last) != 1 {
		return f.item, fmt.Errorf("%d of its steps are not needed by others, expected one, or result: ${{ steps.NAME.out }}", len(last))
	}
	made := f.made[last[0]]
	if !made.isList {
		return made.value, nil
	}
	return b.collected(t.path+".result", last[0], made.list), nil
}

// source is the list that a foreach runs over.
func (b *builder) source(t *step, f *frame) (engine.Ref[[]code.Value], error) {
	if t.foreach.from == nil {
		parts := make([]engine.Ref[code.Value], len(t.foreach.elements))
		for i := range t.foreach.elements {
			a := &t.foreach.elements[i]
			if a.isSet == isText && a.text.whole() != nil && a.text.whole().root != parameter {
				var err error
				if parts[i], err = b.asValue(a.text.whole(), fmt.Sprintf("%s.element%d", t.path, i), f); err != nil {
					return engine.Ref[[]code.Value]{}, err
				}
				continue
			}
			var none reads
			v, holes, err := b.arguments(a, f, &none)
			if err == nil && len(holes) > 0 {
				err = fmt.Errorf("element %d of foreach has an expression in a larger value, expected it alone", i)
			}
			if err != nil {
				return engine.Ref[[]code.Value]{}, err
			}
			parts[i] = engine.Const(b.Builder, v)
		}
		return engine.List(b.Builder, parts...), nil
	}
	in := &reads{}
	o, literal, err := b.operand(t.foreach.from, f, in)
	switch {
	case err != nil:
		return engine.Ref[[]code.Value]{}, err
	case literal != nil:
		return engine.Ref[[]code.Value]{}, fmt.Errorf("foreach is a parameter, expected a list or the output of a step")
	case o.IsList && len(o.Path) == 0:
		return in.lists[0], nil
	}
	task := code.Task{Select: &o, Bundle: b.hash}
	if err := b.runner.Sign(&task); err != nil {
		return engine.Ref[[]code.Value]{}, err
	}
	return b.runner.Many(t.path+".elements").Call(engine.Const(b.Builder, task), b.empty(), engine.List(b.Builder, in.values...), engine.List(b.Builder, in.lists...)), nil
}

// empty is no bundle.
func (b *builder) empty() engine.Ref[code.Bundle] { return engine.Const(b.Builder, code.Bundle{}) }

// collected is the list of a step as one value.
func (b *builder) collected(name string, of *step, list engine.Ref[[]code.Value]) engine.Ref[code.Value] {
	return b.selection(name, of, &reads{lists: []engine.Ref[[]code.Value]{list}}, code.Operand{IsList: true})
}

// selection is a task that does nothing but take a part of what it reads. It has the files and the environment of the step,
// nil for none, whose values those may be: classes of Python among them are imported from there.
func (b *builder) selection(name string, of *step, in *reads, o code.Operand) engine.Ref[code.Value] {
	task := code.Task{Select: &o, Bundle: b.hash}
	if of != nil {
		task.Environment = of.environment
	}
	if err := b.runner.Sign(&task); err != nil {
		panic(err) // a selection is nothing that cannot be encoded
	}
	return b.runner.One(name).Call(engine.Const(b.Builder, task), b.bundle, engine.List(b.Builder, in.values...), engine.List(b.Builder, in.lists...))
}

// asValue is an expression as one value; name is that of the task that it takes if the expression is a part of a value,
// or a list.
func (b *builder) asValue(e *expression, name string, f *frame) (engine.Ref[code.Value], error) {
	in := &reads{}
	o, literal, err := b.operand(e, f, in)
	switch {
	case err != nil:
		return engine.Ref[code.Value]{}, err
	case literal != nil:
		v, err := python.Encode(literal)
		return engine.Const(b.Builder, v), err
	case !o.IsList && len(o.Path) == 0:
		return in.values[0], nil
	}
	o.IsFile = false
	of, _ := f.find(e.name) // nil for an element
	return b.selection(name, of, in, o), nil
}

// result is an expression as the result of the run: a list of values stays one.
func (b *builder) result(e *expression, f *frame) (engine.AnyRef, error) {
	in := &reads{}
	if o, literal, err := b.operand(e, f, in); err != nil || literal == nil && o.IsList && len(o.Path) == 0 {
		return in.firstList(), err
	}
	return b.asValue(e, "result", f)
}

// results are the outputs of the steps that no other needs: of one step its value, of several a map of theirs by name.
func (b *builder) results(f *frame) (engine.AnyRef, error) {
	values := map[string]engine.Ref[code.Value]{}
	last := f.sinks()
	if len(f.made) == 0 {
		return nil, fmt.Errorf("its parameters leave out every step")
	}
	for _, t := range last {
		made := f.made[t]
		if len(last) == 1 && made.isList {
			return made.list, nil
		}
		if made.isList {
			made.value = b.collected(t.path+".list", t, made.list)
		}
		values[t.name] = made.value
		if len(last) == 1 {
			return made.value, nil
		}
	}
	return engine.Map(b.Builder, values), nil
}

// sinks lists the steps that were built and that no other needs.
func (f *frame) sinks() []*step {
	needed := map[string]bool{}
	for t := range f.made {
		for _, n := range t.needed() {
			needed[n] = true
		}
	}
	var out []*step
	for _, t := range f.steps {
		if _, ok := f.made[t]; ok && !needed[t.name] {
			out = append(out, t)
		}
	}
	return out
}
