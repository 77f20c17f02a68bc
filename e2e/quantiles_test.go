package e2e

import (
	"fmt"
	"math"
	"strconv"
	"testing"

	"github.com/montanaflynn/stats"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestQuantiles compares the percentiles of stats with those that an independent program computes from the rows of
// tasks: the same up to 512 values, within 1 % above, and in either case within the bounds that it prints.
func TestQuantiles(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	for _, tasks := range []int{1, 2, 99, 511, 512, 513, 2047} {
		var got report
		u.json(&got, "run", "tree-reduction", "--set", fmt.Sprintf("n=%d", tasks+1))
		columns := map[string][]float64{}
		for _, a := range u.ranOnce(got.Run, tasks) {
			columns["queue_ns"] = append(columns["queue_ns"], float64(a.QueueNS))
			columns["execute_ns"] = append(columns["execute_ns"], float64(a.ExecuteNS))
			columns["update_ns"] = append(columns["update_ns"], float64(a.UpdateNS))
			columns["output_bytes"] = append(columns["output_bytes"], float64(a.Output))
		}
		for metric, values := range columns {
			u.matches(values, "stats", got.Run, "--metric", metric)
		}
	}
}

// TestQuantilesAcrossRuns: digests of several runs are merged, and say what all their rows together do.
func TestQuantilesAcrossRuns(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	var values []float64
	for _, n := range []int{2, 100, 300, 700} {
		var got report
		u.json(&got, "run", "tree-reduction", "--set", fmt.Sprintf("n=%d", n))
		for _, a := range u.attempts(got.Run) {
			values = append(values, float64(a.ExecuteNS))
		}
		u.matches(values, "stats", "--function", "add", "--metric", "execute_ns")
	}
}

// matches asks for the statistics of one group and compares them.
func (u *user) matches(values []float64, args ...string) {
	u.t.Helper()
	var got statistics
	u.json(&got, append(args, "--quantiles", "0,0.001,0.25,0.5,0.75,0.9,0.95,0.99,0.999,1")...)
	require.Len(u.t, got.Statistics, 1, "%v", args)
	s := got.Statistics[0]
	name := fmt.Sprintf("%v of %d", args, len(values))
	small := len(values) <= 512
	assert.Equal(u.t, []any{len(values), small}, []any{s.N, s.Exact}, name)
	require.Len(u.t, s.Quantiles, 10, name)
	for _, q := range s.Quantiles {
		want, err := stats.Min(values)
		if q.Q > 0 {
			want, err = stats.Percentile(values, 100*q.Q)
		}
		require.NoError(u.t, err)
		within := 0.01 * math.Abs(want)
		if small {
			within = 1e-9 * math.Abs(want)
			assert.True(u.t, q.Exact, "%s at %g", name, q.Q)
		}
		at := name + " at " + strconv.FormatFloat(q.Q, 'g', -1, 64)
		assert.InDelta(u.t, want, q.Value, within, at)
		assert.True(u.t, q.Low <= q.Value && q.Value <= q.High, "%s: %+v", at, q)
		slack := 1e-9 * math.Abs(want)
		assert.True(u.t, q.Low-slack <= want && want <= q.High+slack, "%s: %g is not in %+v", at, want, q)
	}
	for what, pair := range map[string][2]float64{
		"mean": {must(stats.Mean(values)), s.Mean}, "sum": {must(stats.Sum(values)), s.Sum},
		"min": {must(stats.Min(values)), s.Min}, "max": {must(stats.Max(values)), s.Max},
	} {
		assert.InDelta(u.t, pair[0], pair[1], 1e-9*math.Abs(pair[0]), "%s: %s", name, what)
	}
}

// must is for statistics of lists that are not empty, which have no error.
func must(v float64, err error) float64 {
	if err != nil {
		return math.NaN()
	}
	return v
}
