package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/normal"
)

func TestJudgement(t *testing.T) {
	w := newWorld(t)
	w.run("spread", map[string]string{"n": "12"})
	for range metricsstore.StandingPeers {
		w.run("spread", nil)
	}
	run := w.run("spread", nil)
	var j normal.Judgement
	tag := w.get(at(run, "/judgement"), &j).Header().Get("ETag")
	assert.Equal(t, []int{5, metricsstore.SlowPeers}, []int{j.Runs, j.Makespan.Needs})
	require.NotNil(t, run.Standing.Value)
	assert.Equal(t, run.Standing.Value.SlowerThan, j.Makespan.SlowerThan, "as the summary has it")
	assert.InDelta(t, run.Standing.Value.MedianNS, *j.Makespan.PeersNS, 1)
	require.Len(t, j.Functions.Each, 3)
	for _, f := range j.Functions.Each {
		assert.Equal(t, []int{5, normal.MinPeers}, []int{f.Runs, f.Needs}, f.Function)
		assert.NotNil(t, f.Ratio, f.Function)
	}
	assert.Equal(t, 5, j.Outliers.Runs)
	assert.Positive(t, j.Outliers.Unjudged)

	w.get(at(run, "/judgement?peers=workflow"), &j)
	assert.Equal(t, 6, j.Runs)
	assert.Equal(t, http.StatusNotModified, w.request(http.MethodGet, at(run, "/judgement"), nil, "If-None-Match", tag).Code)

	live := w.submit("gate", nil)
	w.entered()
	assert.Contains(t, w.refused(http.MethodGet, at(live, "/judgement"), nil, http.StatusConflict).Detail, "expected one that succeeded")
	w.release()
}

func TestTrend(t *testing.T) {
	w := newWorld(t)
	w.run("spread", map[string]string{"n": "12"})
	for range normal.MinTrendRuns - 1 {
		w.run("spread", nil)
	}
	var trend normal.Trend
	w.get("/trend?workflow=spread", &trend)
	assert.Equal(t, []int{normal.MinTrendRuns - 1, 1, normal.MinTrendRuns}, []int{trend.Runs, trend.Others, trend.Needs})
	assert.Empty(t, trend.Series)
	w.run("spread", nil)
	trend = normal.Trend{}
	w.get("/trend?workflow=spread", &trend)
	assert.Zero(t, trend.Needs)
	assert.Len(t, trend.Series, 4, "the makespan and three functions")
	w.refused(http.MethodGet, "/trend", nil, http.StatusBadRequest)
	w.refused(http.MethodGet, "/trend?workflow=spread&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", nil, http.StatusBadRequest)
}
