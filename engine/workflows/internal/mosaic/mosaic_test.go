package mosaic

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine/workflows/internal/matrix"
	"github.com/dagscope/dagscope/engine/workflows/internal/raster"
)

// TestMosaic puts skies of any size together from any number of frames.
func TestMosaic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		width, height := rapid.IntRange(1, 40).Draw(t, "width"), rapid.IntRange(1, 40).Draw(t, "height")
		count, seed := rapid.IntRange(1, 60).Draw(t, "count"), rapid.Uint64().Draw(t, "seed")
		sky := matrix.New(height, width)
		for i := range sky.Data {
			sky.Data[i] = float64(i * i % 256)
		}
		frames := Cut(sky, count, seed)
		require.Len(t, frames, count)
		for i, f := range frames {
			before := matrix.Sum(f.Values)
			upright, err := Reproject(ctx, f)
			require.NoError(t, err)
			frames[i], err = Correct(ctx, upright)
			require.NoError(t, err)
			require.Equal(t, before, f.Values, "a frame is modified")
			for j, v := range frames[i].Values.Data {
				cols := frames[i].Values.Cols
				require.InDelta(t, sky.Row(f.Y + j/cols)[f.X+j%cols], v, Noise+1e-9)
			}
		}
		got, err := CoAdd(ctx, frames, width, height)
		require.NoError(t, err)
		for i, v := range sky.Data {
			require.InDelta(t, v, float64(got.Pixels[3*i]), Noise+0.5+1e-9)
		}
	})
}

// TestCut: frames are spoilt in every way and overlap.
func TestCut(t *testing.T) {
	sky := matrix.New(80, 80)
	turns, area := map[int]bool{}, 0
	for _, f := range Cut(sky, 16, 1) {
		turns[f.Turns] = true
		area += len(f.Values.Data)
		spread := 0.0
		for _, v := range f.Values.Data {
			spread = math.Max(spread, math.Abs(v-f.Background.Level))
		}
		require.Positive(t, spread)
	}
	require.Len(t, turns, 4)
	require.Equal(t, (4*20+6*2)*(4*20+6*2), area)
	require.Equal(t, Cut(sky, 3, 7), Cut(sky, 3, 7))
	require.NotEqual(t, Cut(sky, 3, 7), Cut(sky, 3, 8))
}

func TestTurn(t *testing.T) {
	m := matrix.Matrix{Rows: 2, Cols: 3, Data: []float64{1, 2, 3, 4, 5, 6}}
	require.Equal(t, matrix.Matrix{Rows: 3, Cols: 2, Data: []float64{4, 1, 5, 2, 6, 3}}, turn(m, 1))
	require.Equal(t, m, turn(turn(m, 3), 1))
}

func TestMedian(t *testing.T) {
	require.Zero(t, median(nil))
	require.Equal(t, 3.0, median([]float64{9, 1, 3}))
	require.Equal(t, 2.5, median([]float64{9, 2, 1, 3}))
}

func TestCoAddClamps(t *testing.T) {
	f := Frame{Values: matrix.Matrix{Rows: 1, Cols: 2, Data: []float64{-7, 300}}}
	got, err := CoAdd(t.Context(), []Frame{f}, 3, 1)
	require.NoError(t, err)
	require.Equal(t, raster.Image{Width: 3, Height: 1, Pixels: []byte{0, 0, 0, 255, 255, 255, 0, 0, 0}}, got)
}

func TestDone(t *testing.T) {
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	f := Frame{Values: matrix.New(1, 1)}
	_, err := Reproject(ctx, f)
	require.ErrorIs(t, err, cause)
	_, err = Correct(ctx, f)
	require.ErrorIs(t, err, cause)
	_, err = CoAdd(ctx, []Frame{f}, 1, 1)
	require.ErrorIs(t, err, cause)
}
