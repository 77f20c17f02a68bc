package pipeline

import (
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/code"
)

// stepFields are the fields of a step.
var stepFields = []string{
	"run", "shell", "python", "with", "steps", "result", "foreach", "as", "needs", "if", "env", "secrets", "stdin", "inputs",
	"outputs", "output", "environment", "retries", "timeout", "impure", "resources",
}

// shellFields are those that only commands have.
var shellFields = []string{"shell", "stdin", "inputs", "outputs", "output", "env", "secrets"}

// groupFields are those that a group of steps can have.
var groupFields = []string{"steps", "result", "foreach", "as", "needs", "if"}

// defaultOptions: a command that fails is repeated, or ended after some time, only if the pipeline says so.
var defaultOptions = engine.Options{Retries: engine.NoRetries, Timeout: engine.NoTimeout}

// defaultShell ends a script at the first command that fails, or that uses a variable that is not set.
var defaultShell = []string{"/bin/sh", "-eu"}

// steps reads the steps of a pipeline, or of a group whose path is given.
func (r *reader) steps(f field, group string) []*step {
	var out []*step
	r.nest(f.value, func() {
		for _, e := range r.fields(f.value, f.key, nil) {
			if !isName(e.key) {
				r.wrong.add(e.at, "a step has the name %q, expected letters, digits, - and _", e.key)
			}
			out = append(out, r.step(e, group))
		}
	})
	return out
}

func (r *reader) step(e field, group string) *step {
	s := &step{name: e.key, path: group + e.key, at: e.at, as: "item", options: defaultOptions}
	fields := r.fields(e.value, "the step "+s.path, stepFields)
	for _, f := range fields {
		r.stepField(s, f)
	}
	r.checkFields(s, fields)
	return s
}

// stepField reads one field of a step.
func (r *reader) stepField(s *step, f field) {
	switch f.key {
	case "run":
		r.run(s, f)
	case "shell":
		s.shell = r.shell(f)
	case "python":
		s.python = r.function(f)
	case "with":
		a := r.argument(f)
		s.with = &a
	case "steps":
		s.steps = r.steps(f, s.path+".")
	case "result":
		s.result = r.expression(f)
	case "foreach":
		s.foreach = r.source(f)
	case "as":
		s.as = r.text(f)
		if !isName(s.as) || s.as == "steps" || s.as == "params" {
			r.wrong.add(at(f.value), "as is %q, expected a name for the element", s.as)
		}
	case "needs":
		s.needs = r.texts(f)
	case "if":
		var err error
		if s.condition, err = parseCondition(r.text(f), at(f.value)); err != nil {
			r.wrong.add(at(f.value), "if has %v", err)
		}
	case "environment":
		s.environment = r.text(f)
	case "retries":
		if n := r.whole(f, 0); n > 0 {
			s.options.Retries = n
		}
	case "timeout":
		s.options.Timeout = r.duration(f)
	case "impure":
		s.options.Impure = r.flag(f)
	case "resources":
		for _, e := range r.fields(f.value, "resources", []string{"cpu", "memory"}) {
			r.resource(&s.options, e)
		}
	default:
		r.commandField(s, f)
	}
}

// resource reads what a step needs of one kind.
func (r *reader) resource(o *engine.Options, f field) {
	text, ok := scalar(f.value)
	var err error
	switch f.key {
	case "cpu":
		if o.CPUs, err = strconv.ParseFloat(text, 64); err != nil || !(o.CPUs >= 0.001 && o.CPUs <= 1<<16) {
			r.wrong.add(at(f.value), "cpu is %s, expected a number of processors of at least 0.001, such as 2 or 0.5", describe(f.value))
		}
	case "memory":
		if !ok {
			r.wrong.add(at(f.value), "memory is %s, expected a size such as 500MiB", describe(f.value))
		} else if o.Memory, err = code.ParseSize(text); err != nil {
			r.wrong.add(at(f.value), "memory: %v", err)
		}
	}
}

// commandField reads a field that only commands have.
func (r *reader) commandField(s *step, f field) {
	switch f.key {
	case "stdin":
		t := r.template(f)
		s.stdin = &t
	case "output":
		s.output = choice(r, f, code.Outputs)
	case "env":
		for _, e := range r.fields(f.value, "env", nil) {
			if strings.HasPrefix(e.key, "DAGSCOPE_") {
				r.wrong.add(e.at, "env has %s, expected none that begins with DAGSCOPE_, which dagscope sets", e.key)
			}
			s.env = append(s.env, variable{e.key, r.template(e)})
		}
	case "secrets":
		for _, n := range r.texts(f) {
			s.secrets = append(s.secrets, n.text)
		}
	case "inputs":
		for _, e := range r.fields(f.value, "inputs", nil) {
			r.inFolder(e.key, e.at)
			s.inputs = append(s.inputs, input{e.key, r.template(e)})
		}
	case "outputs":
		for _, e := range r.fields(f.value, "outputs", nil) {
			path := r.text(e)
			r.inFolder(path, at(e.value))
			s.outputs = append(s.outputs, output{e.key, path})
		}
	}
}

// inFolder refuses paths out of the working folder.
func (r *reader) inFolder(path string, at position) {
	if !fs.ValidPath(path) || path == "." {
		r.wrong.add(at, "the path is %q, expected one below the working folder, without . and ..", path)
	}
}

// run reads a program with its arguments, or a script.
func (r *reader) run(s *step, f field) {
	if _, isList := f.value.(*ast.SequenceNode); !isList {
		t := r.template(f)
		if text, _ := scalar(f.value); text == "" {
			r.wrong.add(at(f.value), "run is empty, expected a script, or a list of a program and its arguments")
		}
		s.script = &t
		return
	}
	for _, n := range r.items(f) {
		s.run = append(s.run, r.template(field{f.key, f.at, n}))
	}
	if len(s.run) == 0 || len(s.run[0].parts) == 0 {
		r.wrong.add(at(f.value), "run has no program, expected one and its arguments")
	}
}

// shell reads the program that executes a script, with its arguments: a list, or a text with blanks between them.
func (r *reader) shell(f field) []string {
	var out []string
	if _, isList := f.value.(*ast.SequenceNode); isList {
		for _, n := range r.texts(f) {
			out = append(out, n.text)
		}
	} else {
		out = strings.Fields(r.text(f))
	}
	if len(out) == 0 {
		r.wrong.add(at(f.value), "shell is empty, expected a program such as bash")
	}
	return out
}

// function reads module:function.
func (r *reader) function(f field) string {
	text, _ := scalar(f.value)
	module, function, ok := strings.Cut(text, ":")
	if !ok || module == "" || function == "" || strings.ContainsAny(text, " /") {
		r.wrong.add(at(f.value), "python is %s, expected module:function", describe(f.value))
	}
	return text
}

// source reads what a step runs for each element of.
func (r *reader) source(f field) *source {
	if _, isList := f.value.(*ast.SequenceNode); !isList {
		return &source{from: r.expression(f), at: at(f.value)}
	}
	s := &source{at: at(f.value)}
	for _, n := range r.items(f) {
		s.elements = append(s.elements, r.argument(field{f.key, f.at, n}))
	}
	return s
}

// checkFields checks which fields of a step go together.
func (r *reader) checkFields(s *step, fields []field) {
	has := func(keys ...string) *field {
		for i := range fields {
			if slices.Contains(keys, fields[i].key) {
				return &fields[i]
			}
		}
		return nil
	}
	kinds := 0
	for _, key := range []string{"run", "python", "steps"} {
		if has(key) != nil {
			kinds++
		}
	}
	if kinds != 1 {
		r.wrong.add(s.at, "the step %s has %d of run, python and steps, expected one", s.path, kinds)
		return
	}
	refuse := func(f *field, where string) {
		if f != nil {
			r.wrong.add(f.at, "the step %s has %s, expected it only %s", s.path, f.key, where)
		}
	}
	if has("run") == nil {
		refuse(has(shellFields...), "with run")
	}
	if has("python") == nil {
		refuse(has("with"), "with python")
	}
	if has("foreach") == nil {
		refuse(has("as"), "with foreach")
		refuse(has("steps"), "with foreach")
	}
	if s.script == nil {
		refuse(has("shell"), "with a script, which run has if it is a text")
	}
	if has("steps") != nil {
		for i := range fields {
			if !slices.Contains(groupFields, fields[i].key) {
				refuse(&fields[i], "in the steps of the group")
			}
		}
	} else {
		refuse(has("result"), "in a group of steps")
	}
	if s.script != nil && s.shell == nil {
		s.shell = defaultShell
	}
}
