package otlp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/importer"
	"github.com/dagscope/dagscope/metricsstore/memory"
	"github.com/dagscope/dagscope/web/otlp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiving is a receiver with its parts.
type receiving struct {
	*otlp.Receiver
	t     *testing.T
	store metricsstore.Store
	stop  func()
}

func receive(t *testing.T, store metricsstore.Store, dir string, change ...func(*otlp.Config)) *receiving {
	t.Helper()
	cfg := otlp.Config{Store: store, Dir: dir, Settle: 4 * time.Millisecond}
	for _, c := range change {
		c(&cfg)
	}
	r, err := otlp.New(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = r.Run(ctx) })
	out := &receiving{r, t, store, sync.OnceFunc(func() { cancel(); running.Wait() })}
	t.Cleanup(out.stop)
	return out
}

const base = 1_700_000_000_000_000_001

// span is one in JSON; parent 0 is none.
func span(trace, id, parent, start, end int) string {
	up := ""
	if parent > 0 {
		up = fmt.Sprintf("%016x", parent)
	}
	return fmt.Sprintf(`{"traceId":"%032x","spanId":"%016x","parentSpanId":"%s","name":"op%d","startTimeUnixNano":"%d","endTimeUnixNano":"%d"}`,
		trace, id, up, id, base+start, base+end)
}

func request(spans ...string) string {
	return `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":[{"spans":[` +
		strings.Join(spans, ",") + `]}]}]}`
}

func (r *receiving) post(kind string, body []byte, headers ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodPost, "/v1/traces", bytes.NewReader(body))
	req.Header.Set("Content-Type", kind)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w
}

// send sends spans, which are accepted.
func (r *receiving) send(spans ...string) {
	r.t.Helper()
	w := r.post("application/json", []byte(request(spans...)))
	require.Equal(r.t, "{}\n", w.Body.String())
	require.Equal(r.t, http.StatusOK, w.Code)
}

// wait waits for the run of a trace that is as it should be.
func (r *receiving) wait(trace int, is func(*metricsstore.Run) bool) *metricsstore.Run {
	r.t.Helper()
	var found *metricsstore.Run
	require.Eventually(r.t, func() bool {
		runs, err := r.store.Runs(context.Background(), metricsstore.Position{}, 0)
		require.NoError(r.t, err)
		found = nil
		for i := range runs {
			if runs[i].Info.Params["trace"] == fmt.Sprintf("%016x", trace) && runs[i].Status.Final() {
				require.Nil(r.t, found, "a trace is one run")
				found = &runs[i]
			}
		}
		return found != nil && is(found)
	}, 10*time.Second, time.Millisecond)
	return found
}

func tasks(n int) func(*metricsstore.Run) bool {
	return func(r *metricsstore.Run) bool { return int(r.Counts.Succeeded+r.Counts.Failed) == n }
}

func complete(r *metricsstore.Run) bool { return r.Info.Origin.Incomplete == "" }

func TestARunGrowsUntilItsRootHasEnded(t *testing.T) {
	r := receive(t, memory.New(), t.TempDir())
	r.send(span(7, 2, 1, 10, 20), span(7, 3, 1, 30, 40))
	first := r.wait(7, tasks(2))
	require.Equal(t, record.Interrupted, first.Status, "as it is kept")
	require.Equal(t, record.Running, first.StatusAt(time.Now()), "as it is shown")
	require.Equal(t, "spans are still arriving, and the root of the trace has not ended", first.Info.Origin.Incomplete)
	require.NoError(t, r.store.Annotate(t.Context(), first.Info.ID, metricsstore.Annotation{Note: "look", Tags: []string{"mine"}}))
	r.send(span(7, 1, 0, 1, 50))
	whole := r.wait(7, complete)
	require.Equal(t, record.Succeeded, whole.Status)
	require.Equal(t, record.Succeeded, whole.StatusAt(time.Now()))
	require.Equal(t, first.Info.ID, whole.Info.ID, "its address stays")
	require.Equal(t, "look", whole.Annotation.Note, "what people wrote stays")
	require.Equal(t, "shop: op1", whole.Info.Workflow)
	r.send(span(7, 4, 1, 41, 45))
	late := r.wait(7, func(run *metricsstore.Run) bool { return run.Steps > whole.Steps })
	require.True(t, complete(late))
	r.send(span(7, 4, 1, 41, 45))
	r.send(span(7, 1, 0, 1, 50))
	again := r.wait(7, func(run *metricsstore.Run) bool { return run.Info.Origin.Digest != late.Info.Origin.Digest })
	require.Equal(t, late.Counts, again.Counts, "what is sent again changes nothing")
	require.Equal(t, late.Steps, again.Steps)
}

func TestTheSameAsFromAFile(t *testing.T) {
	spans := []string{span(7, 1, 0, 1, 50), span(7, 2, 1, 10, 20), span(7, 3, 1, 30, 40)}
	r := receive(t, memory.New(), t.TempDir())
	r.send(spans...)
	live := r.wait(7, complete)
	store := memory.New()
	keeper, err := importer.New(importer.Config{Store: store})
	require.NoError(t, err)
	d := &importer.Drop{}
	defer d.Close()
	require.NoError(t, d.AddStream("x.json", strings.NewReader(request(spans...))))
	results, err := keeper.Import(t.Context(), d)
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
	file := results[0].Run
	require.Equal(t, file.Info.ID, live.Info.ID)
	require.Equal(t, file.Counts, live.Counts)
	require.Equal(t, file.Info.Origin.Notes, live.Info.Origin.Notes)
	ours, err := r.store.Log(t.Context(), live.Info.ID, 0, 0)
	require.NoError(t, err)
	theirs, err := store.Log(t.Context(), file.Info.ID, 0, 0)
	require.NoError(t, err)
	require.Equal(t, theirs, ours)
}

func TestProtobufAndGzip(t *testing.T) {
	r := receive(t, memory.New(), t.TempDir())
	id := func(text string) []byte { raw, _ := hex.DecodeString(text); return raw }
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource: &resourcepb.Resource{},
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{
			{TraceId: id("0000000000000000000000000000000a"), SpanId: id("0000000000000001"), Name: "run", StartTimeUnixNano: base, EndTimeUnixNano: base + 100, Status: &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: "no"}},
			{TraceId: id("0000000000000000000000000000000a"), SpanId: id("0000000000000002"), ParentSpanId: id("0000000000000001"), Name: "a", Kind: tracepb.Span_SPAN_KIND_CLIENT, StartTimeUnixNano: base + 1, EndTimeUnixNano: base + 100},
			{Name: "has no ID"},
		}}},
	}}})
	require.NoError(t, err)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, err = z.Write(body)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	w := r.post("application/x-protobuf", zipped.Bytes(), "Content-Encoding", "gzip")
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "application/x-protobuf", w.Header().Get("Content-Type"))
	require.Contains(t, w.Body.String(), "1 spans have no valid traceId or spanId")
	run := r.wait(10, complete)
	require.Equal(t, record.Failed, run.Status)
	require.Equal(t, "run", run.Info.Workflow)
}

func TestARunWhoseRootNeverEnds(t *testing.T) {
	r := receive(t, memory.New(), t.TempDir(), func(c *otlp.Config) { c.Quiet = 100 * time.Millisecond })
	r.send(span(7, 2, 1, 10, 20), span(7, 3, 1, 30, 40))
	run := r.wait(7, func(run *metricsstore.Run) bool {
		return strings.HasPrefix(run.Info.Origin.Incomplete, "no spans arrived for 100ms")
	})
	require.Equal(t, record.Interrupted, run.StatusAt(time.Now()), "an end that never comes ends the run")
	r.send(span(7, 1, 0, 1, 50))
	r.wait(7, complete)
}

func TestAFullJournal(t *testing.T) {
	r := receive(t, memory.New(), t.TempDir(), func(c *otlp.Config) { c.MaxJournal, c.Settle = 4000, time.Hour })
	for n := range 100 {
		w := r.post("application/json", []byte(request(span(n+1, 1, 0, 1, 50), span(n+1, 2, 1, 2, 3))))
		if w.Code == http.StatusOK {
			require.Less(t, n, 10)
			continue
		}
		require.Equal(t, http.StatusTooManyRequests, w.Code)
		require.Equal(t, "5", w.Header().Get("Retry-After"))
		var status struct {
			Code    int
			Message string
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &status))
		require.Equal(t, 8, status.Code)
		require.Greater(t, n, 3)
		return
	}
	t.Fatal("everything was accepted")
}

func TestRequestsThatAreNone(t *testing.T) {
	r := receive(t, memory.New(), t.TempDir(), func(c *otlp.Config) { c.MaxBody = 1000 })
	for _, c := range []struct {
		name, kind, body string
		headers          []string
		want             int
	}{
		{"no type", "", "{}", nil, 415},
		{"another type", "text/plain", "{}", nil, 415},
		{"another encoding", "application/json", "{}", []string{"Content-Encoding", "br"}, 415},
		{"no JSON", "application/json", `{"resourceSpans":`, nil, 400},
		{"empty", "application/json", "", nil, 400},
		{"a list", "application/json", "[]", nil, 400},
		{"no protobuf", "application/x-protobuf", "\xff", nil, 400},
		{"no gzip", "application/json", "{}", []string{"Content-Encoding", "gzip"}, 400},
		{"too large", "application/json", strings.Repeat(" ", 1001), nil, 413},
		{"nothing", "application/json; charset=utf-8", "{}", nil, 200},
		{"nothing in protobuf", "application/x-protobuf", "", nil, 200},
	} {
		w := r.post(c.kind, []byte(c.body), c.headers...)
		require.Equal(t, c.want, w.Code, "%s: %s", c.name, w.Body.String())
	}
	deep := receive(t, memory.New(), t.TempDir())
	require.Equal(t, 400, deep.post("application/json", bytes.Repeat([]byte(`{"a":`), 20_000)).Code)
}

func TestRefuse(t *testing.T) {
	for kind, want := range map[string]string{"application/json": `{"code":12,"message":"not here"}` + "\n", "application/x-protobuf": "\x08\x0c\x12\x08not here"} {
		req := httptest.NewRequest(http.MethodPost, "/v1/traces", strings.NewReader("{}"))
		req.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		otlp.Refuse("not here").ServeHTTP(w, req)
		require.Equal(t, http.StatusNotImplemented, w.Code)
		require.Equal(t, kind, w.Header().Get("Content-Type"))
		require.Equal(t, want, w.Body.String())
	}
}

func TestRestart(t *testing.T) {
	store, dir := memory.New(), t.TempDir()
	r := receive(t, store, dir)
	r.send(span(7, 2, 1, 10, 20), span(8, 1, 0, 1, 2), span(7, 3, 1, 30, 40))
	first := r.wait(7, tasks(2))
	r.stop()
	w := r.post("application/json", []byte(request(span(7, 1, 0, 1, 50))))
	require.Equal(t, http.StatusServiceUnavailable, w.Code, "the journal is closed")
	r = receive(t, store, dir)
	r.send(span(7, 1, 0, 1, 50), span(8, 2, 1, 1, 2))
	require.Equal(t, first.Info.ID, r.wait(7, complete).Info.ID)
	r.wait(8, complete)
}

func TestAnotherOwner(t *testing.T) {
	owns := make(chan bool, 1)
	owns <- false
	r := receive(t, memory.New(), t.TempDir(), func(c *otlp.Config) {
		c.Owns = func() bool { o := <-owns; owns <- o; return o }
	})
	w := r.post("application/json", []byte(request(span(7, 1, 0, 1, 50))))
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Contains(t, w.Body.String(), "another process")
	<-owns
	owns <- true
	r.send(span(7, 1, 0, 1, 50), span(7, 2, 1, 2, 3))
	r.wait(7, complete)
}

func TestManyClients(t *testing.T) {
	r := receive(t, memory.New(), t.TempDir())
	var clients sync.WaitGroup
	for c := range 8 {
		clients.Go(func() {
			for n := range 20 {
				id := 2 + c*20 + n
				r.send(span(7, id, 1, id*10, id*10+10), span(100+c, id, 1, id*10, id*10+10))
			}
		})
	}
	clients.Wait()
	r.send(span(7, 1, 0, 1, 5000))
	run := r.wait(7, complete)
	require.EqualValues(t, 160+2, run.Counts.Succeeded, "each span once, and the root before and after them")
	for c := range 8 {
		r.wait(100+c, tasks(20))
	}
}

// TestAJournalThatWasCut cuts the file off at each byte: whole lines stay, and the next one is whole.
func TestAJournalThatWasCut(t *testing.T) {
	dir := t.TempDir()
	r := receive(t, memory.New(), dir)
	r.send(span(7, 1, 0, 1, 50), span(7, 2, 1, 10, 20))
	r.send(span(8, 1, 0, 1, 50), span(8, 2, 1, 10, 20))
	r.stop()
	names, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	require.NoError(t, err)
	text, err := os.ReadFile(names[0])
	require.NoError(t, err)
	lines := bytes.SplitAfter(text, []byte("\n"))
	for at := 0; at <= len(text); at += 13 {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.Base(names[0])), text[:at], 0o600))
		r := receive(t, memory.New(), dir)
		r.send(span(9, 1, 0, 1, 50), span(9, 2, 1, 10, 20))
		r.wait(9, complete)
		runs, err := r.store.Runs(t.Context(), metricsstore.Position{}, 0)
		require.NoError(t, err)
		if at >= len(lines[0]) {
			r.wait(7, complete)
		} else {
			require.Len(t, runs, 1)
		}
		r.stop()
	}
}

func TestOldTracesLeaveTheJournal(t *testing.T) {
	store, dir := memory.New(), t.TempDir()
	change := func(c *otlp.Config) { c.MaxJournal, c.Late = 64<<10, 20*time.Millisecond }
	r := receive(t, store, dir, change)
	padding := strings.Repeat("x", 3000)
	padded := func(trace int) string {
		return strings.Replace(span(trace, 2, 1, 10, 20), `"name":"op2"`, `"name":"`+padding+`"`, 1)
	}
	r.send(span(7, 1, 0, 1, 50), padded(7))
	want := r.wait(7, complete)
	for n := range 40 { // twice what the journal may hold
		trace := 100 + n
		require.Eventually(t, func() bool {
			return r.post("application/json", []byte(request(span(trace, 1, 0, 1, 50), padded(trace)))).Code == http.StatusOK
		}, 10*time.Second, time.Millisecond)
		r.wait(trace, complete)
	}
	late := func() string {
		return r.post("application/json", []byte(request(span(7, 3, 1, 30, 40)))).Body.String()
	}
	require.Contains(t, late(), `"rejectedSpans":"1"`)
	r.stop()
	r = receive(t, store, dir, change)
	require.Contains(t, late(), "to which nothing can be added any more", "also after a restart")
	got := r.wait(7, complete)
	require.Equal(t, want.Info.Origin.Digest, got.Info.Origin.Digest)
	require.Equal(t, want.Counts, got.Counts)
}
