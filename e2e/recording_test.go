package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// recording is a workflow in WfFormat 1.5, made up for a test: chains of tasks that stand side by side. Its tasks log
// a line each, so each attempt has a detail, which the upload strategies are about.
type recording struct {
	Name          string `json:"name"`
	SchemaVersion string `json:"schemaVersion"`
	Workflow      struct {
		Specification struct {
			Tasks []recordedTask `json:"tasks"`
		} `json:"specification"`
		Execution struct {
			Makespan float64        `json:"makespanInSeconds"`
			Executed string         `json:"executedAt"`
			Tasks    []recordedTime `json:"tasks"`
		} `json:"execution"`
	} `json:"workflow"`
}

type recordedTask struct {
	Name     string   `json:"name"`
	ID       string   `json:"id"`
	Parents  []string `json:"parents"`
	Children []string `json:"children"`
}

type recordedTime struct {
	ID      string  `json:"id"`
	Runtime float64 `json:"runtimeInSeconds"`
}

// chains makes tasks that take so many seconds each.
func chains(number, length int, seconds float64) *recording {
	r := &recording{Name: "chains", SchemaVersion: "1.5"}
	id := func(chain, i int) string { return fmt.Sprintf("link_%d_%d", chain, i) }
	for chain := range number {
		for i := range length {
			t := recordedTask{Name: "link", ID: id(chain, i), Parents: []string{}, Children: []string{}}
			if i > 0 {
				t.Parents = append(t.Parents, id(chain, i-1))
			}
			if i < length-1 {
				t.Children = append(t.Children, id(chain, i+1))
			}
			r.Workflow.Specification.Tasks = append(r.Workflow.Specification.Tasks, t)
			r.Workflow.Execution.Tasks = append(r.Workflow.Execution.Tasks, recordedTime{t.ID, seconds})
		}
	}
	r.Workflow.Execution.Makespan, r.Workflow.Execution.Executed = seconds*float64(length), "2024-05-06T07:08:09Z"
	return r
}

// file writes it.
func (r *recording) file(t *testing.T) string {
	t.Helper()
	data, err := json.Marshal(r)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), r.Name+".json")
	require.NoError(t, os.WriteFile(path, data, 0o644))
	return path
}

// strategies are all ways to upload details, each with a length that matters in runs of some seconds.
func strategies() []string {
	return []string{"after_each_task", "periodic=500ms", "queue=50", "shutdown"}
}
