package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serving is the service under way in this process.
type serving struct {
	t     *testing.T
	first string // the first line on standard output
	end   context.CancelCauseFunc
	over  chan outcome
}

// serve starts the service and waits for the first line that it prints.
func (w *world) serve(args ...string) *serving {
	w.t.Helper()
	ctx, cancel := context.WithCancelCause(w.t.Context())
	read, write := io.Pipe()
	var stderr bytes.Buffer
	p := &program{name: "dagscope", workflows: w.workflows, stdin: strings.NewReader(""), stdout: write, stderr: &stderr}
	s := &serving{t: w.t, end: cancel, over: make(chan outcome, 1)}
	go func() {
		code := p.run(ctx, append([]string{"--data", w.dir, "serve", "--addr", "127.0.0.1:0"}, args...))
		_ = write.Close()
		s.over <- outcome{code: code, stderr: stderr.String()}
	}()
	lines := bufio.NewReader(read)
	var err error
	s.first, err = lines.ReadString('\n')
	require.NoError(w.t, err)
	go func() { _, _ = io.Copy(io.Discard, lines) }() // until the program ends
	return s
}

// ends stops it, as a signal does.
func (s *serving) ends() outcome {
	s.t.Helper()
	s.end(interrupted{15})
	return <-s.over
}

// health asks the service at an address how it is.
func health(t *testing.T, url string) (version string, ok bool) {
	t.Helper()
	return askHealth(t.Context(), strings.TrimSuffix(url, "/"))
}

func TestServe(t *testing.T) {
	w := newWorld(t)
	s := w.serve()
	url, ok := strings.CutPrefix(strings.TrimSpace(s.first), "dagscope: ")
	require.True(t, ok, s.first)
	require.Regexp(t, `^http://127\.0\.0\.1:[1-9]\d*/$`, url)
	_, ok = health(t, url)
	assert.True(t, ok)

	o := w.run("serve", "--addr", strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/"))
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, "is already running at "+url)

	o = s.ends()
	assert.Equal(t, exitOK, o.code, o.stderr)
	assert.Contains(t, o.stderr, "level=INFO msg=serving address=127.0.0.1:")
	assert.Contains(t, o.stderr, "stopping")
	_, ok = health(t, url)
	assert.False(t, ok, "nothing listens any more")
}

func TestServeForMachines(t *testing.T) {
	w := newWorld(t)
	s := w.serve("--json", "--log-format", "json", "--base-path", "/x/")
	var first struct{ URL, Data string }
	require.NoError(t, json.Unmarshal([]byte(s.first), &first))
	assert.Regexp(t, `^http://127\.0\.0\.1:\d+/x/$`, first.URL)
	assert.Equal(t, w.dir, first.Data)
	_, ok := health(t, first.URL)
	require.True(t, ok)
	for line := range strings.Lines(s.ends().stderr) {
		assert.True(t, json.Valid([]byte(line)), line)
		assert.NotContains(t, line, "/healthz")
	}
}

func TestServeLogsRequests(t *testing.T) {
	for _, args := range [][]string{nil, {"--log-requests"}} {
		w := newWorld(t)
		s := w.serve(args...)
		url := strings.TrimPrefix(strings.TrimSpace(s.first), "dagscope: ")
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		response, err := client.Get(url + "api/v1/runs")
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, len(args) > 0, strings.Contains(s.ends().stderr, "path=/api/v1/runs"))
	}
}

// TestServeDemo: the demo executes all workflows, and one that cannot be executed does not end the service.
func TestServeDemo(t *testing.T) {
	w := newWorld(t)
	w.workflows = testWorkflows()[3:5] // length and many
	s := w.serve("--demo")
	var runs struct{ Runs []runJSON }
	require.Eventually(t, func() bool {
		w.json(&runs, "runs", "--tag", "demo", "--status", "succeeded")
		return len(runs.Runs) == 1
	}, time.Minute, 10*time.Millisecond)
	assert.Equal(t, "many", runs.Runs[0].Workflow)
	o := s.ends()
	assert.Equal(t, exitOK, o.code)
	assert.Contains(t, o.stderr, "length is skipped: it needs a file\n")
}

// TestServeMistakes: what cannot be served is refused before anything is opened.
func TestServeMistakes(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--workers=-1"}, "--workers is -1, expected at least 1"},
		{[]string{"--keep-runs=-1"}, "--keep-runs is -1, expected 1 or more"},
		{[]string{"--keep-runs=0"}, "--keep-runs is 0, expected 1 or more; without it any number of runs is kept"},
		{[]string{"--keep-for=0s"}, "--keep-for is 0s, expected more than 0s"},
		{[]string{"--keep-size", "much"}, `"much" is not a size`},
		{[]string{"--base-path", "x"}, `--base-path is "x", expected a path such as /dagscope`},
		{[]string{"--base-path", "/a//b"}, `--base-path is "/a//b"`},
		{[]string{"--base-path", `/"><script>`}, "expected a path"},
		{[]string{"--host", "http://x"}, `--host is "http://x", expected a name such as`},
		{[]string{"--origin", "example.org"}, `--origin is "example.org", expected scheme and host alone`},
		{[]string{"--origin", "https://example.org/a"}, "expected scheme and host alone"},
		{[]string{"--log-format", "xml"}, "--log-format"},
		{[]string{"--token-file", filepath.Join(dir, "none")}, "--token-file: expected a file that can be read"},
		{[]string{"--token-file", file("short", "secret")}, "expected one word of at least 16 characters"},
		{[]string{"--token-file", file("two", "two words of some length")}, "expected one word"},
		{[]string{"--addr", "0.0.0.0:0"}, "--token-file"},
		{[]string{"--addr", ":0"}, "--token-file"},
		{[]string{"--addr", "127.0.0.1:nothing"}, "--addr 127.0.0.1:nothing"},
		{[]string{"--addr", "127.0.0.1"}, "--addr 127.0.0.1"},
		{[]string{"--addr", listener.Addr().String()}, "another program already listens on " + listener.Addr().String()},
	} {
		o := w.run(append([]string{"serve"}, c.args...)...)
		assert.Equal(t, exitUsage, o.code, "%v: %s", c.args, o.stderr)
		assert.Contains(t, o.stderr, c.want, "%v", c.args)
		assert.Empty(t, o.stdout, "%v", c.args)
	}
	assert.NoDirExists(t, w.dir)
}

func TestReachable(t *testing.T) {
	for address, want := range map[string]string{
		":8080": "127.0.0.1:8080", "0.0.0.0:1": "127.0.0.1:1", "[::]:1": "127.0.0.1:1", "[::1]:1": "[::1]:1", "10.0.0.1:1": "10.0.0.1:1",
	} {
		assert.Equal(t, want, reachable(address))
	}
}

// TestAskHealth: a server that answers something else is not mistaken for dagscope.
func TestAskHealth(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	answers := make(chan string, 3)
	server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, <-answers) })}
	go func() { _ = server.Serve(listener) }()
	defer func() { _ = server.Close() }()
	base := "http://" + listener.Addr().String()
	answers <- `{"service":"dagscope","version":"v1\u001b[31m"}`
	version, ok := health(t, base)
	assert.True(t, ok)
	assert.Equal(t, " v1 [31m", version, "nothing that a terminal obeys")
	for _, other := range []string{"<html>", `{"service":"other"}`} {
		answers <- other
		_, ok = health(t, base)
		assert.False(t, ok)
	}
}
