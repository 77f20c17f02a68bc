package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/wfformat"
)

// recordings are production executions that are next to the checkout on some machines.
func recordings(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root(t), "..", "shared", "wfinstances", "*.json"))
	require.NoError(t, err)
	if len(files) == 0 {
		t.Skip("no recordings in ../shared/wfinstances")
	}
	require.Len(t, files, 15)
	return files
}

// imported is one line of the answer of import.
type imported struct {
	File   string `json:"file"`
	Status string `json:"status"`
	Run    string `json:"run"`
	Tasks  int    `json:"tasks"`
	Error  string `json:"error"`
}

type importList struct {
	Files []imported `json:"files"`
}

// TestImportRecordings: all of them are imported, and importing them again changes nothing, no digest either.
func TestImportRecordings(t *testing.T) {
	t.Parallel()
	files := recordings(t)
	u := newUser(t)
	var first, again importList
	u.json(&first, append([]string{"import"}, files...)...)
	require.Len(t, first.Files, len(files))
	answers := func() (out []string) {
		out = append(out, u.ok("runs", "--limit", "0", "--json"), u.ok("stats", "--json"))
		for _, f := range first.Files {
			out = append(out, u.ok("stats", f.Run, "--json", "--metric", "execute_ns", "--metric", "output_bytes", "--metric", "queue_ns"))
		}
		return out
	}
	before := answers()
	rows := u.runs()
	for i, f := range first.Files {
		assert.Equal(t, "imported", f.Status, f.File)
		assert.Equal(t, specifiedTasks(t, files[i]), f.Tasks, f.File)
		assert.Equal(t, []any{"succeeded", f.Tasks}, []any{rows[f.Run].Status, rows[f.Run].Succeeded}, f.File)
		assert.NotEmpty(t, rows[f.Run].Reconstructed, "%s has no start times", f.File)
	}

	u.json(&again, append([]string{"import"}, files...)...)
	for i, f := range again.Files {
		assert.Equal(t, []any{"unchanged", first.Files[i].Run}, []any{f.Status, f.Run}, f.File)
	}
	var alone importList
	u.json(&alone, "import", files[3])
	assert.Equal(t, []any{"unchanged", first.Files[3].Run}, []any{alone.Files[0].Status, alone.Files[0].Run}, "the same file without the others")
	assert.Equal(t, before, answers())
	u.ok("check")
}

// specifiedTasks counts the tasks of a file without the parser that is tested.
func specifiedTasks(t *testing.T, path string) int {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var r recording
	require.NoError(t, json.Unmarshal(data, &r), path)
	return len(r.Workflow.Specification.Tasks)
}

// TestRunRecordings: each of them is executed, every task once and after its parents.
func TestRunRecordings(t *testing.T) {
	t.Parallel()
	files := recordings(t)
	if testing.Short() {
		files = files[:3]
	}
	u := newUser(t)
	for _, path := range files {
		name := filepath.Base(path)
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		in, err := wfformat.Parse(bytes.NewReader(data))
		require.NoError(t, err)
		tasks := specifiedTasks(t, path)
		var got report
		u.json(&got, "run", "wfformat", "--set", "file="+path, "--set", "time_scale=0.0001")
		assert.Equal(t, []any{"succeeded", tasks, tasks}, []any{got.Status, got.Tasks, got.Done}, name)
		require.Len(t, in.Tasks, tasks, name)
		parentsFirst(t, name, in, u.ranOnce(got.Run, tasks))
	}
	assert.Len(t, u.runs(), len(files))
}

// parentsFirst: the record has no task that was claimed or started before each of its parents had ended. Node i is
// task i.
func parentsFirst(t *testing.T, name string, in *wfformat.Instance, attempts []attempt) {
	t.Helper()
	ended := map[int]int64{}
	for _, a := range attempts {
		ended[a.Node] = a.EndedNS
	}
	claimed, started := int64(0), int64(0) // at most so long before
	for _, a := range attempts {
		for _, parent := range in.Tasks[a.Node].Parents {
			claimed = max(claimed, ended[int(parent)]-a.ClaimedNS)
			started = max(started, ended[int(parent)]-a.StartedNS)
		}
	}
	assert.Zero(t, time.Duration(started), "%s: a task was started before one of its parents had ended", name)
	assert.Zero(t, time.Duration(claimed), "%s: a task was claimed before one of its parents had ended", name)
}
