package worker

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/python"
)

// Catalogue has the functions of this program. It is immutable and safe for concurrent use.
type Catalogue struct {
	workflows map[string]*engine.Workflow
	functions map[string]*engine.Function
	code      *code.Runner // executes what is not compiled in; nil for none
}

// With returns a catalogue that also finds the functions of tasks that a runner executes.
func (c *Catalogue) With(runner *code.Runner) *Catalogue {
	return &Catalogue{c.workflows, c.functions, runner}
}

// AcceptsCode reports whether it finds the functions of tasks that are not compiled in.
func (c *Catalogue) AcceptsCode() bool { return c.code != nil }

// NewCatalogue collects the functions of workflows. It refuses two different functions with the same name.
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

// Find returns the function that a workflow means by a signature, nil if there is none. Functions that are not compiled in
// differ from others by their types, so they come first. Functions that the workflow lists or
// creates take precedence over those of other workflows, which an unknown workflow may use as well.
func (c *Catalogue) Find(workflow string, function engine.Signature) *engine.Function {
	if c.code != nil {
		if f := c.code.Function(function); f != nil {
			return f
		}
	}
	w := c.workflows[workflow]
	if w == nil {
		return c.functions[function.Name]
	}
	for _, f := range w.Functions {
		if f.Name() == function.Name {
			return f
		}
	}
	if w.Dynamic != nil {
		if f := w.Dynamic(function); f != nil {
			return f
		}
	}
	return c.functions[function.Name]
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

// FunctionName is the form in which workers announce their functions: name, or name@version above version 0.
func FunctionName(f *engine.Function) string {
	if v := f.Options().Version; v > 0 {
		return f.Name() + "@" + strconv.Itoa(v)
	}
	return f.Name()
}

// runner makes the runner of code that is signed with a secret; nil without --accept-code.
func (o *Options) runner() (*code.Runner, error) {
	if !o.AcceptCode {
		return nil, nil
	}
	key, err := o.Secret()
	if err != nil {
		return nil, err
	}
	dir := o.CodeDir
	if dir == "" {
		caches, err := os.UserCacheDir()
		if err != nil {
			return nil, usage("--accept-code: expected --code-dir, since this user has no folder of caches: %w", err)
		}
		dir = filepath.Join(caches, "dagscope")
	}
	return code.New(code.Config{
		Dir: filepath.Join(dir, "code"), Environments: filepath.Join(dir, "environments"), Package: python.FS(), Secret: key,
		SecretValue: SecretValue, AllowPickle: o.AcceptPickle,
	})
}

// secretVariables is what the names of variables begin with that tasks may get as secrets.
const secretVariables = "DAGSCOPE_SECRET_"

// SecretValue is code.Config.SecretValue: the value of a variable of this process, or of the file that a variable names.
func SecretValue(name string) (string, error) {
	if file := os.Getenv(secretVariables + "FILE_" + name); file != "" {
		value, err := os.ReadFile(file)
		return strings.TrimRight(string(value), "\r\n"), err
	}
	if value, ok := os.LookupEnv(secretVariables + name); ok {
		return value, nil
	}
	return "", usage("the secret %s is not known here, expected it in the variable %s%s, or its file in %sFILE_%s",
		name, secretVariables, name, secretVariables, name)
}
