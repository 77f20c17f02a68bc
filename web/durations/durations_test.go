package durations_test

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	model "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
	"github.com/dagscope/dagscope/web/durations"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// graph has n leaves and what sums them up.
func graph(t *testing.T, n int) *dag.Graph {
	t.Helper()
	leaf := engine.Func1("leaf", func(_ context.Context, n int) (int, error) { return n, nil })
	sum := engine.FuncN("sum", func(_ context.Context, v []int) (int, error) { return len(v), nil })
	b := engine.NewBuilder()
	row := make([]engine.Ref[int], n)
	for i := range row {
		row[i] = leaf.Call(engine.Const(b, i))
	}
	g, err := b.Compile(sum.Call(b, row...))
	require.NoError(t, err)
	return g
}

// recorded records a run of a workflow, as the seed simulates it.
func recorded(t *testing.T, r *metricsstore.Recorder, g *dag.Graph, workflow string, id record.RunID, status record.Status, seed uint64) {
	t.Helper()
	at := time.Now()
	require.NoError(t, r.Begin(record.RunInfo{ID: id, Workflow: workflow, SubmittedAt: at, StartedAt: at}, g))
	r.Steps(id, enginetest.SimulateSteps(g, seed, 3))
	require.NoError(t, r.End(id, record.RunEnd{Status: status, EndedAt: at.Add(time.Second)}))
}

// scraped is what a scraper gets that asks for a format.
func scraped(t *testing.T, of prometheus.Collector, accept string) map[string]*model.MetricFamily {
	t.Helper()
	registry := prometheus.NewRegistry()
	require.NoError(t, registry.Register(of))
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	require.Equal(t, http.StatusOK, w.Code)
	out := map[string]*model.MetricFamily{}
	for from := expfmt.NewDecoder(w.Body, expfmt.ResponseFormat(w.Header())); ; {
		var family model.MetricFamily
		if err := from.Decode(&family); err != nil {
			require.EqualError(t, err, "EOF")
			return out
		}
		out[family.GetName()] = &family
	}
}

// Formats that scrapers ask for.
const (
	protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
	text     = "text/plain;version=0.0.4"
)

// labelled is the histogram with values of labels, in the order of their names.
func labelled(t *testing.T, f *model.MetricFamily, values ...string) *model.Histogram {
	t.Helper()
	for _, m := range f.GetMetric() {
		same := len(m.GetLabel()) == len(values)
		for i, l := range m.GetLabel() {
			same = same && l.GetValue() == values[i]
		}
		if same {
			return m.GetHistogram()
		}
	}
	require.Fail(t, "no such metric", "%s %v", f.GetName(), values)
	return nil
}

// native are the buckets of a native histogram as a map from upper bounds to counts.
func native(h *model.Histogram) map[float64]uint64 {
	out, index, count := map[float64]uint64{}, int32(0), int64(0)
	n := 0
	for _, span := range h.GetPositiveSpan() {
		index += span.GetOffset()
		for range span.GetLength() {
			count += h.GetPositiveDelta()[n]
			n++
			out[math.Exp2(float64(index)*math.Exp2(-float64(h.GetSchema())))] = uint64(count)
			index++
		}
	}
	return out
}

// observing makes histograms of the runs that f records.
func observing(t *testing.T, store metricsstore.Store, most int, f func(*metricsstore.Recorder)) *durations.Histograms {
	t.Helper()
	h, err := durations.New(durations.Config{Store: store, MaxPairs: most})
	require.NoError(t, err)
	recorder, err := metricsstore.NewRecorder(metricsstore.Config{Store: store})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { assert.NoError(t, h.Run(ctx)) })
	f(recorder)
	time.Sleep(3 * time.Second) // of the bubble
	cancel()
	running.Wait()
	return h
}

// TestDurations: what is scraped in both formats are the durations that are kept.
func TestDurations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, g := memory.New(), graph(t, 700)
		early, err := metricsstore.NewRecorder(metricsstore.Config{Store: store})
		require.NoError(t, err)
		recorded(t, early, g, "w", "early", record.Succeeded, 1)
		time.Sleep(time.Minute)
		h := observing(t, store, 0, func(r *metricsstore.Recorder) {
			recorded(t, r, g, "w", "a", record.Succeeded, 2)
			recorded(t, r, g, "w", "b", record.Failed, 3)
		})

		queries, err := metricsstore.NewQueries(store)
		require.NoError(t, err)
		want, total := map[string]uint64{}, map[string]float64{}
		for _, run := range []record.RunID{"a", "b"} {
			s, err := queries.Statistics(t.Context(), metricsstore.StatsQuery{Run: run, Metric: metricsstore.ExecuteNS, GroupBy: metricsstore.ByFunction})
			require.NoError(t, err)
			for _, group := range s.Groups {
				want[group.Function] += group.N
				total[group.Function] += group.Summary.Sum / 1e9
			}
		}
		require.Greater(t, want["leaf"], uint64(1300))
		for _, format := range []string{protobuf, text} {
			families := scraped(t, h, format)
			for function, n := range want {
				got := labelled(t, families["dagscope_task_execute_seconds"], function, "w")
				assert.Equal(t, n, got.GetSampleCount(), function)
				assert.InEpsilon(t, total[function], got.GetSampleSum(), 1e-9, function)
			}
			for _, status := range []string{"failed", "succeeded"} {
				assert.Equal(t, uint64(1), labelled(t, families["dagscope_run_seconds"], status, "w").GetSampleCount(), status)
			}
		}
		checkBuckets(t, queries, labelled(t, scraped(t, h, protobuf)["dagscope_task_execute_seconds"], "leaf", "w"), true)
		checkBuckets(t, queries, labelled(t, scraped(t, h, text)["dagscope_task_execute_seconds"], "leaf", "w"), false)
	})
}

// checkBuckets compares the buckets of the leaves of runs a and b with the records.
func checkBuckets(t *testing.T, q *metricsstore.Queries, h *model.Histogram, isNative bool) {
	t.Helper()
	var took []float64
	for _, run := range []record.RunID{"a", "b"} {
		_, err := q.EachRecord(t.Context(), run, func(records []record.TaskMetrics) error {
			for _, m := range records {
				if m.Outcome == record.OutcomeOK && m.Task.Function == "leaf" {
					took = append(took, m.Execute.Seconds())
				}
			}
			return nil
		})
		require.NoError(t, err)
	}
	within := func(lo, hi float64) (n uint64) {
		for _, v := range took {
			if v > lo && v <= hi {
				n++
			}
		}
		return n
	}
	require.NotEmpty(t, h.GetBucket())
	for _, b := range h.GetBucket() {
		assert.Equal(t, within(-1, b.GetUpperBound()), b.GetCumulativeCount(), "at most %v s", b.GetUpperBound())
	}
	buckets := native(h)
	require.Equal(t, isNative, len(buckets) > 0)
	if !isNative {
		return
	}
	factor, inBuckets := math.Exp2(math.Exp2(-float64(h.GetSchema()))), h.GetZeroCount()
	assert.LessOrEqual(t, factor, 1.1)
	for hi, n := range buckets {
		inBuckets += n
		assert.Equal(t, within(hi/factor, hi), n, "around %v s", hi)
	}
	assert.Equal(t, uint64(len(took)), inBuckets)
}

// TestBounds: pairs beyond the bound are counted under other.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := graph(t, 3)
		h := observing(t, memory.New(), 4, func(r *metricsstore.Recorder) {
			for i := range 6 {
				recorded(t, r, g, fmt.Sprint("w", i), record.RunID(fmt.Sprint("r", i)), record.Succeeded, 1)
			}
		})
		families := scraped(t, h, text)
		assert.Len(t, families["dagscope_run_seconds"].GetMetric(), 5)
		assert.Len(t, families["dagscope_task_execute_seconds"].GetMetric(), 5)
		assert.Equal(t, uint64(2), labelled(t, families["dagscope_run_seconds"], "other", "other").GetSampleCount())
		rest := labelled(t, families["dagscope_task_execute_seconds"], "other", "other").GetSampleCount()
		assert.Positive(t, rest)
		for _, m := range families["dagscope_durations_other_total"].GetMetric() {
			want := map[string]uint64{"dagscope_run_seconds": 2, "dagscope_task_execute_seconds": rest}[m.GetLabel()[0].GetValue()]
			assert.Equal(t, float64(want), m.GetCounter().GetValue())
		}
	})
}

// slow is a store that does not answer for a while.
type slow struct {
	metricsstore.Store
	mu      sync.Mutex
	silent  bool
	refused int
}

func (s *slow) Log(ctx context.Context, run record.RunID, after uint64, limit int) ([]metricsstore.Block, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent {
		s.refused++
		return nil, metricsstore.ErrUnavailable
	}
	return s.Store.Log(ctx, run, after, limit)
}

// TestStoreThatIsSilent: runs that ended meanwhile are observed once it answers, and once only.
func TestStoreThatIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slow{Store: memory.New(), silent: true}
		h := observing(t, store, 0, func(*metricsstore.Recorder) {
			r, err := metricsstore.NewRecorder(metricsstore.Config{Store: store.Store})
			assert.NoError(t, err)
			recorded(t, r, graph(t, 3), "w", "r", record.Succeeded, 1)
			time.Sleep(5 * time.Second)
			store.mu.Lock()
			defer store.mu.Unlock()
			assert.Greater(t, store.refused, 2)
			store.silent = false
		})
		assert.Equal(t, uint64(1), labelled(t, scraped(t, h, text)["dagscope_run_seconds"], "succeeded", "w").GetSampleCount())
	})
}
