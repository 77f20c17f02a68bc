package matrix

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

// near fails where two matrices differ by more than a few roundings.
func near(t require.TestingT, want, got Matrix) {
	require.Equal(t, []int{want.Rows, want.Cols, len(want.Data)}, []int{got.Rows, got.Cols, len(got.Data)})
	if len(want.Data) > 0 {
		require.InDeltaSlice(t, want.Data, got.Data, 1e-12)
	}
}

// times is the definition of the product.
func times(a, b Matrix) Matrix {
	c := New(a.Rows, b.Cols)
	for i := range a.Rows {
		for j := range b.Cols {
			for k := range a.Cols {
				c.Data[i*c.Cols+j] += a.Data[i*a.Cols+k] * b.Data[k*b.Cols+j]
			}
		}
	}
	return c
}

func transpose(a Matrix) Matrix {
	b := New(a.Cols, a.Rows)
	for i := range a.Rows {
		for j, v := range a.Row(i) {
			b.Row(j)[i] = v
		}
	}
	return b
}

func TestArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		side := rapid.IntRange(0, 9)
		rows, inner, cols := side.Draw(t, "rows"), side.Draw(t, "inner"), side.Draw(t, "cols")
		a := Uniform{Cols: inner, Seed: 1}.Block(0, 0, rows, inner)
		b := Uniform{Cols: cols, Seed: 2}.Block(0, 0, inner, cols)
		near(t, times(a, b), Mul(a, b))
		near(t, times(a, b), MulTransposed(transpose(a), b))
		twice := Mul(a, b)
		AddMulTo(twice, a, b)
		near(t, Sum(Mul(a, b), Mul(a, b)), twice)
		near(t, a, Uniform{Cols: inner, Seed: 1}.Block(0, 0, rows, inner)) // not modified
	})
	require.Panics(t, func() { Sum(New(2, 3), New(3, 2)) })
}

func TestPuttingTogether(t *testing.T) {
	whole := Uniform{Rows: 7, Cols: 5, Seed: 9}.Block(0, 0, 7, 5)
	near(t, whole, Stack(whole.RowsFrom(0, 2), whole.RowsFrom(2, 0), whole.RowsFrom(2, 5)))
	near(t, transpose(whole), SideBySide(transpose(whole.RowsFrom(0, 4)), transpose(whole.RowsFrom(4, 3))))
}

// TestBlocksAreParts: whatever block is made, its values are those of the whole.
func TestBlocksAreParts(t *testing.T) {
	uniform, decaying := Uniform{Rows: 20, Cols: 20, Seed: 3}, Decaying{Size: 20, Seed: 3}
	for _, whole := range []struct {
		all   Matrix
		block func(row, col, rows, cols int) Matrix
	}{
		{uniform.Block(0, 0, 20, 20), uniform.Block},
		{decaying.Block(0, 0, 20, 20), decaying.Block},
	} {
		rapid.Check(t, func(t *rapid.T) {
			row, col := rapid.IntRange(0, 19).Draw(t, "row"), rapid.IntRange(0, 19).Draw(t, "col")
			rows, cols := rapid.IntRange(1, 20-row).Draw(t, "rows"), rapid.IntRange(1, 20-col).Draw(t, "cols")
			got := whole.block(row, col, rows, cols)
			want := New(rows, cols)
			for i := range rows {
				copy(want.Row(i), whole.all.Row(row + i)[col:])
			}
			near(t, want, got)
		})
	}
}

func TestUniform(t *testing.T) {
	const n = 100_000
	m := Uniform{Rows: 1, Cols: n, Seed: 5}.Block(0, 0, 1, n)
	mean, square, low, high := 0.0, 0.0, 0.0, 0.0
	buckets := make([]float64, 16)
	for _, v := range m.Data {
		mean, square = mean+v/n, square+v*v/n
		low, high = math.Min(low, v), math.Max(high, v)
		buckets[int((v+1)*8)]++
	}
	require.InDelta(t, 0, mean, 0.01)
	require.InDelta(t, 1.0/3, square, 0.01)
	require.True(t, low >= -1 && low < -0.999 && high < 1 && high > 0.999, "from %v to %v", low, high)
	for _, b := range buckets {
		require.InEpsilon(t, n/16, b, 0.05)
	}
	require.NotEqual(t, m.Data, Uniform{Rows: 1, Cols: n, Seed: 6}.Block(0, 0, 1, n).Data)
}

func TestDecayingSpectrum(t *testing.T) {
	for _, size := range []int{1, 5, 40, 100} {
		d := Decaying{Size: size, Seed: 11}
		got, err := Values(d.Block(0, 0, size, size))
		require.NoError(t, err)
		require.InDeltaSlice(t, d.Values(size), got, 1e-13, "size %d", size)
	}
	require.Equal(t, []float64{1, decay}, Decaying{Size: 2}.Values(2))
}

func TestFactor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(1, 60).Draw(t, "rows"), rapid.IntRange(1, 60).Draw(t, "cols")
		a := Uniform{Cols: cols, Seed: rapid.Uint64().Draw(t, "seed")}.Block(0, 0, rows, cols)
		before := Sum(a)
		f := Factor(a)
		k := min(rows, cols)
		require.Equal(t, []int{rows, k, k, cols}, []int{f.Q.Rows, f.Q.Cols, f.R.Rows, f.R.Cols})
		near(t, before, a)
		near(t, a, times(f.Q, f.R))
		identity := New(k, k)
		for i := range k {
			identity.Row(i)[i] = 1
			for j := range i {
				require.Zero(t, f.R.Row(i)[j])
			}
		}
		near(t, identity, times(transpose(f.Q), f.Q))
	})
}

func TestSVD(t *testing.T) {
	a := Uniform{Cols: 6, Seed: 1}.Block(0, 0, 9, 6)
	u, values, v, err := SVD(a)
	require.NoError(t, err)
	scaled := Sum(u)
	for i := range scaled.Data {
		scaled.Data[i] *= values.Data[i%6]
	}
	near(t, a, times(scaled, transpose(v)))
	only, err := Values(a)
	require.NoError(t, err)
	require.InDeltaSlice(t, values.Data, only, 1e-13)
	var svd mat.SVD
	require.True(t, svd.Factorize(a.Dense(), mat.SVDNone))
	require.InDeltaSlice(t, svd.Values(nil), only, 1e-13)
}
