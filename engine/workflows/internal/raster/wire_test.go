package raster

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/codec"
)

func TestTravels(t *testing.T) {
	of := codec.TypeOf[Image]()
	for _, m := range []Image{New(0, 0), New(0, 9), New(9, 0), each(3, 2, func(x, y, c int) float64 { return float64(9*x + 3*y + c) })} {
		require.EqualValues(t, len(m.Pixels), of.Size(m))
		wire, err := of.Append(nil, m)
		require.NoError(t, err)
		back, err := of.Decode(wire)
		require.NoError(t, err)
		require.Equal(t, m, back)
	}
}

func TestDecodeRawRefuses(t *testing.T) {
	var m Image
	require.ErrorContains(t, m.DecodeRaw([]int{1}, nil), "expected 2")
	require.ErrorContains(t, m.DecodeRaw([]int{1, 2}, make([]byte, 5)), "expected 3 for each of 1 × 2 pixels")
	require.ErrorContains(t, m.DecodeRaw([]int{1, 1}, make([]byte, 4)), "expected 3 for each")
	require.ErrorContains(t, m.DecodeRaw([]int{-1, -1}, make([]byte, 3)), "expected 3 for each")
	require.ErrorContains(t, m.DecodeRaw([]int{1 << 31, 1 << 31}, nil), "expected 3 for each")
	require.Empty(t, m.Pixels)
}

func FuzzDecodeRaw(f *testing.F) {
	f.Add(2, 1, make([]byte, 6))
	f.Add(1<<62, 4, []byte{})
	f.Fuzz(func(t *testing.T, width, height int, raw []byte) {
		var m Image
		if m.DecodeRaw([]int{width, height}, raw) == nil {
			require.Equal(t, []int{width, height}, m.AppendShape(nil))
			require.Len(t, m.Pixels, 3*width*height)
		}
	})
}
