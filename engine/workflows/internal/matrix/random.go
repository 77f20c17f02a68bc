package matrix

import (
	"math"
)

// Uniform is a Rows × Cols matrix of independent values in [-1, 1). Its values follow from the seed and their place
// alone, so that any task can make the block it needs and none has to be sent.
type Uniform struct {
	Rows, Cols int
	Seed       uint64
}

// Block makes the rows × cols values that start at (row, col).
func (u Uniform) Block(row, col, rows, cols int) Matrix {
	m := New(rows, cols)
	for i := range rows {
		first := uint64(row+i)*uint64(u.Cols) + uint64(col)
		for j := range m.Row(i) {
			// The upper 53 bits as a fraction of 2^52, shifted to be symmetric.
			m.Data[i*cols+j] = float64(mix(u.Seed, first+uint64(j))>>11)/(1<<52) - 1
		}
	}
	return m
}

// mix gives value n of the splitmix64 generator with that seed (Steele, Lea and Flood, "Fast splittable
// pseudorandom number generators", OOPSLA 2014, figure 17).
func mix(seed, n uint64) uint64 {
	z := seed*0xd1342543de82ef95 + (n+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Spectrum of Decaying: value l is decay^l, and values below 1e-14 are left out.
const (
	decay = 0.6
	terms = 64
)

// Decaying is a Size × Size matrix whose singular values are known: 0.6^l for l = 0, 1, … 63, then 0. Its singular
// vectors are those of the discrete cosine transform (DCT-II, Ahmed, Natarajan and Rao 1974) with the signs of rows
// and columns flipped by the seed, so it has no structure that a random projection could miss. As with Uniform, any
// block can be made anywhere, at a cost of 128 operations a value.
type Decaying struct {
	Size int
	Seed uint64
}

// Values are the k largest singular values, descending.
func (d Decaying) Values(k int) []float64 {
	values := make([]float64, k)
	for l := range min(k, terms, d.Size) {
		values[l] = math.Pow(decay, float64(l))
	}
	return values
}

// Block makes the rows × cols values that start at (row, col).
func (d Decaying) Block(row, col, rows, cols int) Matrix {
	left := d.vectors(row, rows, 0)
	for l, value := range d.Values(left.Cols) {
		for i := range rows {
			left.Row(i)[l] *= value
		}
	}
	right := d.vectors(col, cols, 1)
	transposed := New(right.Cols, right.Rows)
	for j := range right.Rows {
		for l, v := range right.Row(j) {
			transposed.Row(l)[j] = v
		}
	}
	return Mul(left, transposed)
}

// vectors are the rows first to first+count of the singular vectors; side is 0 for the left ones, 1 for the right.
func (d Decaying) vectors(first, count int, side uint64) Matrix {
	n := float64(d.Size)
	m := New(count, min(terms, d.Size))
	for i := range count {
		sign := 1.0
		if mix(d.Seed, 2*uint64(first+i)+side)&1 == 1 {
			sign = -1
		}
		row := m.Row(i)
		row[0] = sign / math.Sqrt(n)
		for l := 1; l < m.Cols; l++ {
			row[l] = sign * math.Sqrt(2/n) * math.Cos(math.Pi*(float64(first+i)+0.5)*float64(l)/n)
		}
	}
	return m
}
