package digest

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/dagscope/dagscope/digest"
)

// erring measures the worst relative error of quantiles, next to the 0.3 % that are the goal, and exactness, where
// rounding of a float64 counts as none.
func erring([]int64) []axis {
	r := rand.New(rand.NewPCG(3, 4))
	draws := []struct {
		name string
		n    int
		seen float64 // the worst error that is to be seen
		draw func() int64
	}{
		{"log-normal", 200_000, 0.003, func() int64 { return int64(math.Exp(16 + 1.2*r.NormFloat64())) }},
		{"512 log-normal", digest.ExactLimit, 1e-12, func() int64 { return int64(math.Exp(16 + 1.2*r.NormFloat64())) }},
		{"Pareto", 200_000, 0.003, func() int64 { return int64(1e6 / math.Pow(1-r.Float64(), 1/1.5)) }},
		{"uniform", 200_000, 0.003, func() int64 { return r.Int64N(1e9) }},
		{"bimodal", 200_000, 0.003, func() int64 { return int64([]float64{2e6, 8e8}[r.IntN(2)] * math.Exp(0.1*r.NormFloat64())) }},
		{"60 % zeros", 200_000, 0.003, func() int64 { return max(0, r.Int64N(1e6)-600_000) }},
		{"constant", 200_000, 1e-12, func() int64 { return 123_456_789 }},
		{"whole numbers to 91", 200_000, 1e-12, func() int64 { return r.Int64N(92) }},
	}
	axes := []axis{{"Proven error", "allowed", "%", 1, 100 * new(digest.Sketch).Bound(), 1}}
	for _, d := range draws {
		vs := make([]int64, d.n)
		for i := range vs {
			vs[i] = d.draw()
		}
		s := newOurs(vs)
		slices.Sort(vs)
		worst := 0.0
		for _, q := range []float64{0.25, 0.5, 0.75, 0.9, 0.95, 0.99} {
			if want := exact(vs, q); want > 0 {
				worst = max(worst, math.Abs(s.Quantile(q).Value-want)/want)
			}
		}
		axes = append(axes, axis{"Worst error, " + d.name, "allowed", "%", 1, 100 * worst, 100 * d.seen})
	}
	return axes
}

// exact is the type 7 quantile of sorted values.
func exact(vs []int64, q float64) float64 {
	h := q * float64(len(vs)-1)
	k := int(h)
	next := vs[min(k+1, len(vs)-1)]
	return float64(vs[k]) + (h-float64(k))*float64(next-vs[k])
}
