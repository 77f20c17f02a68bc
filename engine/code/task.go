package code

import (
	"fmt"
	"strings"

	"github.com/dagscope/dagscope/engine/python"
)

// Value is what tasks of this package exchange.
type Value = python.Value

// Output says what becomes of a command's standard output.
type Output string

// The outputs of a command.
const (
	// Nothing: it is only logged, so it may be of any length, and the value is None.
	Nothing Output = ""
	Text    Output = "text"  // one text, without the line feed at its end
	Lines   Output = "lines" // a list of texts, one for each line
	JSON    Output = "json"  // the value that the whole output is as JSON
)

// Outputs lists those that have a name.
var Outputs = []Output{Text, Lines, JSON}

// Task says what one task does. Exactly one of Command, Script, Call and Select is set. Its values are constants of graphs, so its
// fields are exported and it has to be treated as immutable.
type Task struct {
	Command []Template // program and arguments
	Script  string     // a text for Shell; values reach it by Env, so that they are never taken for a part of it
	Shell   []string   // program and arguments that precede the name of the file that Script is in
	Call    *Call      // a function of Python
	Select  *Operand   // a part of a value, or a list as one value
	Env     map[string]Template
	Secrets []string // variables that come from the worker, by name
	Output  Output   // of a command or script
	// Inputs are files that are put into the working folder before the command starts, by their path in it.
	Inputs map[string]Operand
	// Outputs are files that the command leaves in its working folder, by their names in the value; see Files.
	Outputs map[string]string
	// Stdin is what the command reads, nothing if it is empty.
	Stdin Template
	// Memory is how many bytes a command may take before it is killed, 0 for any number.
	Memory int64
	// Environment names one of the bundle's, "" for none.
	Environment string
	// Bundle is the Hash of the task's bundle, "" for none.
	Bundle string
	// Signature is what Sign made, nil if it was not signed.
	Signature []byte
}

// Call is a call of a Python function.
type Call struct {
	Module, Function string
	// Arguments are a list of positional arguments and a dict of named ones, with holes at any depth, as python.Call has it.
	Arguments Value
	// Holes fill them: a template that is nothing but one hole gives the value itself, any other a text.
	Holes []Template
	// AllowPickle has values that cannot be sent otherwise pickled.
	AllowPickle bool
}

// Template is a text with holes: the concatenation of its parts.
type Template []Part

// Part is a literal text or, if Hole is set, a hole.
type Part struct {
	Text string
	Hole *Operand
}

// Literal is a template without holes.
func Literal(text string) Template { return Template{{Text: text}} }

// Operand is a value that the task reads, or a part of one.
type Operand struct {
	Index  int    // among the task's values, or among its lists
	IsList bool   // Index is among its lists
	Path   []Step // which part
	// IsFile: the part is a file. A template gets its path in the working folder.
	IsFile bool
}

// Step goes from a list to an element, or from a map to a value.
type Step struct {
	Key     string
	Index   int
	IsIndex bool
}

// String returns the step as expressions write it: .key, ["other key"] or [3].
func (s Step) String() string {
	switch {
	case s.IsIndex:
		return fmt.Sprintf("[%d]", s.Index)
	case isName(s.Key):
		return "." + s.Key
	default:
		return fmt.Sprintf("[%q]", s.Key)
	}
}

func isName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
}

// check refuses a task that was not made by a program that knows the rules.
func (t *Task) check(values, lists int) error {
	kinds := 0
	for _, is := range []bool{len(t.Command) > 0, t.Script != "", t.Call != nil, t.Select != nil} {
		if is {
			kinds++
		}
	}
	if kinds != 1 {
		return fmt.Errorf("code: the task has %d of a command, a script, a call and a selection, expected one", kinds)
	}
	if t.Script != "" && len(t.Shell) == 0 {
		return fmt.Errorf("code: the task has a script without a shell, expected a program that executes it")
	}
	if t.Call != nil && (len(t.Secrets) > 0 || len(t.Env) > 0) { // its interpreter serves other tasks as well
		return fmt.Errorf("code: the call has %d variables and %d secrets, expected none", len(t.Env), len(t.Secrets))
	}
	if t.Memory < 0 {
		return fmt.Errorf("code: the task may take %d bytes of memory, expected 0 or more", t.Memory)
	}
	for o := range t.operands {
		most := values
		if o.IsList {
			most = lists
		}
		if o.Index < 0 || o.Index >= most {
			return fmt.Errorf("code: the task reads value %d of %d", o.Index, most)
		}
	}
	return nil
}

// operands calls yield for each operand.
func (t *Task) operands(yield func(*Operand) bool) {
	templates := append([]Template{t.Stdin}, t.Command...)
	if t.Call != nil {
		templates = append(templates, t.Call.Holes...)
	}
	if t.Select != nil {
		templates = append(templates, Template{{Hole: t.Select}})
	}
	for _, v := range t.Env {
		templates = append(templates, v)
	}
	for _, parts := range templates {
		for i := range parts {
			if o := parts[i].Hole; o != nil && !yield(o) {
				return
			}
		}
	}
	for _, o := range t.Inputs {
		if !yield(&o) {
			return
		}
	}
}
