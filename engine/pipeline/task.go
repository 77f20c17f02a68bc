package pipeline

import (
	"fmt"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/engine/python"
)

// reads are the values that a task reads.
type reads struct {
	values []engine.Ref[code.Value]
	lists  []engine.Ref[[]code.Value]
	known  map[*step]int // where a step's output is among them
}

func (in *reads) firstList() engine.AnyRef {
	if len(in.lists) == 0 {
		return nil
	}
	return in.lists[0]
}

// output adds what a step has become, once, and returns which value it is.
func (in *reads) output(t *step, made product) int {
	if i, ok := in.known[t]; ok {
		return i
	}
	i := len(in.values)
	if made.isList {
		i = len(in.lists)
		in.lists = append(in.lists, made.list)
	} else {
		in.values = append(in.values, made.value)
	}
	if in.known == nil {
		in.known = map[*step]int{}
	}
	in.known[t] = i
	return i
}

// value adds a value and returns which it is.
func (in *reads) value(v engine.Ref[code.Value]) int {
	in.values = append(in.values, v)
	return len(in.values) - 1
}

// task builds the task of a step; isSource says that a fan-out runs over its elements.
func (b *builder) task(t *step, f *frame, isSource bool) (product, error) {
	in := &reads{}
	task := code.Task{
		Shell: t.shell, Secrets: t.secrets, Output: t.output, Environment: t.environment, Bundle: b.hash,
		Env: map[string]code.Template{}, Memory: t.options.Memory,
	}
	if err := b.fillTask(t, &task, f, in); err != nil {
		return product{}, err
	}
	for _, n := range t.needs {
		of, at := f.find(n.text)
		in.output(of, at.made[of])
	}
	if err := b.runner.Sign(&task); err != nil {
		return product{}, err
	}
	constant := engine.Const(b.Builder, task)
	values, lists := engine.List(b.Builder, in.values...), engine.List(b.Builder, in.lists...)
	if isSource {
		return product{list: b.runner.Many(t.path).With(t.options).Call(constant, b.bundle, values, lists), isList: true}, nil
	}
	return product{value: b.runner.One(t.path).With(t.options).Call(constant, b.bundle, values, lists)}, nil
}

func (b *builder) fillTask(t *step, task *code.Task, f *frame, in *reads) (err error) {
	if t.python != "" {
		task.Call, err = b.callOf(t, f, in)
		return err
	}
	for i := range t.run {
		arg, err := b.template(&t.run[i], f, in, false)
		if err != nil {
			return err
		}
		task.Command = append(task.Command, arg)
	}
	if t.script != nil {
		if task.Script, err = b.script(t.script, task.Env, f, in); err != nil {
			return err
		}
	}
	for i := range t.env {
		if task.Env[t.env[i].name], err = b.template(&t.env[i].value, f, in, false); err != nil {
			return err
		}
	}
	if t.stdin != nil {
		if task.Stdin, err = b.template(t.stdin, f, in, true); err != nil {
			return err
		}
	}
	return b.files(t, task, f, in)
}

// files sets the inputs and outputs of a task.
func (b *builder) files(t *step, task *code.Task, f *frame, in *reads) error {
	for i := range t.inputs {
		if task.Inputs == nil {
			task.Inputs = map[string]code.Operand{}
		}
		o, err := b.input(&t.inputs[i], f, in)
		if err != nil {
			return err
		}
		task.Inputs[t.inputs[i].path] = o
	}
	for _, o := range t.outputs {
		if task.Outputs == nil {
			task.Outputs = map[string]string{}
		}
		task.Outputs[o.name] = o.path
	}
	return nil
}

// input is the content of a file in the working folder: an expression's value, or a text without expressions.
func (b *builder) input(i *input, f *frame, in *reads) (code.Operand, error) {
	var literal any = ""
	if e := i.value.whole(); e != nil {
		o, l, err := b.operand(e, f, in)
		if err != nil || l == nil {
			return o, err
		}
		literal = l
	} else if len(i.value.parts) > 0 {
		text, err := b.template(&i.value, f, in, true)
		if err != nil {
			return code.Operand{}, err
		}
		if len(text) != 1 || text[0].Hole != nil {
			return code.Operand{}, fmt.Errorf("the input %s has an expression in a larger text, expected it alone", i.path)
		}
		literal = text[0].Text
	}
	v, err := python.Encode(literal)
	return code.Operand{Index: in.value(engine.Const(b.Builder, v))}, err
}

// script replaces the expressions of a script by variables that it sets in env.
func (b *builder) script(t *template, env map[string]code.Template, f *frame, in *reads) (string, error) {
	var out strings.Builder
	for i := range t.parts {
		if t.parts[i].expr == nil {
			out.WriteString(t.parts[i].text)
			continue
		}
		name := fmt.Sprintf("DAGSCOPE_VALUE_%d", len(env))
		value, err := b.template(&template{parts: t.parts[i : i+1]}, f, in, false)
		if err != nil {
			return "", err
		}
		env[name] = value
		out.WriteString("${" + name + "}")
	}
	return out.String(), nil
}

// template fills in parameters and leaves holes for the rest. A file is a path, or its content if asContent.
func (b *builder) template(t *template, f *frame, in *reads, asContent bool) (code.Template, error) {
	out := code.Template{}
	for i := range t.parts {
		if t.parts[i].expr == nil {
			out = append(out, code.Part{Text: t.parts[i].text})
			continue
		}
		o, literal, err := b.operand(t.parts[i].expr, f, in)
		switch {
		case err != nil:
			return nil, err
		case literal != nil:
			out = append(out, code.Part{Text: fmt.Sprint(literal)})
		case o.IsFile && asContent:
			o.IsFile, o.Path = false, append(o.Path, code.Step{Key: code.FileContent})
			fallthrough
		default:
			out = append(out, code.Part{Hole: &o})
		}
	}
	return merged(out), nil
}

// merged joins texts that follow each other.
func merged(t code.Template) code.Template {
	var out code.Template
	for _, p := range t {
		if n := len(out); p.Hole == nil && n > 0 && out[n-1].Hole == nil {
			out[n-1].Text += p.Text
			continue
		}
		out = append(out, p)
	}
	if out == nil {
		return code.Literal("")
	}
	return out
}

// operand is what an expression stands for: a literal if it is a parameter, else a part of what the task reads.
func (b *builder) operand(e *expression, f *frame, in *reads) (o code.Operand, literal any, err error) {
	switch e.root {
	case parameter:
		v := b.param(e.name)
		file, isFile := v.(engine.File)
		if !isFile {
			return o, v, nil
		}
		encoded, err := python.Encode(code.FileValue(file.Name, file.Data))
		return code.Operand{Index: in.value(engine.Const(b.Builder, encoded)), IsFile: true}, nil, err
	case element:
		for at := f; at != nil; at = at.outer {
			if at.element == e.name {
				return code.Operand{Index: in.value(at.item), Path: e.path}, nil, nil
			}
		}
		return o, nil, fmt.Errorf("there is no element %s here", e.name)
	default:
		t, at := f.find(e.name)
		made, ok := at.made[t]
		if !ok {
			return o, nil, fmt.Errorf("the step %s is left out by the parameters, but its output is needed", t.path)
		}
		o = code.Operand{Index: in.output(t, made), IsList: made.isList, Path: e.path}
		switch {
		case e.file != "":
			o.Path, o.IsFile = []code.Step{{Key: "files"}, {Key: e.file}}, true
		case len(t.outputs) > 0 && !made.isList:
			o.Path = append([]code.Step{{Key: "out"}}, e.path...)
		}
		return o, nil, nil
	}
}

// param is the value of a parameter: durations as texts.
func (b *builder) param(name string) any {
	for _, p := range b.pipeline.Params {
		if p.Name != name {
			continue
		}
		switch p.Kind {
		case engine.IntParam:
			return b.args.Int(name)
		case engine.FloatParam:
			return b.args.Float(name)
		case engine.BoolParam:
			return b.args.Bool(name)
		case engine.DurationParam:
			return b.args.Duration(name).String()
		case engine.FileParam:
			return b.args.File(name)
		default:
			return b.args.String(name)
		}
	}
	return nil
}

// callOf is the call of a Python function: with is a list of positional arguments, a dict of named ones, or the only one.
func (b *builder) callOf(t *step, f *frame, in *reads) (*code.Call, error) {
	module, function, _ := strings.Cut(t.python, ":")
	with := argument{isSet: isList}
	if t.with != nil {
		with = *t.with
	}
	positional, named := argument{isSet: isList}, argument{isSet: isDict}
	switch with.isSet {
	case isList:
		positional = with
	case isDict:
		named = with
	default:
		positional.list = []argument{with}
	}
	arguments, holes, err := b.arguments(&argument{isSet: isList, list: []argument{positional, named}}, f, in)
	return &code.Call{Module: module, Function: function, Arguments: arguments, Holes: holes}, err
}

// arguments encodes an argument, with a hole for each text that has an expression.
func (b *builder) arguments(a *argument, f *frame, in *reads) (code.Value, []code.Template, error) {
	var holes []code.Template
	v, err := b.encodable(a, f, in, &holes)
	if err != nil {
		return code.Value{}, nil, err
	}
	encoded, err := python.Encode(v)
	return encoded, holes, err
}

// encodable is an argument as Go values, and as tags where it has holes.
func (b *builder) encodable(a *argument, f *frame, in *reads, holes *[]code.Template) (any, error) {
	switch a.isSet {
	case isList:
		out := make([]any, len(a.list))
		for i := range a.list {
			var err error
			if out[i], err = b.encodable(&a.list[i], f, in, holes); err != nil {
				return nil, err
			}
		}
		return out, nil
	case isDict:
		out := make(map[string]any, len(a.dict))
		for i := range a.dict {
			var err error
			if out[a.dict[i].key], err = b.encodable(&a.dict[i].value, f, in, holes); err != nil {
				return nil, err
			}
		}
		return out, nil
	case isText:
		return b.encodableText(a.text, f, in, holes)
	default:
		return a.value, nil
	}
}

// encodableText is a text, the value of a parameter that is all of it, or a hole.
func (b *builder) encodableText(text *template, f *frame, in *reads, holes *[]code.Template) (any, error) {
	if e := text.whole(); e != nil && e.root == parameter {
		v := b.param(e.name)
		if file, ok := v.(engine.File); ok {
			return file.Data, nil
		}
		return v, nil
	}
	t, err := b.template(text, f, in, true)
	if err != nil {
		return nil, err
	}
	if len(t) == 1 && t[0].Hole == nil {
		return t[0].Text, nil
	}
	*holes = append(*holes, t)
	return cbor.Tag{Number: python.HoleTag, Content: uint64(len(*holes) - 1)}, nil
}
