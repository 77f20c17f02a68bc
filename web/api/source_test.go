package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/pipeline"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/web/api"
)

// sourceJSON is a file of a workflow in answers.
type sourceJSON struct {
	File, Text string
	Cut        bool
	Steps      []stepJSON
}

type stepJSON struct {
	Path     string
	From, To int
}

// TestWorkflowsOfFiles: a workflow that was made of a file says so, and its runs keep the file as it was when they were
// submitted.
func TestWorkflowsOfFiles(t *testing.T) {
	w := newWorld(t)
	trip, err := w.engine.Workflow("trip")
	require.NoError(t, err)
	offer := func(text string) {
		made := *trip
		made.Name, made.Source = "made", &record.Source{File: "made.yaml", Text: text}
		require.NoError(t, w.engine.Offer([]*engine.Workflow{&made}))
	}
	const first = "steps:\n  a:\n    run: |\n      echo\n\n  b: {run: echo}\n"
	offer(first)
	run := w.run("made", map[string]string{"mode": "not"})
	offer("second")

	var workflow api.Workflow
	w.get("/workflows/made", &workflow)
	require.NotNil(t, workflow.Source.Value)
	assert.Equal(t, "made.yaml", workflow.Source.Value.File)
	assert.Equal(t, "second", workflow.Source.Value.Text)
	w.get("/workflows/trip", &workflow)
	assert.Nil(t, workflow.Source.Value)

	assert.Equal(t, "made.yaml", run.File)
	var kept sourceJSON
	w.get("/runs/"+string(run.Run)+"/source", &kept)
	assert.Equal(t, sourceJSON{File: "made.yaml", Text: first, Steps: []stepJSON{{"a", 2, 4}, {"b", 6, 6}}}, kept)
	again := w.run("made", map[string]string{"mode": "not"})
	w.get("/runs/"+string(again.Run)+"/source", &kept)
	assert.Equal(t, sourceJSON{File: "made.yaml", Text: "second", Steps: []stepJSON{}}, kept, "no steps are known of what is no pipeline")

	other := w.run("trip", map[string]string{"mode": "not"})
	assert.Empty(t, other.File)
	problem := w.refused(http.MethodGet, "/runs/"+string(other.Run)+"/source", nil, http.StatusNotFound)
	assert.Contains(t, problem.Detail, "made of no file")
}

// TestBrokenFiles: files with mistakes are listed next to the workflows.
func TestBrokenFiles(t *testing.T) {
	var list struct {
		Followed  bool
		Workflows []api.Workflow
		Broken    []struct {
			File, Kept string
			Mistakes   []struct {
				Line, Column int
				Message      string
			}
		}
	}
	newWorld(t).get("/workflows", &list)
	assert.NotNil(t, list.Broken)
	assert.Empty(t, list.Broken)
	assert.False(t, list.Followed)
	w := newWorld(t, func(c *api.Config) {
		c.Broken = func() []pipeline.Broken {
			return []pipeline.Broken{{File: "d/a.yaml", Kept: "a", Mistakes: []pipeline.Mistake{{Line: 2, Column: 3, Message: "expected another"}}}}
		}
	})
	w.get("/workflows", &list)
	assert.True(t, list.Followed)
	require.Len(t, list.Broken, 1)
	assert.Equal(t, "d/a.yaml", list.Broken[0].File)
	assert.Equal(t, "a", list.Broken[0].Kept)
	require.Len(t, list.Broken[0].Mistakes, 1)
	assert.Equal(t, 2, list.Broken[0].Mistakes[0].Line)
	assert.Equal(t, 3, list.Broken[0].Mistakes[0].Column)
	assert.Equal(t, "expected another", list.Broken[0].Mistakes[0].Message)
}
