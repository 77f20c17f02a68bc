package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/wfformat"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world drives the program as a shell would.
type world struct {
	t         *testing.T
	dir       string // of the records
	workflows []*engine.Workflow
	terminal  bool   // stdout is one
	started   func() // called when a run has
	stalled   func() // called when the program says that Redis does not answer
}

// listener is a stderr that reports what the program says; a function of nil is not called.
type listener struct {
	bytes.Buffer
	started, stalled func()
}

func (l *listener) Write(b []byte) (int, error) {
	if l.started != nil && bytes.Contains(b, []byte(" started with ")) {
		l.started()
	}
	if l.stalled != nil && bytes.Contains(b, []byte("Redis does not answer")) {
		l.stalled()
	}
	return l.Buffer.Write(b)
}

func newWorld(t *testing.T) *world {
	t.Setenv("COLUMNS", "100") // of help
	t.Setenv("TZ", "UTC")
	t.Setenv("DAGSCOPE_DATA", "")
	t.Setenv("DAGSCOPE_REDIS", "")
	return &world{t: t, dir: filepath.Join(t.TempDir(), "data"), workflows: testWorkflows()}
}

// outcome is what a call of the program gave.
type outcome struct {
	code           int
	stdout, stderr string
}

// run calls the program with the world's folder of records.
func (w *world) run(args ...string) outcome {
	w.t.Helper()
	return w.runUntil(w.t.Context(), args...)
}

func (w *world) runUntil(ctx context.Context, args ...string) outcome {
	w.t.Helper()
	var stdout bytes.Buffer
	stderr := listener{started: w.started, stalled: w.stalled}
	p := &program{name: "dagscope", workflows: w.workflows, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, outTerminal: w.terminal}
	if len(args) > 0 {
		args = append([]string{"--data", w.dir}, args...)
	}
	code := p.run(ctx, args)
	return outcome{code, stdout.String(), stderr.String()}
}

// ok calls the program, which has to succeed, and returns what it printed.
func (w *world) ok(args ...string) string {
	w.t.Helper()
	o := w.run(args...)
	require.Equal(w.t, exitOK, o.code, "%v: %s%s", args, o.stdout, o.stderr)
	return o.stdout
}

// json calls the program with --json and reads what it printed.
func (w *world) json(v any, args ...string) {
	w.t.Helper()
	decode(w.t, w.ok(append(args, "--json")...), v)
}

// interrupt calls the program and ends its context with a cause once a run has started.
func (w *world) interrupt(cause error, args ...string) outcome {
	w.t.Helper()
	ctx, cancel := context.WithCancelCause(w.t.Context())
	w.started = func() { cancel(cause) }
	defer func() { w.started = nil }()
	return w.runUntil(ctx, args...)
}

func decode(t *testing.T, text string, v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	require.NoError(t, d.Decode(v), text)
	_, err := d.Token()
	require.ErrorIs(t, err, io.EOF, "one value: %s", text)
}

var update = flag.Bool("update", false, "rewrite the golden files")

// golden holds a text against a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "%s; go test -update rewrites it", path)
}

// Functions of the tests' workflows.
var (
	plus = engine.Func2("plus", func(_ context.Context, a, b int) (int, error) { return a + b, nil })
	trip = engine.Func2("trip", func(ctx context.Context, v int, mode string) (int, error) {
		switch mode {
		case "panic":
			panic("tripped on purpose\nfor good")
		case "error":
			return 0, engine.NoRetry(errors.New("tripped on purpose"))
		}
		return v, nil
	}).With(engine.Options{Retries: 1})
	wait = engine.Func1("wait", func(ctx context.Context, d time.Duration) (time.Duration, error) {
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(d):
			return d, nil
		}
	})
	length = engine.Func1("length", func(_ context.Context, b []byte) (int, error) { return len(b), nil })
	many   = engine.Func1("many", func(_ context.Context, n int) ([]int, error) { return make([]int, n), nil })
)

// testWorkflows has one of each kind of parameter, of outcome and of result.
func testWorkflows() []*engine.Workflow {
	return []*engine.Workflow{
		{
			Name: "sum", Description: "Adds the numbers 1 to n, one after the other.",
			Params:    []engine.Param{{Name: "n", Kind: engine.IntParam, Help: "how many", Default: "10", Min: 2, Max: 5000}},
			Functions: engine.Functions(plus),
			Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
				total := engine.Const(g, 1)
				for i := 2; i <= args.Int("n"); i++ {
					total = plus.Call(total, engine.Const(g, i))
				}
				return total, nil
			},
		},
		{
			Name: "trip", Description: "One task that may fail, and one that reads it.",
			Params: []engine.Param{{
				Name: "mode", Kind: engine.ChoiceParam, Help: "how it fails", Default: "error", Choices: []string{"error", "panic", "not"},
			}},
			Functions: engine.Functions(plus, trip),
			Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
				one := engine.Const(g, 1)
				return plus.Call(one, trip.Call(one, engine.Const(g, args.String("mode")))), nil
			},
		},
		{
			Name: "wait", Description: "A task that takes its time.",
			Params: []engine.Param{
				{Name: "time", Kind: engine.DurationParam, Help: "how long", Default: "1m0s", Max: 3600},
				{Name: "share", Kind: engine.FloatParam, Help: "how much of it", Default: "1", Max: 1},
				{Name: "not", Kind: engine.BoolParam, Help: "do not wait", Default: "false"},
				{Name: "why", Kind: engine.TextParam, Help: "anything"},
			},
			Functions: engine.Functions(wait),
			Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
				d := time.Duration(float64(args.Duration("time")) * args.Float("share"))
				return wait.Call(engine.Const(g, d)), nil
			},
		},
		{
			Name: "length", Description: "The length of a file.",
			Params:    []engine.Param{{Name: "input", Kind: engine.FileParam, Help: "any file"}},
			Functions: engine.Functions(length),
			Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
				return length.Call(engine.Const(g, args.File("input").Data)), nil
			},
		},
		{
			Name: "many", Description: "A result that is too large to be shown.", Functions: engine.Functions(many),
			Build: func(g *engine.Builder, _ engine.Args) (engine.AnyRef, error) {
				return many.Call(engine.Const(g, 50_000)), nil
			},
		},
		wfformat.Workflow(),
	}
}
