package pipeline

import (
	_ "embed"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/code"
)

// Pipeline is a checked pipeline file. It is immutable.
type Pipeline struct {
	Name        string
	Description string
	Params      []engine.Param
	// Files are patterns of files in the pipeline's folder that its steps need; ** matches any folders.
	Files        []string
	Environments []environmentFile
	Steps        []*step
	Result       *expression // nil for the default
	Source       string      // the text of the file
	file         string      // its name, for errors
	nameAt       position    // where it says its name, or its beginning
}

// environmentFile is an environment by the lock file that it is made of.
type environmentFile struct {
	name      string
	path      string // relative to the pipeline's folder
	python    string // which interpreter is wanted
	findLinks string // a folder of wheels
	at        position
}

// step is one step of a pipeline, or of a group of them.
type step struct {
	name string // within its group
	path string // with the names of the groups around it
	at   position

	command                 // of a step that executes one
	python      string      // module:function
	with        *argument   // of python
	steps       []*step     // of a group
	result      *expression // of a group
	foreach     *source
	as          string // the name of the element
	needs       []name
	condition   *condition
	options     engine.Options
	environment string
	isRead      bool // its output is mentioned; set by check, as the next
	isListed    bool // a foreach runs over its output
}

// command is what a step executes as a process.
type command struct {
	run     []template // program and arguments
	script  *template
	shell   []string // of the script
	env     []variable
	secrets []string
	stdin   *template
	inputs  []input
	outputs []output
	output  code.Output
}

// name is a name that is mentioned somewhere.
type name struct {
	text string
	at   position
}

type variable struct {
	name  string
	value template
}

// input is a file that is put into the working folder.
type input struct {
	path  string
	value template
}

// output is a file that a command leaves.
type output struct{ name, path string }

// source is what a step runs for each element of: a list of the file, or an expression.
type source struct {
	elements []argument
	from     *expression // nil for elements
	at       position
}

// argument is a value with expressions in it. Exactly one of its fields counts, in this order; without any it is null.
type argument struct {
	list  []argument
	dict  []entry
	text  *template
	value any // a number or a truth value
	isSet kind
}

type kind uint8

const (
	isValue kind = iota
	isText
	isList
	isDict
)

type entry struct {
	key   string
	value argument
}

//go:embed schema.json
var schema []byte

// Schema is the JSON Schema (draft 2020-12) of pipeline files.
func Schema() []byte { return schema }
