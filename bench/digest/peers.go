package digest

import (
	"math"
	"math/rand/v2"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/mapping"
	"github.com/DataDog/sketches-go/ddsketch/store"
	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/caio/go-tdigest/v5"

	"github.com/dagscope/dagscope/digest"
)

const (
	// equalError is the accuracy at which sketches-go has buckets as wide as ours: 2^(1/64) = (1+e)/(1-e).
	equalError = 0.005415

	values    = 1 << 20 // in a large sketch
	shardSize = 1000
)

var quantiles = []float64{0.5, 0.75, 0.9, 0.95, 0.99}

// durations returns n log-normal nanosecond values with a median of nine milliseconds, from a fixed seed.
func durations(n int) []int64 {
	r := rand.New(rand.NewPCG(1, 2))
	vs := make([]int64, n)
	for i := range vs {
		vs[i] = int64(math.Exp(16 + 1.2*r.NormFloat64()))
	}
	return vs
}

func newOurs(vs []int64) *digest.Sketch {
	s := new(digest.Sketch)
	s.AddSlice(vs)
	return s
}

// newHDR returns a histogram of two digits for up to an hour: only counts, no sums.
func newHDR(vs []int64) *hdrhistogram.Histogram {
	h := hdrhistogram.New(1, 3_600_000_000_000, 2)
	for _, v := range vs {
		must(h.RecordValue(v))
	}
	return h
}

// newFastest returns the quickest set-up of sketches-go: interpolated instead of logarithmic, dense, and without
// statistics.
func newFastest(vs []int64) *ddsketch.DDSketch {
	m, err := mapping.NewLinearlyInterpolatedMapping(equalError)
	must(err)
	d := ddsketch.NewDDSketchFromStoreProvider(m, store.DenseStoreConstructor)
	for _, v := range vs {
		must(d.Add(float64(v)))
	}
	return d
}

// newDense returns the set-up of sketches-go that keeps what ours does, but for the variance.
func newDense(vs []int64) *ddsketch.DDSketchWithExactSummaryStatistics {
	m, err := mapping.NewLogarithmicMapping(equalError)
	must(err)
	d := ddsketch.NewDDSketchWithExactSummaryStatistics(m, store.DenseStoreConstructor)
	for _, v := range vs {
		must(d.Add(float64(v)))
	}
	return d
}

// newDefault returns what sketches-go gives who asks for nothing in particular.
func newDefault(vs []int64) *ddsketch.DDSketch {
	d, err := ddsketch.NewDefaultDDSketch(equalError)
	must(err)
	for _, v := range vs {
		must(d.Add(float64(v)))
	}
	return d
}

func newTDigest(vs []int64) *tdigest.TDigest {
	d, err := tdigest.New()
	must(err)
	for _, v := range vs {
		must(d.Add(float64(v)))
	}
	return d
}

// must stops a measurement that does not do what it says.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
