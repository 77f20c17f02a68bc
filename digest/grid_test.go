package digest

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const truthBits = 256 // precision of the ground truth

// roots are 2^(j/64) for j from 0 to 63, by repeated square roots.
func roots() [page]*big.Float {
	root := big.NewFloat(2).SetPrec(truthBits)
	for range finest {
		root.Sqrt(root)
	}
	var all [page]*big.Float
	all[0] = big.NewFloat(1).SetPrec(truthBits)
	for j := 1; j < page; j++ {
		all[j] = new(big.Float).SetPrec(truthBits).Mul(all[j-1], root)
	}
	return all
}

// boundary is the true lower boundary of bucket i on the finest grid.
func boundary(all [page]*big.Float, i int) *big.Float {
	b := new(big.Float).SetPrec(truthBits).Copy(all[i&(page-1)])
	return b.SetMantExp(b, i>>finest-1023)
}

func TestFractionsAreTheBoundaries(t *testing.T) {
	for j, root := range roots() {
		f := new(big.Float).Sub(root, big.NewFloat(1))
		want, _ := f.SetMantExp(f, 64).Uint64()
		require.Equal(t, want, fractions[j], "boundary %d", j)
	}
}

// TestBucketOfFloatAtBoundaries checks the two float64 around each boundary of every octave.
func TestBucketOfFloatAtBoundaries(t *testing.T) {
	all := roots()
	for i := -1000; i < 2047*page; i++ {
		b := boundary(all, i)
		at, accuracy := b.Float64()
		below, above := at, at
		switch accuracy {
		case big.Exact, big.Below: // at is at or below the boundary
			above = math.Nextafter(at, math.Inf(1))
		case big.Above:
			below = math.Nextafter(at, 0)
		}
		if below == 0 || math.IsInf(above, 1) {
			continue
		}
		if got := bucketOfFloat(below); got != i-1 {
			t.Fatalf("bucketOfFloat(%x) = %d, want %d: it is not above boundary %d", below, got, i-1, i)
		}
		if got := bucketOfFloat(above); got != i {
			t.Fatalf("bucketOfFloat(%x) = %d, want %d: it is above boundary %d", above, got, i, i)
		}
		if got := lowerBound(i, 0); got != below {
			t.Fatalf("lowerBound(%d) = %x, want %x", i, got, below)
		}
	}
}

// TestBucketOfIntAtBoundaries does the same for the whole numbers around each boundary, also beyond 2^53.
func TestBucketOfIntAtBoundaries(t *testing.T) {
	all := roots()
	for i := 1023 * page; i < (1023+63)*page; i++ {
		floor, _ := boundary(all, i).Int64()
		for v := max(floor-1, 1); v <= floor+2 && v > 0; v++ {
			k := bucketOfInt(v)
			exact := new(big.Float).SetInt64(v)
			if exact.Cmp(boundary(all, k)) <= 0 || exact.Cmp(boundary(all, k+1)) > 0 {
				t.Fatalf("bucketOfInt(%d) = %d, which does not hold it", v, k)
			}
		}
	}
	require.Equal(t, (1023+63)*page-1, bucketOfInt(math.MaxInt64))
}

func TestCoarserGridsNest(t *testing.T) {
	for shift := range uint8(finest) {
		for i := 1000 * page; i < 1040*page; i++ {
			lower, upper := lowerBound(i>>shift, shift), lowerBound(i>>shift+1, shift)
			require.LessOrEqual(t, lower, lowerBound(i, 0))
			require.GreaterOrEqual(t, upper, lowerBound(i+1, 0))
		}
	}
}

func TestBucketHoldsItsValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float64Range(math.SmallestNonzeroFloat64, math.MaxFloat64).Draw(t, "v")
		i := bucketOfFloat(v)
		if lower, upper := lowerBound(i, 0), lowerBound(i+1, 0); v <= lower || v > upper {
			t.Fatalf("bucketOfFloat(%g) = %d, which is (%g, %g]", v, i, lower, upper)
		}
	})
}

// TestEveryBucketOfWholeNumbersHasAGoodAnswer checks the proof of the bound for whole numbers: each bucket has a whole
// number within the bound of all others in it, and up to 91 it has only one.
func TestEveryBucketOfWholeNumbersHasAGoodAnswer(t *testing.T) {
	for i := 1022 * page; i < 1075*page; i++ {
		low, high := math.Floor(lowerBound(i, 0))+1, math.Floor(lowerBound(i+1, 0))
		if low > high {
			continue
		}
		require.LessOrEqual(t, math.Ceil(high*0.99), math.Floor(low*1.01), "bucket of %v to %v", low, high)
		if low <= 91 {
			require.Equal(t, low, high)
		}
	}
}
