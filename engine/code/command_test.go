package code_test

import (
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/engine/python"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/pythontest"
)

// shell is a task that executes a script.
func shell(script string, output code.Output) code.Task {
	return code.Task{Script: script, Shell: []string{"/bin/sh", "-eu"}, Output: output}
}

// hole is the template that is one value.
func hole(o code.Operand) code.Template { return code.Template{{Hole: &o}} }

func TestOutputs(t *testing.T) {
	b := start(t, nil)
	for name, c := range map[string]struct {
		script string
		output code.Output
		want   any
	}{
		"text":            {`printf ' two\nlines\n\n'`, code.Text, " two\nlines\n"},
		"nothing printed": {`:`, code.Text, ""},
		"lines":           {`printf 'a\n\nb\n'`, code.Lines, []any{"a", "", "b"}},
		"no lines":        {`:`, code.Lines, []any{}},
		"json":            {`echo '{"n": 9007199254740993, "x": 1.5, "list": [null, true]}'`, code.JSON, map[string]any{"n": int64(9007199254740993), "x": 1.5, "list": []any{nil, true}}},
		"not wanted":      {`head -c 200000000 /dev/zero`, code.Nothing, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, r := b.one(shell(c.script, c.output), code.Bundle{})
			require.Equal(t, record.Succeeded, r.End().Status, r.End().First)
			require.Equal(t, c.want, got)
		})
	}
}

func TestHoles(t *testing.T) {
	b := start(t, nil)
	task := code.Task{
		Command: []code.Template{
			code.Literal("printf"), code.Literal("%s|"), hole(code.Operand{Index: 0}),
			{{Text: "n="}, {Hole: &code.Operand{Index: 1, Path: []code.Step{{Key: "list"}, {Index: -1, IsIndex: true}}}}},
			hole(code.Operand{Index: 1}),
		},
		Output: code.Text,
	}
	got, r := b.one(task, code.Bundle{}, "$(id) & 'quoted'", map[string]any{"list": []any{1, 2.5}})
	require.Equal(t, record.Succeeded, r.End().Status, r.End().First)
	require.Equal(t, `$(id) & 'quoted'|n=2.5|{"list":[1,2.5]}|`, got)

	huge := new(big.Int).Exp(big.NewInt(10), big.NewInt(30), nil)
	got, _ = b.one(task, code.Bundle{}, []*big.Int{huge}, map[string]any{"list": []any{huge}})
	require.Equal(t, `[1000000000000000000000000000000]|n=1000000000000000000000000000000|{"list":[1000000000000000000000000000000]}|`, got)

	task.Command = append(task.Command, hole(code.Operand{Index: 1, Path: []code.Step{{Key: "none"}}}))
	_, r = b.one(task, code.Bundle{}, "", map[string]any{"list": []any{1}})
	require.Contains(t, r.End().First.Message, `there is no .none in {"list":[1]}`)
	require.Equal(t, 1, r.End().First.Attempt)
}

// TestFiles hands a file from one command to another, which find it under its own name, executable as it was.
func TestFiles(t *testing.T) {
	b := start(t, nil)
	first := shell(`printf '#!/bin/sh\necho from a file' > tool; chmod +x tool; echo made`, code.Text)
	first.Outputs = map[string]string{"tool": "tool"}
	file := code.Operand{Index: 0, Path: []code.Step{{Key: "files"}, {Key: "tool"}}, IsFile: true}
	second := shell(`"./$TOOL"; cat copy/of/it`, code.Lines)
	second.Env = map[string]code.Template{"TOOL": hole(file)}
	second.Inputs = map[string]code.Operand{"copy/of/it": file}
	r := b.run(func(g *engine.Builder) engine.AnyRef {
		return call(g, b.runner, "second", second, code.Bundle{}, call(g, b.runner, "first", first, code.Bundle{}))
	})
	v, err := engine.Result[code.Value](t.Context(), r)
	require.NoError(t, err)
	got, err := v.Decode()
	require.NoError(t, err)
	require.Equal(t, []any{"from a file", "#!/bin/sh", "echo from a file"}, got)

	require.Empty(t, b.folders("*"))
}

// TestFailedFoldersAreTriedAgain: a place for working folders and bundles that could not be made is made once it can be.
func TestFailedFoldersAreTriedAgain(t *testing.T) {
	b := start(t, nil)
	bundle := packed(t, map[string]string{"a.txt": "a"})
	task := shell("cat a.txt", code.Text)
	task.Bundle = bundle.Hash
	for _, inTheWay := range []string{"bundles", "work"} {
		path := filepath.Join(b.dir, inTheWay)
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		_, r := b.one(task, bundle)
		require.Equal(t, record.Failed, r.End().Status, inTheWay)
		require.NoError(t, os.Remove(path))
	}
	got, r := b.one(task, bundle)
	require.Equal(t, "a", got, r.End().First)
}

// TestKeptFolder: the folder of a command that failed is kept if it is wanted.
func TestKeptFolder(t *testing.T) {
	b := start(t, func(c *code.Config) { c.KeepFailed = true })
	b.one(shell("echo content > left.txt; exit 3", code.Nothing), code.Bundle{})
	kept := b.folders("kept")
	require.Len(t, kept, 1)
	content, err := os.ReadFile(filepath.Join(kept[0], "left.txt"))
	require.NoError(t, err)
	require.Equal(t, "content\n", string(content))
}

func TestFailures(t *testing.T) {
	b := start(t, nil)
	escaping := shell(":", code.Text)
	escaping.Inputs = map[string]code.Operand{"../outside": {Index: 0}}
	missing := shell(":", code.Text)
	missing.Outputs = map[string]string{"report": "report.txt"}
	pipe := shell("mkfifo report.txt", code.Text)
	pipe.Outputs = missing.Outputs
	long := shell("", code.Text)
	long.Script, long.Env = ":", map[string]code.Template{"LONG": code.Literal(strings.Repeat("x", 3<<20))}
	linked := shell("ln -s /etc/hostname report.txt", code.Text)
	linked.Outputs = missing.Outputs
	for name, c := range map[string]struct {
		task code.Task
		want string
	}{
		"exit code":          {shell("echo what is wrong >&2; exit 3", code.Text), "exit status 3: what is wrong"},
		"missing program":    {code.Task{Command: []code.Template{code.Literal("no-such-program")}}, "no-such-program cannot be started"},
		"not JSON":           {shell("echo oops", code.JSON), "is not JSON"},
		"two values of JSON": {shell("echo 1 2", code.JSON), "expected one value"},
		"too much":           {shell("head -c 70000000 /dev/zero", code.Text), "write to a file instead"},
		"input outside":      {escaping, "expected one below the working folder"},
		"output missing":     {missing, "expected a file that the command writes"},
		"output is a pipe":   {pipe, "expected a regular file"},
		"long variable":      {long, "expected large values as standard input or files"},
		"output is a link":   {linked, "the output report"},
		"secret of a call":   {code.Task{Call: &code.Call{Module: "math", Function: "sqrt"}, Secrets: []string{"TOKEN"}}, "0 variables and 1 secrets, expected none"},
		"no kind":            {code.Task{}, "expected one"},
		"hole of nothing":    {code.Task{Command: []code.Template{hole(code.Operand{Index: 5})}}, "reads value 5 of 1"},
		"missing secret":     {code.Task{Command: []code.Template{code.Literal("true")}, Secrets: []string{"TOKEN"}}, "no secret TOKEN"},
	} {
		t.Run(name, func(t *testing.T) {
			_, r := b.one(c.task, code.Bundle{}, "a value")
			require.Equal(t, record.Failed, r.End().Status)
			require.Contains(t, r.End().First.Message, c.want)
		})
	}
	_, r := b.one(shell("echo first >&2; echo last >&2; exit 3", code.Text), code.Bundle{})
	require.Equal(t, 3, r.End().First.ExitCode)
	require.Equal(t, "first\nlast\n", r.End().First.Stack)
	_, r = b.one(shell("kill -9 $$", code.Text), code.Bundle{})
	require.Equal(t, "killed", r.End().First.Signal)
}

func TestEnvironmentOfCommands(t *testing.T) {
	t.Setenv("DAGSCOPE_TEST_HIDDEN", "hidden")
	b := start(t, func(c *code.Config) {
		c.SecretValue = func(name string) (string, error) {
			if name != "TOKEN" {
				return "", errors.New("none")
			}
			return "open sesame", nil
		}
	})
	task := shell(`echo "$GREETING, $TOKEN, ${DAGSCOPE_TEST_HIDDEN-unset}, $DAGSCOPE_ATTEMPT, $(cat)"`, code.Text)
	task.Env = map[string]code.Template{"GREETING": hole(code.Operand{Index: 0})}
	task.Secrets = []string{"TOKEN"}
	task.Stdin = code.Literal("typed")
	got, r := b.one(task, code.Bundle{}, "hello")
	require.Equal(t, record.Succeeded, r.End().Status, r.End().First)
	require.Equal(t, "hello, open sesame, unset, 1, typed", got)
}

func TestFanOut(t *testing.T) {
	b := start(t, nil)
	list := shell(`printf '1\n2\n3\n'`, code.Lines)
	double := shell("echo $((2 * N))", code.JSON)
	double.Env = map[string]code.Template{"N": hole(code.Operand{Index: 0})}
	sum := shell(`echo "$ALL"`, code.Text)
	sum.Env = map[string]code.Template{"ALL": hole(code.Operand{IsList: true})}
	none := code.Bundle{}
	r := b.run(func(g *engine.Builder) engine.AnyRef {
		elements := b.runner.Many("list").Call(engine.Const(g, list), engine.Const(g, none), engine.List[code.Value](g), engine.List[[]code.Value](g))
		doubled := engine.FanOut(g, elements, func(e engine.Ref[code.Value]) engine.Ref[code.Value] {
			return b.runner.One("double").Call(engine.Const(g, double), engine.Const(g, none), engine.List(g, e), engine.List[[]code.Value](g))
		})
		return b.runner.One("sum").Call(engine.Const(g, sum), engine.Const(g, none), engine.List[code.Value](g), engine.List(g, doubled))
	})
	v, err := engine.Result[code.Value](t.Context(), r)
	require.NoError(t, err)
	want, err := python.Encode("[2,4,6]")
	require.NoError(t, err)
	require.Equal(t, want, v)
}

// toil keeps a processor busy and memory in use, and prints what the kernel says of that.
const toil = `
import os, resource
held = bytearray(os.urandom(1) * (256 << 20))
while True:
    used = resource.getrusage(resource.RUSAGE_SELF)
    if used.ru_utime + used.ru_stime > 1.5:
        break
print([int((used.ru_utime + used.ru_stime) * 1e9), used.ru_maxrss * 1024])
`

// TestUsage: what a command used is in its attempt, as the kernel says inside of it, to a tenth.
func TestUsage(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the unit of peaks differs between systems")
	}
	b := start(t, nil)
	task := code.Task{Command: []code.Template{{{Text: pythontest.Find(t)}}, {{Text: "-c"}}, {{Text: toil}}}, Output: code.JSON}
	used, r := b.one(task, code.Bundle{})
	steps, err := r.Steps(t.Context(), 0)
	require.NoError(t, err)
	at := slices.IndexFunc(steps, func(s record.Step) bool { return s.Kind == record.AttemptEnded })
	require.GreaterOrEqual(t, at, 0)
	u, inside := steps[at].Usage, used.([]any)
	require.InEpsilon(t, inside[0], int64(u.CPU), 0.1)
	require.InEpsilon(t, inside[1], u.MemoryBytes, 0.1)
}
