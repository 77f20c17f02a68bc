package digest

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func of(vs ...int64) *Sketch {
	s := new(Sketch)
	s.AddSlice(vs)
	return s
}

func newFloat(t testing.TB, vs ...float64) *Sketch {
	t.Helper()
	s, err := New(Config{Kind: Float})
	require.NoError(t, err)
	s.AddFloats(vs)
	return s
}

func encodedOf(t require.TestingT, s *Sketch) []byte {
	data, err := s.MarshalBinary()
	require.NoError(t, err)
	return data
}

func TestNewRefuses(t *testing.T) {
	for _, cfg := range []Config{{Scale: -1}, {Scale: 7}, {Kind: 2}} {
		_, err := New(cfg)
		require.Error(t, err, "%+v", cfg)
	}
	s, err := New(Config{Scale: 3})
	require.NoError(t, err)
	require.Equal(t, 3, s.Scale())
	require.Equal(t, 0.08, s.Bound())
}

func TestKindsDoNotMix(t *testing.T) {
	floats := newFloat(t, 1.5)
	require.Panics(t, func() { floats.Add(1) })
	require.Panics(t, func() { floats.AddSlice([]int64{1}) })
	require.Panics(t, func() { of(1).AddFloat(1) })
	require.Panics(t, func() { of(1).AddFloats([]float64{1}) })
	require.ErrorIs(t, floats.Merge(of(1)), ErrKind)
	require.ErrorIs(t, of(1).MergeBinary(encodedOf(t, floats)), ErrKind)
}

func TestNegativeIntegersAreZero(t *testing.T) {
	one, many := new(Sketch), durations(2000)
	for i := range many {
		if i%3 == 0 {
			many[i] = []int64{-1, 0, math.MinInt64}[i/3%3]
		}
	}
	for _, v := range many {
		one.Add(v)
	}
	require.EqualValues(t, 2000, one.N())
	require.EqualValues(t, 667, one.Zeros())
	require.EqualValues(t, 445, one.Clamped())
	require.Zero(t, one.Summary().Min)
	require.Equal(t, encodedOf(t, one), encodedOf(t, of(many...)))
}

func TestInvalidFloatsAreRejected(t *testing.T) {
	bad := []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, -math.SmallestNonzeroFloat64}
	one := newFloat(t)
	for _, v := range append(bad, 2, math.Copysign(0, -1)) {
		one.AddFloat(v)
	}
	require.EqualValues(t, 5, one.Rejected())
	require.EqualValues(t, 2, one.N())
	require.EqualValues(t, 1, one.Zeros())
	require.Equal(t, encodedOf(t, one), encodedOf(t, newFloat(t, append([]float64{0, 2}, bad...)...)))
}

// TestAddAndAddSliceAgree also crosses every path of AddSlice: zeros, negative, equal, small and enormous values.
func TestAddAndAddSliceAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	draws := map[string]func() int64{
		"log-normal":  func() int64 { return int64(math.Exp(16 + 2*r.NormFloat64())) },
		"everything":  func() int64 { return int64(r.Uint64() >> r.IntN(64)) },
		"mostly zero": func() int64 { return max(0, r.Int64N(1000)-600) },
		"two values":  func() int64 { return 7_000_000 + r.Int64N(2) },
		"one value":   func() int64 { return 1e9 },
		"huge":        func() int64 { return math.MaxInt64 - r.Int64N(1<<58) },
		"around 2^53": func() int64 { return 1<<53 - 50 + r.Int64N(100) },
	}
	for name, draw := range draws {
		t.Run(name, func(t *testing.T) {
			vs := make([]int64, 3000)
			for i := range vs {
				vs[i] = draw()
			}
			one := new(Sketch)
			for _, v := range vs {
				one.Add(v)
			}
			require.Equal(t, encodedOf(t, one), encodedOf(t, of(vs...)))
			requireExactMoments(t, vs, one)
		})
	}
}

// requireExactMoments compares the moments with sums of unlimited precision.
func requireExactMoments(t *testing.T, vs []int64, s *Sketch) {
	t.Helper()
	sum, squares, low, high := new(big.Int), new(big.Int), int64(math.MaxInt64), int64(0)
	for _, v := range vs {
		b := big.NewInt(max(v, 0))
		sum.Add(sum, b)
		squares.Add(squares, new(big.Int).Mul(b, b))
		low, high = min(low, max(v, 0)), max(high, v)
	}
	if squares.BitLen() > 128 {
		squares = widest.big()
	}
	m := s.summed()
	require.Zero(t, sum.Cmp(m.sum.big()), "sum %v, got %v", sum, m.sum.big())
	require.Zero(t, squares.Cmp(m.squares.big()), "squares %v, got %v", squares, m.squares.big())
	require.Equal(t, low, m.low)
	require.Equal(t, high, m.high)
	require.EqualValues(t, len(vs), s.N())
}

func TestExactUpToTheLimit(t *testing.T) {
	vs := durations(ExactLimit + 1)
	require.True(t, of(vs[:ExactLimit]...).Exact())
	require.False(t, of(vs...).Exact())
}

func TestWideFloatIsNearest(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 10000 {
		w := wide{r.Uint64() >> r.IntN(64), r.Uint64() >> r.IntN(64)}
		want, _ := new(big.Float).SetInt(w.big()).Float64()
		require.Equal(t, want, w.float(), "%+v", w)
	}
}

func TestCloneAndReset(t *testing.T) {
	for _, n := range []int{10, 5000} {
		s := of(durations(n)...)
		before := encodedOf(t, s)
		c := s.Clone()
		c.AddSlice(durations(n))
		require.Equal(t, before, encodedOf(t, s), "a clone is independent")
		c.Reset()
		require.Equal(t, encodedOf(t, new(Sketch)), encodedOf(t, c))
		c.AddSlice(durations(n))
		require.Equal(t, before, encodedOf(t, c), "a reset sketch starts anew")
	}
}

// TestReadingChangesNothing also shows that readers do not disturb each other, under the race detector.
func TestReadingChangesNothing(t *testing.T) {
	for _, n := range []int{0, 300, 5000} {
		s := of(durations(n)...)
		before, want := encodedOf(t, s), s.Summary()
		done := make(chan Summary)
		for range 2 {
			go func() {
				s.ECDF()
				s.Histogram(20)
				s.Rank(1e6)
				done <- s.Summary()
			}()
		}
		require.Equal(t, want, <-done)
		require.Equal(t, want, <-done)
		require.Equal(t, before, encodedOf(t, s))
	}
}
