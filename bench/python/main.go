// Command python measures Python functions and commands as tasks: graphs submitted by the Python package next to Dask's
// schedulers and concurrent.futures, one call next to eight bytes through a pair of pipes, and a command as a step next to
// posix_spawn and wait of the same program.
//
// Everything is measured in one run on one machine, because figures of different runs cannot be compared; each way takes
// its turn in each round and the quickest round counts. Goals that are missed are shown and are no error. Dask is measured
// where the Python has it, and is never installed from here; posix_spawn needs a C compiler.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/dagscope/dagscope/bench/internal/process"
	"github.com/dagscope/dagscope/cmd/app/bench"
)

func main() { process.Main("python", run, nil) }

// options of the command line.
type options struct {
	rounds int
	quick  bool
	python string
	part   string
}

// parts are what can be measured alone, in their order.
var parts = []struct {
	name    string
	measure func(ctx context.Context, w io.Writer, o options) ([]bench.Goal, error)
}{
	{"call", measureCalls},
	{"command", measureCommands},
	{"graphs", measureGraphs},
}

func run(ctx context.Context, args []string, w io.Writer) error {
	var o options
	flags := flag.NewFlagSet("python", flag.ContinueOnError)
	flags.SetOutput(w)
	flags.IntVar(&o.rounds, "rounds", 3, "how often each way is measured; the quickest counts")
	flags.BoolVar(&o.quick, "quick", false, "small graphs")
	flags.StringVar(&o.python, "python", "/usr/bin/python3", "the python3 that executes functions, and whose Dask is measured")
	flags.StringVar(&o.part, "part", "", "measure only `call`, command or graphs (default all)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.rounds < 1 {
		return fmt.Errorf("-rounds is %d, expected at least 1", o.rounds)
	}
	fmt.Fprintln(w, bench.ThisMachine())
	var goals []bench.Goal
	known := false
	for _, p := range parts {
		if o.part != "" && o.part != p.name {
			continue
		}
		known = true
		of, err := p.measure(ctx, w, o)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		goals = append(goals, of...)
	}
	if !known {
		return fmt.Errorf("-part is %q, expected call, command or graphs", o.part)
	}
	fmt.Fprintln(w, "\ngoals")
	for _, g := range goals {
		fmt.Fprintln(w, g)
	}
	return nil
}

// inFolder calls a function with a temporary folder, and removes it.
func inFolder(f func(folder string) error) (err error) {
	folder, err := os.MkdirTemp("", "dagscope-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	return f(folder)
}

// withProgram builds dagscope, and calls a function with its file and the folder of the Python package.
func withProgram(ctx context.Context, f func(program, packages string) error) error {
	source, err := process.Source(ctx)
	if err != nil {
		return err
	}
	return inFolder(func(folder string) error {
		program := filepath.Join(folder, "dagscope")
		if err := process.Build(ctx, source, program); err != nil {
			return err
		}
		return f(program, filepath.Join(source, "python"))
	})
}
