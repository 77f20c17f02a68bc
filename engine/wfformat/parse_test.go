package wfformat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
)

// document is a 1.5 recording of the given tasks; executed may be "".
func document(tasks, executed string) string {
	if executed != "" {
		executed = `, "execution": {"makespanInSeconds": 1, "executedAt": "2024-01-01T00:00:00Z", "tasks": [` + executed + `]}`
	}
	return `{"name": "n", "schemaVersion": "1.5", "workflow": {"specification": {"tasks": [` + tasks + `]}` + executed + `}}`
}

func parseFile(t testing.TB, name string) *Instance {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	inst, err := Parse(bytes.NewReader(data))
	require.NoError(t, err, name)
	return inst
}

// collection lists the recordings of the public collection, if they are available.
func collection(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "wfinstances", "*.json"))
	require.NoError(t, err)
	if len(files) == 0 {
		t.Skip("there is no ../shared/wfinstances next to the repository")
	}
	return files
}

func TestParseDiamond(t *testing.T) {
	inst := parseFile(t, "testdata/diamond.json")
	require.Equal(t, "diamond", inst.Name)
	require.Equal(t, "1.5", inst.SchemaVersion)
	require.Equal(t, "byhand 1", inst.RuntimeSystem)
	require.Equal(t, 30*time.Second, inst.Makespan)
	require.Equal(t, time.Date(2024, 2, 29, 11, 22, 33, 0, time.UTC), inst.ExecutedAt)
	require.Equal(t, time.Date(2024, 2, 29, 12, 0, 0, 5e8, time.UTC), inst.CreatedAt)
	require.Equal(t, []Machine{{"left-hand", 2}, {"right-hand", 1}}, inst.Machines)
	want := []Task{
		{
			ID: "prepare_ID01", Name: "prepare", Category: "prepare", Command: "prepare -n 2", Parents: nil, Children: []int32{1, 2},
			Inputs: []int32{0}, Outputs: []int32{1, 2}, Runtime: 2500 * time.Millisecond, Timed: true, Cores: 1, CPU: 0.5, MemoryBytes: -1, ReadBytes: -1, WrittenBytes: -1,
		},
		{
			ID: "paint_ID02", Name: "paint_ID02", Category: "paint", Command: "/usr/bin/paint", Parents: []int32{0}, Children: []int32{3},
			Inputs: []int32{1}, Outputs: []int32{3}, Runtime: 4 * time.Second, Timed: true, Cores: 1, CPU: -1, MemoryBytes: 1024, ReadBytes: -1, WrittenBytes: -1,
		},
		{
			ID: "paint_ID03", Name: "paint_ID03", Category: "paint", Command: "/usr/bin/paint", Parents: []int32{0}, Children: []int32{3},
			Inputs: []int32{2}, Outputs: []int32{4}, Runtime: 6 * time.Second, Timed: true, Cores: 1, Machine: 1, CPU: -1, MemoryBytes: -1, ReadBytes: -1, WrittenBytes: -1,
		},
		{
			ID: "frame_ID04", Name: "frame", Category: "frame", Command: "frame", Parents: []int32{1, 2},
			Inputs: []int32{3, 4}, Outputs: []int32{5}, Runtime: time.Second, Timed: true, Cores: 2, CPU: -1, MemoryBytes: -1, ReadBytes: -1, WrittenBytes: -1,
		},
	}
	require.Empty(t, cmp.Diff(want, inst.Tasks))
	require.Equal(t, 4, inst.Edges())
	require.EqualValues(t, 1000, inst.OutputBytes(0))
}

func TestParseFlat(t *testing.T) {
	inst := parseFile(t, "testdata/flat-1.4.json")
	require.Equal(t, "1.4", inst.SchemaVersion)
	require.Equal(t, "byhand 0", inst.RuntimeSystem)
	require.Equal(t, time.Date(2024, 2, 29, 10, 22, 33, 0, time.UTC), inst.ExecutedAt)
	require.Equal(t, []Machine{{"m", 3}}, inst.Machines)
	require.Equal(t, []File{{"log", 10}, {"/tmp/board", 9}, {"box", 12}}, inst.Files)
	require.Equal(t, []string{"cutting", "nail"}, []string{inst.Tasks[0].Category, inst.Tasks[1].Category})
	require.Equal(t, []int32{0}, inst.Tasks[1].Parents, "parents are named, not identified")
	require.Equal(t, 2, inst.Tasks[0].Cores)
	require.Equal(t, 2*time.Second, inst.Tasks[1].Runtime)
}

func TestParseTolerates(t *testing.T) {
	for _, c := range []struct {
		name, document string
		check          func(*testing.T, *Instance)
	}{
		{"edges at the child alone", document(`{"id": "a"}, {"id": "b", "parents": ["a"]}`, ""), hasEdge},
		{"edges at the parent alone", document(`{"id": "a", "children": ["b"]}, {"id": "b", "parents": []}`, ""), hasEdge},
		{"an edge given twice", document(`{"id": "a", "children": ["b", "b"]}, {"id": "b", "parents": ["a", "a"]}`, ""), hasEdge},
		{"nulls and empty references", document(`{"id": "a", "parents": null, "inputFiles": null}, {"id": "b", "parents": ["a", ""]}`, ""), hasEdge},
		{"references by name", document(`{"id": "1", "name": "a"}, {"id": "2", "name": "b", "parents": ["a"]}`, `{"id": "b", "runtimeInSeconds": 3}`), func(t *testing.T, in *Instance) {
			hasEdge(t, in)
			require.Equal(t, 3*time.Second, in.Tasks[1].Runtime)
			require.False(t, in.Tasks[0].Timed)
		}},
		{"an id before a name", document(`{"id": "1", "name": "2"}, {"id": "2", "name": "1"}, {"id": "3", "parents": ["2"]}`, ""), func(t *testing.T, in *Instance) {
			require.Equal(t, []int32{1}, in.Tasks[2].Parents)
		}},
		{"no list of files", document(`{"id": "a", "outputFiles": ["f", "f", "g"]}`, ""), func(t *testing.T, in *Instance) {
			require.Equal(t, []int32{0, 1}, in.Tasks[0].Outputs)
			require.Equal(t, codec.UnknownSize, in.OutputBytes(0))
		}},
		{"a machine that is not described", document(`{"id": "a"}`, `{"id": "a", "machines": ["m"], "coreCount": null}`), func(t *testing.T, in *Instance) {
			require.Equal(t, []Machine{{Name: "m"}}, in.Machines)
			require.Equal(t, 1, in.Tasks[0].Cores)
		}},
		{"a date of no known style", strings.Replace(document(`{"id": "a"}`, `{"id": "a"}`), "2024-01-01T00:00:00Z", "yesterday", 1), func(t *testing.T, in *Instance) {
			require.True(t, in.ExecutedAt.IsZero())
		}},
		{"a correction of the schema, as a number before it was a string", strings.Replace(document(`{"id": "a"}`, ""), `"1.5"`, `1.5`, 1), func(*testing.T, *Instance) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inst, err := Parse(iotest.OneByteReader(strings.NewReader(c.document)))
			require.NoError(t, err)
			c.check(t, inst)
		})
	}
}

func hasEdge(t *testing.T, in *Instance) {
	t.Helper()
	require.Equal(t, []int32{1}, in.Tasks[0].Children)
	require.Equal(t, []int32{0}, in.Tasks[1].Parents)
}

func TestParseRefuses(t *testing.T) {
	files := `{"name": "n", "schemaVersion": "1.5", "workflow": {"specification": {"tasks": [{"id": "a", "inputFiles": ["f"]}], "files": [%s]}}}`
	for _, c := range []struct{ name, document, want string }{
		{"nothing", "", "the file ends at byte 0"},
		{"another kind of JSON", `[1]`, "is a list, expected an object"},
		{"no JSON", `<xml>`, "expected JSON"},
		{"two documents", document(`{"id": "a"}`, "") + "{}", "expected the end of the file"},
		{"no version", `{"workflow": {"specification": {"tasks": [{"id": "a"}]}}}`, "schemaVersion: is missing, expected 1.4, 1.5 or 1.6"},
		{"an older version", `{"schemaVersion": "1.3"}`, `schemaVersion: is the string "1.3", expected 1.4, 1.5 or 1.6`},
		{"a newer version", `{"schemaVersion": "1.50"}`, `expected 1.4, 1.5 or 1.6`},
		{"no tasks", document("", ""), "workflow.specification.tasks: is empty"},
		{"no id", document(`{"parents": []}`, ""), "tasks[0].id: is missing"},
		{"an id twice", document(`{"id": "a"}, {"id": "a"}`, ""), `tasks[1].id: "a" is given twice`},
		{"a member twice", document(`{"id": "a", "parents": [], "parents": []}`, ""), "tasks[0].(a).parents: is given twice"},
		{"an unknown parent", document(`{"id": "a", "parents": ["x"]}`, ""), `task a: parents: "x" is unknown`},
		{"an unknown child", document(`{"id": "a", "children": ["x"]}`, ""), `task a: children: "x" is unknown`},
		{"an ambiguous name", document(`{"id": "a", "name": "n"}, {"id": "b", "name": "n"}, {"id": "c", "parents": ["n"]}`, ""), `task c: parents: "n" is the name of several tasks`},
		{"a parent that does not agree", document(`{"id": "a", "children": ["c"]}, {"id": "b", "parents": ["a"]}, {"id": "c"}`, ""), "task b: parents: name a, whose children do not name it"},
		{"a child that does not agree", document(`{"id": "a", "children": ["b"]}, {"id": "b", "parents": ["c"]}, {"id": "c"}`, ""), "task a: children: name b, whose parents do not name it"},
		{"a cycle", document(`{"id": "r"}, {"id": "a", "parents": ["r", "c"]}, {"id": "b", "parents": ["a"]}, {"id": "c", "parents": ["b"]}, {"id": "d", "parents": ["c"]}`, ""), "the tasks b → c → a → b form a cycle"},
		{"a task of its own", document(`{"id": "a", "parents": ["a"]}`, ""), "the tasks a → a form a cycle"},
		{"an unknown file", fmt.Sprintf(files, `{"id": "g", "sizeInBytes": 1}`), `task a: inputFiles: "f" is unknown`},
		{"a file twice", fmt.Sprintf(files, `{"id": "f", "sizeInBytes": 1}, {"id": "f", "sizeInBytes": 1}`), `files[1].id: "f" is given twice`},
		{"a negative size", fmt.Sprintf(files, `{"id": "f", "sizeInBytes": -1}`), "files[0].(f).sizeInBytes: is -1, expected a number from 0"},
		{"an unknown execution", document(`{"id": "a"}`, `{"id": "b"}`), `workflow.execution.tasks[0].id: "b" is unknown`},
		{"an execution twice", document(`{"id": "a"}`, `{"id": "a"}, {"id": "a"}`), `workflow.execution.tasks[1].id: "a" is given twice`},
		{"an execution of nothing", document(`{"id": "a"}`, `{"runtimeInSeconds": 1}`), `workflow.execution.tasks[0].id: "" is unknown`},
		{"a runtime in words", document(`{"id": "a"}`, `{"id": "a", "runtimeInSeconds": "long"}`), `workflow.execution.tasks[0].(a).runtimeInSeconds: is the string "long", expected a number`},
		{"a negative runtime", document(`{"id": "a"}`, `{"id": "a", "runtimeInSeconds": -0.5}`), "is -0.5, expected a number from 0 to 1e+08"},
		{"an absurd runtime", document(`{"id": "a"}`, `{"id": "a", "runtimeInSeconds": 1e999}`), "is 1e999, expected a number"},
		{"absurd runtimes", document(ids(20), timed(20, 1e8)), "brings the sum of all runtimes above 1e+09 s"},
		{"absurd cores", document(`{"id": "a"}`, `{"id": "a", "coreCount": 1e9}`), "(a).coreCount: is 1e9, expected a number from 0 to 1.6777216e+07"},
		{"parents that are no list", document(`{"id": "a", "parents": "b"}`, ""), `tasks[0].(a).parents: is the string "b", expected a list`},
		{"a parent that is no string", document(`{"id": "a", "parents": [1]}`, ""), `(a).parents[0]: is 1, expected a string`},
		{"depth", `{"x": ` + strings.Repeat("[", 100_000), "x: nests deeper than 64 levels"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inst, err := Parse(strings.NewReader(c.document))
			require.Nil(t, inst)
			require.ErrorIs(t, err, ErrInvalid)
			require.ErrorContains(t, err, c.want)
			require.Less(t, len(err.Error()), 1000)
		})
	}
}

func ids(n int) string {
	var s []string
	for i := range n {
		s = append(s, fmt.Sprintf(`{"id": "t%d"}`, i))
	}
	return strings.Join(s, ",")
}

func timed(n int, seconds float64) string {
	var s []string
	for i := range n {
		s = append(s, fmt.Sprintf(`{"id": "t%d", "runtimeInSeconds": %g}`, i, seconds))
	}
	return strings.Join(s, ",")
}

func TestParseTruncated(t *testing.T) {
	data, err := os.ReadFile("testdata/diamond.json")
	require.NoError(t, err)
	data = bytes.TrimSpace(data)
	for n := range data {
		_, err := Parse(bytes.NewReader(data[:n]))
		require.ErrorIs(t, err, ErrInvalid, n)
		require.ErrorContains(t, err, "the file ends at byte", n)
	}
}

func TestParseLimits(t *testing.T) {
	few := dag.Limits{Tasks: 3, Edges: 2}
	for _, c := range []struct{ name, document, want string }{
		{"tasks", document(ids(4), ""), "more than 3 tasks"},
		{"executed tasks", document(ids(3), timed(4, 1)), "more than 3 tasks"},
		{"edges", document(`{"id": "a"}, {"id": "b", "parents": ["a"]}, {"id": "c", "parents": ["a", "b"]}`, ""), "3 edges, at most 2"},
		{"references", document(`{"id": "a", "parents": ["x", "x", "x", "x", "x"]}`, ""), "too many parents and children"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parse(strings.NewReader(c.document), few, MaxBytes)
			require.ErrorIs(t, err, ErrTooLarge)
			require.ErrorIs(t, err, ErrInvalid)
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := parse(strings.NewReader(document(ids(3), timed(3, 1))), few, MaxBytes)
	require.NoError(t, err)
}

func TestParseLongFile(t *testing.T) {
	text := document(ids(3), "")
	_, err := parse(strings.NewReader(text), dag.Limits{}.WithDefaults(), len(text))
	require.NoError(t, err)
	_, err = parse(strings.NewReader(text), dag.Limits{}.WithDefaults(), len(text)-1)
	require.ErrorIs(t, err, ErrTooLarge)
	_, err = parse(io.MultiReader(strings.NewReader(`{"x": [`), endless{}), dag.Limits{}, 1<<20)
	require.EqualError(t, err, "recording in WfFormat too large: more than 1048576 bytes")
}

// endless is white space without an end.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return copy(b, bytes.Repeat([]byte{' '}, len(b))), nil }

func TestParseReaderFails(t *testing.T) {
	broken := errors.New("the disk is gone")
	_, err := Parse(io.MultiReader(strings.NewReader(`{"name": `), iotest.ErrReader(broken)))
	require.ErrorIs(t, err, broken)
	require.NotErrorIs(t, err, ErrInvalid)
}

// plain parses the files without using any code of this package.
type plain struct {
	Workflow struct {
		Specification struct {
			Tasks []plainTask
			Files []struct {
				ID          string
				SizeInBytes int64
			}
		}
		Execution struct {
			MakespanInSeconds float64
			Tasks             []struct {
				ID               string
				RuntimeInSeconds float64
				Machines         []string
			}
			Machines []struct {
				NodeName string
				CPU      struct{ CoreCount int }
			}
		}
	}
}

type plainTask struct {
	ID, Name                         string
	Parents, InputFiles, OutputFiles []string
}

func TestParseCollection(t *testing.T) {
	for _, name := range collection(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data, err := os.ReadFile(name)
			require.NoError(t, err)
			var want plain
			require.NoError(t, json.Unmarshal(data, &want))
			inst := parseFile(t, name)
			checkInstance(t, inst)
			compare(t, &want, inst)
			require.False(t, inst.ExecutedAt.IsZero())
			require.False(t, inst.CreatedAt.IsZero())
		})
	}
}

func compare(t *testing.T, want *plain, inst *Instance) {
	byID := map[string]*Task{}
	for i := range inst.Tasks {
		byID[inst.Tasks[i].ID] = &inst.Tasks[i]
	}
	require.Len(t, byID, len(want.Workflow.Specification.Tasks))
	for _, w := range want.Workflow.Specification.Tasks {
		compareTask(t, w, byID[w.ID], inst)
	}
	execution := &want.Workflow.Execution
	for _, w := range execution.Tasks {
		got := byID[w.ID]
		require.True(t, got.Timed)
		require.InDelta(t, w.RuntimeInSeconds, got.Runtime.Seconds(), 1e-9)
		if len(w.Machines) > 0 {
			require.Equal(t, w.Machines[0], inst.Machines[got.Machine].Name)
		}
	}
	for i, w := range execution.Machines {
		require.Equal(t, Machine{w.NodeName, w.CPU.CoreCount}, inst.Machines[i])
	}
	for i, w := range want.Workflow.Specification.Files {
		require.Equal(t, File{w.ID, w.SizeInBytes}, inst.Files[i])
	}
	require.InDelta(t, execution.MakespanInSeconds, inst.Makespan.Seconds(), 1e-9)
}

func compareTask(t *testing.T, want plainTask, got *Task, inst *Instance) {
	require.Equal(t, want.Name, got.Name)
	var parents, inputs, outputs []string
	for _, p := range got.Parents {
		parents = append(parents, inst.Tasks[p].ID)
	}
	for _, f := range got.Inputs {
		inputs = append(inputs, inst.Files[f].ID)
	}
	for _, f := range got.Outputs {
		outputs = append(outputs, inst.Files[f].ID)
	}
	require.ElementsMatch(t, want.Parents, parents)
	require.ElementsMatch(t, want.InputFiles, inputs)
	require.ElementsMatch(t, want.OutputFiles, outputs)
}

// checkInstance checks what is true of every instance that Parse returns.
func checkInstance(t require.TestingT, in *Instance) {
	children := 0
	for i, task := range in.Tasks {
		require.NotEmpty(t, task.ID)
		require.NotEmpty(t, task.Category)
		require.GreaterOrEqual(t, task.Cores, 1)
		require.GreaterOrEqual(t, task.Runtime, time.Duration(0))
		require.Less(t, int(task.Machine), len(in.Machines))
		last := int32(-1) // below every number of a task
		for _, p := range task.Parents {
			require.Greater(t, p, last, "parents ascend")
			require.Less(t, int(p), i, "parents come first")
			require.Contains(t, in.Tasks[p].Children, int32(i))
			last = p
		}
		children += len(task.Children)
	}
	require.Equal(t, in.Edges(), children)
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"testdata/diamond.json", "testdata/flat-1.4.json"} {
		data, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte(document(`{"id": "a", "children": ["b"]}, {"id": "b", "parents": ["a", "c"]}, {"id": "c"}`, timed(1, 1))))
	f.Add([]byte(`{"schemaVersion": 1.4, "workflow": {"tasks": [{"name": "x", "cores": 0.5, "runtime": 0, "files": [{"name": "f", "link": "output"}]}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		inst, err := Parse(bytes.NewReader(data))
		if err != nil {
			require.ErrorIs(t, err, ErrInvalid)
			return
		}
		checkInstance(t, inst)
		again, err := Parse(iotest.OneByteReader(bytes.NewReader(data)))
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(inst, again))
	})
}
