// Package script runs the programs in Python that others are measured with, and reads the lines of JSON that they print.
//
// A program lies in a folder of its own as long as it runs, with the graphs of shapes.py next to it, because schedulers that
// start processes load it again. BLAS has one thread, so that schedulers alone make use of processors. It costs a start of
// Python for each run.
//
// Caveats: the program dies with the context, but processes that it has started may outlive it by seconds.
package script

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed shapes.py
var shapes string

// File is a file of a program.
type File struct{ Name, Text string }

// Run executes the first of the files with python and returns the lines that it prints, each one object of JSON. env are
// further variables.
func Run[T any](ctx context.Context, python string, files []File, env []string, args ...string) (_ []T, err error) {
	dir, err := os.MkdirTemp("", "dagscope-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for _, f := range append([]File{{"shapes.py", shapes}}, files...) {
		if err := os.WriteFile(filepath.Join(dir, f.Name), []byte(f.Text), 0o600); err != nil {
			return nil, err
		}
	}
	cmd := exec.CommandContext(ctx, python, append([]string{"-B", filepath.Join(dir, files[0].Name)}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1", "MKL_NUM_THREADS=1", "BLIS_NUM_THREADS=1")
	cmd.Env = append(cmd.Env, env...)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", files[0].Name, err, bytes.TrimSpace(problems.Bytes()))
	}
	var lines []T
	for scanner := bufio.NewScanner(&out); scanner.Scan(); {
		var l T
		if err := json.Unmarshal(scanner.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("%s: a line is %q, expected JSON: %w", files[0].Name, scanner.Text(), err)
		}
		lines = append(lines, l)
	}
	return lines, nil
}
