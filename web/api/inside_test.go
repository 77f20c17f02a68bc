package api_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/web/api"
	"github.com/dagscope/dagscope/web/layout"
)

func at(run api.RunSummary, path string) string { return "/runs/" + string(run.Run) + path }

func TestGraph(t *testing.T) {
	w := newWorld(t)
	run := w.run("spread", nil)
	var g api.Graph
	w.get(at(run, "/graph"), &g)
	assert.Equal(t, api.Graph{
		Hash:      run.GraphHash,
		Functions: []api.FunctionName{{Function: "numbers"}, {Function: "double"}, {Function: "total"}},
		Scopes: []api.GraphScope{
			{ // the tasks numbers and total, a fan-out, and its join
				Up: -1, Tasks: 2, Fanouts: 1, Joins: 1, Function: []uint16{0, 2}, Edges: []uint32{3, 1, 0, 2, 2, 3},
				Region: []int32{1}, JoinOf: []uint32{2}, JoinWaits: [][]uint32{{0}},
			},
			{Up: 0, Expansion: 2, Tasks: 1, Function: []uint16{1}, Edges: []uint32{}, Region: []int32{}, JoinOf: []uint32{}, JoinWaits: [][]uint32{}},
		},
	}, g)
	var l layout.Layout
	w.get(at(run, "/layout"), &l)
	assert.Equal(t, run.GraphHash, l.Hash)
	assert.Equal(t, "layered", l.Engine)
	assert.Len(t, l.Scopes, 2)
	w.get(at(run, "/layout?engine=dot"), &l)
	assert.Equal(t, "layered", l.Engine, "without Graphviz the layout is ours")
}

func TestEvents(t *testing.T) {
	w := newWorld(t)
	run := w.run("spread", map[string]string{"n": "50"})
	var all api.EventList
	w.get(at(run, "/events?limit=10000"), &all)
	require.Greater(t, len(all.Events), 100)
	assert.Equal(t, run.LastSeq, all.AsOf)
	assert.Equal(t, record.RunSubmittedEvent, all.Events[0].Kind)
	assert.Equal(t, record.RunFinishedEvent, all.Events[len(all.Events)-1].Kind)
	var pages []api.Event
	for after := uint64(0); ; {
		var page api.EventList
		w.get(at(run, fmt.Sprintf("/events?limit=37&after=%d", after)), &page)
		pages = append(pages, page.Events...)
		if page.NextAfter == after {
			break
		}
		after = page.NextAfter
	}
	assert.Equal(t, all.Events, pages)
	for i, e := range all.Events {
		require.Equal(t, uint64(i+1), e.Seq)
	}
}

func TestTasks(t *testing.T) {
	w := newWorld(t)
	run := w.run("spread", map[string]string{"n": "50"})
	list := func(query string) (l api.TaskList) { t.Helper(); w.get(at(run, "/tasks?"+query), &l); return l }
	all := list("limit=1000")
	assert.Equal(t, 52, all.Total)
	assert.Len(t, all.Tasks, 52)
	assert.Equal(t, run.LastSeq, all.AsOf)
	for _, a := range all.Tasks {
		assert.LessOrEqual(t, a.ReadyNS, a.ClaimedNS)
		assert.LessOrEqual(t, a.ClaimedNS, a.StartedNS)
		assert.Equal(t, a.StartedNS+a.ExecuteNS, a.EndedNS)
		assert.Equal(t, a.EndedNS+a.StoreNS+a.UpdateNS, a.UpdatedNS)
		assert.Equal(t, a.ClaimedNS+a.WaitNS+a.FetchNS, a.StartedNS)
	}
	doubles := list("function=double&sort=execute_ns&limit=10")
	assert.Equal(t, 50, doubles.Total)
	assert.Len(t, doubles.Tasks, 10)
	assert.NotEmpty(t, doubles.Next)
	assert.Nil(t, doubles.Tasks[0].InputBytes, "the size of an element is unknown")
	assert.Equal(t, int64(8), *doubles.Tasks[0].OutputBytes)
	assert.GreaterOrEqual(t, doubles.Tasks[0].ExecuteNS, doubles.Tasks[9].ExecuteNS)
	assert.Equal(t, 10, len(list("function=double&sort=execute_ns&limit=10&cursor="+doubles.Next).Tasks))
	assert.Zero(t, list("outcome=failed").Total)
	assert.Equal(t, 52, list("outcome=failed&outcome=ok").Total)
	assert.Equal(t, 52, list("worker=0").Total)
	assert.Zero(t, list("worker=1").Total)

	var task api.Task
	w.get(at(run, fmt.Sprintf("/tasks/%d", doubles.Tasks[0].Node)), &task)
	assert.Equal(t, doubles.Tasks[0].Task, task.Task)
	assert.Equal(t, doubles.Tasks[0], task.Attempts[0].Attempt)
	w.refused(http.MethodGet, at(run, "/tasks/2"), nil, http.StatusNotFound) // the fan-out
}

// TestTasksNotTried: what an ended run has not run, or skipped, can be asked for, and is counted.
func TestTasksNotTried(t *testing.T) {
	w := newWorld(t)
	list := func(run api.RunSummary, query string) (l api.TaskList) {
		t.Helper()
		w.get(at(run, "/tasks?"+query), &l)
		return l
	}
	failed := w.run("trip", nil)
	assert.Equal(t, api.TaskCounts{Total: 2, Failed: 1, NotRun: 1}, failed.Tasks)
	assert.Equal(t, []api.Attempt{{Node: 1, Task: "double", Function: "double", Version: 0}}, list(failed, "state=not_run").Tasks)
	assert.Empty(t, list(failed, "state=skipped").Tasks)
	assert.Empty(t, list(failed, "state=not_run&function=trip").Tasks)

	skipped := w.run("trip", nil, func(s *api.Submission) { s.Policy = record.Continue })
	assert.Equal(t, api.TaskCounts{Total: 2, Failed: 1, Skipped: 1}, skipped.Tasks)
	assert.Equal(t, record.OutcomeSkipped, list(skipped, "state=skipped").Tasks[0].Outcome)
	assert.Zero(t, list(skipped, "state=not_run").Total)

	gated := w.submit("gate", nil)
	w.entered()
	assert.Zero(t, gated.Tasks.NotRun, "the run is active")
	assert.Zero(t, list(gated, "state=not_run").Total)
	w.post(at(gated, "/cancel"), nil, http.StatusOK, nil)
	assert.Equal(t, api.TaskCounts{Total: 2, NotRun: 1}, w.finished(gated.Run).Tasks)

	first := list(failed, "state=not_run&limit=1")
	assert.Equal(t, 1, first.Total)
	assert.Empty(t, first.Next)
	w.refused(http.MethodGet, at(failed, "/tasks?state=not_run&outcome=ok"), nil, http.StatusBadRequest)
	w.refused(http.MethodGet, at(failed, "/tasks?state=not_run&cursor=x"), nil, http.StatusBadRequest)
}

func TestTaskThatFailed(t *testing.T) {
	w := newWorld(t)
	run := w.run("trip", map[string]string{"mode": "panic"})
	var task api.Task
	w.get(at(run, "/tasks/0"), &task)
	require.NotEmpty(t, task.Attempts)
	last := task.Attempts[len(task.Attempts)-1]
	assert.Equal(t, record.OutcomeFailed, last.Outcome)
	require.NotNil(t, last.Error)
	assert.Equal(t, record.PanicError, last.Error.Kind)
	assert.Contains(t, last.Error.Message, "tripped on purpose")
	assert.Contains(t, last.Error.Stack, "main_test.go")
	assert.Equal(t, "test", last.Error.Worker)
	assert.Contains(t, last.Log, "about to trip")
	w.get(at(run, "/tasks/1"), &task)
	assert.Empty(t, task.Attempts, "it never ran")

	run = w.run("trip", map[string]string{"mode": "once"})
	w.get(at(run, "/tasks/0"), &task)
	require.Len(t, task.Attempts, 2)
	assert.Equal(t, record.OutcomeRetrying, task.Attempts[0].Outcome)
	assert.Equal(t, "tripped once", task.Attempts[0].Error.Message)
	assert.Nil(t, task.Attempts[1].Error)
	assert.Equal(t, int64(1), run.Retries)
}

func TestTimeline(t *testing.T) {
	w := newWorld(t)
	run := w.run("spread", map[string]string{"n": "500"})
	var line api.Timeline
	w.get(at(run, "/timeline?buckets=7"), &line)
	assert.Len(t, line.Running, 7)
	assert.Len(t, line.Ready, 7)
	assert.Len(t, line.Moving, 7)
	assert.Positive(t, line.Slots)
	assert.LessOrEqual(t, line.ToNS, 7*line.StepNS)
	busy := 0.0
	for _, v := range line.Running {
		busy += v * float64(line.StepNS)
	}
	assert.InEpsilon(t, float64(run.ExecuteNS), busy, 1e-6, "what ran is spread over the spans, no more and no less")
	var again api.Timeline
	w.get(at(run, "/timeline?buckets=7"), &again)
	assert.Equal(t, line, again)
	w.get(at(run, "/timeline"), &again)
	assert.Len(t, again.Running, 60)
}

func TestRunStatistics(t *testing.T) {
	w := newWorld(t)
	run := w.run("spread", map[string]string{"n": "50"})
	stats := func(query string) (s api.RunStatistics) { t.Helper(); w.get(at(run, "/stats?"+query), &s); return s }
	s := stats("quantiles=0.5,0.25")
	assert.Equal(t, "ns", s.Unit)
	assert.True(t, s.Complete)
	assert.Equal(t, run.LastSeq, s.AsOf)
	assert.Equal(t, int64(52), s.Succeeded)
	require.Len(t, s.Groups, 3)
	d := s.Groups[0]
	assert.Equal(t, "double", d.Key)
	assert.Equal(t, uint64(50), d.N)
	assert.True(t, d.Exact)
	assert.Equal(t, *d.P50.Value, *d.Quantile[0].Value)
	assert.LessOrEqual(t, *d.Quantile[1].Value, *d.Quantile[0].Value)
	assert.Nil(t, d.P99.Value, "50 values say nothing of the outermost hundredth")
	assert.Equal(t, uint64(100), d.P99.Needs)
	assert.Equal(t, int64(50), d.Throughput.Records)

	one := stats("group_by=none&metric=output_bytes").Groups[0]
	assert.Equal(t, uint64(52), one.N)
	assert.Equal(t, "bytes", stats("metric=output_bytes").Unit)
	assert.Equal(t, "bytes_per_s", stats("metric=output_bytes_per_s").Unit)
	assert.Len(t, stats("group_by=level").Groups, 3)
	assert.Len(t, stats("function=total").Groups, 1)

	begin := stats("at=0")
	assert.Zero(t, begin.Attempts, "at the start nothing had ended")
	assert.False(t, begin.Complete)
	assert.Equal(t, int64(0), *begin.AtNS)
	assert.Equal(t, s.Groups, stats("quantiles=0.5,0.25&at=3600000000000").Groups)
}

func TestHistory(t *testing.T) {
	w := newWorld(t)
	first := w.run("spread", map[string]string{"n": "600"})
	w.run("spread", map[string]string{"n": "300"})
	w.run("trip", map[string]string{"mode": "not"})
	history := func(query string) (h api.History) { t.Helper(); w.get("/stats?"+query, &h); return h }
	h := history("function=double&workflow=spread&bins=20")
	require.Len(t, h.Buckets, 1)
	b := h.Buckets[0]
	assert.Equal(t, 2, b.Runs)
	assert.Equal(t, uint64(900), b.N)
	assert.False(t, b.Exact)
	assert.Positive(t, b.Bound)
	count := uint64(0)
	for _, bar := range b.Histogram {
		count += bar.Count
	}
	assert.Equal(t, uint64(900), count)
	assert.LessOrEqual(t, len(b.Histogram), 21)
	assert.LessOrEqual(t, len(b.ECDF), 40)
	assert.Equal(t, 1.0, b.ECDF[len(b.ECDF)-1].P)
	assert.Equal(t, *b.Max, b.ECDF[len(b.ECDF)-1].X)
	assert.Empty(t, h.Groups)

	assert.Equal(t, uint64(300), history("function=double&workflow=spread&except=" + string(first.Run)).Buckets[0].N)
	assert.Nil(t, h.Buckets[0].Version)
	days := history("bucket=day")
	assert.Len(t, days.Buckets, 1)
	groups := history("group_by=function&bins=5").Groups
	var names []string
	for _, g := range groups {
		names = append(names, g.Key)
		assert.NotEmpty(t, g.Histogram)
		assert.Equal(t, 0, *g.Version)
	}
	assert.Equal(t, []string{"double", "numbers", "total", "trip"}, names)
	assert.Empty(t, history("to=1999-01-01T00:00:00Z").Buckets)
	assert.Empty(t, history("version=3").Buckets)

	var functions api.Functions
	w.get("/functions?workflow=trip", &functions)
	assert.Equal(t, []api.FunctionName{{Function: "double"}, {Function: "trip"}}, functions.Functions)

	var found api.FoundTasks
	w.get("/tasks?function=double&limit=7&workflow=spread", &found)
	require.Len(t, found.Tasks, 7)
	assert.Equal(t, 2, found.ScannedRuns)
	assert.True(t, found.Complete)
	assert.Equal(t, *b.Max, float64(found.Tasks[0].Value))
	for i := range found.Tasks[1:] {
		assert.GreaterOrEqual(t, found.Tasks[i].Value, found.Tasks[i+1].Value)
	}
	least := found.Tasks[0].Value
	w.get(fmt.Sprintf("/tasks?function=double&min=%d", least+1), &found)
	assert.Empty(t, found.Tasks)
}

// TestFindTasksInInterrupted: of a run that was cut off there is no more than what was read.
func TestFindTasksInInterrupted(t *testing.T) {
	w := newWorld(t)
	run := w.run("spread", nil)
	kept, err := w.store.Run(t.Context(), run.Run)
	require.NoError(t, err)
	shape, err := w.store.Attachment(t.Context(), run.Run, metricsstore.AttachShape)
	require.NoError(t, err)
	cutOff := metricsstore.Header{Info: kept.Info, Status: record.Running, Graph: kept.Graph}
	cutOff.Info.ID = "cutoff"
	require.NoError(t, w.store.Begin(t.Context(), cutOff, shape))
	archiver, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: w.store})
	require.NoError(t, err)
	_, err = archiver.Sweep(t.Context(), time.Now().Add(time.Hour))
	require.NoError(t, err)
	var cut api.RunSummary
	w.get("/runs/cutoff", &cut)
	require.Equal(t, record.Interrupted, cut.Status)
	var found api.FoundTasks
	w.get("/tasks?function=double", &found)
	assert.Equal(t, 2, found.ScannedRuns)
	assert.True(t, found.Complete)
}

// TestTags: answers about ended runs are known again by their tags until something about them changes.
func TestTags(t *testing.T) {
	w := newWorld(t)
	run := w.run("spread", nil)
	other := w.run("spread", nil)
	seen := map[string]string{}
	for _, path := range []string{
		"", "/graph", "/layout", "/events", "/events?after=3", "/tasks", "/tasks?limit=3", "/tasks/0", "/workers", "/timeline", "/timeline?buckets=5",
		"/findings", "/critical-path", "/longest-chain", "/stats", "/stats?at=5", "/stats?metric=queue_ns", "/archive", "/export?format=csv", "/export?format=chrome",
	} {
		out := w.request(http.MethodGet, at(run, path), nil)
		tag := out.Header().Get("ETag")
		require.NotEmpty(t, tag, path)
		assert.Empty(t, seen[tag], "%s has the tag of %s", path, seen[tag])
		seen[tag] = path
		for _, known := range []string{tag, `"x", ` + tag, strings.TrimSuffix(tag, `"`) + `-gzip"`, "*"} {
			again := w.request(http.MethodGet, at(run, path), nil, "If-None-Match", known)
			require.Equal(t, http.StatusNotModified, again.Code, "%s %s", path, known)
			assert.Empty(t, again.Body.String())
			assert.Equal(t, tag, again.Header().Get("ETag"))
		}
		assert.Equal(t, http.StatusOK, w.request(http.MethodGet, at(run, path), nil, "If-None-Match", `"x"`).Code)
		if path != "/graph" && path != "/layout" {
			assert.NotEqual(t, tag, w.request(http.MethodGet, at(other, path), nil).Header().Get("ETag"), path)
		}
	}
	tag := w.request(http.MethodGet, at(run, ""), nil).Header().Get("ETag")
	w.send(http.MethodPatch, at(run, ""), map[string]string{"note": "x"}, http.StatusOK, nil)
	assert.NotEqual(t, tag, w.request(http.MethodGet, at(run, ""), nil).Header().Get("ETag"))
}

func TestFiles(t *testing.T) {
	w := newWorld(t)
	run := w.run("spread", nil)
	out := w.request(http.MethodGet, at(run, "/export?format=csv"), nil)
	rows, err := csv.NewReader(out.Body).ReadAll()
	require.NoError(t, err)
	assert.Len(t, rows, 13)
	assert.Equal(t, `attachment; filename="`+run.Name+`-`+string(run.Run)+`.csv"`, out.Header().Get("Content-Disposition"))
	for _, format := range []string{"records", "events"} {
		out = w.request(http.MethodGet, at(run, "/export?format="+format), nil)
		for line := range strings.Lines(out.Body.String()) {
			require.True(t, json.Valid([]byte(line)))
		}
	}
	assert.True(t, json.Valid(w.request(http.MethodGet, at(run, "/export?format=chrome"), nil).Body.Bytes()))

	archive := w.request(http.MethodGet, at(run, "/archive"), nil).Body.Bytes()
	p, err := metricsstore.ReadArchive(bytes.NewReader(archive), 1<<20)
	require.NoError(t, err)
	assert.Equal(t, run.Run, p.Run.Info.ID)

	elsewhere := newWorld(t)
	var got api.Import
	elsewhere.post("/imports", string(archive), http.StatusCreated, &got)
	imported := got.Files[0].Run
	assert.True(t, imported.AddedAt.After(run.AddedAt), "it was added when it was imported")
	imported.AddedAt = run.AddedAt
	assert.Equal(t, run, *imported)
	elsewhere.post("/imports", string(archive), http.StatusOK, &got)
	assert.Equal(t, "unchanged", got.Files[0].Outcome)
	elsewhere.refused(http.MethodPost, "/imports", "dagscope-run\n\x01rubbish", http.StatusUnprocessableEntity)
	elsewhere.refused(http.MethodPost, "/imports", "", http.StatusUnprocessableEntity)
	small := newWorld(t, func(c *api.Config) { c.MaxArchive = 100 })
	small.refused(http.MethodPost, "/imports", string(archive), http.StatusRequestEntityTooLarge)
}

func TestServer(t *testing.T) {
	w := newWorld(t)
	var flows api.WorkflowList
	w.get("/workflows", &flows)
	assert.Len(t, flows.Workflows, 6)
	var flow api.Workflow
	w.get("/workflows/spread", &flow)
	require.Len(t, flow.Params, 1)
	assert.Equal(t, 1.0, *flow.Params[0].Min)
	assert.False(t, flow.Params[0].Required)
	w.get("/workflows/length", &flow)
	assert.True(t, flow.Params[0].Required)
	assert.False(t, flow.Params[1].Required)

	run := w.submit("gate", nil)
	w.entered()
	var workers api.WorkerList
	w.get("/workers", &workers)
	require.Len(t, workers.Workers, 1)
	assert.Equal(t, []api.WorkerRun{{Run: run.Run, Name: run.Name, Workflow: "gate", Running: 1}}, workers.Workers[0].Runs)
}

func TestResult(t *testing.T) {
	w := newWorld(t)
	var result api.Result
	out := w.get(at(w.run("spread", nil), "/result"), &result)
	assert.Equal(t, api.Result{Type: "int", Text: "0"}, result)
	assert.NotEmpty(t, out.Header().Get("ETag"))
	failed := w.run("trip", nil)
	p := w.refused(http.MethodGet, at(failed, "/result"), nil, http.StatusNotFound)
	assert.Equal(t, "the run has no result: it is failed", p.Detail)
}

// TestDrawings: a drawing names tasks, shows how they ended, and is saved like every other file.
func TestDrawings(t *testing.T) {
	drawer, err := layout.NewDrawer(layout.Config{})
	require.NoError(t, err)
	w := newWorld(t, func(c *api.Config) { c.Drawer = drawer })
	run := w.run("spread", map[string]string{"n": "7"})
	out := w.request(http.MethodGet, at(run, "/drawing?format=dot"), nil)
	require.Equal(t, http.StatusOK, out.Code)
	assert.Equal(t, `attachment; filename="`+run.Name+`-`+string(run.Run)+`.dot"`, out.Header().Get("Content-Disposition"))
	dot := out.Body.String()
	assert.Regexp(t, `label="numbers\\nsucceeded, \S+"`, dot)
	assert.Regexp(t, `label="double\\n7 tasks, \S+ together"`, dot)
	failed := w.run("trip", nil)
	dot = w.request(http.MethodGet, at(failed, "/drawing?format=dot"), nil).Body.String()
	assert.Regexp(t, `label="trip\\nfailed, \S+( in \d attempts)?"`, dot)
	assert.Contains(t, dot, `label="double\nnot run"`)
	many := w.run("many", nil)
	assert.Regexp(t, `label="one\[149\]\\nsucceeded, `, w.request(http.MethodGet, at(many, "/drawing?format=dot"), nil).Body.String())
}
