package api_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/web/api"
)

// taskLog is the response.
type taskLog struct {
	State          string
	Epoch, Attempt int
	Text           string
	Missed         int64
	Next           string
}

// TestTaskLog follows the log of a task, by next, to its end, and then where no process can be asked.
func TestTaskLog(t *testing.T) {
	var asked []worker.LogPosition
	var part worker.LogPart
	var reached error
	w := newWorld(t, func(c *api.Config) {
		c.TaskLog = func(_ context.Context, _ record.RunID, node dag.NodeID, after worker.LogPosition) (worker.LogPart, error) {
			require.Equal(t, dag.NodeID(3), node)
			asked = append(asked, after)
			return part, reached
		}
	})
	active := w.submit("gate", nil)
	path := "/runs/" + string(active.Run) + "/tasks/3/log"

	part = worker.LogPart{Text: []byte("a\xff"), Missed: 5, Running: true, Next: worker.LogPosition{Epoch: 1, Attempt: 2, Offset: 7}}
	var got taskLog
	w.get(path, &got)
	require.Equal(t, taskLog{State: "running", Epoch: 1, Attempt: 2, Text: "a�", Missed: 5, Next: "1.2.7"}, got)
	next := part.Next
	part = worker.LogPart{Text: []byte("end"), Next: worker.LogPosition{Epoch: 1, Attempt: 2, Offset: 10}}
	got = taskLog{}
	w.get(path+"?wait_ms=0&after=1.2.7", &got)
	require.Equal(t, taskLog{State: "ended", Epoch: 1, Attempt: 2, Text: "end"}, got)
	require.Equal(t, []worker.LogPosition{{}, next}, asked)
	part = worker.LogPart{}
	w.get(path, &got)
	require.Equal(t, "waiting", got.State)
	reached = api.ErrUnreached
	w.get(path, &got)
	require.Equal(t, "elsewhere", got.State)
	for _, after := range []string{"1", "0.1", "a.b.c", "0.1.-1"} {
		w.refused(http.MethodGet, path+"?after="+after, nil, http.StatusBadRequest)
	}

	for range 2 {
		w.entered()
		w.release()
	}
	w.finished(active.Run)
	w.get(path, &got)
	require.Equal(t, "ended", got.State)
}
