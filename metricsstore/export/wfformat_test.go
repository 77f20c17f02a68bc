package export_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/wfformat"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/export"
	"github.com/dagscope/dagscope/metricsstore/importer"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// imported is a store with the one run of a file.
func imported(t *testing.T, name string, content []byte) (*metricsstore.Queries, metricsstore.Run) {
	t.Helper()
	s := memory.New()
	i, err := importer.New(importer.Config{Store: s})
	require.NoError(t, err)
	var drop importer.Drop
	defer func() { require.NoError(t, drop.Close()) }()
	require.NoError(t, drop.AddStream(name, bytes.NewReader(content)))
	results, err := i.Import(t.Context(), &drop)
	require.NoError(t, err)
	require.Len(t, results, 1)
	require.NoError(t, results[0].Err)
	q, err := metricsstore.NewQueries(s)
	require.NoError(t, err)
	return q, results[0].Run
}

// instance is what a file tells, by the ID of its tasks.
type instance struct {
	name     string
	executed time.Time
	makespan time.Duration
	machines []wfformat.Machine
	machine  map[string]string
	tasks    map[string]wfformat.Task
	parents  map[string][]string
	read     map[string]int64 // from each parent, and from outside by the empty name
	output   map[string]int64
}

func parsed(t *testing.T, content []byte) instance {
	t.Helper()
	in, err := wfformat.Parse(bytes.NewReader(content))
	require.NoError(t, err)
	out := instance{
		name: in.Name, executed: in.ExecutedAt, makespan: in.Makespan, machines: in.Machines, machine: map[string]string{}, tasks: map[string]wfformat.Task{},
		parents: map[string][]string{}, read: map[string]int64{}, output: map[string]int64{},
	}
	makers := map[int32][]int32{}
	for i := range in.Tasks {
		for _, f := range in.Tasks[i].Outputs {
			makers[f] = append(makers[f], int32(i))
		}
	}
	for i := range in.Tasks {
		task := in.Tasks[i]
		out.output[task.ID] = in.OutputBytes(i)
		var parents []string
		for _, p := range task.Parents {
			parents = append(parents, in.Tasks[p].ID)
		}
		slices.Sort(parents)
		out.parents[task.ID] = parents
		for _, f := range task.Inputs {
			from := ""
			for _, m := range makers[f] {
				if slices.Contains(task.Parents, m) {
					from = in.Tasks[m].ID
				}
			}
			if from != "" || len(makers[f]) == 0 {
				out.read[from+" "+task.ID] += in.Files[f].Bytes
			}
		}
		if task.Machine != wfformat.NoMachine {
			out.machine[task.ID] = in.Machines[task.Machine].Name
		}
		if task.CPU < 0 || task.Runtime == 0 {
			task.CPU = -1
		} else {
			task.CPU = math.Round(task.CPU * float64(task.Runtime)) // runs keep nanoseconds
		}
		task.Parents, task.Children, task.Inputs, task.Outputs, task.Machine, task.Cores = nil, nil, nil, nil, 0, 0
		out.tasks[task.ID] = task
	}
	return out
}

// TestWfFormatRoundTrip: what the recording says comes back, but for the cores of tasks, which runs do not keep.
func TestWfFormatRoundTrip(t *testing.T) {
	files, err := filepath.Glob("../../../shared/wfinstances/*.json")
	require.NoError(t, err)
	if len(files) == 0 {
		t.Skip("no recordings beside the checkout")
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			content, err := os.ReadFile(name)
			require.NoError(t, err)
			q, run := imported(t, name, content)
			var first, again bytes.Buffer
			require.NoError(t, export.WriteWfFormat(t.Context(), &first, q, run.Info.ID))
			require.NoError(t, export.WriteWfFormat(t.Context(), &again, q, run.Info.ID))
			require.Equal(t, first.String(), again.String(), "the same bytes")
			requireSchema(t, first.Bytes(), "1.6")
			compareInstances(t, parsed(t, content), parsed(t, first.Bytes()))

			q, second := imported(t, name, first.Bytes())
			require.Equal(t, run.MakespanNS(), second.MakespanNS())
			require.Equal(t, run.Info.StartedAt, second.Info.StartedAt)
			require.Equal(t, run.Info.Workflow, second.Info.Workflow)
			again.Reset()
			require.NoError(t, export.WriteWfFormat15(t.Context(), &again, q, second.Info.ID))
			requireSchema(t, again.Bytes(), "1.5")
			compareInstances(t, parsed(t, first.Bytes()), parsed(t, again.Bytes()))
		})
	}
}

func compareInstances(t *testing.T, want, got instance) {
	t.Helper()
	assert.Equal(t, want.name, got.name)
	assert.Equal(t, want.makespan, got.makespan)
	assert.True(t, want.executed.Equal(got.executed), "%s, %s", want.executed, got.executed)
	require.Equal(t, want.tasks, got.tasks)
	require.Equal(t, want.parents, got.parents)
	for task, machine := range want.machine { // others are on one that the schedule has found
		require.Equal(t, machine, got.machine[task])
	}
	for _, m := range want.machines {
		require.True(t, slices.ContainsFunc(got.machines, func(o wfformat.Machine) bool { return o.Name == m.Name && (m.Cores == 0 || o.Cores == m.Cores) }), m.Name)
	}
	for edge, bytes := range want.read {
		require.Equal(t, bytes, got.read[edge], edge)
	}
	require.Equal(t, want.output, got.output)
}

// TestWfFormatOfRetries: of a run of the engine the tasks are there, the failed attempt is not, and joins are edges.
func TestWfFormatOfRetries(t *testing.T) {
	g := graph(t)
	q := store(t, g, written(t, g))
	var b bytes.Buffer
	require.NoError(t, export.WriteWfFormat(t.Context(), &b, q, "r"))
	requireSchema(t, b.Bytes(), "1.6")
	in := parsed(t, b.Bytes())
	require.Equal(t, map[string][]string{
		"split_0": nil, "grey___light__4": {"split_0"}, "grey___light__5": {"split_0"}, "join_1": {"grey___light__4", "grey___light__5"},
	}, in.parents)
	require.Equal(t, 4700*time.Nanosecond, in.tasks["grey___light__4"].Runtime)
	require.Equal(t, "grey, \"light\"", in.tasks["grey___light__4"].Category)
	require.Equal(t, began().Add(2_002_300), in.tasks["grey___light__4"].ExecutedAt)
	require.Equal(t, map[string]int64{"grey___light__4 join_1": 8, "grey___light__5 join_1": 8}, in.read)
	require.Equal(t, 2_999_001*time.Nanosecond, in.makespan)
	require.Equal(t, []wfformat.Machine{{Name: "main", Cores: 1}}, in.machines)
}

// requireSchema checks what the published schemas of 1.5 and 1.6 demand.
// Long: it is the schema, member by member.
func requireSchema(t *testing.T, content []byte, version string) {
	t.Helper()
	var d struct {
		Name, Description, CreatedAt, SchemaVersion *string
		RuntimeSystem                               struct{ Name, Version string }
		Workflow                                    struct {
			Specification struct {
				Tasks []struct {
					Name, ID                                   string
					Parents, Children, InputFiles, OutputFiles *[]string
				}
				Files []struct {
					ID          string
					SizeInBytes *uint64
				}
			}
			Execution *struct {
				MakespanInSeconds *float64
				ExecutedAt        string
				Tasks             []struct {
					ID               string
					RuntimeInSeconds *float64
					ExecutedAt       *string
					Command          *struct {
						Program   string
						Arguments []string
					}
					Machines []string
				}
				Machines *[]struct {
					NodeName string
					CPU      struct{ CoreCount int }
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal(content, &d))
	require.Equal(t, version, *d.SchemaVersion)
	require.NotEmpty(t, *d.Name)
	require.NotEmpty(t, *d.Description)
	if d.CreatedAt != nil {
		_, err := time.Parse(time.RFC3339, *d.CreatedAt)
		require.NoError(t, err)
	}
	require.NotEmpty(t, d.RuntimeSystem.Name)
	require.NotEmpty(t, d.RuntimeSystem.Version)
	task, file := regexp.MustCompile(`^[0-9a-zA-Z-_.#]+$`), regexp.MustCompile(`^[0-9a-zA-Z-_./:#]+$`)
	tasks, files := map[string]bool{}, map[string]bool{}
	for _, f := range d.Workflow.Specification.Files {
		require.Regexp(t, file, f.ID)
		require.NotNil(t, f.SizeInBytes)
		require.False(t, files[f.ID], f.ID)
		files[f.ID] = true
	}
	require.NotEmpty(t, d.Workflow.Specification.Tasks)
	for _, s := range d.Workflow.Specification.Tasks {
		require.NotEmpty(t, s.Name)
		require.Regexp(t, task, s.ID)
		require.NotNil(t, s.Parents)
		require.NotNil(t, s.Children)
		require.False(t, tasks[s.ID])
		tasks[s.ID] = true
		for _, f := range slices.Concat(*s.InputFiles, *s.OutputFiles) {
			require.True(t, files[f], f)
		}
	}
	e := d.Workflow.Execution
	if e == nil {
		return
	}
	require.NotNil(t, e.MakespanInSeconds)
	require.NotEmpty(t, e.ExecutedAt)
	require.NotEmpty(t, e.Tasks)
	for _, s := range e.Tasks {
		require.True(t, tasks[s.ID])
		require.NotNil(t, s.RuntimeInSeconds)
		if s.ExecutedAt != nil {
			_, err := time.Parse(time.RFC3339, *s.ExecutedAt)
			require.NoError(t, err)
		}
		if s.Command != nil {
			require.NotEmpty(t, s.Command.Program)
			require.NotContains(t, s.Command.Arguments, "")
		}
	}
	if e.Machines != nil {
		require.NotEmpty(t, *e.Machines)
		for _, m := range *e.Machines {
			require.NotEmpty(t, m.NodeName)
			require.Positive(t, m.CPU.CoreCount)
		}
	}
}

// TestWfFormatMissing: nothing is written of a run that is not kept.
func TestWfFormatMissing(t *testing.T) {
	g := graph(t)
	q := store(t, g, written(t, g))
	for _, write := range []func(context.Context, *bytes.Buffer, record.RunID) error{
		func(ctx context.Context, b *bytes.Buffer, id record.RunID) error {
			return export.WriteWfFormat(ctx, b, q, id)
		},
		func(ctx context.Context, b *bytes.Buffer, id record.RunID) error {
			return export.WriteWfFormat15(ctx, b, q, id)
		},
	} {
		var b bytes.Buffer
		require.ErrorIs(t, write(t.Context(), &b, "missing"), metricsstore.ErrNotFound)
		require.Zero(t, b.Len())
	}
}
