package e2e

import (
	"bufio"
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

// event is one message of a stream.
type event struct{ kind, id, data string }

// stream reads the live stream of a run until the function has seen enough. lastID continues after an event, empty
// begins with a snapshot.
func (s *service) stream(run, lastID string, enough func(event) bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/api/v1/runs/"+run+"/events", nil)
	require.NoError(s.t, err)
	r.Header = s.header.Clone()
	r.Header.Set("Accept", "text/event-stream")
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	response, err := s.client.Do(r)
	require.NoError(s.t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(s.t, http.StatusOK, response.StatusCode)
	require.Contains(s.t, response.Header.Get("Content-Type"), "text/event-stream")
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<22)
	for e := (event{}); lines.Scan(); {
		name, content, _ := strings.Cut(lines.Text(), ":")
		content = strings.TrimPrefix(content, " ")
		switch {
		case lines.Text() == "" && e != event{}:
			if enough(e) {
				return
			}
			e = event{}
		case name == "event":
			e.kind = content
		case name == "id":
			e.id = content
		case name == "data":
			e.data += content
		}
	}
	require.Fail(s.t, "the stream ended too early", "%v", lines.Err())
}

// follow reads the stream of a run into a table until a condition holds, or the run is complete where it is nil. It
// returns the id of the last event and the size of what was sent.
func (s *service) follow(run, lastID string, c *runtable.Copy, enough func(runtable.Frame) bool) (last string, bytes int) {
	s.t.Helper()
	s.stream(run, lastID, func(e event) bool {
		if e.kind != "frame" {
			return false
		}
		raw, err := base64.StdEncoding.DecodeString(e.data)
		require.NoError(s.t, err)
		f, err := runtable.DecodeFrame(raw)
		require.NoError(s.t, err)
		require.NoError(s.t, c.Apply(f), "no frame is lost")
		last, bytes = e.id, bytes+len(raw)
		if enough == nil {
			return f.Complete
		}
		return enough(f)
	})
	return last, bytes
}

// tableOf is the table of an ended run, as its stream gives it.
func (s *service) tableOf(run string) *runtable.Copy {
	s.t.Helper()
	var c runtable.Copy
	s.follow(run, "", &c, nil)
	return &c
}

// TestStream: viewers who watch a run from its beginning, who continue after what they had, and who come when it is
// over have the same table, and it is that of the records.
func TestStream(t *testing.T) {
	t.Parallel()
	s := newUser(t).serve()
	run := s.submitFile(submission{Workflow: "wfformat", Params: map[string]string{"time_scale": "1"}}, "file", chains(4, 40, 0.02).file(t)).Run
	var watched, resumed runtable.Copy
	last, _ := s.follow(run, "", &resumed, func(f runtable.Frame) bool { return !f.More && resumed.Rows() > 40 })
	require.False(t, resumed.Ended())
	require.NotEmpty(t, last)
	s.follow(run, last, &resumed, nil)
	s.follow(run, "", &watched, nil)
	got := s.ended(run)
	late := s.tableOf(run)

	for name, c := range map[string]*runtable.Copy{"resumed": &resumed, "watched": &watched} {
		require.Equal(t, late.Rows(), c.Rows(), name)
		for i := range late.Rows() {
			assert.Equal(t, late.Row(i), c.Row(i), "%s: row %d", name, i)
		}
		assert.Equal(t, late.Marks(), c.Marks(), name)
	}
	ends := 0
	for i := range late.Rows() {
		if late.Row(i).Outcome == record.OutcomeOK {
			ends++
		}
	}
	assert.Equal(t, got.Tasks.Done, ends)
	assert.Equal(t, 160, late.Tasks())
	s.ends()
}

// TestStreamIsSmall: the snapshot of a run takes at most 150 bytes a task.
func TestStreamIsSmall(t *testing.T) {
	t.Parallel()
	s := newUser(t).serve()
	run := s.submit(submission{Workflow: "tree-reduction", Params: map[string]string{"n": "2048"}}).Run
	tasks := s.ended(run).Tasks.Total
	var c runtable.Copy
	_, bytes := s.follow(run, "", &c, nil)
	assert.Equal(t, 2047, tasks)
	assert.LessOrEqual(t, bytes, 150*tasks)
	t.Logf("%d bytes a task", bytes/tasks)
	s.ends()
}
