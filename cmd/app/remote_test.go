package app

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/web/api"
	"github.com/dagscope/dagscope/web/client"
)

// TestRemoteReads: what commands print about a run of a service is what they print about it in its folder.
func TestRemoteReads(t *testing.T) {
	w := newWorld(t)
	s := w.serve()
	url := strings.TrimPrefix(strings.TrimSpace(s.first), "dagscope: ")
	id := string(w.record("trip", "--set", "mode=panic", "--policy", "continue"))
	for _, args := range []string{
		"tasks --json", "tasks --outcome failed --json", "stats --json", "stats --group-by worker", "export --format archive",
		"export --format csv", "export --format ndjson", "logs --json", "why --json",
	} {
		words := strings.Fields(args)
		words = append([]string{words[0], id}, words[1:]...)
		assert.Equal(t, w.ok(words...), w.ok(append(words, "--server", url)...), args)
	}
	s.ends()
}

// TestRemoteChanges: runs of a service are tagged and deleted, and archives enter it once.
func TestRemoteChanges(t *testing.T) {
	w := newWorld(t)
	s := w.serve()
	url := strings.TrimPrefix(strings.TrimSpace(s.first), "dagscope: ")
	id := string(w.record("sum"))
	file := filepath.Join(t.TempDir(), "run.dagscope")
	w.ok("export", id, "-o", file, "--server", url)

	want := "run   " + id + "\ntags  a, b\nnote  mine\n"
	assert.Equal(t, want, w.ok("tag", "last", "a", "b", "--note", "mine", "--server", url))
	assert.Equal(t, want, w.ok("tag", id))
	assert.Contains(t, w.ok("tag", id, "--remove", "a", "--server", url), "tags  b\nnote  mine\n")
	assert.Equal(t, exitUsage, w.run("delete", id, "none", "--server", url).code, "nothing is deleted unless all runs are found")
	assert.Equal(t, id+" is deleted\n", w.ok("delete", id, "last", "--server", url))
	assert.Equal(t, exitUsage, w.run("tasks", id).code)

	archive, err := os.ReadFile(file)
	require.NoError(t, err)
	c, err := client.New(client.Config{URL: url})
	require.NoError(t, err)
	for _, isNew := range []bool{true, false} {
		done, err := c.Import(t.Context(), "archive", bytes.NewReader(archive))
		require.NoError(t, err)
		assert.Equal(t, id, string(done.Files[0].Run.Run))
		assert.Equal(t, isNew, done.Files[0].Outcome == "imported")
	}
	assert.Contains(t, w.ok("tasks", id), "ok")
	s.ends()
}

// TestRemoteEvents: a client yields the events of a run while it is live and to its end, the same as the store has.
func TestRemoteEvents(t *testing.T) {
	w := newWorld(t)
	s := w.serve()
	url := strings.TrimPrefix(strings.TrimSpace(s.first), "dagscope: ")
	ended := w.begin("wait", "--set", "time=1h")
	c, err := client.New(client.Config{URL: url})
	require.NoError(t, err)
	runs, err := c.Runs(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, runs.Runs, 1)
	id := runs.Runs[0].Run

	var live []record.Event
	for e, err := range c.Events(t.Context(), id, 0) {
		require.NoError(t, err)
		live = append(live, e)
		if e.Kind == record.RunStartedEvent { // the run is live, and more comes only because it is cancelled
			_, err := c.Cancel(t.Context(), id)
			require.NoError(t, err)
		}
	}
	<-ended
	require.Equal(t, record.RunFinishedEvent, live[len(live)-1].Kind)
	for i, e := range live {
		require.Equal(t, uint64(i+1), e.Seq)
	}

	var again []record.Event
	for e, err := range c.Events(t.Context(), id, 0) {
		require.NoError(t, err)
		again = append(again, e)
	}
	require.Equal(t, live, again)
	for e := range c.Events(t.Context(), id, live[len(live)-2].Seq) {
		require.Equal(t, live[len(live)-1], e)
	}
	for _, err := range c.Events(t.Context(), "unknown", 0) {
		var refused *api.Problem
		require.ErrorAs(t, err, &refused)
		require.Equal(t, http.StatusNotFound, refused.Status)
	}
	s.ends()
}

// TestRemoteLive: a run of a service that has not ended is not taken for one that was interrupted.
func TestRemoteLive(t *testing.T) {
	w := newWorld(t)
	s := w.serve()
	url := strings.TrimPrefix(strings.TrimSpace(s.first), "dagscope: ")
	ended := w.begin("wait", "--set", "time=1h")
	var found tasksJSON
	w.json(&found, "tasks", "last", "--server", url)
	assert.Zero(t, found.NotRun)
	assert.NotEqual(t, exitOK, w.run("delete", "last", "--server", url).code)

	followed := make(chan outcome, 1)
	go func() { followed <- w.run("logs", "last", "--follow", "--server", url) }()
	select {
	case o := <-followed:
		t.Fatalf("the run is active, but the command has ended: %+v", o)
	case <-time.After(300 * time.Millisecond): // a service answers in real time
	}
	require.Eventually(t, func() bool { return w.run("cancel", "last").code == exitOK }, time.Minute, 10*time.Millisecond)
	<-ended
	assert.Contains(t, (<-followed).stdout, "cancelled")
	s.ends()
}

func TestRemoteMistakes(t *testing.T) {
	w := newWorld(t)
	for _, args := range []string{
		"tasks r --token-file f", "export r --server http://x/ --redis redis://x", "delete r --token-file f", "tag r --token-file f",
		"stats --server http://x/", "stats r --token-file f",
	} {
		assert.Equal(t, exitUsage, w.run(strings.Fields(args)...).code, args)
	}
}
