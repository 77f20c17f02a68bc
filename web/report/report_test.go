package report_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	statememory "github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/engine/workflows"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/importer"
	"github.com/dagscope/dagscope/metricsstore/memory"
	"github.com/dagscope/dagscope/web"
	"github.com/dagscope/dagscope/web/api"
	"github.com/dagscope/dagscope/web/report"
)

const (
	script = `document.title = "é </b>"`
	styles = `main { color: red }`
)

// dashboard is what a build leaves for reports.
func dashboard() fs.FS {
	return fstest.MapFS{"report/report.js": {Data: []byte(script)}, "report/report.css": {Data: []byte(styles)}}
}

// service executes runs and writes their reports.
type service struct {
	t      *testing.T
	store  metricsstore.Store
	engine *engine.Engine
	server *web.Server
}

func newService(t *testing.T, dashboard fs.FS) *service {
	t.Helper()
	s := &service{t: t, store: memory.New()}
	recorder, err := metricsstore.NewRecorder(metricsstore.Config{Store: s.store, FlushAfter: time.Millisecond})
	require.NoError(t, err)
	pool, err := worker.New(worker.Config{State: statememory.New(), Width: 2, SoftStop: time.Millisecond})
	require.NoError(t, err)
	s.engine, err = engine.New(engine.Config{Executor: pool, Workflows: append(workflows.All(), failing()), Recorder: recorder, Remember: time.Hour})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{}, 2)
	for _, run := range []func(context.Context) error{recorder.Run, s.engine.Run} {
		go func() { _ = run(ctx); done <- struct{}{} }()
	}
	t.Cleanup(func() { cancel(); <-done; <-done })
	archiver, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: s.store})
	require.NoError(t, err)
	s.server, err = web.New(web.Config{
		Config:    api.Config{Engine: s.engine, Store: s.store, Archiver: archiver},
		Dashboard: dashboard, Version: "v1.2.3",
	})
	require.NoError(t, err)
	return s
}

// failing has a task that succeeds and one that fails.
func failing() *engine.Workflow {
	first := engine.Func1("first", func(_ context.Context, n int) (int, error) { return n, nil })
	second := engine.Func1("second", func(context.Context, int) (int, error) { return 0, engine.NoRetry(errors.New("<no> disk")) })
	return &engine.Workflow{
		Name: "failing", Functions: engine.Functions(first, second),
		Build: func(g *engine.Builder, _ engine.Args) (engine.AnyRef, error) {
			return second.Call(first.Call(engine.Const(g, 1))), nil
		},
	}
}

// run executes a workflow, tree-reduction of n numbers or failing, and waits for its record.
func (s *service) run(workflow string, n int) record.RunID {
	s.t.Helper()
	params := "{}"
	if n > 0 {
		params = fmt.Sprintf(`{"n":"%d"}`, n)
	}
	var summary api.RunSummary
	out := s.ask(http.MethodPost, "/runs", fmt.Sprintf(`{"workflow":%q,"params":%s}`, workflow, params))
	require.NoError(s.t, json.Unmarshal([]byte(out), &summary), out)
	r, err := s.engine.Get(summary.Run)
	require.NoError(s.t, err, out)
	require.NoError(s.t, r.WaitRecorded(s.t.Context()))
	return summary.Run
}

func (s *service) report(run record.RunID) string {
	s.t.Helper()
	var b bytes.Buffer
	require.NoError(s.t, s.server.WriteReport(s.t.Context(), &b, run))
	return b.String()
}

func (s *service) archive(run record.RunID) []byte {
	s.t.Helper()
	var b bytes.Buffer
	require.NoError(s.t, metricsstore.WriteArchive(s.t.Context(), &b, s.store, run))
	return b.Bytes()
}

// element is the text of the element with an id.
func element(t *testing.T, page, id string) string {
	t.Helper()
	m := regexp.MustCompile(`<script [^>]*id="` + id + `">([^<]*)</script>`).FindStringSubmatch(page)
	require.NotNil(t, m, "no element %s", id)
	return m[1]
}

// unpacked is an element without base64 and gzip.
func unpacked(t *testing.T, page, id string) []byte {
	t.Helper()
	z, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(element(t, page, id))))
	require.NoError(t, err)
	out, err := io.ReadAll(z)
	require.NoError(t, err)
	return out
}

// TestSize: a report is at most 60 bytes a task larger than its dashboard and a constant.
func TestSize(t *testing.T) {
	s := newService(t, dashboard())
	for _, tasks := range []int{1, 60, 2000, 10_000} {
		page := s.report(s.run("tree-reduction", tasks+1))
		assert.Less(t, len(page), 60*tasks+30<<10, "%d tasks", tasks)
	}
}

// TestImportedAgain: a report holds the archive of its run, and an import finds it.
func TestImportedAgain(t *testing.T) {
	s := newService(t, dashboard())
	for _, run := range []record.RunID{
		s.run("tree-reduction", 200), s.run("failing", 0),
	} {
		page, archive := s.report(run), s.archive(run)
		held, err := base64.StdEncoding.DecodeString(strings.TrimSpace(element(t, page, "archive")))
		require.NoError(t, err)
		assert.Equal(t, archive, held)

		other := newService(t, dashboard())
		archiver, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: other.store})
		require.NoError(t, err)
		imports, err := importer.New(importer.Config{Store: other.store, Archiver: archiver})
		require.NoError(t, err)
		var drop importer.Drop
		defer func() { require.NoError(t, drop.Close()) }()
		require.NoError(t, drop.AddStream("run.html", strings.NewReader(page)))
		results, err := imports.Import(t.Context(), &drop)
		require.NoError(t, err)
		require.Len(t, results, 1)
		require.NoError(t, results[0].Err)
		assert.Equal(t, archive, other.archive(run))
	}
}

// TestPolicy: the policy names what is in the file by its hash, and allows no request.
func TestPolicy(t *testing.T) {
	s := newService(t, dashboard())
	page := s.report(s.run("tree-reduction", 8))
	assert.True(t, strings.HasPrefix(page, metricsstore.ReportMagic))
	policy := html.UnescapeString(regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)[1])
	assert.Contains(t, policy, "default-src 'none';")
	assert.NotRegexp(t, `connect-src|unsafe|http|\*`, policy)
	text := func(tag string) string {
		return regexp.MustCompile(`(?s)<` + tag + `>(.*?)</` + tag + `>`).FindStringSubmatch(page)[1]
	}
	for _, content := range []string{script, styles, text("script"), text("style")} {
		sum := sha256.Sum256([]byte(content))
		assert.Contains(t, policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'", content)
	}
	assert.Equal(t, script, string(unpacked(t, page, "script")))
	assert.Equal(t, styles, string(unpacked(t, page, "styles")))
	assert.NotRegexp(t, `(src|href)="?(https?:)?//`, page)
	assert.NotContains(t, page, " style=")
}

// TestAnswers: the report answers as the service does, and has the details of what failed.
func TestAnswers(t *testing.T) {
	s := newService(t, dashboard())
	run := s.run("failing", 0)
	pack := unpacked(t, s.report(run), "pack")
	length := binary.LittleEndian.Uint32(pack)
	var head struct {
		Run     record.RunID
		Version string
		Answers map[string]json.RawMessage
	}
	require.NoError(t, json.Unmarshal(pack[4:4+length], &head))
	assert.Equal(t, run, head.Run)
	assert.Equal(t, "v1.2.3", head.Version)
	at := "/runs/" + url.PathEscape(string(run))
	tasks := 0
	for path, kept := range head.Answers {
		if strings.HasPrefix(path, at+"/tasks/") {
			tasks++
		}
		if strings.HasPrefix(path, "/runs?") || path == "/server" {
			continue // shortened, and changes with time
		}
		assert.JSONEq(t, s.get(path), string(kept), path)
	}
	assert.Positive(t, tasks, "tasks that failed have their errors")
	for _, path := range []string{at, at + "/graph", at + "/layout", at + "/workers", at + "?peers=same"} {
		assert.Contains(t, head.Answers, path)
	}
	rest := pack[4+length:]
	require.Greater(t, len(rest), 6)
	assert.Equal(t, []byte{2, 1, 0}, rest[4:7], "a snapshot for channel 0")
}

// TestOtherRunsStayPrivate: a report has nothing of other runs but their makespans.
func TestOtherRunsStayPrivate(t *testing.T) {
	s := newService(t, dashboard())
	for range 6 {
		s.run("tree-reduction", 8)
	}
	other := s.run("tree-reduction", 8)
	pack := string(unpacked(t, s.report(s.run("tree-reduction", 8)), "pack"))
	assert.NotContains(t, pack, string(other))
	assert.Contains(t, pack, `{"runs":[{"makespan_ns":`)
}

// TestReadable: without script there are what happened, a chart and a table.
func TestReadable(t *testing.T) {
	s := newService(t, dashboard())
	page := s.report(s.run("failing", 0))
	still := page[strings.Index(page, `<main class="still">`):strings.Index(page, "</main>")]
	for _, part := range []string{" failed after ", `<p class="bad">`, "<svg ", "<table>", "<th scope=\"col\">median</th>"} {
		assert.Contains(t, still, part)
	}
}

func TestRefused(t *testing.T) {
	s := newService(t, fstest.MapFS{})
	run := s.run("tree-reduction", 8)
	require.ErrorIs(t, s.server.WriteReport(t.Context(), io.Discard, run), report.ErrNoDashboard)
	assert.Contains(t, s.get("/runs/"+string(run)+"/export?format=html"), "this build has no dashboard")
	s = newService(t, dashboard())
	require.ErrorIs(t, s.server.WriteReport(t.Context(), io.Discard, "06h2yyr0tew8fd6q0s4g"), metricsstore.ErrNotFound)
}

func (s *service) get(path string) string { return s.ask(http.MethodGet, path, "") }

// ask makes a request to the API and returns what it answers.
func (s *service) ask(method, path, body string) string {
	s.t.Helper()
	r := httptest.NewRequest(method, "/api/v1"+path, strings.NewReader(body))
	r.Host = "127.0.0.1:8080"
	r.Header.Set("Content-Type", "application/json")
	out := httptest.NewRecorder()
	s.server.Handler().ServeHTTP(out, r)
	return out.Body.String()
}
