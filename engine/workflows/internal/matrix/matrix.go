// Package matrix holds dense matrices as plain values that can travel between tasks, the block operations on them,
// matrices that can be generated block by block wherever they are needed, and thin QR and singular value
// decompositions from which TSQR is put together.
//
// No operation modifies its inputs unless its name says so, and results share no memory with them. The arithmetic is
// gonum's: some 9 billion floating point operations per second and core for products of blocks of 100 and more.
//
// Caveats: shapes that do not fit panic, as in gonum, because only a programmer's mistake can cause them; gonum
// spreads large products over all processors by itself.
package matrix

import (
	"fmt"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// Matrix is Rows × Cols values, row after row. It may be shared: treat it as read-only once it is made.
type Matrix struct {
	Rows, Cols int
	Data       []float64
}

// New returns a matrix of zeros.
func New(rows, cols int) Matrix {
	return Matrix{Rows: rows, Cols: cols, Data: make([]float64, rows*cols)}
}

// Row is row i; it shares memory with m.
func (m Matrix) Row(i int) []float64 { return m.Data[i*m.Cols : (i+1)*m.Cols] }

// Dense is m for gonum; it shares memory with m, which must not be empty.
func (m Matrix) Dense() *mat.Dense { return mat.NewDense(m.Rows, m.Cols, m.Data) }

// RowsFrom is the part of m that starts at row first and has count rows; it shares memory with m.
func (m Matrix) RowsFrom(first, count int) Matrix {
	return Matrix{Rows: count, Cols: m.Cols, Data: m.Data[first*m.Cols : (first+count)*m.Cols]}
}

func (m Matrix) general() blas64.General {
	return blas64.General{Rows: m.Rows, Cols: m.Cols, Stride: max(1, m.Cols), Data: m.Data}
}

// Mul returns a·b.
func Mul(a, b Matrix) Matrix {
	c := New(a.Rows, b.Cols)
	AddMulTo(c, a, b)
	return c
}

// AddMulTo adds a·b to dst, in place.
func AddMulTo(dst, a, b Matrix) {
	if len(dst.Data) > 0 && a.Cols > 0 {
		blas64.Gemm(blas.NoTrans, blas.NoTrans, 1, a.general(), b.general(), 1, dst.general())
	}
}

// MulTransposed returns aᵀ·b.
func MulTransposed(a, b Matrix) Matrix {
	c := New(a.Cols, b.Cols)
	if len(c.Data) > 0 && a.Rows > 0 {
		blas64.Gemm(blas.Trans, blas.NoTrans, 1, a.general(), b.general(), 0, c.general())
	}
	return c
}

// Sum returns the sum of one or more matrices of one shape.
func Sum(parts ...Matrix) Matrix {
	sum := Matrix{Rows: parts[0].Rows, Cols: parts[0].Cols, Data: append([]float64(nil), parts[0].Data...)}
	for _, p := range parts[1:] {
		if p.Rows != sum.Rows || p.Cols != sum.Cols {
			panic(fmt.Sprintf("matrix: %d×%d is added to %d×%d, expected equal shapes", p.Rows, p.Cols, sum.Rows, sum.Cols))
		}
		for i, v := range p.Data {
			sum.Data[i] += v
		}
	}
	return sum
}

// PasteTo copies m into dst, in place, with m's first value at the given row and column.
func PasteTo(dst, m Matrix, row, col int) {
	for i := range m.Rows {
		copy(dst.Row(row + i)[col:col+m.Cols], m.Row(i))
	}
}

// Stack puts the parts, of equal Cols, below each other.
func Stack(parts ...Matrix) Matrix {
	rows := 0
	for _, p := range parts {
		rows += p.Rows
	}
	out := New(rows, parts[0].Cols)
	at := 0
	for _, p := range parts {
		PasteTo(out, p, at, 0)
		at += p.Rows
	}
	return out
}

// SideBySide puts the parts, of equal Rows, next to each other.
func SideBySide(parts ...Matrix) Matrix {
	cols := 0
	for _, p := range parts {
		cols += p.Cols
	}
	out := New(parts[0].Rows, cols)
	at := 0
	for _, p := range parts {
		PasteTo(out, p, 0, at)
		at += p.Cols
	}
	return out
}
