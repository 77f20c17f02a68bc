package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/web/api"
)

func TestSubmit(t *testing.T) {
	w := newWorld(t)
	var run api.RunSummary
	out := w.post("/runs", map[string]any{"workflow": "spread", "params": map[string]string{"n": "3"}}, http.StatusCreated, &run)
	assert.Equal(t, "/api/v1/runs/"+string(run.Run), out.Header().Get("Location"))
	assert.Equal(t, "0", w.finished(run.Run).ResultText)
}

func TestRefusedSubmissions(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		body     string
		status   int
		location string
		detail   string
	}{
		{`{`, 400, "", "body: expected JSON: unexpected end of JSON input"},
		{`[]`, 422, "body", "body: expected object"},
		{`{}`, 422, "body", "body: expected required property workflow to be present"},
		{`{"workflow":""}`, 422, "body.workflow", "body.workflow: expected length >= 1"},
		{`{"workflow":"spread","more":1}`, 422, "body", "body.more: unexpected property, expected deadline_ns, note, params, policy, rules, tags, upload, workflow"},
		{`{"workflow":"none"}`, 422, "", `body.workflow: there is no workflow "none"; GET /workflows lists them`},
		{`{"workflow":"spread","params":{"n":"0"}}`, 422, "body.params.n", "n of workflow spread: 0 is out of range, expected 1 to 5000"},
		{`{"workflow":"spread","params":{"m":"0"}}`, 422, "body.params.m", `workflow spread has no parameter "m", expected n`},
		{`{"workflow":"spread","params":{"n":5}}`, 422, "body.params.n", "body.params.n: expected string"},
		{`{"workflow":"spread","policy":"hope"}`, 422, "body.policy", `body.policy: expected value to be one of "fail-fast, continue"`},
		{`{"workflow":"spread","deadline_ns":-1}`, 422, "body.deadline_ns", "body.deadline_ns: expected number >= 0"},
		{`{"workflow":"spread","deadline_ns":1.5}`, 422, "body.deadline_ns", "body.deadline_ns: expected integer"},
		{`{"workflow":"spread","upload":"never"}`, 422, "", `body.upload: upload strategy "never", expected after_each_task, periodic=2s, queue=256 or shutdown`},
		{`{"workflow":"spread","tags":["\n"]}`, 422, "", `body.tags: "" is not a tag, expected 1 to 64 bytes on one line`},
		{`{"workflow":"length"}`, 422, "body.params.input", "input of workflow length: it is required, expected a file"},
		{
			`{"workflow":"length","params":{"input":"/etc/passwd"}}`, 422, "",
			`body.params.input: "/etc/passwd" is a path, expected the file itself as the part input of a form: the server reads no files of its own`,
		},
	} {
		p := w.refused(http.MethodPost, "/runs", c.body, c.status)
		assert.Equal(t, c.detail, p.Detail, c.body)
		if c.location != "" && assert.NotEmpty(t, p.Errors, c.body) {
			assert.True(t, strings.HasPrefix(p.Errors[0].Location, c.location), "%s: %s", c.body, p.Errors[0].Location)
		}
	}
	w.refused(http.MethodPost, "/runs", `{}`, http.StatusUnsupportedMediaType, "Content-Type", "text/plain")
	w.refused(http.MethodPost, "/runs", strings.Repeat(" ", 2<<20), http.StatusRequestEntityTooLarge)
	var list api.RunList
	w.get("/runs", &list)
	assert.Empty(t, list.Runs)
}

func TestSubmitForm(t *testing.T) {
	w := newWorld(t, func(c *api.Config) { c.MaxUpload = 1000 })
	send := func(request any, files map[string][2]string, status int) (run api.RunSummary, p api.Problem) {
		t.Helper()
		body, kind := form(t, request, files)
		out := w.request(http.MethodPost, "/runs", body, "Content-Type", kind)
		require.Equal(t, status, out.Code, out.Body.String())
		if status == http.StatusCreated {
			decode(t, out, &run)
		} else {
			decode(t, out, &p)
			checkProblem(t, out, &p)
		}
		return run, p
	}
	request := map[string]any{"workflow": "length"}
	run, _ := send(request, map[string][2]string{"input": {"../../a/b.txt", "four"}}, http.StatusCreated)
	run = w.finished(run.Run)
	assert.Equal(t, "10", run.ResultText, "the file, and the default of the other")
	assert.Equal(t, map[string]string{"input": "b.txt", "more": "sample.txt"}, run.Params)
	run, _ = send(request, map[string][2]string{"input": {"x", "1"}, "more": {"x", "22"}}, http.StatusCreated)
	assert.Equal(t, "3", w.finished(run.Run).ResultText, "files of one name are kept apart")

	_, p := send(request, map[string][2]string{"input": {"x", "1"}, "more": {"y", "bad"}}, 422)
	assert.Equal(t, "more of workflow length: it is bad, expected a good one", p.Detail)
	assert.Equal(t, []api.ProblemError{{Message: "it is bad, expected a good one", Location: "body.params.more"}}, p.Errors)
	_, p = send(request, map[string][2]string{"input": {"x", "odd"}}, 422)
	assert.Equal(t, "workflow length: the files do not fit each other", p.Detail, "of the arguments together")
	_, p = send(request, map[string][2]string{"input": {"x", "1"}, "third": {"x", "1"}}, 422)
	assert.Equal(t, `the form has a part "third", which is not a parameter of workflow length`, p.Detail)
	_, p = send(map[string]any{"workflow": "spread"}, map[string][2]string{"n": {"x", "1"}}, 422)
	assert.Equal(t, "the part n of the form is a file, expected the parameter's value in params", p.Detail)
	_, p = send(nil, map[string][2]string{"input": {"x", "1"}}, 422)
	assert.Contains(t, p.Detail, "the form has no part named request")
	_, p = send(request, map[string][2]string{"input": {"x", strings.Repeat("x", 1001)}}, 413)
	assert.Contains(t, p.Detail, "larger than the 1000 bytes")
	w.refused(http.MethodPost, "/runs", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nabc", http.StatusBadRequest, "Content-Type", "multipart/form-data; boundary=x")
	w.refused(http.MethodPost, "/runs", "not a form", http.StatusUnsupportedMediaType, "Content-Type", "multipart/form-data")
}

func TestIdempotency(t *testing.T) {
	now := time.Now()
	var mu sync.Mutex
	w := newWorld(t, func(c *api.Config) {
		c.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	})
	request := map[string]any{"workflow": "spread", "params": map[string]string{"n": "3"}}
	runs := make([]api.RunSummary, 8)
	var parts sync.WaitGroup
	for i := range runs {
		parts.Go(func() {
			body, _ := json.Marshal(request)
			out := w.request(http.MethodPost, "/runs", bytes.NewReader(body), "Content-Type", "application/json", "Idempotency-Key", "k1")
			_ = json.Unmarshal(out.Body.Bytes(), &runs[i])
		})
	}
	parts.Wait()
	require.NotEmpty(t, runs[0].Run)
	for _, r := range runs {
		assert.Equal(t, runs[0].Run, r.Run)
	}
	p := w.refused(http.MethodPost, "/runs", map[string]any{"workflow": "spread"}, 422, "Idempotency-Key", "k1")
	assert.Contains(t, p.Detail, "was used with another request")

	bad := map[string]any{"workflow": "spread", "params": map[string]string{"n": "0"}}
	w.refused(http.MethodPost, "/runs", bad, 422, "Idempotency-Key", "k2")
	var run api.RunSummary
	w.post("/runs", request, http.StatusCreated, &run, "Idempotency-Key", "k2")
	assert.NotEqual(t, runs[0].Run, run.Run, "a key whose submission failed is free")

	first, kind := form(t, map[string]any{"workflow": "length"}, map[string][2]string{"input": {"a", "1"}})
	second, otherKind := form(t, map[string]any{"workflow": "length"}, map[string][2]string{"input": {"a", "1"}})
	require.NotEqual(t, kind, otherKind)
	var a, b api.RunSummary
	decode(t, w.request(http.MethodPost, "/runs", first, "Content-Type", kind, "Idempotency-Key", "k3"), &a)
	decode(t, w.request(http.MethodPost, "/runs", second, "Content-Type", otherKind, "Idempotency-Key", "k3"), &b)
	assert.Equal(t, a.Run, b.Run, "the boundary of a form does not count")

	later := newWorld(t, func(c *api.Config) { c.Store = w.store }) // as after a restart
	later.post("/runs", request, http.StatusCreated, &run, "Idempotency-Key", "k1")
	assert.Equal(t, runs[0].Run, run.Run)
	later.refused(http.MethodPost, "/runs", map[string]any{"workflow": "spread"}, 422, "Idempotency-Key", "k1")

	mu.Lock()
	now = now.Add(25 * time.Hour)
	mu.Unlock()
	w.post("/runs", request, http.StatusCreated, &run, "Idempotency-Key", "k1")
	assert.NotEqual(t, runs[0].Run, run.Run, "keys are forgotten after a day")
}

func TestTooManyRuns(t *testing.T) {
	w := newWorld(t, func(c *api.Config) { c.MaxRuns = 2 })
	first := w.submit("gate", nil)
	w.submit("gate", nil)
	assert.Equal(t, 2, w.api.Active())
	out := w.post("/runs", map[string]any{"workflow": "spread"}, http.StatusTooManyRequests, nil)
	assert.NotEmpty(t, out.Header().Get("Retry-After"))
	w.refused(http.MethodPost, "/runs/"+string(first.Run)+"/retry", nil, http.StatusTooManyRequests)
	w.post("/runs/"+string(first.Run)+"/cancel", nil, http.StatusOK, nil)
	w.finished(first.Run)
	w.run("spread", nil)
}

func FuzzSubmission(f *testing.F) {
	f.Add("application/json", []byte(`{"workflow":"spread","params":{"n":"3"},"tags":["a"]}`))
	f.Add("application/json", []byte(`{"workflow":"length","params":{"input":"x"}}`))
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"request\"\r\n\r\n{\"workflow\":\"length\"}\r\n"+
		"--b\r\nContent-Disposition: form-data; name=\"input\"; filename=\"..\\\\x\"\r\n\r\nabc\r\n--b--\r\n"))
	w := newWorld(f, func(c *api.Config) { c.MaxUpload = 1 << 16 })
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		fresh := *w
		fresh.t = t
		out := fresh.request(http.MethodPost, "/runs", bytes.NewReader(body), "Content-Type", kind)
		switch out.Code {
		case http.StatusCreated:
			var run api.RunSummary
			decode(t, out, &run)
			for _, name := range []string{"input", "more"} {
				require.NotContains(t, run.Params[name], "/")
			}
			r, err := w.engine.Get(run.Run)
			require.NoError(t, err)
			r.Cancel()
		case 400, 413, 415, 422, 429:
			var p api.Problem
			decode(t, out, &p)
			checkProblem(t, out, &p)
		default:
			require.Fail(t, fmt.Sprint(out.Code), out.Body.String())
		}
	})
}
