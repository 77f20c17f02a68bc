package e2e

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestServe: what is submitted to the service runs there, is recorded, and can be asked for from a terminal meanwhile.
func TestServe(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	s := u.serve()
	run := s.submit(submission{Workflow: "tree-reduction", Params: map[string]string{"n": "64"}, Tags: []string{"first"}})
	assert.Equal(t, "tree-reduction", run.Workflow)
	got := s.ended(run.Run)
	assert.Equal(t, []any{"succeeded", 63, 63, "2016"}, []any{got.Status, got.Tasks.Total, got.Tasks.Done, got.ResultText})
	assert.Contains(t, u.ok("runs", "--tag", "first"), run.Run)

	file := chains(2, 3, 0.001).file(t)
	got = s.ended(s.submitFile(submission{Workflow: "wfformat", Params: map[string]string{"time_scale": "1"}}, "file", file).Run)
	assert.Equal(t, []any{"succeeded", 6}, []any{got.Status, got.Tasks.Done})

	failed := s.ended(s.submit(submission{Workflow: "flaky", Params: map[string]string{"fails": "9", "mode": "panic"}}).Run)
	assert.Equal(t, "failed", failed.Status)
	require.NotNil(t, failed.Error)
	assert.Equal(t, "panic", failed.Error.Kind)
	assert.Empty(t, s.ends().stdout[len("dagscope: "+s.url+"/\n"):], "nothing but the address on standard output")
	u.ok("check")
}

// TestServeCancels: runs are paused, resumed and cancelled by request, and those under way when the service is asked
// to end are recorded as cancelled.
func TestServeCancels(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	s := u.serve()
	long := submission{Workflow: "fixed-times", Params: map[string]string{"unit": "1h"}}
	first, second := s.submit(long), s.submit(long)
	s.until(first.Run, "tasks under way", func(got summary) bool { return got.Tasks.Running > 0 })
	s.post("/api/v1/runs/"+first.Run+"/pause", nil).is(http.StatusOK)
	s.until(first.Run, "the pause", func(got summary) bool { return got.Status == "paused" })
	s.post("/api/v1/runs/"+first.Run+"/resume", nil).is(http.StatusOK)
	s.until(first.Run, "the end of the pause", func(got summary) bool { return got.Status == "running" })
	s.post("/api/v1/runs/"+first.Run+"/cancel", nil).is(http.StatusOK)
	assert.Equal(t, "cancelled", s.ended(first.Run).Status)

	s.until(second.Run, "tasks under way", func(got summary) bool { return got.Tasks.Running > 0 })
	o := s.ends()
	assert.Contains(t, o.stderr, "active runs are cancelled and recorded")
	rows := u.runs()
	for _, run := range []string{first.Run, second.Run} {
		assert.Equal(t, "cancelled", rows[run].Status)
		assert.True(t, rows[run].Records.Complete)
	}
	assert.Nil(t, rows[first.Run].Error, "somebody asked for it")
	require.NotNil(t, rows[second.Run].Error)
	assert.Equal(t, "shutdown", rows[second.Run].Error.Kind)
	assert.NotContains(t, u.ok("export", second.Run, "--format", "ndjson"), `"run.paused"`, "it was not paused")
}

// TestServeIsKilled: what a killed service had recorded of a run is there when the next one starts, and the run is
// interrupted.
func TestServeIsKilled(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	s := u.serve()
	run := s.submitFile(submission{Workflow: "wfformat", Params: map[string]string{"time_scale": "1"}}, "file", chains(4, 200, 0.05).file(t)).Run
	s.until(run, "some ends", func(got summary) bool { return got.Tasks.Done > 40 })
	s.kill()
	assert.Equal(t, -1, s.wait().code)

	s = u.serve()
	got := s.until(run, "that it is interrupted", func(got summary) bool { return got.Status == "interrupted" })
	assert.False(t, got.Live || got.Local)
	assert.Greater(t, got.Tasks.Done, 20, "what ended in the last 50 ms may be lost")
	assert.Equal(t, 800, got.Tasks.Total)
	var attempts struct{ Total int }
	s.get("/api/v1/runs/"+run+"/tasks?outcome=ok", &attempts)
	assert.Equal(t, got.Tasks.Done, attempts.Total)
	s.ends()
}

// TestServeNextToServe: a second service on the same data shows the runs of the first and says that it shares them; one
// on the same port says which process has it.
func TestServeNextToServe(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	first := u.serve()
	run := first.submit(submission{Workflow: "fixed-times", Params: map[string]string{"unit": "1h"}}).Run

	second := u.serve()
	second.await(`another process owns the data`)
	got := second.until(run, "the run of the other", func(got summary) bool { return got.Status == "running" })
	assert.True(t, got.Live)
	assert.True(t, got.Local, "it asks the process that executes it")
	second.post("/api/v1/runs/"+run+"/cancel", nil).is(http.StatusOK)
	first.until(run, "cancelled through the other", func(got summary) bool { return got.Status == "cancelled" })

	o := u.run("serve", "--addr", strings.TrimPrefix(first.url, "http://"))
	assert.Equal(t, 2, o.code)
	assert.Regexp(t, `dagscope.* is already running at `+regexp.QuoteMeta(first.url)+"/", o.stderr)
	assert.Empty(t, o.stdout)
	second.ends()
	first.ends()
}

// TestServeArchives: a run leaves one service as a file and enters another, once.
func TestServeArchives(t *testing.T) {
	t.Parallel()
	first, second := newUser(t).serve(), newUser(t).serve()
	run := first.ended(first.submit(submission{Workflow: "tree-reduction", Params: map[string]string{"n": "32"}}).Run)
	archive := first.do(http.MethodGet, "/api/v1/runs/"+run.Run+"/archive", nil, nil).is(http.StatusOK)
	path := filepath.Join(t.TempDir(), "run.dagscope")
	require.NoError(t, os.WriteFile(path, []byte(archive.body), 0o600))
	for range 2 {
		got := second.upload(path)
		assert.Equal(t, []any{run.Run, run.Name, "succeeded", 31}, []any{got.Run, got.Name, got.Status, got.Tasks.Done})
	}
	assert.Equal(t, first.tableOf(run.Run), second.tableOf(run.Run))
	first.ends()
	second.ends()
}

// TestServePortOfAnother: what listens there already is not dagscope.
func TestServePortOfAnother(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	o := newUser(t).run("serve", "--addr", listener.Addr().String())
	assert.Equal(t, 2, o.code)
	assert.Contains(t, o.stderr, "another program already listens on "+listener.Addr().String())
}

// TestServeGuards: a request gets in neither by another name, from another site, or without the token where there is one.
func TestServeGuards(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	s := u.serve("--host", "dagscope.example.org", "--origin", "https://tool.example.org")
	get := func(name, value string) int {
		t.Helper()
		return s.do(http.MethodGet, "/api/v1/runs", nil, http.Header{name: {value}}).status
	}
	assert.Equal(t, 200, get("Host", "dagscope.example.org"))
	assert.Equal(t, 200, get("Host", "localhost:1234"))
	assert.Equal(t, 200, get("Origin", "https://tool.example.org"))
	assert.Equal(t, 200, get("Origin", s.url))
	assert.GreaterOrEqual(t, get("Host", "evil.example.org"), 400, "a name that was made to point here")
	assert.Equal(t, 403, get("Origin", "https://evil.example.org"))
	assert.Equal(t, 403, get("Origin", "null"))
	s.do(http.MethodGet, "/api/v1/live", nil, http.Header{
		"Origin": {"https://evil.example.org"}, "Connection": {"Upgrade"}, "Upgrade": {"websocket"},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
	}).is(http.StatusForbidden)

	page := s.do(http.MethodGet, "/", nil, nil).is(http.StatusOK)
	policy := page.header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} {
		assert.Contains(t, policy, part)
	}
	assert.NotContains(t, policy, "unsafe-eval")
	assert.Equal(t, "nosniff", page.header.Get("X-Content-Type-Options"))
	s.ends()
}

// TestServeToken: where there is a token, nothing but health is there without it.
func TestServeToken(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	token := "a-token-of-some-length"
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte(token+"\n"), 0o600))
	s := u.serve("--token-file", file)
	for _, path := range []string{"/api/v1/runs", "/api/v1/live", "/metrics", "/api/openapi.json"} {
		s.do(http.MethodGet, path, nil, nil).is(http.StatusUnauthorized)
		s.do(http.MethodGet, path, nil, http.Header{"Authorization": {"Bearer wrong"}}).is(http.StatusUnauthorized)
	}
	s.do(http.MethodGet, "/healthz", nil, nil).is(http.StatusOK)
	s.header.Set("Authorization", "Bearer "+token)
	s.do(http.MethodGet, "/api/v1/runs", nil, nil).is(http.StatusOK)
	s.ends()

	o := u.run("serve", "--addr", "0.0.0.0:0")
	assert.Equal(t, 2, o.code)
	assert.Contains(t, o.stderr, "--token-file")
}

// TestServeMistakes: what a request gets wrong is named with what was expected.
func TestServeMistakes(t *testing.T) {
	t.Parallel()
	s := newUser(t).serve("--base-path", "/scope/")
	require.True(t, strings.HasSuffix(s.url, "/scope"), s.url)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/api/v1/runs?statu=failed", "", 400, "status"},
		{"GET", "/api/v1/runs?limit=0", "", 0, "limit"},
		{"GET", "/api/v1/runs/nonsense", "", 404, "no such run"},
		{"GET", "/api/v1/runs/00000000000000000000", "", 404, "no such run"},
		{"GET", "/api/v1/nothing", "", 404, ""},
		{"POST", "/api/v1/runs", `{"workflow":"nothing"}`, 0, "nothing"},
		{"POST", "/api/v1/runs", `{"workflow":"chain","params":{"k":"x"}}`, 0, "k"},
		{"POST", "/api/v1/runs", `{"workflow":"chain","bogus":1}`, 0, "bogus"},
		{"POST", "/api/v1/runs", `{`, 400, ""},
	} {
		a := s.do(c.method, c.path, strings.NewReader(c.body), http.Header{"Content-Type": {"application/json"}})
		assert.True(t, a.status >= 400 && a.status < 500, "%s: %d %s", a.what, a.status, a.body)
		if c.status != 0 {
			assert.Equal(t, c.status, a.status, "%s: %s", a.what, a.body)
		}
		assert.Equal(t, "application/problem+json", a.header.Get("Content-Type"), a.what)
		var problem struct {
			Status    int
			RequestID string `json:"request_id"`
		}
		a.json(&problem)
		assert.Equal(t, a.status, problem.Status)
		assert.NotEmpty(t, problem.RequestID, a.what)
		assert.Contains(t, a.body, c.want, a.what)
	}
	s.ends()
}

// TestServeRetains: the service deletes what is not to be kept.
func TestServeRetains(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	for range 3 {
		u.ok("run", "chain", "--set", "k=2")
	}
	s := u.serve("--keep-runs", "1")
	s.await(`deleted runs beyond the limits`)
	assert.Len(t, u.runs(), 1)
	s.ends()
}

// TestServeDemo: every built-in workflow has a run that can be seen.
func TestServeDemo(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	pipelines := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(pipelines, "greet.yaml"), []byte("steps:\n  greet: {run: echo hello}\n"), 0o600))
	s := u.serve("--demo", "--workflows", pipelines)
	s.await(`The demo has ended; see its \d+ runs at ` + regexp.QuoteMeta(s.url) + "/")
	var list struct {
		Counts map[string]int
		Runs   []summary
	}
	s.get("/api/v1/runs?tag=demo&limit=1000", &list)
	assert.Greater(t, list.Counts["all"], 15)
	assert.Equal(t, 1, list.Counts["failed"])
	assert.Equal(t, 1, list.Counts["cancelled"])
	assert.True(t, slices.ContainsFunc(list.Runs, func(r summary) bool { return r.Workflow == "greet" && r.Status == "succeeded" }))
	assert.Less(t, time.Since(s.began), patience)
	s.ends()
}
