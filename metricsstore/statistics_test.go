package metricsstore_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/montanaflynn/stats"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// TestStatistics holds every group and metric against montanaflynn/stats.
func TestStatistics(t *testing.T) {
	g, steps := simulated(t, 12, 400)
	s := memory.New()
	recordRun(t, s, info("r"), g, steps, 512)
	all := record.NewDecoder(g, mustRun(t, s, "r").Info).Metrics(nil, steps)
	keys := map[metricsstore.GroupBy]func(m *record.TaskMetrics) string{
		metricsstore.ByNothing: func(*record.TaskMetrics) string { return "" },
		metricsstore.ByWorker:  func(m *record.TaskMetrics) string { return fmt.Sprint(m.Worker) },
		metricsstore.ByFunction: func(m *record.TaskMetrics) string {
			return map[bool]string{true: "sum@2", false: m.Task.Function}[m.Task.Function == "sum"]
		},
	}
	for by, key := range keys {
		for _, metric := range metricsstore.Metrics() {
			want := map[string][]float64{}
			for _, m := range all {
				if v, ok := metric.Of(&m); ok && m.Outcome == record.OutcomeOK {
					want[key(&m)] = append(want[key(&m)], float64(v))
				}
			}
			got, err := queries(t, s).Statistics(t.Context(), metricsstore.StatsQuery{
				Run: "r", Metric: metric, GroupBy: by, Quantiles: []float64{0.9, 0.1, 0.5},
			})
			require.NoError(t, err)
			assert.True(t, got.Complete)
			assert.Equal(t, uint64(len(steps)), got.AsOf)
			for _, group := range got.Groups {
				values := want[group.Key]
				require.Equal(t, uint64(len(values)), group.N, "%s %s %s", by, metric, group.Key)
				if len(values) > 0 {
					checkDistribution(t, values, &group.Distribution)
				}
			}
		}
	}
}

func checkDistribution(t *testing.T, values []float64, d *metricsstore.Distribution) {
	t.Helper()
	require.Equal(t, len(values) <= 512, d.Exact)
	tolerance := 1e-9
	if !d.Exact {
		tolerance = d.Bound
	}
	near := func(want, got float64, tolerance float64, what string) {
		t.Helper()
		assert.InDelta(t, want, got, tolerance*max(want, 1), what)
	}
	mean, _ := stats.Mean(values)
	variance, _ := stats.PopulationVariance(values)
	low, _ := stats.Min(values)
	high, _ := stats.Max(values)
	near(mean, d.Summary.Mean, 1e-9, "mean")
	near(variance, d.Summary.Variance, 1e-6, "variance")
	near(low, d.Summary.Min, 0, "min")
	near(high, d.Summary.Max, 0, "max")
	for i, q := range []float64{0.9, 0.1, 0.5} {
		want, err := stats.Percentile(values, q*100)
		require.NoError(t, err)
		near(want, d.Quantiles[i].Value, tolerance, "quantile")
		assert.LessOrEqual(t, d.Quantiles[i].Low, want*(1+1e-12))
		assert.GreaterOrEqual(t, d.Quantiles[i].High, want*(1-1e-12))
	}
	median, _ := stats.Median(values)
	near(median, d.Quantiles[2].Value, tolerance, "median")
	near(median, d.Summary.P50.Value, tolerance, "p50")
}

func TestStatisticsByLevelAndTime(t *testing.T) {
	g, steps := simulated(t, 12, 5)
	s := memory.New()
	recordRun(t, s, info("r"), g, steps, 512)
	q := queries(t, s)
	got, err := q.Statistics(t.Context(), metricsstore.StatsQuery{Run: "r", Metric: metricsstore.ExecuteNS, GroupBy: metricsstore.ByLevel})
	require.NoError(t, err)
	// grow and the row of leaves; the first leaf of each instance, and the sum of the row; the second leaf; total.
	byFunction := map[int]map[string]int{}
	for _, m := range record.NewDecoder(g, info("r")).Metrics(nil, steps) {
		if m.Outcome != record.OutcomeOK {
			continue
		}
		level := map[bool]int{true: 0, false: 1}[m.Task.Function == "grow" || m.Node < 10 && m.Task.Function == "leaf ü/+"]
		if m.Task.Function == "total" {
			level = 3
		}
		if byFunction[level] == nil {
			byFunction[level] = map[string]int{}
		}
		byFunction[level][m.Task.Function]++
	}
	inner := byFunction[1]["leaf ü/+"] / 2
	require.Positive(t, inner)
	want := map[int]int{0: 6, 1: inner + 1, 2: inner, 3: 1}
	for _, group := range got.Groups {
		assert.Equal(t, uint64(want[group.Number]), group.N, "level %d", group.Number)
		assert.Equal(t, fmt.Sprint(group.Number), group.Key)
	}
	assert.Len(t, got.Groups, 4)

	var paged []metricsstore.Group
	page := metricsstore.StatsQuery{Run: "r", Metric: metricsstore.ExecuteNS, GroupBy: metricsstore.ByLevel, Limit: 3}
	for pages := 1; ; pages++ {
		some, err := q.Statistics(t.Context(), page)
		require.NoError(t, err)
		paged = append(paged, some.Groups...)
		if page.Cursor = some.Next; page.Cursor == "" {
			assert.Equal(t, 2, pages)
			break
		}
		assert.Len(t, some.Groups, 3)
	}
	assert.Equal(t, got.Groups, paged)
	page.Cursor = "of another query"
	_, err = q.Statistics(t.Context(), page)
	require.ErrorIs(t, err, metricsstore.ErrInvalid)

	last := time.Duration(0)
	n := uint64(0)
	for _, at := range []time.Duration{0, 1, 10_000, 50_000, 100_000, time.Hour} {
		require.GreaterOrEqual(t, at, last)
		some, err := q.Statistics(t.Context(), metricsstore.StatsQuery{Run: "r", Metric: metricsstore.ExecuteNS, At: &at})
		require.NoError(t, err)
		var now uint64
		if len(some.Groups) > 0 {
			now = some.Groups[0].N
		}
		assert.GreaterOrEqual(t, now, n)
		assert.False(t, some.Complete)
		n = now
	}
	assert.Equal(t, uint64(want[0]+want[1]+want[2]+want[3]), n)
	for name, bad := range map[string]metricsstore.StatsQuery{
		"metric":       {Run: "r", Metric: "luck"},
		"group":        {Run: "r", Metric: metricsstore.ExecuteNS, GroupBy: "luck"},
		"quantile":     {Run: "r", Metric: metricsstore.ExecuteNS, Quantiles: []float64{1.1}},
		"many":         {Run: "r", Metric: metricsstore.ExecuteNS, Quantiles: make([]float64, 33)},
		"not a number": {Run: "r", Metric: metricsstore.ExecuteNS, Quantiles: []float64{nan()}},
	} {
		_, err := q.Statistics(t.Context(), bad)
		require.ErrorIs(t, err, metricsstore.ErrInvalid, name)
	}
}

func nan() float64 { zero := 0.0; return zero / zero }

func TestThroughput(t *testing.T) {
	g, steps := simulated(t, 12, 100)
	s := memory.New()
	recordRun(t, s, info("r"), g, steps, 512)
	got, err := queries(t, s).Statistics(t.Context(), metricsstore.StatsQuery{Run: "r", Metric: metricsstore.OutputRate})
	require.NoError(t, err)
	var bytes, ns, n int64
	for _, m := range record.NewDecoder(g, info("r")).Metrics(nil, steps) {
		if m.Outcome == record.OutcomeOK && m.Output > 0 {
			bytes, ns, n = bytes+m.Output, ns+int64(m.Execute), n+1
		}
	}
	through := got.Groups[0].Throughput
	assert.Equal(t, []int64{n, bytes, ns}, []int64{through.Records, through.Bytes, through.ExecuteNS})
	assert.InEpsilon(t, float64(bytes)/float64(ns)*1e9, through.BytesPerS, 1e-12)
	assert.InEpsilon(t, float64(ns)/float64(bytes), through.NSPerByte, 1e-12)
	assert.Equal(t, uint64(n), got.Groups[0].N)
}

func TestHistory(t *testing.T) {
	s := memory.New()
	var all []record.TaskMetrics
	for n := range 6 {
		g, steps := simulated(t, uint64(n), 100)
		i := info(record.RunID(fmt.Sprintf("r%d", n)))
		i.Workflow = []string{"w", "v"}[n%2]
		i.StartedAt = began().Add(time.Duration(n) * 8 * time.Hour) // 12:00, 20:00, 04:00, 12:00, 20:00, 04:00
		recordRun(t, s, i, g, steps, 512)
		all = append(all, record.NewDecoder(g, i).Metrics(nil, steps)...)
	}
	q := queries(t, s)
	two := 2
	count := func(keep func(m *record.TaskMetrics) bool) (n uint64) {
		for _, m := range all {
			if m.Outcome == record.OutcomeOK && keep(&m) {
				n++
			}
		}
		return n
	}
	runIn := func(m *record.TaskMetrics, runs ...record.RunID) bool { return slices.Contains(runs, m.Run) }
	for _, c := range []struct {
		name  string
		query metricsstore.HistoryQuery
		runs  int
		want  uint64
	}{
		{"all", metricsstore.HistoryQuery{}, 6, count(func(*record.TaskMetrics) bool { return true })},
		{"workflow", metricsstore.HistoryQuery{Workflow: "v"}, 3, count(func(m *record.TaskMetrics) bool { return m.Workflow == "v" })},
		{"function", metricsstore.HistoryQuery{Function: "leaf ü/+"}, 6, count(func(m *record.TaskMetrics) bool { return m.Task.Function == "leaf ü/+" })},
		{"version", metricsstore.HistoryQuery{Version: &two}, 6, count(func(m *record.TaskMetrics) bool { return m.Task.Version == 2 })},
		{"from", metricsstore.HistoryQuery{From: began().Add(8 * time.Hour)}, 5, count(func(m *record.TaskMetrics) bool { return !runIn(m, "r0") })},
		{"to", metricsstore.HistoryQuery{To: began().Add(8 * time.Hour)}, 1, count(func(m *record.TaskMetrics) bool { return runIn(m, "r0") })},
		{"range", metricsstore.HistoryQuery{From: began().Add(1), To: began().Add(16*time.Hour + 1)}, 2, count(func(m *record.TaskMetrics) bool { return runIn(m, "r1", "r2") })},
		{"except", metricsstore.HistoryQuery{Except: "r3"}, 5, count(func(m *record.TaskMetrics) bool { return !runIn(m, "r3") })},
	} {
		c.query.Metric = metricsstore.ExecuteNS
		got, err := q.History(t.Context(), c.query)
		require.NoError(t, err)
		require.Len(t, got.Buckets, 1, c.name)
		assert.Equal(t, c.runs, got.Buckets[0].Runs, c.name)
		assert.Equal(t, c.want, got.Buckets[0].N, c.name)
	}

	days, err := q.History(t.Context(), metricsstore.HistoryQuery{Metric: metricsstore.ExecuteNS, Bucket: metricsstore.ByDay, To: began().Add(30 * time.Hour)})
	require.NoError(t, err)
	require.Len(t, days.Buckets, 2)
	assert.Equal(t, []int{2, 2}, []int{days.Buckets[0].Runs, days.Buckets[1].Runs})
	assert.Equal(t, "2026-03-01T00:00:00Z", days.Buckets[0].From.Format(time.RFC3339))
	assert.Equal(t, "2026-03-02T00:00:00Z", days.Buckets[0].To.Format(time.RFC3339))
	assert.Equal(t, began().Add(30*time.Hour), days.Buckets[1].To)

	for _, none := range []metricsstore.HistoryQuery{
		{Metric: metricsstore.ExecuteNS, From: began(), To: began()},
		{Metric: metricsstore.ExecuteNS, Workflow: "x"},
		{Metric: metricsstore.ExecuteNS, From: began().AddDate(1, 0, 0)},
		{Metric: metricsstore.ExecuteNS, To: began().AddDate(-1, 0, 0)},
	} {
		got, err := q.History(t.Context(), none)
		require.NoError(t, err)
		assert.Empty(t, got.Buckets)
	}
	_, err = q.History(t.Context(), metricsstore.HistoryQuery{Metric: metricsstore.ExecuteNS, Bucket: "week"})
	require.ErrorIs(t, err, metricsstore.ErrInvalid)

	functions, err := q.Functions(t.Context(), metricsstore.HistoryQuery{})
	require.NoError(t, err)
	assert.Equal(t, []metricsstore.FunctionName{{"grow", 0}, {"leaf ü/+", 0}, {"sum", 2}, {"total", 0}}, functions)
}

// TestMetricsOf: the metrics of a workflow are those that its runs have values of, whichever they are.
func TestMetricsOf(t *testing.T) {
	s := memory.New()
	for n, workflow := range []string{"plain", "measured"} {
		g, steps := simulated(t, uint64(n), 50)
		for i := range steps {
			if workflow == "measured" && steps[i].Kind == record.AttemptEnded {
				steps[i].Usage = &record.Usage{CPU: time.Second, MemoryBytes: 1, ReadBytes: codec.UnknownSize, WrittenBytes: codec.UnknownSize}
			}
		}
		i := info(record.RunID(workflow))
		i.Workflow = workflow
		recordRun(t, s, i, g, steps, 512)
	}
	q := queries(t, s)
	plain, err := q.MetricsOf(t.Context(), metricsstore.HistoryQuery{Workflow: "plain"})
	require.NoError(t, err)
	assert.Subset(t, plain, []metricsstore.Metric{metricsstore.QueueNS, metricsstore.ExecuteNS, metricsstore.OutputBytes})
	measured, err := q.MetricsOf(t.Context(), metricsstore.HistoryQuery{Workflow: "measured"})
	require.NoError(t, err)
	assert.Equal(t, append(plain, metricsstore.CPUNS, metricsstore.MemoryBytes), measured, "in the order of all metrics")
	none, err := q.MetricsOf(t.Context(), metricsstore.HistoryQuery{Workflow: "another"})
	require.NoError(t, err)
	assert.Empty(t, none)
}

// TestStatisticsAreThoseOfRollups: a run's own statistic and that over its roll-up are the same digest, to the bit, of
// more values than a digest keeps.
func TestStatisticsAreThoseOfRollups(t *testing.T) {
	g, steps := simulated(t, 12, 3000)
	s := memory.New()
	recordRun(t, s, info("r"), g, steps, 512)
	q := queries(t, s)
	for _, metric := range metricsstore.Metrics() {
		own, err := q.Statistics(t.Context(), metricsstore.StatsQuery{Run: "r", Metric: metric, GroupBy: metricsstore.ByFunction})
		require.NoError(t, err)
		many, err := q.HistoryByFunction(t.Context(), metricsstore.HistoryQuery{Metric: metric})
		require.NoError(t, err)
		rolled := map[metricsstore.FunctionName]*metricsstore.FunctionHistory{}
		for i := range many {
			rolled[many[i].FunctionName] = &many[i]
		}
		full := false
		for _, group := range own.Groups {
			of := rolled[metricsstore.FunctionName{Function: group.Function, Version: group.Version}]
			if group.N == 0 {
				require.Nil(t, of)
				continue
			}
			want, err := of.Buckets[0].Sketch.MarshalBinary()
			require.NoError(t, err)
			got, err := group.Sketch.MarshalBinary()
			require.NoError(t, err)
			require.Equal(t, want, got, "%s of %s", metric, group.Key)
			full = full || !group.Exact
		}
		require.Equal(t, len(rolled) > 0, full, metric)
	}
}

func BenchmarkStatistics(b *testing.B) {
	g, steps := simulated(b, 12, 10_000)
	s := memory.New()
	recordRun(b, s, info("r"), g, steps, 512)
	q := queries(b, s)
	b.ReportAllocs()
	for b.Loop() {
		query := metricsstore.StatsQuery{Run: "r", Metric: metricsstore.ExecuteNS, GroupBy: metricsstore.ByFunction}
		if _, err := q.Statistics(b.Context(), query); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(steps)), "ns/step")
}
