package pipeline_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/engine/pipeline"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/pythontest"
)

// runs are pipelines with their results.
var runs = map[string]struct {
	pipeline string
	params   map[string]string
	want     string // as JSON
}{
	"references": {`
steps:
  second: {run: [echo, "${{ steps.first.out }}", "${{ params.n }}"]}
  first: {run: echo one}
params: {n: 3}
result: ${{ steps.second.out }}
`, map[string]string{"n": "4"}, `"one 4"`},
	"values in scripts": {`
steps:
  hostile: {run: ["printf", '%s', '$(echo injected) "; exit 9']}
  script: {run: 'printf "<%s>" "${{ steps.hostile.out }}"', output: text}
`, nil, `"<$(echo injected) \"; exit 9>"`},
	"foreach": {`
steps:
  list: {run: "printf '1\n2\n3\n'"}
  double: {foreach: "${{ steps.list.out }}", run: "echo $((2 * ${{ item }}))", output: json}
`, nil, `[2,4,6]`},
	"foreach of nothing": {`
steps:
  list: {run: ":"}
  double: {foreach: "${{ steps.list.out }}", run: "exit 1", output: json}
`, nil, `[]`},
	"chain of foreach": {`
steps:
  a: {foreach: [1, 2, 3], run: "echo ${{ item }}", output: json}
  b: {foreach: "${{ steps.a.out }}", run: "echo $((${{ item }} + 1))", output: json}
  c: {foreach: "${{ steps.b.out }}", as: n, run: "echo $((${{ n }} * 10))", output: json}
`, nil, `[20,30,40]`},
	"foreach over texts of a foreach": {`
steps:
  a: {foreach: [x, y], run: ["echo", "${{ item }}1"], output: text}
  b: {foreach: "${{ steps.a.out }}", run: ["echo", "${{ item }}2"], output: text}
`, nil, `["x12","y12"]`},
	"nested foreach": {`
steps:
  rows: {run: "echo '[[1, 2], [], [3]]'", output: json}
  row:
    foreach: ${{ steps.rows.out }}
    as: r
    steps:
      cell: {foreach: "${{ r }}", run: "echo $((${{ item }} + ${{ params.more }}))", output: json}
params: {more: 100}
`, nil, `[[101,102],[],[103]]`},
	"parts of values": {`
steps:
  data: {run: 'echo ''{"list": [{"k": 1}, {"k": 2}]}''', output: json}
  each: {foreach: "${{ steps.data.out.list }}", run: ["echo", "${{ item.k }}-${{ steps.data.out.list[-1].k }}"], output: text}
`, nil, `["1-2","2-2"]`},
	"files": {`
steps:
  make: {run: "echo hello > greeting.txt", outputs: {greeting: greeting.txt}}
  use: {run: [cat, "${{ steps.make.files.greeting }}", own.txt], inputs: {own.txt: "${{ params.file }}"}, output: lines}
params: {file: {type: file}}
`, map[string]string{"file": "mine"}, `["hello","content of mine"]`},
	"conditions": {`
params: {fast: {type: bool}, mode: {type: choice, choices: [a, b]}}
steps:
  slow: {if: "!params.fast", run: exit 1}
  after-slow: {needs: slow, run: exit 1}
  mode: {if: "params.mode == b", run: echo is b, output: text}
  other: {if: "params.mode != 'b'", run: exit 1}
`, map[string]string{"fast": "true", "mode": "b"}, `"is b"`},
	"several results": {`
steps:
  one: {run: echo 1, output: json}
  many: {foreach: [a, b], run: ["echo", "${{ item }}"], output: text}
`, nil, `{"many":["a","b"],"one":1}`},
	"standard input": {`
steps:
  a: {run: "printf 'x\ny'", output: lines}
  b: {run: [cat], stdin: "${{ steps.a.out }}", output: json}
`, nil, `["x","y"]`},
}

// TestRuns runs pipelines and compares their results, as JSON.
func TestRuns(t *testing.T) {
	r := runner(t)
	for name, c := range runs {
		t.Run(name, func(t *testing.T) {
			started := execute(t, parsed(t, c.pipeline).Workflow(t.TempDir(), r), r, c.params)
			require.Equal(t, record.Succeeded, started.End().Status, started.End().First)
			require.JSONEq(t, c.want, started.End().ResultText)
		})
	}
}

// TestMistakes: each is reported at its place, with what was expected.
func TestMistakes(t *testing.T) {
	for name, c := range map[string]struct{ pipeline, want string }{
		"not YAML":          {"steps: [", "test.yaml:1:"},
		"empty":             {"", "test.yaml:1:1: the file is empty, expected steps:"},
		"a list":            {"- a", "expected a mapping"},
		"no steps":          {"name: a", "the pipeline has no steps"},
		"unknown field":     {"steps:\n  a:\n    runn: x", `test.yaml:3:5: the step a has no field "runn", expected one of run,`},
		"two kinds":         {"steps:\n  a: {run: x, python: 'm:f'}", "test.yaml:2:3: the step a has 2 of run, python and steps, expected one"},
		"unknown step":      {"steps:\n  a: {run: ['${{ steps.b.out }}']}", `there is no step "b" here, expected one of a`},
		"unknown parameter": {"steps:\n  a: {run: '${{ params.b }}'}", `there is no parameter "b"`},
		"unknown file":      {"steps:\n  a: {run: x}\n  b: {run: '${{ steps.a.files.f }}'}", `the step a has no output file "f"`},
		"no element":        {"steps:\n  a: {run: '${{ item }}'}", `the expression begins with "item"`},
		"no expression":     {"steps:\n  a: {run: '${{ steps }}'}", "expected params.NAME"},
		"not closed":        {"steps:\n  a: {run: '${{ item'}", "expected }}"},
		"circle":            {"steps:\n  a: {run: x, needs: b}\n  b: {run: '${{ steps.a.out }}'}", "the steps a → b → a need each other in a circle"},
		"text as list":      {"steps:\n  a: {run: x, output: text}\n  b: {foreach: '${{ steps.a.out }}', run: x}", "expected output: lines or output: json there"},
		"other shell":       {"steps:\n  a: {foreach: [1], run: 'print(${{ item }})', shell: python3}", "the script has expressions and is for python3"},
		"path outside":      {"files: [../x]\nsteps:\n  a: {run: x}", "expected one below the folder of the pipeline"},
		"output outside":    {"steps:\n  a: {run: x, outputs: {f: /etc/hostname}}", "expected one below the working folder"},
		"timeout":           {"steps:\n  a: {run: x, timeout: soon}", "expected a time such as 30s"},
		"processors":        {"steps:\n  a: {run: x, resources: {cpu: none}}", `cpu is the text "none", expected a number of processors of at least 0.001`},
		"memory":            {"steps:\n  a: {run: x, resources: {memory: 5 apples}}", `"5 apples" is not a size`},
		"resource":          {"steps:\n  a: {run: x, resources: {gpu: 1}}", "gpu"},
		"retries":           {"steps:\n  a: {run: x, retries: -1}", "expected a whole number of at least 0"},
		"condition":         {"steps:\n  a: {run: x, if: today}", `the condition "today", expected params.NAME`},
		"text condition":    {"params: {p: x}\nsteps:\n  a: {run: x, if: params.p}", "expected one of type bool"},
		"no default":        {"params: {n: {type: int}}\nsteps:\n  a: {run: x}", "the parameter n has no default"},
		"environment":       {"steps:\n  a: {run: x, environment: e}", `the step a has the environment "e", expected one below environments:`},
		"name":              {"name: a b\nsteps:\n  a: {run: x}", `the name of the pipeline is "a b"`},
		"group field":       {"steps:\n  a: {foreach: [1], timeout: 3s, steps: {b: {run: x}}}", "the step a has timeout, expected it only in the steps of the group"},
		"part of itself":    {"steps:\n  a: {python: 'm:f', with: &a [*a]}", "nested more than 100 levels deep"},
		"steps in steps":    {"steps: &s\n  a: {foreach: [1], steps: *s}", "nested more than 100 levels deep"},
		"many by aliases":   {manyAliases(), "more than 200000 values"},
		"nested deep":       {"steps:\n  a: {python: 'm:f', with: " + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + "}", "test.yaml:2:1: values are nested too deep here"},
		"no name":           {"steps:\n  \"\": {run: x}", `a step has the name ""`},
		"no script":         {"steps:\n  a: {run: \"\"}", "run is empty"},
		"no program":        {"steps:\n  a: {run: [\"\"]}", "run has no program"},
		"own variables":     {"steps:\n  a: {run: x, env: {DAGSCOPE_VALUE_0: y}}", "expected none that begins with DAGSCOPE_"},
		"twice":             {"steps:\n  a: {run: x}\n  a: {run: y}", "test.yaml:3:"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := pipeline.Parse("test.yaml", []byte(c.pipeline))
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := pipeline.Parse("test.yaml", []byte("steps:\n  a: {run: x, retries: -1}\n  b: {run: x, needs: c}"))
	var wrong *pipeline.Error
	require.ErrorAs(t, err, &wrong)
	require.Len(t, wrong.Mistakes, 2)
}

// TestOneMistakeForEachValue: a field without a value is reported once, whatever it should have been.
func TestOneMistakeForEachValue(t *testing.T) {
	for _, fields := range []string{
		"run: null", "run: x, resources: {cpu: null}", "run: x, resources: {memory: null}", "run: x, timeout: null", "run: x, if: null",
		"run: x, output: null", "run: x, shell: null", "run: x, needs: null", "run: x, foreach: null", "python: null", "run: x, as: null, foreach: [1]",
	} {
		_, err := pipeline.Parse("test.yaml", []byte("steps:\n  a: {"+fields+"}"))
		var wrong *pipeline.Error
		require.ErrorAs(t, err, &wrong, fields)
		require.Len(t, wrong.Mistakes, 1, fields)
	}
}

// TestPython runs the example with functions of Python.
func TestPython(t *testing.T) {
	pythontest.Find(t)
	r := runner(t)
	w, err := pipeline.Load("../../examples/words.yaml", r)
	require.NoError(t, err)
	started := execute(t, w, r, map[string]string{"chunks": "5"})
	require.Equal(t, record.Succeeded, started.End().Status, started.End().First)
	require.JSONEq(t, `{"a":150,"graph":150,"task":100,"when":100,"done":100}`, started.End().ResultText)
}

// manyAliases is a file whose aliases stand for ten million values.
func manyAliases() string {
	var b strings.Builder
	b.WriteString("steps:\n  a:\n    python: m:f\n    with:\n      l0: &l0 x\n")
	for i := range 7 {
		fmt.Fprintf(&b, "      l%d: &l%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*l%d, ", i), 10), ", "))
	}
	return b.String()
}

// TestListsOfArrays: lists of arrays, also of classes of the project, are values among others.
func TestListsOfArrays(t *testing.T) {
	pythontest.Find(t)
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "made.py"), []byte(`
import dataclasses, dagscope

@dataclasses.dataclass
class Pair:
    first: dagscope.Array
    second: int

def pair(n):
    return Pair(dagscope.Array("|u1", (n,), bytes(range(n))), n)
`), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "lists.yaml"), []byte(`
steps:
  a: {foreach: [1, 2], python: "made:pair", with: ["${{ item }}"]}
  b:
    foreach: [1, 3]
    steps:
      inner: {foreach: [2], python: "made:pair", with: ["${{ item }}"]}
  c: {run: [echo, one], output: text}
`), 0o600))
	r := runner(t)
	w, err := pipeline.Load(filepath.Join(folder, "lists.yaml"), r)
	require.NoError(t, err)
	run := execute(t, w, r, nil)
	require.Equal(t, record.Succeeded, run.End().Status, run.End().First)
	values := run.Value().(map[string]code.Value)
	require.Equal(t, []string{"array", "array", "cbor"}, []string{values["a"].Codec.String(), values["b"].Codec.String(), values["c"].Codec.String()})
}
