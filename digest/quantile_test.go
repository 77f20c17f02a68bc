package digest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/montanaflynn/stats"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var probed = []float64{0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1}

// distributions of whole numbers, drawn with a seed.
func distributions(r *rand.Rand) map[string]func() int64 {
	return map[string]func() int64{
		"log-normal": func() int64 { return int64(math.Exp(16 + 1.2*r.NormFloat64())) },
		"pareto":     func() int64 { return int64(1e6 / math.Pow(1-r.Float64(), 1/1.5)) },
		"uniform":    func() int64 { return r.Int64N(1e9) },
		"bimodal": func() int64 {
			return int64([]float64{2e6, 8e8}[r.IntN(2)] * math.Exp(0.1*r.NormFloat64()))
		},
		"60% zeros": func() int64 {
			if r.IntN(10) < 6 {
				return 0
			}
			return int64(math.Exp(12 + r.NormFloat64()))
		},
		"constant": func() int64 { return 123_456_789 },
		"up to 91": func() int64 { return r.Int64N(92) },
	}
}

// alwaysExact are the distributions that are exact at any size.
var alwaysExact = map[string]bool{"constant": true, "up to 91": true}

func floatsOf(vs []int64) stats.Float64Data {
	fs := make(stats.Float64Data, len(vs))
	for i, v := range vs {
		fs[i] = float64(v)
	}
	slices.Sort(fs)
	return fs
}

func oracle(t require.TestingT, sorted stats.Float64Data, q float64) float64 {
	want, err := sorted.Percentile(q * 100)
	require.NoError(t, err)
	return want
}

func TestDistributionsAreWhatTheySay(t *testing.T) {
	draws := distributions(rand.New(rand.NewPCG(1, 1)))
	medians := map[string][2]float64{
		"log-normal": {8.5e6, 9.3e6}, "pareto": {1.55e6, 1.63e6}, "uniform": {4.8e8, 5.2e8}, "bimodal": {2e6, 8e8},
		"60% zeros": {0, 0}, "constant": {123_456_789, 123_456_789}, "up to 91": {43, 48},
	}
	for name, draw := range draws {
		vs := make([]int64, 10000)
		for i := range vs {
			vs[i] = draw()
		}
		median := oracle(t, floatsOf(vs), 0.5)
		require.GreaterOrEqual(t, median, medians[name][0], name)
		require.LessOrEqual(t, median, medians[name][1], name)
	}
}

// TestQuantilesOfEverySize compares with exact quantiles for sizes from 0 to 10,000: every size around the step from
// raw values to buckets, and a walk through the others.
func TestQuantilesOfEverySize(t *testing.T) {
	for name, draw := range distributions(rand.New(rand.NewPCG(7, 8))) {
		t.Run(name, func(t *testing.T) {
			vs, worst := make([]int64, 0, 10000), 0.0
			for n := 0; n <= 10000; n += stepAfter(n) {
				for len(vs) < n {
					vs = append(vs, draw())
				}
				worst = max(worst, requireQuantiles(t, vs, of(vs...), n <= ExactLimit || alwaysExact[name]))
			}
			t.Logf("worst error %.3f %%", worst*100)
		})
	}
}

func stepAfter(n int) int {
	if n < 12 || n > 505 && n < 520 {
		return 1
	}
	return 1 + n/9
}

// requireQuantiles compares the answers of s with those of the values, and returns the worst relative error.
func requireQuantiles(t *testing.T, vs []int64, s *Sketch, exact bool) float64 {
	t.Helper()
	sorted, worst := floatsOf(vs), 0.0
	for i, e := range s.AppendQuantiles(nil, probed...) {
		require.EqualValues(t, len(vs), e.N)
		if len(vs) == 0 {
			require.Zero(t, e.Value)
			require.False(t, e.Enough())
			continue
		}
		want := oracle(t, sorted, probed[i])
		slack := 1e-12 * want // the reference rounds, too
		require.GreaterOrEqual(t, want, e.Low-slack, "n %d, q %v", len(vs), probed[i])
		require.LessOrEqual(t, want, e.High+slack, "n %d, q %v", len(vs), probed[i])
		if exact {
			require.True(t, e.Exact(), "n %d, q %v: %+v", len(vs), probed[i], e)
		}
		off := math.Abs(e.Value - want)
		require.LessOrEqual(t, off, e.Bound()*want+slack, "n %d, q %v", len(vs), probed[i])
		require.LessOrEqual(t, off, 0.01*want+slack, "n %d, q %v", len(vs), probed[i])
		if want > 0 {
			worst = max(worst, off/want)
		}
	}
	return worst
}

// TestErrorSeen checks the usual error of large sketches, which is smaller than the proven bound: at most 0.3 % from
// p25 to p99.
func TestErrorSeen(t *testing.T) {
	for name, draw := range distributions(rand.New(rand.NewPCG(9, 10))) {
		t.Run(name, func(t *testing.T) {
			vs := make([]int64, 200_000)
			for i := range vs {
				vs[i] = draw()
			}
			s, sorted := of(vs...), floatsOf(vs)
			for _, q := range []float64{0.25, 0.5, 0.75, 0.9, 0.95, 0.99} {
				want := oracle(t, sorted, q)
				require.InDelta(t, want, s.Quantile(q).Value, 0.003*want, "q %v", q)
			}
		})
	}
}

func TestQuantilesOfFloats(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for _, magnitude := range []float64{1e-310, 1e-9, 1, 1e300} {
		s, sorted := newFloat(t), make(stats.Float64Data, 5000)
		for i := range sorted {
			sorted[i] = magnitude * math.Exp(2*r.NormFloat64())
		}
		s.AddFloats(sorted)
		slices.Sort(sorted)
		for _, q := range probed {
			e, want := s.Quantile(q), oracle(t, sorted, q)
			require.LessOrEqual(t, math.Abs(e.Value-want), 0.01*want*(1+1e-9)+1e-320, "%v of magnitude %v", q, magnitude)
			require.True(t, e.Low <= want && want <= e.High)
		}
	}
}

func TestCoarserScalesKeepTheirBound(t *testing.T) {
	vs := durations(5000)
	sorted := floatsOf(vs)
	for scale := 1; scale <= DefaultScale; scale++ {
		s, err := New(Config{Scale: scale})
		require.NoError(t, err)
		s.AddSlice(vs)
		for _, q := range probed {
			want := oracle(t, sorted, q)
			require.InDelta(t, want, s.Quantile(q).Value, s.Bound()*want, "scale %d, q %v", scale, q)
		}
	}
}

func TestHugeRange(t *testing.T) {
	var vs []int64
	for i := range 2000 {
		vs = append(vs, 0, math.MaxInt64, int64(1)<<(i%63), 1<<62+int64(i))
	}
	s := of(vs...)
	requireQuantiles(t, vs, s, false)
	sum := s.Summary()
	require.True(t, sum.Saturated)
	want, err := stats.PopulationVariance(floatsOf(vs))
	require.NoError(t, err)
	require.InEpsilon(t, want, sum.Variance, 0.03)
}

// TestQuantileLaws: answers never decrease with q, lie within the extremes, and do not depend on the order of asking.
func TestQuantileLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		vs := rapid.SliceOfN(rapid.Int64Range(-1, math.MaxInt64), 1, 40).Draw(t, "vs")
		var s Sketch
		for range rapid.SampledFrom([]int{1, 40}).Draw(t, "times") {
			s.AddSlice(vs)
		}
		qs := rapid.SliceOfN(rapid.Float64Range(0, 1), 2, 8).Draw(t, "qs")
		got := s.AppendQuantiles(nil, qs...)
		sum := s.Summary()
		for i, e := range got {
			require.Equal(t, s.Quantile(qs[i]), e)
			require.True(t, sum.Min <= e.Low && e.Low <= e.Value && e.Value <= e.High && e.High <= sum.Max, "%+v", e)
			for _, other := range got {
				require.False(t, e.Q < other.Q && e.Value > other.Value, "%+v, %+v", e, other)
			}
		}
		require.Equal(t, sum.Min, s.Quantile(0).Value)
		require.Equal(t, sum.Max, s.Quantile(1).Value)
	})
}

func TestQuantileOutsideTheRange(t *testing.T) {
	s := of(1, 2, 3)
	for q, want := range map[float64]float64{-1: 1, 2: 3, math.Inf(1): 3} {
		require.Equal(t, want, s.Quantile(q).Value)
	}
	require.Equal(t, 1.0, s.Quantile(math.NaN()).Value)
}

func TestEnough(t *testing.T) {
	tests := []struct {
		q    float64
		need uint64
	}{{0, 1}, {0.001, 1000}, {0.01, 100}, {0.5, 1}, {0.95, 1}, {0.99, 100}, {0.999, 1000}, {0.9999, 10000}, {1, 1}}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.q), func(t *testing.T) {
			e := of(1, 2, 3, 4, 5, 6, 7).Quantile(tt.q)
			require.Equal(t, tt.need, e.Need)
			require.Equal(t, tt.need <= 7, e.Enough())
		})
	}
}

func TestBound(t *testing.T) {
	require.Zero(t, Estimate{Value: 5, Low: 5, High: 5}.Bound())
	require.InDelta(t, 0.25, Estimate{Value: 5, Low: 4, High: 6}.Bound(), 1e-15)
	require.True(t, math.IsInf(Estimate{Value: 5, High: 6}.Bound(), 1))
}

// TestEstimateInsideABucket checks estimates in every bucket that contains whole numbers up to 2^53: they are whole,
// and within 1 % of each whole number there; for floats, the estimate is the middle of the part of the bucket that
// belongs to the position.
func TestEstimateInsideABucket(t *testing.T) {
	for first := 1022 * page; first < 1076*page; first++ {
		r := ranks{first: first, high: math.MaxInt64, bound: 0.01, whole: true}
		r.enter(0, 0, 1000)
		if r.cell.low > r.cell.high {
			continue // the bucket contains no whole number
		}
		for _, position := range []uint64{0, 500, 999} {
			e := r.estimate(position)
			require.Equal(t, math.Floor(e), e)
			require.LessOrEqual(t, e-r.cell.low, 0.01*r.cell.low*(1+1e-12))
			require.LessOrEqual(t, r.cell.high-e, 0.01*r.cell.high*(1+1e-12))
		}
		r.whole = false
		r.enter(0, 0, 1)
		require.InEpsilon(t, (r.cell.lower+lowerBound(first+1, 0))/2, r.estimate(0), 1e-12)
	}
}
