package matrix

import (
	"fmt"

	"github.com/dagscope/dagscope/engine/codec"
)

// Matrices travel as their dimensions and their values in little endian, a thin QR as rows, k and cols followed by
// the values of Q and then of R.

// AppendShape implements codec.Shaped.
func (m Matrix) AppendShape(dst []int) []int { return append(dst, m.Rows, m.Cols) }

// RawBytes implements codec.Shaped.
func (m Matrix) RawBytes() int64 { return 8 * int64(len(m.Data)) }

// AppendRaw implements codec.Shaped.
func (m Matrix) AppendRaw(dst []byte) ([]byte, error) { return codec.AppendNumbers(dst, m.Data), nil }

// DecodeRaw implements codec.ShapedDecoder.
func (m *Matrix) DecodeRaw(shape []int, raw []byte) error {
	if len(shape) != 2 {
		return fmt.Errorf("a matrix of %d dimensions, expected 2", len(shape))
	}
	data, rest, err := decodeValues(shape[0], shape[1], raw)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes too many for a matrix of %d × %d", len(rest), shape[0], shape[1])
	}
	if err != nil {
		return err
	}
	*m = Matrix{Rows: shape[0], Cols: shape[1], Data: data}
	return nil
}

// AppendShape implements codec.Shaped.
func (f QR) AppendShape(dst []int) []int { return append(dst, f.Q.Rows, f.R.Rows, f.R.Cols) }

// RawBytes implements codec.Shaped.
func (f QR) RawBytes() int64 { return f.Q.RawBytes() + f.R.RawBytes() }

// AppendRaw implements codec.Shaped.
func (f QR) AppendRaw(dst []byte) ([]byte, error) {
	return codec.AppendNumbers(codec.AppendNumbers(dst, f.Q.Data), f.R.Data), nil
}

// DecodeRaw implements codec.ShapedDecoder.
func (f *QR) DecodeRaw(shape []int, raw []byte) error {
	if len(shape) != 3 {
		return fmt.Errorf("a QR of %d dimensions, expected 3", len(shape))
	}
	rows, k, cols := shape[0], shape[1], shape[2]
	q, rest, err := decodeValues(rows, k, raw)
	if err != nil {
		return err
	}
	r, rest, err := decodeValues(k, cols, rest)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes too many for a QR of %d × %d × %d", len(rest), rows, k, cols)
	}
	if err != nil {
		return err
	}
	*f = QR{Q: Matrix{Rows: rows, Cols: k, Data: q}, R: Matrix{Rows: k, Cols: cols, Data: r}}
	return nil
}

// decodeValues takes rows × cols values off the front of raw.
func decodeValues(rows, cols int, raw []byte) (values []float64, rest []byte, err error) {
	available := len(raw) / 8
	if rows < 0 || cols < 0 || cols > 0 && rows > available/cols {
		return nil, nil, fmt.Errorf("%d bytes, expected %d × %d values of 8", len(raw), rows, cols)
	}
	n := 8 * rows * cols
	values, err = codec.DecodeNumbers[float64](raw[:n])
	return values, raw[n:], err
}
