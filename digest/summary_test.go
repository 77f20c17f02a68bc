package digest

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/montanaflynn/stats"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat"
)

// TestSummaryAgainstOracles compares every number of a summary, exact and bucketed, with libraries.
func TestSummaryAgainstOracles(t *testing.T) {
	for name, draw := range distributions(rand.New(rand.NewPCG(15, 16))) {
		for _, n := range []int{1, 2, 7, 512, 513, 20000} {
			vs := make([]int64, n)
			for i := range vs {
				vs[i] = draw()
			}
			fs, got := floatsOf(vs), of(vs...).Summary()
			mean, variance := stat.PopMeanVariance(fs, nil)
			require.EqualValues(t, n, got.N)
			require.InDelta(t, mean, got.Mean, 1e-9*mean, name)
			require.InDelta(t, mean*float64(n), got.Sum, 1e-9*got.Sum, name)
			require.InDelta(t, variance, got.Variance, 1e-9*variance, name)
			require.InDelta(t, math.Sqrt(variance), got.StdDev, 1e-9*got.StdDev, name)
			require.Equal(t, fs[0], got.Min)
			require.Equal(t, fs[n-1], got.Max)
			if mean > 0 {
				require.InDelta(t, math.Sqrt(variance)/mean, got.CV, 1e-9*got.CV, name)
			}
			requireSpreads(t, name, fs, got)
		}
	}
}

func requireSpreads(t *testing.T, name string, sorted stats.Float64Data, got Summary) {
	t.Helper()
	mad, err := stats.MedianAbsoluteDeviation(sorted)
	require.NoError(t, err)
	iqr := oracle(t, sorted, 0.75) - oracle(t, sorted, 0.25)
	for _, tt := range []struct {
		what string
		want float64
		got  Estimate
	}{{"MAD", mad, got.MAD}, {"IQR", iqr, got.IQR}} {
		slack := 1e-9 * got.Max
		require.LessOrEqual(t, tt.got.Low, tt.want+slack, "%s of %s, n %d", tt.what, name, got.N)
		require.GreaterOrEqual(t, tt.got.High, tt.want-slack, "%s of %s, n %d", tt.what, name, got.N)
		require.LessOrEqual(t, tt.got.Low, tt.got.Value)
		require.LessOrEqual(t, tt.got.Value, tt.got.High)
		if got.N <= ExactLimit || alwaysExact[name] {
			require.InDelta(t, tt.want, tt.got.Value, slack, "%s of %s, n %d", tt.what, name, got.N)
		}
		require.InDelta(t, tt.want, tt.got.Value, 0.02*got.P50.Value+0.02*tt.want, "%s of %s, n %d", tt.what, name, got.N)
	}
}

func TestSummaryOfNothing(t *testing.T) {
	want := Summary{}
	got := new(Sketch).Summary()
	require.False(t, got.P50.Enough())
	require.Zero(t, got.P50.Value)
	require.Equal(t, want.Mean, got.Mean)
	require.Empty(t, new(Sketch).ECDF())
	require.Empty(t, new(Sketch).Histogram(10))
	require.Zero(t, new(Sketch).Rank(1))
}

// TestVarianceCancelsNothing: a spread of a few nanoseconds around an hour keeps all its digits.
func TestVarianceCancelsNothing(t *testing.T) {
	s := new(Sketch)
	for i := range int64(100_000) {
		s.Add(3_600_000_000_000 + i%5)
	}
	require.Equal(t, 2.0, s.Summary().Variance)
}

func TestFloatMoments(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	s, one, fs := newFloat(t), newFloat(t), make([]float64, 5000)
	for i := range fs {
		fs[i] = 1e6 + r.Float64()
		one.AddFloat(fs[i])
	}
	s.AddFloats(fs)
	mean, variance := stat.PopMeanVariance(fs, nil)
	for _, got := range []Summary{s.Summary(), one.Summary()} {
		require.InEpsilon(t, mean, got.Mean, 1e-12)
		require.InEpsilon(t, variance, got.Variance, 1e-6)
		require.False(t, got.Saturated)
	}
	huge := newFloat(t)
	for range 1000 {
		huge.AddFloats([]float64{math.MaxFloat64, math.MaxFloat64 / 2})
	}
	got := huge.Summary()
	require.True(t, got.Saturated)
	require.Equal(t, math.MaxFloat64, got.Sum)
	require.InEpsilon(t, 0.75*math.MaxFloat64, got.Mean, 1e-12)
}

func TestBucketsAndHistogram(t *testing.T) {
	vs := append(durations(5000), make([]int64, 100)...)
	for _, s := range []*Sketch{of(vs...), of(vs[4800:]...)} {
		total, last := uint64(0), -1.0
		for b := range s.Buckets() {
			require.True(t, last <= b.Low && b.Low <= b.High && b.Count > 0, "%+v after %v", b, last)
			last, total = b.High, total+b.Count
		}
		require.Equal(t, s.N(), total)
		for b := range s.Buckets() {
			require.Equal(t, Bucket{Count: 100}, b)
			break
		}
		for _, limit := range []int{-1, 2, 7, 60, 1 << 20} {
			bars := s.Histogram(limit)
			require.LessOrEqual(t, len(bars), max(limit, 2)+1)
			require.EqualValues(t, s.N(), sumOf(bars))
			for i := 2; i < len(bars); i++ {
				require.Equal(t, bars[i-1].High, bars[i].Low)
			}
			requireCounts(t, vs[len(vs)-int(s.N()):], bars)
		}
	}
}

func sumOf(bars []Bucket) (n uint64) {
	for _, b := range bars {
		n += b.Count
	}
	return n
}

// requireCounts counts the values of each bar again.
func requireCounts(t *testing.T, vs []int64, bars []Bucket) {
	t.Helper()
	for _, b := range bars {
		n := uint64(0)
		for _, v := range vs {
			if f := float64(v); f > b.Low && f <= b.High || b.High == 0 && f == 0 {
				n++
			}
		}
		require.Equal(t, n, b.Count, "%+v", b)
	}
}

func TestECDFAndRank(t *testing.T) {
	for _, n := range []int{1, 300, 20000} {
		vs := durations(n)
		s, sorted := of(vs...), floatsOf(vs)
		points := s.ECDF()
		require.Equal(t, Point{sorted[n-1], 1}, points[len(points)-1])
		for i, p := range points {
			below := stat.CDF(p.X, stat.Empirical, sorted, nil)
			require.InDelta(t, below, p.P, 1e-12, "point %d of %d", i, n)
		}
		for q := 0.05; q < 1; q += 0.05 {
			v := oracle(t, sorted, q)
			require.InDelta(t, stat.CDF(v, stat.Empirical, sorted, nil), s.Rank(v), 0.005, "n %d, q %v", n, q)
		}
		require.Zero(t, s.Rank(sorted[0]-1))
		require.Zero(t, s.Rank(math.NaN()))
		require.Equal(t, 1.0, s.Rank(math.Inf(1)))
	}
}
