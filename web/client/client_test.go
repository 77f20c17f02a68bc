package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/predict"
	"github.com/dagscope/dagscope/web/api"
	"github.com/dagscope/dagscope/web/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// answering is a client of a service that answers every request in one way, and what the last request was.
func answering(t *testing.T, status int, body string) (*client.Client, *http.Request) {
	t.Helper()
	var last http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		last = *r.Clone(context.Background())
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	c, err := client.New(client.Config{URL: server.URL + "/base/", Token: "secret", HTTP: server.Client()})
	require.NoError(t, err)
	return c, &last
}

func TestCalls(t *testing.T) {
	c, last := answering(t, http.StatusOK, `{"run":"r","status":"paused","text":"5","runs":[]}`)
	summary := func(f func(context.Context, record.RunID) (api.RunSummary, error)) func() error {
		return func() error {
			run, err := f(t.Context(), "r")
			assert.Equal(t, record.RunID("r"), run.Run)
			assert.Equal(t, record.Paused, run.Status)
			return err
		}
	}
	for want, call := range map[string]func() error{
		"GET /base/api/v1/runs/r":         summary(c.Run),
		"POST /base/api/v1/runs/r/cancel": summary(c.Cancel),
		"POST /base/api/v1/runs/r/pause":  summary(c.Pause),
		"POST /base/api/v1/runs/r/resume": summary(c.Resume),
		"POST /base/api/v1/runs/r/retry":  summary(c.Retry),
		"GET /base/api/v1/runs/r/result": func() error {
			result, err := c.Result(t.Context(), "r")
			assert.Equal(t, "5", result.Text)
			return err
		},
		"GET /base/api/v1/runs/r/tasks/7/log?after=0.1.5&wait_ms=2000": func() error {
			log, err := c.TaskLog(t.Context(), "r", 7, worker.LogPosition{Attempt: 1, Offset: 5}, 2*time.Second)
			assert.Equal(t, "5", string(log.Text))
			return err
		},
		"GET /base/api/v1/runs/r/judgement": func() error {
			j, err := c.Judgement(t.Context(), "r")
			assert.Equal(t, record.RunID("r"), j.Run)
			return err
		},
		"GET /base/api/v1/trend?workflow=w": func() error { _, err := c.Trend(t.Context(), url.Values{"workflow": {"w"}}); return err },
		"GET /base/api/v1/runs?limit=3":     func() error { _, err := c.Runs(t.Context(), url.Values{"limit": {"3"}}); return err },
		"POST /base/api/v1/runs":            func() error { _, err := c.Submit(t.Context(), api.Submission{Workflow: "w"}); return err },
		"GET /base/api/v1/workflows/a%2Fb":  func() error { _, err := c.Workflow(t.Context(), "a/b"); return err },
		"PATCH /base/api/v1/runs/r": summary(func(ctx context.Context, run record.RunID) (api.RunSummary, error) {
			return c.Annotate(ctx, run, metricsstore.Annotation{})
		}),
		"DELETE /base/api/v1/runs/r": func() error { return c.Delete(t.Context(), "r") },
		"POST /base/api/v1/imports?name=a+b": func() error {
			_, err := c.Import(t.Context(), "a b", strings.NewReader("file"))
			return err
		},
		"GET /base/api/v1/runs/r/export?format=csv": func() error {
			body, err := c.Export(t.Context(), "r", "csv")
			if err != nil {
				return err
			}
			return body.Close()
		},
		"GET /base/api/v1/runs/r/archive": func() error {
			body, err := c.Archive(t.Context(), "r")
			if err != nil {
				return err
			}
			_, err = io.ReadAll(body)
			return errors.Join(err, body.Close())
		},
	} {
		require.NoError(t, call(), want)
		assert.Equal(t, want, last.Method+" "+last.URL.RequestURI())
		assert.Equal(t, "Bearer secret", last.Header.Get("Authorization"))
	}
}

// TestPredictions: what is not predicted is told from what is.
func TestPredictions(t *testing.T) {
	c, last := answering(t, http.StatusOK, `{"runs":7,"makespan":{"p10_ns":1,"p50_ns":2,"p90_ns":3},"missing":"runs"}`)
	launch, err := c.Predict(t.Context(), url.Values{"workflow": {"w"}, "parameter": {"n=2"}})
	require.NoError(t, err)
	assert.Equal(t, "/base/api/v1/predict?parameter=n%3D2&workflow=w", last.URL.RequestURI())
	assert.Equal(t, &predict.Interval{P10NS: 1, P50NS: 2, P90NS: 3}, launch.Makespan)
	end, err := c.PredictEnd(t.Context(), "r")
	require.NoError(t, err)
	assert.Equal(t, "/base/api/v1/runs/r/predict", last.URL.RequestURI())
	assert.Nil(t, end.End)
	assert.Equal(t, "runs", end.Missing)
}

// TestRefusals: what the service refuses is returned as its problem, which is distinct from the answer of another
// program.
func TestRefusals(t *testing.T) {
	c, _ := answering(t, http.StatusConflict, `{"status":409,"title":"Conflict","detail":"the run has ended"}`)
	_, err := c.Cancel(t.Context(), "r")
	var p *api.Problem
	require.ErrorAs(t, err, &p)
	assert.Equal(t, "the run has ended", p.Detail)
	for _, other := range []struct {
		status int
		body   string
		want   string
	}{
		{http.StatusOK, "<html>", `something that answers "<html>"`},
		{http.StatusNotFound, "<html>", "something that answers 404 Not Found"},
		{http.StatusNotFound, `{"error":"none"}`, "something that answers 404 Not Found"},
	} {
		c, _ := answering(t, other.status, other.body)
		_, err := c.Run(t.Context(), "r")
		require.ErrorIs(t, err, client.ErrUnreachable)
		assert.Contains(t, err.Error(), other.want)
	}
	ctx, leave := context.WithCancel(t.Context())
	leave()
	_, err = c.Run(ctx, "r")
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, client.ErrUnreachable)
}

func TestMistakes(t *testing.T) {
	for _, address := range []string{"", "127.0.0.1:8080", "ftp://x/", "http://", "http://x/?a=b", "http://x/#a", ":"} {
		_, err := client.New(client.Config{URL: address})
		require.ErrorContains(t, err, "expected that of a service such as http://127.0.0.1:8080/", address)
	}
	c, err := client.New(client.Config{URL: "http://127.0.0.1:1/"})
	require.NoError(t, err)
	_, err = c.Run(t.Context(), "r")
	require.ErrorIs(t, err, client.ErrUnreachable)
}
