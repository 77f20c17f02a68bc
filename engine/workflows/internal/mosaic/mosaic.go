// Package mosaic cuts an image into overlapping frames as a telescope would take them, each turned, brightened by a
// sloping background and noisy, and puts such frames together again.
//
// What was done to a frame is written in it, so the mosaic is known to differ from the image by at most Noise
// wherever the frames were corrected; the image is covered whatever the number of frames. Memory is eight bytes a
// pixel and frame, some 2.3 times the image in all.
//
// Caveats: brightness only, colours are dropped; frames are turned by quarters of a circle, because turning by other
// angles would blur what the mosaic is compared with.
package mosaic

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/dagscope/dagscope/engine/workflows/internal/matrix"
	"github.com/dagscope/dagscope/engine/workflows/internal/raster"
)

// Noise is the largest error, up or down, that Cut adds to a value; brightness is 0 to 255.
const Noise = 2.0

// Frame is one picture of a part of the sky.
type Frame struct {
	X, Y       int // where its upper left value belongs in the mosaic, once it is upright
	Turns      int // quarters of a circle, clockwise, by which the values are turned
	Background Plane
	Values     matrix.Matrix
}

// Plane is a brightness that changes evenly: Level + SlopeX·x + SlopeY·y at (x, y) of the upright frame.
type Plane struct{ Level, SlopeX, SlopeY float64 }

func (p Plane) at(x, y int) float64 { return p.Level + p.SlopeX*float64(x) + p.SlopeY*float64(y) }

// Brightness gives an image as a matrix of Height × Width values, 0 to 255.
func Brightness(m raster.Image) matrix.Matrix {
	out := matrix.New(m.Height, m.Width)
	for i := range out.Data {
		out.Data[i] = float64(raster.Luma(m.Pixels[3*i], m.Pixels[3*i+1], m.Pixels[3*i+2]))
	}
	return out
}

// Cut takes count frames that cover the sky. They stand in rows and overlap their neighbours by a quarter of their
// distance, at least by a value. Everything random follows from the seed.
func Cut(sky matrix.Matrix, count int, seed uint64) []Frame {
	random := rand.New(rand.NewPCG(seed, 0))
	perRow := int(math.Ceil(math.Sqrt(float64(count))))
	rows := (count + perRow - 1) / perRow
	frames := make([]Frame, count)
	for i := range frames {
		row := i / perRow
		inRow := min(perRow, count-row*perRow) // the last row may have fewer, wider ones
		left, right := overlap(i%perRow, inRow, sky.Cols)
		top, bottom := overlap(row, rows, sky.Rows)
		frames[i] = take(sky, left, top, right-left, bottom-top, random)
	}
	return frames
}

// overlap is part i of n of [0, size), widened on both sides.
func overlap(i, n, size int) (from, to int) {
	margin := max(1, size/n/8)
	return max(0, i*size/n-margin), min(size, (i+1)*size/n+margin)
}

// take cuts one frame and spoils it.
func take(sky matrix.Matrix, x, y, width, height int, random *rand.Rand) Frame {
	f := Frame{
		X: x, Y: y, Turns: random.IntN(4),
		Background: Plane{Level: 100 * random.Float64(), SlopeX: random.Float64() - 0.5, SlopeY: random.Float64() - 0.5},
	}
	upright := matrix.New(height, width)
	for i := range height {
		for j := range width {
			noise := Noise * (2*random.Float64() - 1)
			upright.Row(i)[j] = sky.Row(y + i)[x+j] + f.Background.at(j, i) + noise
		}
	}
	f.Values = turn(upright, f.Turns)
	return f
}

// turn turns clockwise by quarters of a circle.
func turn(m matrix.Matrix, quarters int) matrix.Matrix {
	for range quarters % 4 {
		turned := matrix.New(m.Cols, m.Rows)
		for i := range m.Rows {
			for j, v := range m.Row(i) {
				turned.Row(j)[m.Rows-1-i] = v
			}
		}
		m = turned
	}
	return m
}

// Reproject turns a frame upright.
func Reproject(ctx context.Context, f Frame) (Frame, error) {
	if ctx.Err() != nil {
		return Frame{}, context.Cause(ctx)
	}
	f.Values = turn(f.Values, 4-f.Turns)
	f.Turns = 0
	return f, nil
}

// Correct takes the background out of an upright frame.
func Correct(ctx context.Context, f Frame) (Frame, error) {
	out := matrix.New(f.Values.Rows, f.Values.Cols)
	for i := range out.Rows {
		if ctx.Err() != nil {
			return Frame{}, context.Cause(ctx)
		}
		for j, v := range f.Values.Row(i) {
			out.Row(i)[j] = v - f.Background.at(j, i)
		}
	}
	f.Background, f.Values = Plane{}, out
	return f, nil
}

// CoAdd gives each pixel of a width × height mosaic the rounded median of the corrected frames that show it, black
// where none does.
func CoAdd(ctx context.Context, frames []Frame, width, height int) (raster.Image, error) {
	out := raster.New(width, height)
	var values []float64
	var showing []*Frame
	for y := range height {
		if ctx.Err() != nil {
			return raster.Image{}, context.Cause(ctx)
		}
		showing = showing[:0]
		for i := range frames {
			if f := &frames[i]; f.Y <= y && y < f.Y+f.Values.Rows {
				showing = append(showing, f)
			}
		}
		for x := range width {
			values = values[:0]
			for _, f := range showing {
				if f.X <= x && x < f.X+f.Values.Cols {
					values = append(values, f.Values.Row(y - f.Y)[x-f.X])
				}
			}
			v := byte(min(max(math.Round(median(values)), 0), 255))
			copy(out.Row(y)[3*x:], []byte{v, v, v})
		}
	}
	return out, nil
}

// median sorts the values; of none it is 0.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	half := len(values) / 2
	if len(values)%2 == 1 {
		return values[half]
	}
	return (values[half-1] + values[half]) / 2
}
