package digest

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// shards draws sketches of every kind: empty, exact, full, with zeros, with clamped and with very large values.
func shards(t *rapid.T, scales bool) []*Sketch {
	var all []*Sketch
	for range rapid.IntRange(2, 6).Draw(t, "shards") {
		cfg := Config{}
		if scales {
			cfg.Scale = rapid.IntRange(1, DefaultScale).Draw(t, "scale")
		}
		s, err := New(cfg)
		require.NoError(t, err)
		n := rapid.SampledFrom([]int{0, 1, 100, 256, 511, 512, 513, 1500}).Draw(t, "n")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		bitsKept := rapid.IntRange(1, 64).Draw(t, "bits")
		for range n {
			s.Add(int64(r.Uint64() >> (64 - bitsKept)))
		}
		all = append(all, s)
	}
	return all
}

func mergedInto(t require.TestingT, s *Sketch, all ...*Sketch) *Sketch {
	for _, o := range all {
		require.NoError(t, s.Merge(o))
	}
	return s
}

// TestMergeIsAssociativeAndCommutative: any order and grouping gives the same bits, from sketches or from bytes.
func TestMergeIsAssociativeAndCommutative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := shards(t, rapid.Bool().Draw(t, "scales"))
		want := encodedOf(t, mergedInto(t, new(Sketch), all...))

		shuffled := rapid.Permutation(all).Draw(t, "order")
		cut := rapid.IntRange(0, len(all)).Draw(t, "cut")
		left := mergedInto(t, new(Sketch), shuffled[:cut]...)
		right := mergedInto(t, new(Sketch), shuffled[cut:]...)
		require.Equal(t, want, encodedOf(t, mergedInto(t, left.Clone(), right)))
		require.Equal(t, want, encodedOf(t, mergedInto(t, right, left)))

		fromBytes := new(Sketch)
		for _, o := range shuffled {
			require.NoError(t, fromBytes.MergeBinary(encodedOf(t, o)))
		}
		require.Equal(t, want, encodedOf(t, fromBytes))
	})
}

// TestMergeEqualsAdding: however values are split, the merged sketch equals the one that was never split, exactly as
// long as that one is exact, even if values are added afterwards.
func TestMergeEqualsAdding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{0, 10, 511, 512, 513, 1024, 4000}).Draw(t, "n")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		whole, parts := new(Sketch), []*Sketch{new(Sketch), new(Sketch), new(Sketch)}
		for range n {
			v := int64(math.Exp(20*r.Float64())) - 3
			whole.Add(v)
			parts[r.IntN(len(parts))].Add(v)
		}
		got := mergedInto(t, new(Sketch), parts...)
		require.Equal(t, n <= ExactLimit, got.Exact())
		require.Equal(t, encodedOf(t, whole), encodedOf(t, got))
		require.Equal(t, whole.Summary(), got.Summary())
		for _, v := range []int64{0, 1, 1 << 40, 5, math.MaxInt64} {
			whole.Add(v)
			got.AddSlice([]int64{v})
		}
		require.Equal(t, encodedOf(t, whole), encodedOf(t, got))
	})
}

func TestMergeOfFloats(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for _, n := range []int{100, 512, 20000} {
		whole, parts := newFloat(t), []*Sketch{newFloat(t), newFloat(t), newFloat(t)}
		for range n {
			v := 1e9 + r.NormFloat64() // where a sum of squares would keep no digit of the variance
			whole.AddFloat(v)
			parts[r.IntN(3)].AddFloat(v)
		}
		forth := mergedInto(t, newFloat(t), parts...)
		a, b := parts[0].Clone(), parts[1].Clone()
		require.Equal(t, encodedOf(t, mergedInto(t, a, parts[1])), encodedOf(t, mergedInto(t, b, parts[0])))
		want, got := whole.Summary(), forth.Summary()
		if n <= ExactLimit {
			require.Equal(t, want, got)
		}
		require.InEpsilon(t, want.Variance, got.Variance, 1e-6)
		require.InEpsilon(t, 1, got.Variance, 0.3)
		require.Equal(t, want.P50, got.P50)
	}
}

func TestMergeWithItselfDoubles(t *testing.T) {
	for _, n := range []int{100, 400, 3000} {
		vs := durations(n)
		s := of(vs...)
		require.NoError(t, s.Merge(s))
		require.Equal(t, encodedOf(t, of(append(vs, vs...)...)), encodedOf(t, s))
	}
}

func TestMergeLeavesTheOtherAlone(t *testing.T) {
	o := of(durations(3000)...)
	before := encodedOf(t, o)
	s := mergedInto(t, of(durations(700)...), o)
	s.AddSlice(durations(3000))
	require.Equal(t, before, encodedOf(t, o))
}

// TestSquaresSaturate: the sum of squares stops at its largest value in any order, and merging stays associative.
func TestSquaresSaturate(t *testing.T) {
	huge, small := new(Sketch), of(durations(1000)...)
	for range 600 {
		huge.Add(math.MaxInt64)
	}
	require.Equal(t, widest, huge.moments.squares)
	a := mergedInto(t, small.Clone(), huge)
	b := mergedInto(t, huge.Clone(), small)
	require.Equal(t, encodedOf(t, a), encodedOf(t, b))
	for _, v := range durations(3000) {
		a.Add(v)
	}
	b.AddSlice(durations(3000))
	require.Equal(t, encodedOf(t, a), encodedOf(t, b))
	require.True(t, a.Summary().Saturated)
}

func TestTooManyValues(t *testing.T) {
	s := of(durations(1000)...)
	var err error
	for err == nil {
		err = s.Merge(s)
	}
	require.ErrorIs(t, err, ErrOverflow)
	require.EqualValues(t, 1000<<53, s.N())
	before := encodedOf(t, s)
	require.ErrorIs(t, s.MergeBinary(before), ErrOverflow)
	require.Equal(t, before, encodedOf(t, s))
}
