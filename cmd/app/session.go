package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/alecthomas/kong"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/engine/pipeline"
)

// program is the command line with its environment, which tests replace.
type program struct {
	second         *secondSignal // nil if no signal ends the process
	name           string
	workflows      []*engine.Workflow
	stdin          io.Reader
	stdout, stderr io.Writer
	colour         bool // colours are used on stdout
	outTerminal    bool // stdout is a terminal
	bars           bool // progress is shown on stderr as bars
}

// errHelp ends parsing after help was printed.
var errHelp = errors.New("help was printed")

// session is the execution of one command: the flags that all commands share, and its input and output.
type session struct {
	*program
	flags *commonFlags
	code  *code.Runner // of tasks that are not compiled in; nil for commands that execute nothing
	where string       // location of the records, for messages; set when they are open

	folders *pipeline.Folders // of the workflows that are offered in addition; nil for none
}

// helpFlag prints help and ends parsing. Unlike kong's own help flag it does not end the process.
type helpFlag bool

// IgnoreDefault implements an interface of kong: the flag has no default.
func (helpFlag) IgnoreDefault() {}

// BeforeReset is called by kong before it checks anything.
func (helpFlag) BeforeReset(c *kong.Context) error {
	if err := c.PrintUsage(false); err != nil {
		return err
	}
	return errHelp
}

// commonFlags are the flags of all commands.
type commonFlags struct {
	Help helpFlag `short:"h" help:"Show help."`
	Data string   `default:"dagscope-data" env:"DAGSCOPE_DATA" placeholder:"DIR" help:"Where records are kept (default ./dagscope-data)."`
	JSON bool     `name:"json" help:"Print JSON instead of text."`
}

// printJSON prints one value as indented JSON.
func (s *session) printJSON(v any) error {
	e := json.NewEncoder(s.stdout)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// notice prints a line on standard error. A progress bar is erased first and drawn again later.
func (s *session) notice(format string, args ...any) {
	start := ""
	if s.bars {
		start = "\r\x1b[K"
	}
	fmt.Fprintf(s.stderr, start+format+"\n", args...)
}

// shared makes Write safe for concurrent use.
type shared struct {
	mu sync.Mutex // guards w
	w  io.Writer
}

func (s *shared) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(b)
}

// workflow finds a workflow by name; the error lists all names.
func (s *session) workflow(name string) (*engine.Workflow, error) {
	for _, w := range s.workflows {
		if w.Name == name {
			return w, nil
		}
	}
	return nil, usage("there is no workflow %q, expected one of %s", name, strings.Join(namesOf(s.workflows), ", "))
}
