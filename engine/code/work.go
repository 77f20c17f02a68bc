package code

import (
	"context"
	"fmt"
	"io"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/environment"
	"github.com/dagscope/dagscope/engine/process"
	"github.com/dagscope/dagscope/engine/record"
)

// work is one attempt of a task.
type work struct {
	runner      *Runner
	task        *Task
	values      []Value
	lists       [][]Value
	bundle      *unpackedBundle          // nil without a bundle
	project     string                   // the folder of its files, "" without one
	environment *environment.Environment // nil for none
	log         io.Writer                // of the attempt
	decoded     map[operandKey]any       // of values and lists that a command has read so far
	folder      string                   // the working folder of a command
	files       int                      // that were put into it for templates
}

type operandKey struct {
	index  int
	isList bool
}

// prepare finds the files and the environment that the task needs. The caller calls end, also after an error.
func (w *work) prepare(ctx context.Context, b *Bundle) (err error) {
	if w.task.Bundle != "" {
		if b.Hash != w.task.Bundle {
			return engine.NoRetry(fmt.Errorf("code: the bundle of the task is %.12s, expected %.12s", b.Hash, w.task.Bundle))
		}
		if w.bundle, err = w.runner.bundles.use(b); err != nil {
			return err
		}
		w.project = w.bundle.folder
	}
	if name := w.task.Environment; name != "" {
		spec, ok := b.Environments[name]
		if !ok {
			return engine.NoRetry(fmt.Errorf("code: the bundle has no environment %q", name))
		}
		if w.environment, err = w.runner.environments.get(ctx, spec, nil); err != nil {
			return err
		}
	}
	return nil
}

// end lets the files leave once no other work needs them.
func (w *work) end() {
	if w.bundle != nil {
		w.runner.bundles.leave(w.bundle)
	}
}

// variables is the environment of the task's process; add has those that the task sets.
func (w *work) variables(add map[string]string) ([]string, error) {
	for _, name := range w.task.Secrets {
		value, err := w.runner.cfg.SecretValue(name)
		if err != nil {
			return nil, engine.NoRetry(err)
		}
		add[name] = value
	}
	if w.project != "" {
		add["DAGSCOPE_PROJECT"] = w.project
	}
	all := process.Environment(w.runner.cfg.Allow, add)
	if w.environment != nil {
		all = w.environment.Env(all)
	}
	return all, nil
}

// lines hands what a process prints to the attempt's log as it comes.
func lines(ctx context.Context) func(process.Line) {
	out := engine.Task(ctx).Output
	return func(l process.Line) {
		if l.Dropped > 0 {
			_, _ = fmt.Fprintf(out, "(%d lines left out)\n", l.Dropped)
		}
		_, _ = fmt.Fprintln(out, l.Text)
	}
}

// report hands what a process used to the attempt's record.
func report(ctx context.Context, u process.Usage) {
	used := *record.UnknownUsage()
	if u.User >= 0 && u.System >= 0 {
		used.CPU, used.System = u.User+u.System, u.System
	}
	used.Waits, used.Preemptions = u.VoluntarySwitches, u.InvoluntarySwitches
	used.MemoryBytes, used.ReadBytes, used.WrittenBytes = u.PeakMemory, u.ReadBytes, u.WrittenBytes
	if used != *record.UnknownUsage() {
		engine.Task(ctx).Report(used)
	}
}

// evident is an error with what is known of the end of a process.
type evident struct {
	error
	code   int
	signal string
	tail   string
}

func (e *evident) Unwrap() error { return e.error }

// Evidence implements execution.Evident.
func (e *evident) Evidence() (exitCode int, signal, tail string) { return e.code, e.signal, e.tail }
