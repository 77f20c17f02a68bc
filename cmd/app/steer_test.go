package app

import (
	"net"
	"net/http"
	"net/http/httptest"
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

// begin runs a workflow in what others see as another process, and returns once the run is active.
func (w *world) begin(args ...string) (ended <-chan outcome) {
	w.t.Helper()
	began, done := make(chan struct{}), make(chan outcome, 1)
	other := *w
	other.started = func() { close(began) }
	go func() { done <- other.run(append([]string{"run"}, args...)...) }()
	select {
	case <-began:
	case o := <-done:
		w.t.Fatalf("it has ended: %s", o.stderr)
	}
	return done
}

// TestSteer: what another process executes on the same folder can be paused, resumed and cancelled.
func TestSteer(t *testing.T) {
	w := newWorld(t)
	ended := w.begin("wait")
	require.Eventually(t, func() bool { return strings.HasSuffix(w.run("pause", "last").stdout, " is paused\n") }, time.Minute, 10*time.Millisecond,
		"once it has a control server")
	require.Eventually(t, func() bool { return strings.Contains(w.ok("runs", "--status", "paused"), " paused ") }, time.Minute, 10*time.Millisecond,
		"once its pause is recorded")
	assert.Regexp(t, `^\w{20} continues\n$`, w.ok("resume", "last"))
	var got struct{ Runs []steeredJSON }
	w.json(&got, "cancel", "last")
	require.Len(t, got.Runs, 1)
	assert.Equal(t, record.Cancelled, got.Runs[0].Status)
	o := <-ended
	assert.Equal(t, exitInterrupted, o.code, o.stderr)
	for _, command := range []string{"cancel", "pause", "resume"} {
		o := w.run(command, "last")
		assert.Equal(t, exitFailed, o.code)
		assert.Contains(t, o.stderr, "has ended: it was cancelled")
	}
	left, err := os.ReadDir(filepath.Join(w.dir, controlFolder))
	require.NoError(t, err)
	assert.Empty(t, left, "a process that has ended leaves no file")
}

// TestSteerUnreachable: files of processes that are gone do not count, and a run that cannot be reached is distinguished from
// one that has ended.
func TestSteerUnreachable(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, controlFolder)
	require.NoError(t, os.Mkdir(folder, 0o700))
	for name, content := range map[string]string{"1-a.json": `{"address":"127.0.0.1:1","key":"k"}`, "2-b.json": "{", "3-c.txt": "x"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
	_, err := controlClient{dir}.ask(t.Context(), "r", api.PauseRun)
	require.ErrorIs(t, err, api.ErrUnreached)
	assert.NoFileExists(t, filepath.Join(folder, "1-a.json"))
	_, err = controlClient{t.TempDir()}.ask(t.Context(), "r", api.PauseRun)
	require.ErrorIs(t, err, api.ErrUnreached, "no folder of control files")
}

// TestFilesOfTheKilled: a process that starts to execute runs removes the files of killed ones, and nothing else.
func TestFilesOfTheKilled(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, controlFolder)
	require.NoError(t, os.Mkdir(folder, 0o700))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	before := time.Now().Add(-time.Hour)
	for name, content := range map[string]string{
		"1-gone.json": `{"address":"127.0.0.1:1","key":"k"}`, "2-lives.json": `{"address":"` + listener.Addr().String() + `","key":"k"}`,
		"3-cut.json": "{", "4-half.json.new": `{"addr`, "5-other.txt": "x",
	} {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		require.NoError(t, os.Chtimes(path, before, before))
	}
	require.NoError(t, os.WriteFile(filepath.Join(folder, "6-now.json.new"), nil, 0o600))
	controlClient{dir}.clear(t.Context())
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	var left []string
	for _, f := range files {
		left = append(left, f.Name())
	}
	assert.Equal(t, []string{"2-lives.json", "5-other.txt", "6-now.json.new"}, left)
	controlClient{filepath.Join(dir, "none")}.clear(t.Context())
}

// TestControlServerNeedsItsKey: other users of the machine, who cannot read the data folder, control nothing.
func TestControlServerNeedsItsKey(t *testing.T) {
	server := &controlServer{key: "secret"}
	for _, authorization := range []string{"", "secret", "Bearer ", "Bearer other", "Bearer secret2"} {
		r := httptest.NewRequest(http.MethodPost, "/r/cancel", http.NoBody)
		r.Header.Set("Authorization", authorization)
		out := httptest.NewRecorder()
		server.serve(out, r)
		assert.Equal(t, http.StatusUnauthorized, out.Code, authorization)
	}
}

// TestSteerService: a service is asked over REST, with its token.
func TestSteerService(t *testing.T) {
	w := newWorld(t)
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("a-token-of-some-length\n"), 0o600))
	s := w.serve("--token-file", token)
	at := []string{"--server", strings.TrimPrefix(strings.TrimSpace(s.first), "dagscope: "), "--token-file", token}
	c, err := client.New(client.Config{URL: at[1], Token: "a-token-of-some-length"})
	require.NoError(t, err)
	run, err := c.Submit(t.Context(), api.Submission{Workflow: "wait"})
	require.NoError(t, err)
	id := string(run.Run)
	call := func(args ...string) string { t.Helper(); return w.ok(append(args, at...)...) }

	assert.Equal(t, id+" is paused\n", call("pause", "last"))
	assert.Equal(t, id+" continues\n", call("resume", id[10:]))
	assert.Equal(t, id+" is cancelled\n", call("cancel", id))
	assert.Equal(t, exitFailed, w.run(append([]string{"cancel", id}, at...)...).code)
	assert.Contains(t, call("retry", id), " repeats "+id+"\n")
	assert.Contains(t, call("cancel", "last"), " is cancelled\n")

	failed, err := c.Submit(t.Context(), api.Submission{Workflow: "trip"})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		now, err := c.Run(t.Context(), failed.Run)
		return err == nil && !now.Live
	}, time.Minute, 10*time.Millisecond)
	assert.Contains(t, call("logs", "last"), "on purpose")
	o := w.run("pause", "last", "--server", at[1])
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, "--token-file: expected a file with the token of the service")
	s.ends()
}

// TestSteerThroughService: a service steers what another process executes on its folder, as its pages ask for.
func TestSteerThroughService(t *testing.T) {
	w := newWorld(t)
	s := w.serve()
	ended := w.begin("wait")
	c, err := client.New(client.Config{URL: strings.TrimPrefix(strings.TrimSpace(s.first), "dagscope: ")})
	require.NoError(t, err)
	runs, err := c.Runs(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, runs.Runs, 1)
	id := runs.Runs[0].Run
	assert.True(t, runs.Runs[0].Local, "so that a page has the buttons")

	now, err := c.Pause(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, record.Paused, now.Status)
	now, err = c.Resume(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, record.Running, now.Status)
	now, err = c.Cancel(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, record.Cancelled, now.Status)
	assert.Equal(t, exitInterrupted, (<-ended).code)
	s.ends()
}

func TestSteerMistakes(t *testing.T) {
	w := newWorld(t)
	w.record("sum")
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"cancel nothing", exitUsage, `there is no run "nothing"`},
		{"cancel", exitUsage, `expected "<run> ..."`},
		{"pause last --token-file x", exitUsage, "--token-file is given without --server, expected both"},
		{"pause last --server here", exitUsage, `--server is "here", expected the address of a service such as http://127.0.0.1:8080/`},
		{"resume last --server http://127.0.0.1:1/", exitUnreachable, "--server: expected a service: no dagscope service answers at http://127.0.0.1:1/"},
		{"retry last --server http://127.0.0.1:1/ --redis redis://127.0.0.1:1", exitUsage, "--server and --redis are both given, expected one of them"},
		{"logs last --limit=-1", exitUsage, "--limit is -1, expected 0 or more"},
		{"logs last plus[99]", exitUsage, `has no task "plus[99]" of which an attempt has ended`},
	} {
		o := w.run(strings.Fields(c.args)...)
		assert.Equal(t, c.code, o.code, "%s: %s", c.args, o.stderr)
		assert.Contains(t, o.stderr, c.want, c.args)
	}
}

func TestRetry(t *testing.T) {
	w := newWorld(t)
	w.record("sum", "--set", "n=20", "--tag", "keep", "--tag", "x")
	var again runReport
	w.json(&again, "retry", "last")
	assert.Equal(t, "210", string(again.Result))
	assert.Equal(t, map[string]string{"n": "20"}, again.Params)
	assert.Equal(t, []string{"x"}, again.Tags)
	file := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(file, []byte("abc"), 0o600))
	w.record("length", "--set", "input="+file)
	o := w.run("retry", "last")
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, `the run was given the file "f" for input, which is not kept`)
	pipeline := filepath.Join(t.TempDir(), "greet.yaml")
	require.NoError(t, os.WriteFile(pipeline, []byte("name: greet\nparams: {who: you}\nsteps: {say: {run: 'echo hello ${{ params.who }}'}}\n"), 0o600))
	w.record(pipeline, "--set", "who=me")
	o = w.run("retry", "last")
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, `there is no workflow "greet" here: it was in the file greet.yaml; repeat it by the command run with that file --set who=me`)
}

func TestLogs(t *testing.T) {
	w := newWorld(t)
	w.record("trip", "--set", "mode=panic", "--policy", "continue")
	text := w.ok("logs", "last")
	assert.Contains(t, text, "trip, attempt 1: retrying after ")
	assert.Contains(t, text, "trip, attempt 2: failed after ")
	assert.Contains(t, text, "  stack\n    goroutine ")
	var got logsJSON
	w.json(&got, "logs", "last", "trip", "--limit", "1")
	require.Len(t, got.Attempts, 1)
	assert.Equal(t, 1, got.More)
	assert.Equal(t, record.PanicError, got.Attempts[0].Error.Kind)
	w.record("sum")
	assert.Contains(t, w.ok("logs", "last"), "nothing was logged and nothing failed.")
	assert.Contains(t, w.ok("logs", "last", "plus[0]"), "nothing was logged and nothing failed.")
}

func TestResult(t *testing.T) {
	w := newWorld(t)
	w.record("sum")
	assert.Equal(t, "55\n", w.ok("result", "last"))
	var got resultJSON
	w.json(&got, "result", "last")
	assert.Equal(t, "55", string(got.Result))
	assert.Equal(t, "int", got.ResultType)
	w.record("trip")
	o := w.run("result", "last")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "has no result: it is failed")
}
