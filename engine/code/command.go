package code

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/process"
	"github.com/dagscope/dagscope/engine/python"
)

// MaxOutput bounds what a command may print if that is its value, and each of the files it leaves, in bytes.
const MaxOutput = 64 << 20

// command executes a command or a script in a working folder of its own.
func (w *work) command(ctx context.Context) (out Value, err error) {
	folders, err := w.runner.folders.open()
	if err != nil {
		return Value{}, fmt.Errorf("code: no working folder: %w", err)
	}
	folder, err := folders.New(engine.Task(ctx).Task.String())
	if err != nil {
		return Value{}, fmt.Errorf("code: no working folder: %w", err)
	}
	w.folder = folder.Path
	defer func() { err = errors.Join(err, w.leave(folder, err != nil)) }()
	c, err := w.processOf(ctx)
	if err != nil {
		return Value{}, err
	}
	c.Lines = lines(ctx)
	printed := &bounded{most: MaxOutput}
	if w.task.Output != Nothing {
		c.Stdout = printed
	}
	result, err := process.Run(ctx, c)
	report(ctx, result.Usage)
	if err != nil {
		return Value{}, ofCommand(err)
	}
	return w.output(printed.Bytes())
}

// leave removes the working folder, or keeps that of a command that failed if it is wanted, and says where in the log.
func (w *work) leave(folder *process.Folder, failed bool) error {
	if !failed || !w.runner.cfg.KeepFailed {
		return folder.Remove()
	}
	path, err := folder.Keep()
	if err == nil {
		_, err = fmt.Fprintf(w.log, "the working folder is kept: %s\n", path)
	}
	return err
}

// ofCommand adds to an error of a command what its record should have. A program that is missing is not there the next
// time either.
func ofCommand(err error) error {
	var exit *process.ExitError
	var start *process.StartError
	switch {
	case errors.As(err, &exit):
		return &evident{err, exit.ExitCode, exit.Signal, exit.Stderr}
	case errors.Is(err, syscall.E2BIG):
		return engine.NoRetry(fmt.Errorf("%w: its arguments and variables are too long for this system, expected large values as standard input or files", err))
	case errors.As(err, &start), errors.Is(err, errTooMuch):
		return engine.NoRetry(err)
	default:
		return err
	}
}

// processOf fills the holes of the task.
func (w *work) processOf(ctx context.Context) (process.Command, error) {
	c := process.Command{Dir: w.folder, MemoryLimit: w.task.Memory}
	if err := w.place(); err != nil {
		return c, err
	}
	info := engine.Task(ctx)
	add := map[string]string{
		"DAGSCOPE_RUN": string(info.Run), "DAGSCOPE_TASK": info.Task.String(), "DAGSCOPE_ATTEMPT": strconv.Itoa(info.Attempt),
		"DAGSCOPE_KEY": info.Key(),
	}
	var err error
	for name, value := range w.task.Env {
		if add[name], err = w.fill(value); err != nil {
			return c, fmt.Errorf("code: the variable %s: %w", name, err)
		}
	}
	if c.Env, err = w.variables(add); err != nil {
		return c, err
	}
	if len(w.task.Stdin) > 0 {
		text, err := w.fill(w.task.Stdin)
		if err != nil {
			return c, fmt.Errorf("code: the standard input: %w", err)
		}
		c.Stdin = strings.NewReader(text)
	}
	c.Args, err = w.arguments()
	return c, err
}

// scriptName is the file in the working folder that a script is in.
const scriptName = ".dagscope-script"

// arguments are the program and its arguments; a script is written to a file.
func (w *work) arguments() ([]string, error) {
	if w.task.Script != "" {
		path := filepath.Join(w.folder, scriptName)
		return append(append([]string{}, w.task.Shell...), path), os.WriteFile(path, []byte(w.task.Script), 0o600)
	}
	args := make([]string, len(w.task.Command))
	for i, part := range w.task.Command {
		var err error
		if args[i], err = w.fill(part); err != nil {
			return nil, fmt.Errorf("code: argument %d: %w", i, err)
		}
	}
	return args, nil
}

// place puts the files of the bundle and the inputs into the working folder: copies of those of the bundle.
func (w *work) place() error {
	if w.project != "" {
		if err := os.CopyFS(w.folder, os.DirFS(w.project)); err != nil { // it may change its own
			return fmt.Errorf("code: the files of the bundle: %w", err)
		}
	}
	for path, o := range w.task.Inputs {
		v, err := w.read(&o)
		if err != nil {
			return fmt.Errorf("code: the input %s: %w", path, err)
		}
		if err := w.write(path, v); err != nil {
			return fmt.Errorf("code: the input %s: %w", path, err)
		}
	}
	return nil
}

// output makes the value of the task out of what the command printed and the files it left.
func (w *work) output(printed []byte) (Value, error) {
	out, err := w.printed(printed)
	if err != nil || len(w.task.Outputs) == 0 {
		return out, err
	}
	files := map[string]any{}
	for name, path := range w.task.Outputs {
		if files[name], err = w.left(path); err != nil {
			return Value{}, fmt.Errorf("code: the output %s: %w", name, err)
		}
	}
	decoded, err := out.Decode()
	if err != nil {
		return Value{}, err
	}
	return python.Encode(map[string]any{"out": decoded, "files": files})
}

// printed is the value of standard output.
func (w *work) printed(out []byte) (Value, error) {
	switch w.task.Output {
	case Nothing:
		return Value{}, nil
	case JSON:
		v, err := FromJSON(out)
		if err != nil {
			return Value{}, fmt.Errorf("code: the output of %s is not JSON: %w; it begins %.60q", w.name(), err, out)
		}
		return v, nil
	case Lines:
		list := []string{}
		if text := strings.TrimSuffix(string(out), "\n"); text != "" {
			list = strings.Split(strings.ToValidUTF8(text, "�"), "\n")
		}
		return python.Encode(list)
	default:
		return python.Encode(strings.ToValidUTF8(strings.TrimSuffix(string(out), "\n"), "�"))
	}
}

// left reads a file that the command left.
func (w *work) left(path string) (map[string]any, error) {
	root, err := os.OpenRoot(w.folder)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	info, err := root.Stat(filepath.FromSlash(path)) // before it is opened, which would wait for the writer of a pipe
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w, expected a file that the command writes", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is a %s, expected a regular file", path, info.Mode().Type())
	}
	if info.Size() > MaxOutput {
		return nil, engine.NoRetry(fmt.Errorf("%s has %d bytes, expected at most %d", path, info.Size(), MaxOutput))
	}
	f, err := root.Open(filepath.FromSlash(path))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, MaxOutput))
	return fileValue(filepath.Base(path), content, info.Mode()), err
}

var errTooMuch = errors.New("too much for a value")

// bounded is a buffer with a bound.
type bounded struct {
	bytes.Buffer
	most int
}

// Write fails when the bound is exceeded.
func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most {
		return 0, fmt.Errorf("%w: it exceeds %d bytes; write to a file instead", errTooMuch, b.most)
	}
	return b.Buffer.Write(p)
}
