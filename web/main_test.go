package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/engine"
	statememory "github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
	"github.com/dagscope/dagscope/web"
	"github.com/dagscope/dagscope/web/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "a token of some length"

var one = engine.Func1("one", func(_ context.Context, v int) (int, error) { return v + 1, nil })

// chain is a workflow of n tasks.
func chain() *engine.Workflow {
	return &engine.Workflow{
		Name: "chain", Description: "Counts to n.",
		Params:    []engine.Param{{Name: "n", Kind: engine.IntParam, Help: "how far", Default: "3", Min: 1, Max: 5000}},
		Functions: engine.Functions(one),
		Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
			v := one.Call(engine.Const(g, 0))
			for range args.Int("n") - 1 {
				v = one.Call(v)
			}
			return v, nil
		},
	}
}

// dashboard is what a build leaves.
func dashboard() fstest.MapFS {
	return fstest.MapFS{
		".keep": {},
		".vite/manifest.json": {Data: []byte(`{"src/main.ts":{"file":"assets/main-abcd1234.js","css":["assets/main-abcd1234.css"],"isEntry":true},
			"src/view/pages/RunPage.svelte":{"file":"assets/run-abcd1234.js","css":["assets/run-abcd1234.css"],"imports":["src/main.ts"]}}`)},
		"assets/run-abcd1234.js":   {Data: []byte("console.log(2);")},
		"assets/run-abcd1234.css":  {Data: []byte("main{}")},
		"assets/main-abcd1234.js":  {Data: []byte(strings.Repeat("console.log(1);\n", 200))},
		"assets/main-abcd1234.css": {Data: []byte("body{}")},
		"assets/plain.svg":         {Data: []byte("<svg/>")},
	}
}

// world is a server with an engine that works and a store in memory.
type world struct {
	t      testing.TB
	server *web.Server
	engine *engine.Engine
	store  *brokenStore
	log    *lines
}

// brokenStore is a store that can be made to fail.
type brokenStore struct {
	metricsstore.Store
	mu  sync.Mutex
	err error
}

func (b *brokenStore) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func (b *brokenStore) Runs(ctx context.Context, after metricsstore.Position, limit int) ([]metricsstore.Run, error) {
	b.mu.Lock()
	err := b.err
	b.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return b.Store.Runs(ctx, after, limit)
}

// lines is a log that tests read.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newWorld(t testing.TB, change ...func(*web.Config)) *world {
	t.Helper()
	w := &world{t: t, store: &brokenStore{Store: memory.New()}, log: &lines{}}
	recorder, err := metricsstore.NewRecorder(metricsstore.Config{Store: w.store, FlushAfter: time.Millisecond})
	require.NoError(t, err)
	pool, err := worker.New(worker.Config{State: statememory.New(), Width: 2, SoftStop: time.Millisecond})
	require.NoError(t, err)
	w.engine, err = engine.New(engine.Config{Executor: pool, Workflows: []*engine.Workflow{chain()}, Recorder: recorder, Remember: time.Hour})
	require.NoError(t, err)
	for _, run := range []func(context.Context) error{recorder.Run, w.engine.Run} {
		ctx, cancel := context.WithCancel(context.Background())
		var part sync.WaitGroup
		part.Go(func() { _ = run(ctx) })
		t.Cleanup(func() { cancel(); part.Wait() })
	}
	archiver, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: w.store})
	require.NoError(t, err)
	cfg := web.Config{
		Config:    api.Config{Engine: w.engine, Store: w.store, Archiver: archiver, Log: slog.New(slog.NewTextHandler(w.log, nil))},
		Dashboard: dashboard(), Version: "v1.2.3",
		Traces: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }),
		Feeds: map[string]http.Handler{
			"nextflow": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }),
		},
	}
	for _, c := range change {
		c(&cfg)
	}
	w.server, err = web.New(cfg)
	require.NoError(t, err)
	return w
}

// ask makes a request; headers are pairs of name and value, Host among them.
func (w *world) ask(method, path string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest(method, path, body)
	r.Host = "127.0.0.1:8080"
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	out := httptest.NewRecorder()
	w.server.Handler().ServeHTTP(out, r)
	return out
}

// problem checks that an answer is a problem with all its parts.
func (w *world) problem(out *httptest.ResponseRecorder) api.Problem {
	w.t.Helper()
	var p api.Problem
	require.Equal(w.t, "application/problem+json", out.Header().Get("Content-Type"), out.Body.String())
	require.NoError(w.t, json.Unmarshal(out.Body.Bytes(), &p))
	require.Equal(w.t, out.Code, p.Status)
	require.NotEmpty(w.t, p.Detail)
	require.Equal(w.t, out.Header().Get("X-Request-Id"), p.RequestID)
	require.NotEmpty(w.t, p.RequestID)
	return p
}

// run makes a run and waits for its record.
func (w *world) run(headers ...string) api.RunSummary {
	w.t.Helper()
	out := w.ask(http.MethodPost, "/api/v1/runs", strings.NewReader(`{"workflow":"chain"}`), append([]string{"Content-Type", "application/json"}, headers...)...)
	require.Equal(w.t, http.StatusCreated, out.Code, out.Body.String())
	var s api.RunSummary
	require.NoError(w.t, json.Unmarshal(out.Body.Bytes(), &s))
	r, err := w.engine.Get(s.Run)
	require.NoError(w.t, err)
	require.NoError(w.t, r.WaitRecorded(w.t.Context()))
	return s
}
