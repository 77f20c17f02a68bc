package app

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/normal"
)

// TestUsual: statistics of a run say how it compares with earlier ones, and those of a workflow since when it takes
// another time; where runs are too few, how many it takes.
func TestUsual(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.record("sum", "--set", "n=200")
	}
	out := w.ok("stats", "last")
	assert.Contains(t, out, "Not enough runs to call a function slow: there are 2 earlier runs with n=200, expected 25 that have it.")
	assert.Regexp(t, `(?m)^\d+ of 198 tasks took longer than p99 of those like them; chance alone gives 2\.0\.`, out)
	assert.NotContains(t, w.ok("stats", "last", "--metric", "queue_ns"), "Not enough runs", "only execution times are compared")
	assert.Contains(t, w.ok("stats", "--workflow", "sum"), "Not enough runs to look for changes: there are 3 runs with n=200, expected 20.")
	assert.NotContains(t, w.ok("stats"), "changes", "of several workflows")

	var a statsJSON
	w.json(&a, "stats", "last")
	require.NotNil(t, a.Judgement)
	assert.Equal(t, []int{2, 198, 1}, []int{a.Judgement.Runs, a.Judgement.Outliers.Judged, a.Judgement.Outliers.Unjudged}, "one has a larger input")
	assert.Nil(t, a.Trend)
}

func TestJudgementRemarks(t *testing.T) {
	slow := normal.JudgedFunction{
		FunctionName: metricsstore.FunctionName{Function: "blur"}, Runs: 30, SlowerThan: 29, Slower: 1, Ratio: new(1.5), LimitNS: new(2e6), Slow: true,
	}
	usual := slow
	usual.Slow = false
	j := normal.Judgement{Runs: 30, Terms: []string{"n=4", "work=1s"}, Functions: normal.JudgedFunctions{Each: []normal.JudgedFunction{slow, usual}}}
	assert.Equal(t, []string{"blur is slow: its median is 1.50 × the usual one, slower than in 29 of 30 earlier runs, and above the limit of 2 ms."},
		judgementRemarks(&j))
	j.Functions.Each = j.Functions.Each[1:]
	assert.Equal(t, []string{"No function is slow, compared with 30 earlier runs with n=4, work=1s."}, judgementRemarks(&j))
}

func TestTrendRemarks(t *testing.T) {
	trend := normal.Trend{Runs: 40, Series: []normal.Series{{}, {Function: "blur"}}}
	assert.Equal(t, []string{"No change of the makespan or a function over 40 runs."}, trendRemarks(&trend))
	trend.Series[0].Changes = []normal.Change{{Text: "Since 12 March 1.30 ×."}}
	trend.Series[1].Changes = []normal.Change{{Text: "Since 13 March 1.40 ×."}}
	assert.Equal(t, []string{"makespan: Since 12 March 1.30 ×.", "blur: Since 13 March 1.40 ×."}, trendRemarks(&trend))
}
