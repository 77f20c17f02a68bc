package web_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/web"
	"github.com/dagscope/dagscope/web/api"
)

func archiver(t *testing.T, w *world) *metricsstore.Archiver {
	t.Helper()
	a, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: w.store})
	require.NoError(t, err)
	return a
}

const html = "text/html,application/xhtml+xml"

func TestPages(t *testing.T) {
	w := newWorld(t)
	run := w.run()
	for _, path := range []string{"/", "/runs/" + string(run.Run), "/runs/not-there", "/insights", "/workers"} {
		out := w.ask(http.MethodGet, path, nil, "Accept", html)
		require.Equal(t, http.StatusOK, out.Code, path)
		assert.Equal(t, "text/html; charset=utf-8", out.Header().Get("Content-Type"))
		assert.Contains(t, out.Body.String(), `src="/assets/main-abcd1234.js"`)
		assert.Contains(t, out.Body.String(), `"api":"/api/v1"`)
		assert.NotContains(t, out.Body.String(), "<script>")
	}
	for _, path := range []string{"/nothing", "/runs/", "/runs/.x", "/runs/a b", "/runs/x/y", "/assets/nothing.js", "/.vite/manifest.json", "/assets/../.keep"} {
		out := w.ask(http.MethodGet, (&url.URL{Path: path}).EscapedPath(), nil, "Accept", html)
		assert.Contains(t, []int{404, 400}, out.Code, path)
		assert.Contains(t, out.Body.String(), out.Header().Get("X-Request-Id"), path)
		assert.Contains(t, out.Header().Get("Content-Type"), "text/html", path)
	}
	w.problem(w.ask(http.MethodGet, "/api/v1/nothing", nil, "Accept", html))
	w.problem(w.ask(http.MethodGet, "/nothing", nil))
	unknown := w.problem(w.ask("FOO", "/api/v1/nothing", nil))
	assert.Equal(t, http.StatusMethodNotAllowed, unknown.Status)
	assert.Equal(t, "the method is FOO, expected one of GET, HEAD, POST, PATCH, DELETE", unknown.Detail)
	docs := w.ask(http.MethodGet, "/api/docs", nil, "Accept", html)
	assert.Contains(t, docs.Body.String(), "http://127.0.0.1:8080/api/v1/runs")

	bare := newWorld(t, func(c *web.Config) { c.Dashboard = nil })
	out := bare.ask(http.MethodGet, "/", nil, "Accept", html)
	assert.Equal(t, http.StatusOK, out.Code)
	assert.Contains(t, out.Body.String(), "make static")
}

func TestBasePath(t *testing.T) {
	w := newWorld(t, func(c *web.Config) { c.BasePath, c.Token = "/x/y", token })
	bearer := []string{"Authorization", "Bearer " + token, "Accept", html}
	out := w.ask(http.MethodGet, "/x/y/", nil, bearer...)
	assert.Equal(t, http.StatusOK, out.Code)
	assert.Contains(t, out.Body.String(), `src="/x/y/assets/main-abcd1234.js"`)
	assert.Contains(t, out.Body.String(), `"base_path":"/x/y"`)
	assert.Equal(t, http.StatusOK, w.ask(http.MethodGet, "/x/y/assets/main-abcd1234.js", nil, bearer...).Code)
	assert.Equal(t, http.StatusNotFound, w.ask(http.MethodGet, "/assets/main-abcd1234.js", nil, bearer...).Code)
	assert.Equal(t, http.StatusNotFound, w.ask(http.MethodGet, "/", nil, bearer...).Code)
	assert.Equal(t, "/x/y/", w.ask(http.MethodGet, "/x/y", nil, bearer...).Header().Get("Location"))
	assert.Equal(t, http.StatusOK, w.ask(http.MethodGet, "/healthz", nil).Code)
	assert.Equal(t, http.StatusOK, w.ask(http.MethodGet, "/x/y/healthz", nil).Code)
	made := w.ask(http.MethodPost, "/x/y/api/v1/runs", strings.NewReader(`{"workflow":"chain"}`), append(bearer, "Content-Type", "application/json")...)
	require.Equal(t, http.StatusCreated, made.Code)
	assert.True(t, strings.HasPrefix(made.Header().Get("Location"), "/x/y/api/v1/runs/"))
	assert.Equal(t, http.StatusOK, w.ask(http.MethodGet, made.Header().Get("Location"), nil, bearer...).Code)
	var doc struct{ Servers []struct{ URL string } }
	require.NoError(t, json.Unmarshal(w.ask(http.MethodGet, "/x/y/api/openapi.json", nil, bearer...).Body.Bytes(), &doc))
	assert.Equal(t, "/x/y/api/v1", doc.Servers[0].URL)
	asked := w.ask(http.MethodGet, "/x/y/insights?a=b", nil, "Accept", html)
	assert.Equal(t, "/x/y/login?next=%2Fx%2Fy%2Finsights%3Fa%3Db", asked.Header().Get("Location"))
}

func TestLogin(t *testing.T) {
	w := newWorld(t, func(c *web.Config) { c.Token = token })
	out := w.ask(http.MethodGet, "/runs/abc?t=5", nil, "Accept", html)
	require.Equal(t, http.StatusSeeOther, out.Code)
	require.Equal(t, "/login?next=%2Fruns%2Fabc%3Ft%3D5", out.Header().Get("Location"))
	form := w.ask(http.MethodGet, out.Header().Get("Location"), nil, "Accept", html)
	assert.Equal(t, http.StatusOK, form.Code)
	assert.Contains(t, form.Body.String(), `value="/runs/abc?t=5"`)

	send := func(given, next, accept string) *httptest.ResponseRecorder {
		body := url.Values{"token": {given}, "next": {next}}.Encode()
		return w.ask(http.MethodPost, "/login", strings.NewReader(body), "Content-Type", "application/x-www-form-urlencoded", "Accept", accept)
	}
	wrong := send("guess", "/", html)
	assert.Equal(t, http.StatusUnauthorized, wrong.Code)
	assert.Empty(t, wrong.Result().Cookies())
	assert.Contains(t, wrong.Body.String(), "That is not the token")
	w.problem(send("guess", "/", "*/*"))

	right := send(token, "/runs/abc?t=5", html)
	assert.Equal(t, http.StatusSeeOther, right.Code)
	assert.Equal(t, "/runs/abc?t=5", right.Header().Get("Location"))
	c := right.Result().Cookies()[0]
	assert.True(t, c.HttpOnly)
	assert.Equal(t, http.SameSiteStrictMode, c.SameSite)
	assert.Equal(t, "/", c.Path)
	assert.NotContains(t, c.Value, token)
	assert.Equal(t, http.StatusOK, w.ask(http.MethodGet, "/api/v1/runs", nil, "Cookie", c.Name+"="+c.Value).Code)

	for _, next := range []string{"//evil.example", "https://evil.example", `/\evil.example`, "javascript:x", "", "/a/../b", "x", "/\t/evil"} {
		assert.Equal(t, "/", send(token, next, html).Header().Get("Location"), next)
	}
	assert.NotContains(t, w.log.String(), token)
}

func TestAssets(t *testing.T) {
	w := newWorld(t)
	out := w.ask(http.MethodGet, "/assets/main-abcd1234.js", nil)
	assert.Equal(t, "text/javascript; charset=utf-8", out.Header().Get("Content-Type"))
	assert.Contains(t, out.Header().Get("Cache-Control"), "immutable")
	tag := out.Header().Get("ETag")
	assert.Equal(t, http.StatusNotModified, w.ask(http.MethodGet, "/assets/main-abcd1234.js", nil, "If-None-Match", tag).Code)
	plain := w.ask(http.MethodGet, "/assets/plain.svg", nil)
	assert.NotContains(t, plain.Header().Get("Cache-Control"), "immutable", "a name without a hash")
	assert.Equal(t, "image/svg+xml", plain.Header().Get("Content-Type"))

	packed := w.ask(http.MethodGet, "/assets/main-abcd1234.js", nil, "Accept-Encoding", "gzip")
	require.Equal(t, "gzip", packed.Header().Get("Content-Encoding"))
	assert.NotEqual(t, tag, packed.Header().Get("ETag"), "another form has another tag")
	z, err := gzip.NewReader(packed.Body)
	require.NoError(t, err)
	body, err := io.ReadAll(z)
	require.NoError(t, err)
	assert.Equal(t, out.Body.String(), string(body))
	again := w.ask(http.MethodGet, "/assets/main-abcd1234.js", nil, "If-None-Match", packed.Header().Get("ETag"), "Accept-Encoding", "gzip")
	assert.Equal(t, http.StatusNotModified, again.Code)
}

// TestChunks: a page links what it needs first, below the base path, and all of it is served.
func TestChunks(t *testing.T) {
	w := newWorld(t, func(c *web.Config) { c.BasePath = "/x" })
	linked := func(path string) string { return w.ask(http.MethodGet, path, nil, "Accept", "text/html").Body.String() }
	page := linked("/x/runs/any")
	assert.Contains(t, page, `<link rel="stylesheet" href="/x/assets/run-abcd1234.css">`)
	assert.Contains(t, page, `<link rel="modulepreload" href="/x/assets/run-abcd1234.js">`)
	assert.Less(t, strings.Index(page, "main-abcd1234.css"), strings.Index(page, "run-abcd1234.css"), "a page's styles win")
	assert.NotContains(t, linked("/x/"), "run-abcd1234", "the list needs none of it")
	for _, path := range []string{"/x/assets/run-abcd1234.js", "/x/assets/run-abcd1234.css"} {
		out := w.ask(http.MethodGet, path, nil)
		assert.Equal(t, http.StatusOK, out.Code, path)
		assert.Contains(t, out.Header().Get("Cache-Control"), "immutable", path)
	}
	assert.Equal(t, http.StatusNotFound, w.ask(http.MethodGet, "/assets/run-abcd1234.js", nil).Code, "only below the base path")
}

func TestCompression(t *testing.T) {
	w := newWorld(t)
	run := w.run()
	path := "/api/v1/runs/" + string(run.Run) + "/tasks"
	out := w.ask(http.MethodGet, path, nil, "Accept-Encoding", "gzip")
	require.Equal(t, "gzip", out.Header().Get("Content-Encoding"))
	assert.Equal(t, http.StatusNotModified, w.ask(http.MethodGet, path, nil, "Accept-Encoding", "gzip", "If-None-Match", out.Header().Get("ETag")).Code)
}

func TestHealth(t *testing.T) {
	w := newWorld(t)
	out := w.ask(http.MethodGet, "/healthz", nil)
	assert.JSONEq(t, `{"status":"ok","service":"dagscope","version":"v1.2.3"}`, out.Body.String())
	assert.Equal(t, http.StatusOK, w.ask(http.MethodGet, "/readyz", nil).Code)
	w.store.fail(errors.New("secret cause"))
	out = w.ask(http.MethodGet, "/readyz", nil)
	assert.Equal(t, http.StatusServiceUnavailable, out.Code)
	w.problem(out)
	out = w.ask(http.MethodGet, "/api/v1/runs", nil)
	assert.Equal(t, http.StatusInternalServerError, out.Code)
	p := w.problem(out)
	assert.NotContains(t, out.Body.String(), "secret", "causes are logged, not sent")
	assert.Contains(t, w.log.String(), "secret cause")
	assert.Contains(t, w.log.String(), p.RequestID)
	w.store.fail(nil)
}

// TestGoneReaders: that a page was left while it loaded is no failure of the service.
func TestGoneReaders(t *testing.T) {
	w := newWorld(t)
	w.store.fail(context.Canceled) // as a store fails when its caller gives up
	ctx, leave := context.WithCancel(t.Context())
	leave()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:8080/api/v1/runs", nil)
	w.server.Handler().ServeHTTP(httptest.NewRecorder(), r)
	assert.NotContains(t, w.log.String(), "level=ERROR")
	assert.Contains(t, w.log.String(), "status=499")
}

// TestErrorPage: a page mentions the log only for requests that are in it.
func TestErrorPage(t *testing.T) {
	w := newWorld(t)
	page := w.ask(http.MethodGet, "/nowhere", nil, "Accept", "text/html").Body.String()
	assert.Contains(t, page, "404 Not Found")
	assert.Contains(t, page, "only with <code>--log-requests</code>")
}

func TestMetrics(t *testing.T) {
	extra := prometheus.NewCounter(prometheus.CounterOpts{Name: "extra_total", Help: "Of a collector from outside."})
	w := newWorld(t)
	require.NoError(t, w.server.Register(extra))
	require.ErrorContains(t, w.server.Register(extra), "duplicate")
	w.run()
	for _, path := range []string{"/api/v1/runs/aaa", "/api/v1/runs/bbb", "/no/such/place", "/no/such/place2"} {
		w.ask(http.MethodGet, path, nil)
	}
	w.ask("BREW", "/", nil)
	text := w.ask(http.MethodGet, "/metrics", nil).Body.String()
	for _, line := range []string{
		`dagscope_http_requests_total{class="4xx",method="GET",route="/api/v1/runs/{run}"} 2`,
		`dagscope_http_requests_total{class="4xx",method="GET",route="none"} 2`,
		`dagscope_http_requests_total{class="4xx",method="other",route=`,
		`dagscope_http_requests_total{class="2xx",method="POST",route="/api/v1/runs"} 1`,
		"dagscope_runs_active 0", "dagscope_live_clients 0", `dagscope_build_info{version="v1.2.3"} 1`, "extra_total 0",
	} {
		assert.Contains(t, text, line)
	}
	assert.NotContains(t, text, "aaa")
}

func TestPanic(t *testing.T) {
	w := newWorld(t, func(c *web.Config) {
		c.Workers = func(context.Context) ([]api.WorkerState, error) { panic("secret") }
	})
	out := w.ask(http.MethodGet, "/api/v1/workers", nil)
	assert.Equal(t, http.StatusInternalServerError, out.Code)
	w.problem(out)
	assert.NotContains(t, out.Body.String(), "secret")
	assert.Contains(t, w.log.String(), "panic=secret")
}

// TestRun serves on a real connection: a socket and a stream are closed because the server is going away.
func TestRun(t *testing.T) {
	w := newWorld(t)
	run := w.run()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.server.Run(ctx, listener) }()
	base := "http://" + listener.Addr().String()

	ws, answer, err := websocket.Dial(t.Context(), base+"/api/v1/live", nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, answer.StatusCode)
	kind, hello, err := ws.Read(t.Context())
	require.NoError(t, err)
	assert.Equal(t, websocket.MessageText, kind)
	assert.Contains(t, string(hello), `"hello"`)
	_, answer, err = websocket.Dial(t.Context(), base+"/api/v1/live", &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {"https://evil.example"}}})
	require.Error(t, err)
	assert.Equal(t, http.StatusForbidden, answer.StatusCode)

	ask, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/api/v1/runs/"+string(run.Run)+"/events", nil)
	require.NoError(t, err)
	ask.Header.Set("Accept", "text/event-stream")
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	stream, err := client.Do(ask)
	require.NoError(t, err)
	defer stream.Body.Close()
	assert.Equal(t, "text/event-stream", stream.Header.Get("Content-Type"))
	line, err := bufio.NewReader(stream.Body).ReadString('\n')
	require.NoError(t, err)
	assert.NotEmpty(t, strings.TrimSpace(line))

	cancel()
	for err == nil {
		_, _, err = ws.Read(t.Context())
	}
	assert.Equal(t, websocket.StatusGoingAway, websocket.CloseStatus(err), err)
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(20 * time.Second):
		require.Fail(t, "Run does not end")
	}
	_, err = net.Dial("tcp", listener.Addr().String())
	assert.Error(t, err)
}

// silentStore is a store over a network that is down: calls last as long as their contexts.
type silentStore struct{ metricsstore.Store }

func (silentStore) Run(ctx context.Context, _ record.RunID) (metricsstore.Run, error) {
	<-ctx.Done()
	return metricsstore.Run{}, ctx.Err()
}

// TestSharedStoreIsDown: a request does not wait longer than five seconds for a store over a network.
func TestSharedStoreIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *web.Config) { c.Shared, c.Store = true, silentStore{c.Store} })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began, out := time.Now(), httptest.NewRecorder()
		w.server.Handler().ServeHTTP(out, httptest.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/api/v1/runs/r", http.NoBody))
		assert.Equal(t, http.StatusServiceUnavailable, out.Code)
		assert.Equal(t, 5*time.Second, time.Since(began))
		assert.Contains(t, out.Body.String(), "the store does not answer")
	})
}
