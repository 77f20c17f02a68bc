package code_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/engine"
	enginecode "github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/python"
	"github.com/dagscope/dagscope/web/code"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "a key of the data folder"

// world is a handler with an engine.
type world struct {
	*testing.T
	cfg     code.Config
	handler *code.Handler
}

func newWorld(t *testing.T, change func(*code.Config)) *world {
	t.Helper()
	runner, err := enginecode.New(enginecode.Config{Dir: t.TempDir(), Environments: t.TempDir(), Package: python.FS()})
	require.NoError(t, err)
	pool, err := worker.New(worker.Config{State: memory.New(), Width: 1})
	require.NoError(t, err)
	e, err := engine.New(engine.Config{Executor: pool})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	w := &world{T: t, cfg: code.Config{Engine: e, Runner: runner, Dir: t.TempDir(), Keys: []string{"another", key}, Base: "/base"}}
	if change != nil {
		change(&w.cfg)
	}
	w.handler = code.New(w.cfg)
	return w
}

// ask sends a request with the key and further headers, in pairs.
func (w *world) ask(method, path string, body []byte, headers ...string) *httptest.ResponseRecorder {
	w.Helper()
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer := httptest.NewRecorder()
	w.handler.ServeHTTP(answer, r)
	return answer
}

// refused checks that a request is refused with a status and a text.
func (w *world) refused(answer *httptest.ResponseRecorder, status int, text string) {
	w.Helper()
	require.Equal(w, status, answer.Code, answer.Body)
	assert.Contains(w, answer.Body.String(), text)
}

// description is of a graph that returns the values, without a call.
func description(t *testing.T, archive string, values ...string) []byte {
	t.Helper()
	nodes := [][]any{}
	parts := []int{}
	for i, v := range values {
		encoded, err := cbor.Marshal(v)
		require.NoError(t, err)
		nodes = append(nodes, []any{0, 0, append([]byte{1}, encoded...), []int{}})
		parts = append(parts, i)
	}
	if len(values) > 1 {
		nodes = append(nodes, []any{2, 0, nil, parts})
	}
	data, err := cbor.Marshal(map[string]any{
		"version": 1, "name": "a graph", "archive": archive, "functions": []any{}, "nodes": nodes, "result": len(nodes) - 1,
	})
	require.NoError(t, err)
	return data
}

func archive(t *testing.T, files ...*zip.FileHeader) (hash string, data []byte) {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range files {
		w, err := z.CreateHeader(f)
		require.NoError(t, err)
		_, err = io.WriteString(w, "content")
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	sum := sha256.Sum256(out.Bytes())
	return hex.EncodeToString(sum[:]), out.Bytes()
}

func TestRights(t *testing.T) {
	w := newWorld(t, nil)
	for _, route := range []string{"HEAD /bundles/x", "PUT /bundles/x", "POST /runs", "GET /runs/x", "GET /runs/x/result"} {
		method, path, _ := strings.Cut(route, " ")
		for _, header := range []string{"", "Bearer", "Bearer wrong", "Basic " + key, key} {
			answer := w.ask(method, path, nil, "Authorization", header)
			require.Equal(t, http.StatusForbidden, answer.Code, "%s with %q", route, header)
			if method != http.MethodHead {
				require.Contains(t, answer.Body.String(), "no right to submit code")
			}
		}
		require.NotEqual(t, http.StatusForbidden, w.ask(method, path, nil).Code, route)
		require.NotEqual(t, http.StatusForbidden, w.ask(method, path, nil, "Authorization", "bearer another").Code, route)
		// A page of this very site, with the key, is a page all the same.
		require.Equal(t, http.StatusForbidden, w.ask(method, path, nil, "Origin", "http://127.0.0.1").Code, route)
		require.Equal(t, http.StatusForbidden, w.ask(method, path, nil, "Sec-Fetch-Site", "same-origin").Code, route)
	}
	none := newWorld(t, func(c *code.Config) { c.Runner = nil })
	none.refused(none.ask("POST", "/runs", nil), http.StatusForbidden, "this service accepts no code")
	keyless := newWorld(t, func(c *code.Config) { c.Keys = nil })
	keyless.refused(keyless.ask("POST", "/runs", nil, "Authorization", "Bearer "), http.StatusForbidden, "no right")
}

func TestArchives(t *testing.T) {
	w := newWorld(t, nil)
	hash, data := archive(t, &zip.FileHeader{Name: "m.py"}, &zip.FileHeader{Name: "sub/n.py"})
	require.Equal(t, http.StatusNotFound, w.ask("HEAD", "/bundles/"+hash, nil).Code)
	w.refused(w.ask("POST", "/runs", description(t, hash, "x")), http.StatusNotFound, "there is no archive")
	require.Equal(t, http.StatusNoContent, w.ask("PUT", "/bundles/"+hash, data).Code)
	require.Equal(t, http.StatusOK, w.ask("HEAD", "/bundles/"+hash, nil).Code)
	require.Equal(t, http.StatusCreated, w.ask("POST", "/runs", description(t, hash, "x")).Code)

	link := &zip.FileHeader{Name: "link"}
	link.SetMode(os.ModeSymlink | 0o777)
	for name, c := range map[string]struct {
		files []*zip.FileHeader
		want  string
	}{
		"link":   {[]*zip.FileHeader{link}, "expected a regular file"},
		"parent": {[]*zip.FileHeader{{Name: "../m.py"}}, "expected one below the folder"},
		"root":   {[]*zip.FileHeader{{Name: "/etc/m.py"}}, "expected one below the folder"},
		"twice":  {[]*zip.FileHeader{{Name: "m.py"}, {Name: "m.py"}}, "m.py comes twice"},
	} {
		hash, data := archive(t, c.files...)
		answer := w.ask("PUT", "/bundles/"+hash, data)
		w.refused(answer, http.StatusUnprocessableEntity, c.want)
		require.Equal(t, http.StatusNotFound, w.ask("HEAD", "/bundles/"+hash, nil).Code, name)
	}
	w.refused(w.ask("PUT", "/bundles/"+hash, []byte("other")), http.StatusUnprocessableEntity, "expected that in the path")
	sum := sha256.Sum256([]byte("other"))
	w.refused(w.ask("PUT", "/bundles/"+hex.EncodeToString(sum[:]), []byte("other")), http.StatusUnprocessableEntity, "expected a zip archive")
	w.refused(w.ask("PUT", "/bundles/"+strings.ToUpper(hash), data), http.StatusUnprocessableEntity, "expected its SHA-256")
	left, err := os.ReadDir(w.cfg.Dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "drafts are removed")
}

// TestArchivesLeave: those that were not used for longest leave for newer ones; to ask for one is to use it.
func TestArchivesLeave(t *testing.T) {
	names := []string{"a.py", "b.py", "c.py", "d.py"}
	hashes, archives := make([]string, len(names)), make([][]byte, len(names))
	for i, name := range names {
		hashes[i], archives[i] = archive(t, &zip.FileHeader{Name: name})
	}
	w := newWorld(t, func(c *code.Config) { c.ArchiveBytes = int64(3 * len(archives[0])) })
	put := func(i int) {
		require.Equal(t, http.StatusNoContent, w.ask("PUT", "/bundles/"+hashes[i], archives[i]).Code)
	}
	for i := range 3 {
		put(i)
		old := time.Now().Add(time.Duration(i-10) * time.Hour)
		require.NoError(t, os.Chtimes(filepath.Join(w.cfg.Dir, hashes[i]+".zip"), old, old))
	}
	require.Equal(t, http.StatusOK, w.ask("HEAD", "/bundles/"+hashes[0], nil).Code)
	require.Equal(t, http.StatusCreated, w.ask("POST", "/runs", description(t, hashes[1], "x")).Code)
	put(3)
	for i, want := range []bool{true, true, false, true} {
		_, err := os.Stat(filepath.Join(w.cfg.Dir, hashes[i]+".zip"))
		require.Equal(t, want, err == nil, names[i])
	}
	small := newWorld(t, func(c *code.Config) { c.ArchiveBytes = 1 })
	require.Equal(t, http.StatusNoContent, small.ask("PUT", "/bundles/"+hashes[0], archives[0]).Code)
	require.Equal(t, http.StatusCreated, small.ask("POST", "/runs", description(t, hashes[0], "x")).Code, "the newest stays")
}

// begin submits a graph and returns the path of its run.
func (w *world) begin(values ...string) string {
	w.Helper()
	answer := w.ask("POST", "/runs", description(w.T, "", values...))
	require.Equal(w, http.StatusCreated, answer.Code, answer.Body)
	var made struct{ Run, Page string }
	require.NoError(w, json.Unmarshal(answer.Body.Bytes(), &made))
	require.Equal(w, "/base/runs/"+made.Run, made.Page)
	require.Equal(w, "/base/api/v1/runs/"+made.Run, answer.Header().Get("Location"))
	ended := w.ask("GET", "/runs/"+made.Run+"?wait=20", nil)
	require.Equal(w, http.StatusOK, ended.Code)
	require.Contains(w, ended.Body.String(), `"status":"succeeded"`)
	return "/runs/" + made.Run
}

func TestResults(t *testing.T) {
	w := newWorld(t, nil)
	one := w.ask("GET", w.begin("a")+"/result", nil)
	assert.Equal(t, "value", one.Header().Get("Dagscope-Result"))
	assert.Equal(t, "\x03\x00\x00\x00\x00\x00\x00\x00\x01aa", one.Body.String())
	two := w.ask("GET", w.begin("b", "c")+"/result", nil)
	assert.Equal(t, "list", two.Header().Get("Dagscope-Result"))
	assert.Equal(t, "\x03\x00\x00\x00\x00\x00\x00\x00\x01ab\x03\x00\x00\x00\x00\x00\x00\x00\x01ac", two.Body.String())
	w.refused(w.ask("GET", "/runs/none/result", nil), http.StatusNotFound, "this service has no value of a run none")
	w.refused(w.ask("POST", "/runs", []byte("no")), http.StatusUnprocessableEntity, "the description of the graph is malformed")
}

// TestKeepBytes: values leave for newer ones, but never the newest. Of runs that end at about the same time either may be
// that.
func TestKeepBytes(t *testing.T) {
	w := newWorld(t, func(c *code.Config) { c.KeepBytes = 250 })
	kept := func(runs ...string) (n int) {
		for _, run := range runs {
			if w.ask("GET", run, nil).Code == http.StatusOK {
				n++
			}
		}
		return n
	}
	text := strings.Repeat("x", 98) // 100 bytes in CBOR
	first, second := w.begin(text), w.begin(text)
	require.Equal(t, 2, kept(first, second))
	large := w.begin(strings.Repeat("x", 1000))
	require.Eventually(t, func() bool { return kept(first, second, large) == 1 }, 10*time.Second, time.Millisecond)
}
