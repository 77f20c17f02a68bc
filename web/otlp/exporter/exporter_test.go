package exporter_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
	"github.com/dagscope/dagscope/web/otlp/exporter"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// collector answers requests without a network, so that tests have their own time.
type collector struct {
	answer func(n int) (status int, header http.Header, body string) // to the nth request, from 1; status 0 for none

	mu    sync.Mutex
	times []time.Time
	last  *http.Request
	spans map[string]int // of accepted requests, by ID
}

func (c *collector) RoundTrip(r *http.Request) (*http.Response, error) {
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times, c.last = append(c.times, time.Now()), r
	status, header, text := c.answer(len(c.times))
	if status == 0 {
		return nil, errors.New("nothing listens there")
	}
	if status == http.StatusOK {
		var request struct {
			ResourceSpans []struct {
				ScopeSpans []struct{ Spans []struct{ SpanID string } }
			}
		}
		if err := json.Unmarshal(body, &request); err != nil {
			return nil, err
		}
		for _, rs := range request.ResourceSpans {
			for _, s := range rs.ScopeSpans[0].Spans {
				c.spans[s.SpanID]++
			}
		}
	}
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: header, Body: io.NopCloser(strings.NewReader(text))}, nil
}

func accepts(int) (int, http.Header, string) { return http.StatusOK, nil, "{}" }

// kept is a store with a run of some tasks.
func kept(t *testing.T, id record.RunID, tasks int) *metricsstore.Queries {
	t.Helper()
	leaf := engine.Func1("leaf", func(_ context.Context, n int) (int, error) { return n, nil })
	sum := engine.FuncN("sum", func(_ context.Context, v []int) (int, error) { return len(v), nil })
	b := engine.NewBuilder()
	row := make([]engine.Ref[int], tasks-1)
	for i := range row {
		row[i] = leaf.Call(engine.Const(b, i))
	}
	g, err := b.Compile(sum.Call(b, row...))
	require.NoError(t, err)
	store := memory.New()
	r, err := metricsstore.NewRecorder(metricsstore.Config{Store: store})
	require.NoError(t, err)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	require.NoError(t, r.Begin(record.RunInfo{ID: id, Workflow: "w", SubmittedAt: at, StartedAt: at}, g))
	r.Steps(id, enginetest.SimulateSteps(g, 1, 3))
	require.NoError(t, r.End(id, record.RunEnd{Status: record.Succeeded, EndedAt: at.Add(time.Hour)}))
	q, err := metricsstore.NewQueries(store)
	require.NoError(t, err)
	return q
}

// tasks is how many the run that is sent has.
const tasks = 1200

// attempts counts those of the run.
func attempts(t *testing.T) (n int) {
	t.Helper()
	_, err := kept(t, "r", tasks).EachRecord(t.Context(), "r", func(records []record.TaskMetrics) error {
		n += len(records)
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, n, tasks)
	return n
}

// exporting runs an exporter to a collector while f works, and returns what it has logged.
func exporting(t *testing.T, c *collector, change func(*exporter.Config), f func(*exporter.Exporter)) string {
	t.Helper()
	var log bytes.Buffer
	c.spans = map[string]int{}
	cfg := exporter.Config{
		Queries: kept(t, "r", tasks), Endpoint: "http://collector.test:4318", Client: &http.Client{Transport: c},
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	e, err := exporter.New(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { assert.NoError(t, e.Run(ctx)) })
	f(e)
	cancel()
	running.Wait()
	return log.String()
}

func TestARunIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &collector{answer: accepts}
		log := exporting(t, c, func(cfg *exporter.Config) { cfg.Header = http.Header{"Authorization": {"Bearer x"}} }, func(e *exporter.Exporter) {
			e.Ended("r")
			synctest.Wait()
			assert.Equal(t, exporter.Stats{Sent: 1}, e.Stats())
		})
		assert.Empty(t, log)
		assert.Equal(t, 1+attempts(t), len(c.spans), "each attempt, and the run")
		assert.Equal(t, 2, len(c.times), "in several requests")
		assert.Equal(t, "http://collector.test:4318/v1/traces", c.last.URL.String())
		assert.Equal(t, "Bearer x", c.last.Header.Get("Authorization"))
		assert.Equal(t, "application/json", c.last.Header.Get("Content-Type"))
	})
}

func TestACollectorThatIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &collector{answer: func(n int) (int, http.Header, string) {
			switch n {
			case 1:
				return 0, nil, ""
			case 2:
				return http.StatusServiceUnavailable, nil, ""
			case 3:
				return http.StatusTooManyRequests, http.Header{"Retry-After": {"7"}}, ""
			}
			return accepts(n)
		}}
		exporting(t, c, nil, func(e *exporter.Exporter) {
			e.Ended("r")
			time.Sleep(time.Minute)
			assert.Equal(t, exporter.Stats{Sent: 1}, e.Stats())
		})
		assert.Equal(t, 1+attempts(t), len(c.spans))
		assert.Equal(t, time.Second, c.times[1].Sub(c.times[0]))
		assert.Equal(t, 2*time.Second, c.times[2].Sub(c.times[1]))
		assert.Equal(t, 7*time.Second, c.times[3].Sub(c.times[2]), "as it asks")
	})
}

func TestARunThatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &collector{answer: func(int) (int, http.Header, string) { return http.StatusBadRequest, nil, "no thanks" }}
		log := exporting(t, c, nil, func(e *exporter.Exporter) {
			e.Ended("r")
			e.Ended("unknown")
			synctest.Wait()
			assert.Equal(t, exporter.Stats{Dropped: 2}, e.Stats())
		})
		assert.Len(t, c.times, 1, "what is refused is not tried again")
		assert.Contains(t, log, "no thanks")
		assert.Contains(t, log, "run=unknown")
	})
}

func TestACollectorThatAcceptsAPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &collector{answer: func(int) (int, http.Header, string) {
			return http.StatusOK, nil, `{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}`
		}}
		log := exporting(t, c, nil, func(e *exporter.Exporter) {
			e.Ended("r")
			synctest.Wait()
			assert.Equal(t, exporter.Stats{Sent: 1}, e.Stats())
		})
		assert.Contains(t, log, "3 spans: too old")
		assert.Equal(t, 1, strings.Count(log, "in part"))
	})
}

// TestACollectorThatIsGone: a run is given up after a while, the queue is bounded, and the end waits no longer than it may.
func TestACollectorThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &collector{answer: func(int) (int, http.Header, string) { return 0, nil, "" }}
		var ended time.Time
		var e *exporter.Exporter
		log := exporting(t, c, func(cfg *exporter.Config) { cfg.Queue = 3 }, func(made *exporter.Exporter) {
			e = made
			e.Ended("r")
			time.Sleep(5*time.Minute + time.Second)
			assert.Equal(t, exporter.Stats{Dropped: 1}, e.Stats())
			e.Ended("r")
			synctest.Wait() // it is being sent
			for range 5 {
				e.Ended("r")
			}
			ended = time.Now()
		})
		assert.Equal(t, 5*time.Second, time.Since(ended))
		assert.Equal(t, exporter.Stats{Dropped: 7}, e.Stats(), "each is counted once")
		assert.Contains(t, log, "too many wait")
		assert.Contains(t, log, "nothing listens there")
	})
}

func TestTheEndWaitsForWhatIsQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &collector{answer: accepts}
		var e *exporter.Exporter
		exporting(t, c, nil, func(made *exporter.Exporter) {
			e = made
			for range 5 {
				e.Ended("r")
			}
		})
		assert.Equal(t, exporter.Stats{Sent: 5}, e.Stats())
		for id, n := range c.spans {
			require.Equal(t, 5, n, "%s: a run that is sent again is the same trace", id)
		}
	})
}

func TestConfig(t *testing.T) {
	q := kept(t, "r", 3)
	for _, endpoint := range []string{"", "collector:4318", "ftp://x", "http://", "://"} {
		_, err := exporter.New(exporter.Config{Queries: q, Endpoint: endpoint})
		require.ErrorContains(t, err, "expected an address such as", endpoint)
	}
	_, err := exporter.New(exporter.Config{Endpoint: "http://x"})
	require.ErrorContains(t, err, "Queries")
}
