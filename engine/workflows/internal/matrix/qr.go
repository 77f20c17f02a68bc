package matrix

import (
	"errors"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/mat"
)

// QR is a thin decomposition A = Q·R: for A of m × n and k = min(m, n), Q is m × k with orthonormal columns and R is
// k × n and upper triangular.
type QR struct{ Q, R Matrix }

// Factor computes the thin QR of a by Householder reflections (LAPACK's geqrf and orgqr), 4·m·n² operations for a
// tall matrix. a must not be empty.
func Factor(a Matrix) QR {
	k := min(a.Rows, a.Cols)
	work := Sum(a).general()
	tau := make([]float64, k)
	size := make([]float64, 1)
	lapack64.Geqrf(work, tau, size, -1)
	scratch := make([]float64, int(size[0]))
	lapack64.Geqrf(work, tau, scratch, len(scratch))

	r := New(k, a.Cols)
	for i := range k {
		copy(r.Row(i)[i:], work.Data[i*work.Stride+i:i*work.Stride+a.Cols])
	}
	thin := blas64.General{Rows: a.Rows, Cols: k, Stride: work.Stride, Data: work.Data}
	lapack64.Orgqr(thin, tau, size, -1)
	if n := int(size[0]); n > len(scratch) {
		scratch = make([]float64, n)
	}
	lapack64.Orgqr(thin, tau, scratch, len(scratch))
	q := Matrix{Rows: a.Rows, Cols: k, Data: work.Data}
	if k < a.Cols {
		q = New(a.Rows, k)
		for i := range a.Rows {
			copy(q.Row(i), work.Data[i*work.Stride:i*work.Stride+k])
		}
	}
	return QR{Q: q, R: r}
}

// SVD computes A = U·diag(values)·Vᵀ with k = min(rows, cols) values, descending, in thin form.
func SVD(a Matrix) (u, values, v Matrix, err error) {
	var svd mat.SVD
	if !svd.Factorize(a.Dense(), mat.SVDThin) {
		return Matrix{}, Matrix{}, Matrix{}, errors.New("matrix: the singular value decomposition did not converge, expected finite values")
	}
	var left, right mat.Dense
	svd.UTo(&left)
	svd.VTo(&right)
	k := min(a.Rows, a.Cols)
	return fromDense(&left), Matrix{Rows: 1, Cols: k, Data: svd.Values(nil)}, fromDense(&right), nil
}

// Values are the singular values of a, descending, without the vectors.
func Values(a Matrix) ([]float64, error) {
	var svd mat.SVD
	if !svd.Factorize(a.Dense(), mat.SVDNone) {
		return nil, errors.New("matrix: the singular value decomposition did not converge, expected finite values")
	}
	return svd.Values(nil), nil
}

func fromDense(d *mat.Dense) Matrix {
	rows, cols := d.Dims()
	m := New(rows, cols)
	for i := range rows {
		copy(m.Row(i), d.RawRowView(i))
	}
	return m
}
