package feed_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/importer"
	"github.com/dagscope/dagscope/metricsstore/memory"
	"github.com/dagscope/dagscope/web/feed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiving is a receiver with its parts.
type receiving struct {
	*feed.Messages
	t     *testing.T
	store metricsstore.Store
	stop  func()
}

func receive(t *testing.T, open func(feed.Config) (*feed.Messages, error), store metricsstore.Store, dir string, change ...func(*feed.Config)) *receiving {
	t.Helper()
	cfg := feed.Config{Store: store, Dir: dir, Settle: 4 * time.Millisecond}
	for _, c := range change {
		c(&cfg)
	}
	m, err := open(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = m.Run(ctx) })
	out := &receiving{m, t, store, sync.OnceFunc(func() { cancel(); running.Wait() })}
	t.Cleanup(out.stop)
	return out
}

func (r *receiving) post(kind, body string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodPost, "/feeds/x", strings.NewReader(body))
	req.Header.Set("Content-Type", kind)
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w
}

// send sends messages that have to be kept.
func (r *receiving) send(kind string, messages ...string) {
	r.t.Helper()
	w := r.post(kind, strings.Join(messages, "\n"))
	require.Equal(r.t, http.StatusOK, w.Code, w.Body.String())
	require.JSONEq(r.t, fmt.Sprintf(`{"accepted":%d,"rejected":0}`, len(messages)), w.Body.String())
}

// wait waits for the only run.
func (r *receiving) wait(is func(*metricsstore.Run) bool) *metricsstore.Run {
	r.t.Helper()
	var found *metricsstore.Run
	require.Eventually(r.t, func() bool {
		runs, err := r.store.Runs(r.t.Context(), metricsstore.Position{}, 2)
		require.NoError(r.t, err)
		if len(runs) == 1 && runs[0].Info.Origin != nil && is(&runs[0]) {
			found = &runs[0]
		}
		return found != nil
	}, 10*time.Second, time.Millisecond)
	return found
}

func incomplete(text string) func(*metricsstore.Run) bool {
	return func(r *metricsstore.Run) bool { return strings.HasPrefix(r.Info.Origin.Incomplete, text) }
}

func complete(r *metricsstore.Run) bool { return r.Info.Origin.Incomplete == "" }

// tasks says that a run has so many tasks.
func tasks(n int64) func(*metricsstore.Run) bool {
	return func(r *metricsstore.Run) bool { return r.Counts.Tasks == n }
}

// message is one as Nextflow sends it; rest begins with a comma.
func message(event, rest string) string {
	return `{"runName":"happy_volta","runId":"b3fdc02f-bbf8-41d2-aab4-61ca93513244","event":"` + event + `","utcTime":"2026-11-30T06:00:00Z"` + rest + `}`
}

func trace(task int, status string) string {
	out := fmt.Sprintf(`,"trace":{"task_id":%d,"status":"%s","hash":"8f/650b%02d","name":"qc (%d)","exit":2147483647,"submit":%d,"start":%d,"process":"qc","attempt":1`,
		task, status, task, task, 1796011200000+task, 1796011201000)
	if status == "COMPLETED" {
		out += `,"complete":1796011205000,"duration":4990,"realtime":3000,"error_action":null`
	}
	return out + "}"
}

const done = `,"metadata":{"workflow":{"projectName":"org/pipe","success":true}}`

func TestNextflow(t *testing.T) {
	r := receive(t, feed.NewNextflow, memory.New(), t.TempDir())
	r.send("application/json", message("started", `,"metadata":{"workflow":{"projectName":"org/pipe","success":false}}`))
	r.send("application/json; charset=UTF-8", message("process_submitted", trace(1, "SUBMITTED")))
	first := r.wait(incomplete("messages are still arriving, and the run has not ended"))
	require.Equal(t, "org/pipe", first.Info.Workflow)
	require.Equal(t, "Nextflow", first.Info.Origin.System)
	require.True(t, first.Info.Origin.GrowsUntil.After(time.Now()), "it is listed as running")
	var indented bytes.Buffer
	require.NoError(t, json.Indent(&indented, []byte(message("process_started", trace(1, "RUNNING"))), "", "  "))
	require.Equal(t, http.StatusOK, r.post("application/json", indented.String()).Code, "one message with line breaks")
	r.send("application/json", message("process_submitted", trace(2, "SUBMITTED")))
	r.wait(tasks(2))
	r.send("application/json", message("process_completed", trace(1, "COMPLETED")))
	r.send("application/json", message("process_completed", trace(2, "COMPLETED")))
	r.send("application/json", message("completed", done))
	last := r.wait(complete)
	require.Equal(t, record.Succeeded, last.Status)
	require.Equal(t, first.Info.ID, last.Info.ID, "its address stays")
	require.EqualValues(t, 2, last.Counts.Succeeded)
	require.True(t, last.Info.Origin.GrowsUntil.IsZero())
	r.send("application/json", message("completed", done))
	again := r.wait(func(run *metricsstore.Run) bool { return run.Info.Origin.Digest != last.Info.Origin.Digest })
	require.Equal(t, last.Counts, again.Counts, "what comes twice changes nothing")
}

func TestNextflowIsRestarted(t *testing.T) {
	store, dir := memory.New(), t.TempDir()
	r := receive(t, feed.NewNextflow, store, dir)
	r.send("application/json", message("process_completed", trace(1, "COMPLETED")))
	first := r.wait(tasks(1))
	r.stop()
	require.Equal(t, http.StatusServiceUnavailable, r.post("application/json", message("completed", done)).Code)
	r = receive(t, feed.NewNextflow, store, dir)
	r.send("application/json", message("process_completed", trace(2, "COMPLETED")), message("completed", done))
	last := r.wait(complete)
	require.Equal(t, first.Info.ID, last.Info.ID)
	require.EqualValues(t, 2, last.Counts.Succeeded)
}

// TestNextflowIsKilled: no message about its end comes.
func TestNextflowIsKilled(t *testing.T) {
	r := receive(t, feed.NewNextflow, memory.New(), t.TempDir(), func(c *feed.Config) { c.Quiet = 100 * time.Millisecond })
	r.send("application/json", message("process_started", trace(1, "RUNNING")))
	run := r.wait(incomplete("no messages arrived for 100ms, and the run has not ended"))
	require.Equal(t, record.Interrupted, run.Status)
	require.Equal(t, "pipeline", run.Info.Workflow, "no message said its name")
}

// TestSnakemakeIsTheSameAsFromAFile: whatever the requests are.
func TestSnakemakeIsTheSameAsFromAFile(t *testing.T) {
	text, err := os.ReadFile("../../metricsstore/records/snakemake/testdata/messages-succeeded.jsonl")
	require.NoError(t, err)
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	r := receive(t, feed.NewSnakemake, memory.New(), t.TempDir())
	random := rand.New(rand.NewPCG(1, 2))
	for rest := all; len(rest) > 0; {
		n := 1 + random.IntN(min(9, len(rest)))
		r.send("application/x-ndjson", rest[:n]...)
		rest = rest[n:]
	}
	got := r.wait(complete)
	store := memory.New()
	with, err := importer.New(importer.Config{Store: store})
	require.NoError(t, err)
	var drop importer.Drop
	defer drop.Close()
	require.NoError(t, drop.AddStream("m.jsonl", bytes.NewReader(text)))
	results, err := with.Import(t.Context(), &drop)
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
	want := results[0].Run
	require.Equal(t, want.Info.ID, got.Info.ID)
	require.Equal(t, want.Counts, got.Counts)
	require.Equal(t, want.Info.Origin.Notes, got.Info.Origin.Notes)
}

func TestWhatIsNoMessage(t *testing.T) {
	r := receive(t, feed.NewNextflow, memory.New(), t.TempDir(), func(c *feed.Config) { c.MaxBody = 1000 })
	good := message("started", "")
	for _, c := range []struct {
		name, kind, body string
		status           int
		want             string
	}{
		{"no type", "", good, 415, "expected application/json or application/x-ndjson"},
		{"a form", "application/x-www-form-urlencoded", good, 415, "expected application/json"},
		{"nothing", "application/json", " \n", 400, "the body is empty, expected a message of Nextflow"},
		{"a list", "application/json", "[]", 400, `line 1 begins with \"[]\"`},
		{"half of one", "application/json", good[:len(good)-1], 400, "line 1 begins with"},
		{"another line", "application/x-ndjson", good + "\n\nnonsense", 400, `line 3 begins with \"nonsense\"`},
		{"a name with a line break", "application/json", strings.Replace(good, "happy_volta", `a\nb`, 1), 400, "line 1"},
		{"a long name", "application/json", strings.Replace(good, "happy_volta", strings.Repeat("a", 300), 1), 400, "line 1"},
		{"too large", "application/json", strings.Repeat(" ", 1001), 413, "at most 1000 bytes"},
	} {
		w := r.post(c.kind, c.body)
		require.Equal(t, c.status, w.Code, "%s: %s", c.name, w.Body.String())
		require.Contains(t, w.Body.String(), c.want, c.name)
	}
	w := httptest.NewRecorder()
	feed.Refuse("not here").ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/feeds/x", strings.NewReader(good)))
	require.Equal(t, http.StatusNotImplemented, w.Code)
	full := receive(t, feed.NewNextflow, memory.New(), t.TempDir(), func(c *feed.Config) { c.MaxJournal = 10 })
	w = full.post("application/json", good)
	require.Equal(t, http.StatusTooManyRequests, w.Code)
	require.Equal(t, "5", w.Header().Get("Retry-After"))
}
