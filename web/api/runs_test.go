package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/web/api"
)

func TestSummary(t *testing.T) {
	w := newWorld(t)
	run := w.run("spread", map[string]string{"n": "20"}, func(s *api.Submission) {
		s.Tags, s.Note, s.Policy, s.DeadlineNS, s.Upload = []string{" a ", "b", "a"}, "why", record.Continue, int64(time.Hour), "queue=4"
	})
	assert.Equal(t, record.Succeeded, run.Status)
	assert.Equal(t, api.TaskCounts{Total: 22, Done: 22}, run.Tasks)
	assert.Equal(t, map[string]string{"n": "20"}, run.Params)
	assert.Equal(t, []string{"a", "b"}, run.Tags)
	assert.Equal(t, "why", run.Note)
	assert.Equal(t, record.Continue, run.Policy)
	assert.Equal(t, "queue=4", run.Upload)
	assert.Equal(t, int64(time.Hour), run.DeadlineNS)
	assert.Equal(t, "0", run.ResultText)
	assert.Equal(t, int64(22), run.Attempts)
	assert.Positive(t, run.MakespanNS)
	assert.NotNil(t, run.EndedAt)
	assert.True(t, run.Records.Complete, run.Records.Text)
	assert.Nil(t, run.Error.Value)
	assert.Nil(t, run.Standing.Value, "there is nothing to compare it with")
	assert.Len(t, run.GraphHash, 64)
	assert.Regexp(t, "^[a-z]+-[a-z]+$", run.Name)

	failed := w.run("trip", nil)
	assert.Equal(t, record.Failed, failed.Status)
	require.NotNil(t, failed.Error.Value)
	assert.Equal(t, record.UserError, failed.Error.Value.Kind)
	assert.Equal(t, "tripped on purpose", failed.Error.Value.Message)
	assert.Equal(t, "trip", failed.Error.Value.Task)
	assert.Equal(t, uint32(0), *failed.Error.Value.Node)
}

func TestSummaryOfLiveRun(t *testing.T) {
	w := newWorld(t)
	run := w.submit("gate", nil)
	assert.True(t, run.Live)
	assert.True(t, run.Local)
	w.entered()
	get := func() (r api.RunSummary) { w.get("/runs/"+string(run.Run), &r); return r }
	now := get()
	assert.Equal(t, record.Running, now.Status)
	assert.Equal(t, int64(1), now.Tasks.Running)
	assert.Equal(t, int64(2), now.Tasks.Total)
	assert.Equal(t, int64(0), now.Tasks.Done)
	assert.Nil(t, now.EndedAt)
	assert.Positive(t, now.MakespanNS)
	assert.Empty(t, w.request(http.MethodGet, "/runs/"+string(run.Run), nil).Header().Get("ETag"), "it changes")

	w.post("/runs/"+string(run.Run)+"/pause", nil, http.StatusOK, &now)
	w.release()
	require.Eventually(t, func() bool { return get().Tasks.Done == 1 }, 20*time.Second, time.Millisecond)
	assert.Equal(t, record.Paused, get().Status)
	w.post("/runs/"+string(run.Run)+"/resume", nil, http.StatusOK, &now)
	w.entered()
	assert.Equal(t, record.Running, get().Status)
	w.post("/runs/"+string(run.Run)+"/cancel", nil, http.StatusOK, &now)
	assert.Equal(t, record.Cancelled, w.finished(run.Run).Status)
	for _, word := range []string{"cancel", "pause", "resume"} {
		p := w.refused(http.MethodPost, "/runs/"+string(run.Run)+"/"+word, nil, http.StatusConflict)
		assert.Equal(t, "the run has ended: it was cancelled", p.Detail)
	}
}

func TestListRuns(t *testing.T) {
	w := newWorld(t)
	var ids []record.RunID
	for i := range 7 {
		run := w.run("spread", map[string]string{"n": fmt.Sprint(i + 1)}, func(s *api.Submission) { s.Tags = []string{fmt.Sprint("t", i%2)} })
		ids = append(ids, run.Run)
	}
	failed := w.run("trip", nil)
	list := func(query string) (l api.RunList) { t.Helper(); w.get("/runs?"+query, &l); return l }

	all := list("")
	assert.Len(t, all.Runs, 8)
	assert.Equal(t, failed.Run, all.Runs[0].Run, "the latest first")
	assert.Equal(t, []string{"spread", "trip"}, all.Workflows)
	assert.Equal(t, map[string]int{
		"all": 8, "succeeded": 7, "failed": 1, "queued": 0, "running": 0, "paused": 0, "cancelled": 0, "interrupted": 0,
	}, all.Counts)

	assert.Equal(t, 8, list("status=failed").Counts["all"], "counts are of the filter without status")
	assert.Len(t, list("status=failed&status=succeeded").Runs, 8)
	assert.Len(t, list("status=failed").Runs, 1)
	assert.Len(t, list("workflow=spread&tag=t1").Runs, 3)
	assert.Len(t, list("text="+url.QueryEscape(strings.ToUpper(failed.Name))).Runs, 1, "by name")
	assert.Len(t, list("text=tripped").Runs, 1, "by error")
	assert.Equal(t, 1, list("text=tripped").Counts["all"])
	assert.Empty(t, list("to=1999-01-01T00:00:00Z").Runs)
	assert.Equal(t, ids[6], list("sort=tasks&workflow=spread").Runs[0].Run)
	assert.Equal(t, ids[0], list("sort=tasks&order=asc&workflow=spread").Runs[0].Run)

	seen := map[record.RunID]bool{}
	for cursor := ""; ; {
		page := list("limit=3&sort=tasks&cursor=" + url.QueryEscape(cursor))
		for _, r := range page.Runs {
			assert.False(t, seen[r.Run], "twice")
			seen[r.Run] = true
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	assert.Len(t, seen, 8)

	last := list("workflow=spread&limit=1").Runs[0]
	assert.Nil(t, last.Standing.Value, "no run before had its parameters")
	w.get("/runs/"+string(last.Run)+"?peers=workflow", &last)
	require.NotNil(t, last.Standing.Value)
	assert.Equal(t, 6, last.Standing.Value.Runs)
	assert.Equal(t, api.Peers{Scope: "workflow", Runs: 6, Workflow: "spread", Terms: []string{}}, last.Standing.Value.Peers)
	assert.Nil(t, list("status=failed").Runs[0].Standing.Value)
}

// TestPeersOverREST: lists and statistics of the peers of a run, which are those of before it.
func TestPeersOverREST(t *testing.T) {
	w := newWorld(t)
	var ids []record.RunID
	for i := range 7 {
		ids = append(ids, w.run("spread", map[string]string{"n": []string{"3", "4"}[i%2]}).Run)
	}
	at := func(path string, n int, peers string) string {
		return fmt.Sprintf("%s&before=%s&peers=%s", path, ids[n], peers)
	}
	for _, c := range []struct {
		n     int
		scope string
		want  []record.RunID
	}{
		{6, "same", []record.RunID{ids[4], ids[2], ids[0]}},
		{5, "same", []record.RunID{ids[3], ids[1]}},
		{5, "workflow", []record.RunID{ids[4], ids[3], ids[2], ids[1], ids[0]}},
		{0, "same", nil},
	} {
		var list api.RunList
		w.get(at("/runs?limit=10", c.n, c.scope), &list)
		var got []record.RunID
		for _, r := range list.Runs {
			got = append(got, r.Run)
		}
		assert.Equal(t, c.want, got)
		assert.Equal(t, len(c.want), list.Peers.Runs)
		var stats api.History
		w.get(at("/stats?metric=execute_ns", c.n, c.scope), &stats)
		assert.Equal(t, len(c.want), stats.Peers.Runs)
		if len(c.want) > 0 {
			assert.Equal(t, len(c.want), stats.Buckets[0].Runs, "of before it alone")
		} else {
			assert.Empty(t, stats.Buckets)
		}
	}
	var list api.RunList
	w.get("/runs?before="+string(ids[6]), &list)
	assert.Equal(t, []string{"n=3"}, list.Peers.Terms, "same is the default")
	w.refused(http.MethodGet, "/runs?before=nobody", "", http.StatusNotFound)
	w.refused(http.MethodGet, "/stats?peers=same", "", http.StatusBadRequest)
	w.refused(http.MethodGet, "/stats?before=a%2Fb", "", http.StatusBadRequest)
}

func TestRefusedQueries(t *testing.T) {
	w := newWorld(t)
	run := w.run("spread", nil)
	for _, c := range []struct{ path, detail string }{
		{"/runs?limits=3", `unknown query parameter "limits", expected from, to, before, peers, workflow, engine, status, tag, text, sort, order, limit, cursor`},
		{"/workflows?x=1", `unknown query parameter "x", expected none`},
		{"/runs?limit=0", "query.limit: expected number >= 1"},
		{"/runs?limit=1001", "query.limit: expected number <= 1000"},
		{"/runs?limit=many", `query.limit: "many" is not a whole number, expected one in digits alone, such as 50`},
		{"/runs?limit=1e3", `query.limit: "1e3" is not a whole number, expected one in digits alone, such as 50`},
		{"/runs?limit=1&limit=2", `query parameter "limit" is given 2 times, expected once`},
		{"/runs?sort=age", `query.sort: expected value to be one of "started, makespan, tasks, bytes, workflow, status, added"`},
		{"/runs?status=done", `query.status[0]: expected value to be one of "queued, running, paused, succeeded, failed, cancelled, interrupted"`},
		{"/runs?cursor=abc", "the cursor is not from a page of this query"},
		{"/runs?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "query.to is 2026-01-01T00:00:00Z, expected a moment after query.from, 2026-01-02T00:00:00Z"},
		{"/runs?from=yesterday", `query.from: "yesterday" is not a time, expected one as RFC 3339 has it, such as 2026-01-31T15:04:05Z`},
		{"/runs?text=%zz", `the query of the address is malformed: invalid URL escape "%zz"`},
		{"/stats?metric=speed", `query.metric: expected value to be one of "queue_ns, wait_ns, fetch_ns, execute_ns, store_ns, update_ns, output_bytes, stored_bytes, output_bytes_per_s, cpu_ns, memory_bytes, read_bytes, written_bytes"`},
		{"/stats?quantiles=0.5,1.5", "query.quantiles[1]: expected number <= 1"},
		{"/stats?except=a%20b", `query.except: "a b" is not a run id, expected 1 to 64 letters, digits, '-', '_' or '.'`},
		{"/runs/" + string(run.Run) + "/export", "query.format: required query parameter is missing, expected one of csv, records, events, chrome, html, wfformat, wfformat-1.5, otlp, parquet"},
		{"/runs/" + string(run.Run) + "/stats?group_by=day", `query.group_by: expected value to be one of "function, worker, level, none"`},
		{"/runs/" + string(run.Run) + "/stats?at=-1", "query.at: expected number >= 0"},
		{"/runs/.hidden", "path.run: expected string to match pattern ^[A-Za-z0-9_-][A-Za-z0-9_.-]*$"},
		{"/runs/" + string(run.Run) + "/tasks/minus", `path.node: "minus" is not a whole number, expected one in digits alone, such as 50`},
		{"/stats?quantiles=half", `query.quantiles: "half" is not a number, expected one such as 0.5`},
		{"/stats?version=one", `query.version: "one" is not a whole number, expected one in digits alone, such as 50`},
	} {
		assert.Equal(t, c.detail, w.refused(http.MethodGet, c.path, nil, http.StatusBadRequest).Detail, c.path)
	}
}

func TestRefusedAnnotations(t *testing.T) {
	w := newWorld(t)
	path := "/runs/" + string(w.run("spread", nil).Run)
	for _, c := range []struct {
		body, contentType string
		status            int
		detail            string
	}{
		{`{"note":"x"}`, "text/plain", http.StatusUnsupportedMediaType, `body: the content type is "text/plain", expected application/json`},
		{`{"note":`, "application/json", http.StatusBadRequest, "body: expected JSON: unexpected end of JSON input"},
		{`{"notes":"x"}`, "application/json", http.StatusUnprocessableEntity, "body.notes: unexpected property, expected note, tags"},
		{`{"tags":["a",1]}`, "application/json", http.StatusUnprocessableEntity, "body.tags[1]: expected string"},
	} {
		assert.Equal(t, c.detail, w.refused(http.MethodPatch, path, c.body, c.status, "Content-Type", c.contentType).Detail, c.body)
	}
}

func TestNotFound(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{
		"", "/graph", "/layout", "/drawing", "/events", "/tasks", "/tasks/0", "/workers", "/timeline", "/stats", "/archive", "/export?format=csv",
	} {
		w.refused(http.MethodGet, "/runs/nobody"+path, nil, http.StatusNotFound)
	}
	for _, word := range []string{"cancel", "pause", "resume", "retry"} {
		w.refused(http.MethodPost, "/runs/nobody/"+word, nil, http.StatusNotFound)
	}
	w.refused(http.MethodPatch, "/runs/nobody", map[string]string{"note": "x"}, http.StatusNotFound)
	w.refused(http.MethodDelete, "/runs/nobody", nil, http.StatusNotFound)
	w.refused(http.MethodGet, "/workflows/nobody", nil, http.StatusNotFound)
	run := w.run("spread", nil)
	p := w.refused(http.MethodGet, "/runs/"+string(run.Run)+"/tasks/4000000000", nil, http.StatusNotFound)
	assert.Contains(t, p.Detail, "not a task")
}

func TestAnnotateAndDelete(t *testing.T) {
	w := newWorld(t)
	run := w.run("spread", nil, func(s *api.Submission) { s.Note = "first" })
	at := "/runs/" + string(run.Run)
	var changed api.RunSummary
	w.send(http.MethodPatch, at, map[string]any{"tags": []string{"x", " x ", "y"}}, http.StatusOK, &changed)
	assert.Equal(t, []string{"x", "y"}, changed.Tags)
	assert.Equal(t, "first", changed.Note, "what is absent stays")
	w.send(http.MethodPatch, at, map[string]any{"note": "", "tags": []string{}}, http.StatusOK, &changed)
	assert.Empty(t, changed.Tags)
	assert.Empty(t, changed.Note)
	for _, body := range []string{`{"tags":["a\nb"]}`, `{"tags":[""]}`, `{"other":1}`, `{"note":5}`} {
		w.refused(http.MethodPatch, at, body, http.StatusUnprocessableEntity)
	}
	w.refused(http.MethodPatch, at, `{"tags":`, http.StatusBadRequest)

	live := w.submit("gate", nil)
	w.entered()
	assert.Equal(t, "the run has not ended; cancel it first", w.refused(http.MethodDelete, "/runs/"+string(live.Run), nil, http.StatusConflict).Detail)
	w.post("/runs/"+string(live.Run)+"/cancel", nil, http.StatusOK, nil)

	archive := w.request(http.MethodGet, at+"/archive", nil).Body.String()
	assert.Empty(t, w.send(http.MethodDelete, at, nil, http.StatusNoContent, nil).Body.String())
	w.refused(http.MethodGet, at, nil, http.StatusGone)
	w.refused(http.MethodGet, at+"/tasks", nil, http.StatusGone)
	var list api.RunList
	w.get("/runs?workflow=spread", &list)
	assert.Empty(t, list.Runs)

	var back api.Import
	w.post("/imports", archive, http.StatusCreated, &back)
	assert.Equal(t, run.Run, back.Files[0].Run.Run)
	w.get(at, &run)
}

func TestRetry(t *testing.T) {
	w := newWorld(t)
	run := w.run("trip", map[string]string{"mode": "error"}, func(s *api.Submission) { s.Tags, s.Note = []string{"keep", "x"}, "again" })
	var again api.RunSummary
	out := w.post("/runs/"+string(run.Run)+"/retry", nil, http.StatusCreated, &again)
	assert.NotEqual(t, run.Run, again.Run)
	assert.Equal(t, "/api/v1/runs/"+string(again.Run), out.Header().Get("Location"))
	assert.Equal(t, run.Params, again.Params)
	assert.Equal(t, []string{"x"}, again.Tags, "what pins a run does not pin the next")
	assert.Equal(t, "again", w.finished(again.Run).Note)

	sample := w.run("sample", nil)
	w.post("/runs/"+string(sample.Run)+"/retry", nil, http.StatusCreated, &again)
	assert.Equal(t, "6", w.finished(again.Run).ResultText, "the default file is to be had again")

	for _, name := range []string{"sample.txt", "my.txt"} {
		body, kind := form(t, map[string]any{"workflow": "sample"}, map[string][2]string{"input": {name, "four"}})
		require.Equal(t, http.StatusCreated, w.request(http.MethodPost, "/runs", body, "Content-Type", kind).Code)
		var list api.RunList
		w.get("/runs?limit=1", &list)
		given := w.finished(list.Runs[0].Run)
		require.Equal(t, "4", given.ResultText)
		p := w.refused(http.MethodPost, "/runs/"+string(given.Run)+"/retry", nil, http.StatusConflict)
		assert.Contains(t, p.Detail, "is not kept; submit it again with the file", name)
	}

	var imported api.Import
	w.post("/imports", `{"name": "r", "schemaVersion": "1.5", "workflow": {"specification": {"tasks": [{"id": "a", "name": "a"}]},
		"execution": {"tasks": [{"id": "a", "runtimeInSeconds": 1}]}}}`, http.StatusCreated, &imported)
	p := w.refused(http.MethodPost, "/runs/"+string(imported.Files[0].Run.Run)+"/retry", nil, http.StatusUnprocessableEntity)
	assert.Equal(t, `there is no workflow "wfformat:r" here: the run is a recording`, p.Detail, "which no form can help")
}
