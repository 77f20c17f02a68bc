package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/dagscope/dagscope/bench/internal/process"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// Ways of reading a file.
const (
	wayCopy   = "copy"             // only its bytes: the floor
	wayRead   = "read"             // with its format, into records.Run
	wayRuns   = "read and compile" // into runs that can be kept
	wayDecode = "encoding/json/v2" // into structs
	wayJQ     = "jq -c"
)

// question is what a child is asked.
type question struct {
	Input, Path, Way string
}

// answer is what reading a file took.
type answer struct {
	Took  time.Duration
	Busy  time.Duration // of processors, which differs where several work, and on a machine that does other work too
	Tasks int           // attempts of tasks
	Peak  int64         // bytes of memory that were resident at most
	Kept  int64         // bytes that the result holds
}

// waysOf gives the ways in which a file is read, with their names.
func waysOf(ctx context.Context, w io.Writer, in input, path string) (ways []func() (answer, error), names []string) {
	for _, way := range []string{wayCopy, wayRead, wayRuns, wayDecode} {
		names = append(names, way)
		ways = append(ways, func() (answer, error) { return ask(ctx, question{in.name, path, way}) })
	}
	jq, err := exec.LookPath("jq")
	if err != nil {
		fmt.Fprintln(w, "jq is not installed, so it is not measured (apt-get install jq)")
		return ways, names
	}
	return append(ways, func() (answer, error) { return runJQ(ctx, jq, path) }), append(names, wayJQ)
}

// ask lets a new process read a file.
func ask(ctx context.Context, q question) (a answer, err error) {
	c, err := process.Start(ctx)
	if err != nil {
		return a, err
	}
	err = c.Ask(q, &a)
	return a, errors.Join(err, c.Close())
}

func runJQ(ctx context.Context, jq, path string) (answer, error) {
	began := time.Now()
	c := exec.CommandContext(ctx, jq, "-c", ".", path)
	c.Stderr = os.Stderr
	err := c.Run()
	a := answer{Took: time.Since(began)}
	if c.ProcessState != nil {
		a.Busy = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	}
	return a, err
}

// child answers how a file is read.
func child(ctx context.Context, in io.Reader, out io.Writer) error {
	return process.Answer(in, out, func(q question) (answer, error) {
		for _, in := range inputs() {
			if in.name == q.Input {
				return in.read(ctx, q.Path, q.Way)
			}
		}
		return answer{}, fmt.Errorf("there is no input %q", q.Input)
	})
}

// read reads a file in one of the ways.
func (in *input) read(ctx context.Context, path, way string) (a answer, err error) {
	before := heap()
	busy, err := process.ProcessorTime(os.Getpid())
	if err != nil {
		return a, err
	}
	began := time.Now()
	var result any
	switch way {
	case wayCopy:
		err = opened(path, func(r io.Reader) error {
			_, err := io.Copy(discard{}, r)
			return err
		})
	case wayDecode:
		err = opened(path, func(r io.Reader) error {
			a.Tasks, err = in.decode(r)
			return err
		})
	case wayRead:
		result, a.Tasks, err = in.runs(ctx, path)
	case wayRuns:
		result, a.Tasks, err = in.recordings(ctx, path)
	}
	a.Took = time.Since(began)
	if err != nil {
		return a, err
	}
	until, err := process.ProcessorTime(os.Getpid())
	if err != nil {
		return a, err
	}
	a.Busy = until - busy
	used, err := process.MemoryOf(os.Getpid())
	a.Peak = used.Peak
	if result != nil {
		a.Kept = heap() - before
		runtime.KeepAlive(result)
	}
	return a, err
}

// runs reads the runs of a file and counts their attempts.
func (in *input) runs(ctx context.Context, path string) ([]*records.Run, int, error) {
	runs, err := in.format.Read(ctx, []records.File{{
		Path: in.name, Part: records.Main, Size: -1, Open: func() (io.ReadCloser, error) { return os.Open(path) },
	}})
	attempts := 0
	for _, r := range runs {
		for i := range r.Tasks {
			attempts += len(r.Tasks[i].Attempts)
		}
	}
	return runs, attempts, err
}

// recordings reads a file and compiles its runs.
func (in *input) recordings(ctx context.Context, path string) ([]*records.Recording, int, error) {
	runs, attempts, err := in.runs(ctx, path)
	if err != nil {
		return nil, 0, err
	}
	out := make([]*records.Recording, len(runs))
	for i, r := range runs {
		if out[i], err = records.Compile(r, records.Origin{Index: i}); err != nil {
			return nil, 0, err
		}
	}
	return out, attempts, nil
}

// heap is what is in use after a collection.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func opened(path string, read func(io.Reader) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return read(f)
}

// discard hides the shortcuts of io.Discard and of files, so that bytes are read.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
