package matrix

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/codec"
)

func TestTravels(t *testing.T) {
	m := Uniform{Cols: 3, Seed: 1}.Block(0, 0, 5, 3)
	for _, c := range []struct {
		of    *codec.Type
		value any
		bytes int64
	}{
		{codec.TypeOf[Matrix](), m, 120},
		{codec.TypeOf[Matrix](), New(0, 7), 0},
		{codec.TypeOf[QR](), Factor(m), 120 + 72},
		{codec.TypeOf[QR](), Factor(Uniform{Cols: 5}.Block(0, 0, 2, 5)), 32 + 80},
		{codec.TypeOf[[]Matrix](), []Matrix{m, New(1, 1)}, codec.UnknownSize},
	} {
		require.Equal(t, c.bytes, c.of.Size(c.value))
		wire, err := c.of.Append(nil, c.value)
		require.NoError(t, err)
		back, err := c.of.Decode(wire)
		require.NoError(t, err)
		require.Equal(t, c.value, back)
	}
}

func TestDecodeRawRefuses(t *testing.T) {
	var m Matrix
	require.ErrorContains(t, m.DecodeRaw([]int{1}, nil), "expected 2")
	require.ErrorContains(t, m.DecodeRaw([]int{2, 2}, make([]byte, 31)), "expected 2 × 2 values of 8")
	require.ErrorContains(t, m.DecodeRaw([]int{1 << 31, 1 << 31}, make([]byte, 8)), "expected 2147483648 ×")
	require.ErrorContains(t, m.DecodeRaw([]int{1, 1}, make([]byte, 9)), "1 bytes too many")
	var f QR
	require.ErrorContains(t, f.DecodeRaw([]int{1, 1}, nil), "expected 3")
	require.ErrorContains(t, f.DecodeRaw([]int{2, 1, 1}, make([]byte, 16)), "expected 1 × 1 values of 8")
	require.ErrorContains(t, f.DecodeRaw([]int{1, 1, 1}, make([]byte, 24)), "8 bytes too many")
	require.Empty(t, m.Data)
}

func FuzzDecodeRaw(f *testing.F) {
	f.Add(2, 1, 3, make([]byte, 40))
	f.Add(-1, 1<<62, 1<<62, []byte{})
	f.Fuzz(func(t *testing.T, a, b, c int, raw []byte) {
		var m Matrix
		if m.DecodeRaw([]int{a, b}, raw) == nil {
			require.Len(t, m.Data, m.Rows*m.Cols)
			wire, err := m.AppendRaw(nil)
			require.NoError(t, err)
			require.Equal(t, len(raw), len(wire))
		}
		var qr QR
		if qr.DecodeRaw([]int{a, b, c}, raw) == nil {
			require.Equal(t, []int{a, b, c}, qr.AppendShape(nil))
			require.EqualValues(t, len(raw), qr.RawBytes())
		}
	})
}
