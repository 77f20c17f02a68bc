package raster

import (
	"context"
)

// Blur replaces each pixel by the rounded mean of the square of 2·radius+1 pixels around it, cut off at the edges. It
// keeps running sums, so the radius costs nothing.
func Blur(ctx context.Context, m Image, radius int) (Image, error) {
	out := New(m.Width, m.Height)
	if len(m.Pixels) == 0 {
		return out, nil
	}
	columns := make([]int, 3*m.Width) // sums over the rows within the radius
	addRow := func(y, sign int) {
		for i, v := range m.Row(y) {
			columns[i] += sign * int(v)
		}
	}
	for y := range min(radius, m.Height) {
		addRow(y, 1)
	}
	err := rows(ctx, m.Height, func(y int) {
		if y+radius < m.Height {
			addRow(y+radius, 1)
		}
		if y-radius > 0 {
			addRow(y-radius-1, -1)
		}
		high := min(y+radius, m.Height-1) - max(y-radius, 0) + 1
		blurRow(out.Row(y), columns, radius, high)
	})
	return out, err
}

// blurRow writes one row of means from the sums of its columns, each over high pixels.
func blurRow(row []byte, columns []int, radius, high int) {
	width := len(row) / 3
	for c := range 3 {
		sum := 0
		for x := range min(radius, width) {
			sum += columns[3*x+c]
		}
		for x := range width {
			if x+radius < width {
				sum += columns[3*(x+radius)+c]
			}
			if x-radius > 0 {
				sum -= columns[3*(x-radius-1)+c]
			}
			n := high * (min(x+radius, width-1) - max(x-radius, 0) + 1)
			row[3*x+c] = byte((sum + n/2) / n)
		}
	}
}

// Luma is the brightness of a colour by the weights of ITU-R BT.601, in thousandths and rounded.
func Luma(r, g, b byte) byte {
	return byte((299*int(r) + 587*int(g) + 114*int(b) + 500) / 1000)
}

// Grayscale replaces each colour by its brightness.
func Grayscale(ctx context.Context, m Image) (Image, error) {
	return perPixel(ctx, m, func(r, g, b byte) (byte, byte, byte) {
		l := Luma(r, g, b)
		return l, l, l
	})
}

// Sepia gives the browns of an old photograph, by the widely used matrix of weights, in thousandths.
func Sepia(ctx context.Context, m Image) (Image, error) {
	return perPixel(ctx, m, func(r, g, b byte) (byte, byte, byte) {
		red, green, blue := int(r), int(g), int(b)
		return clamp((393*red + 769*green + 189*blue) / 1000),
			clamp((349*red + 686*green + 168*blue) / 1000),
			clamp((272*red + 534*green + 131*blue) / 1000)
	})
}

func perPixel(ctx context.Context, m Image, f func(r, g, b byte) (byte, byte, byte)) (Image, error) {
	out := New(m.Width, m.Height)
	err := rows(ctx, m.Height, func(y int) {
		from, to := m.Row(y), out.Row(y)
		for i := 0; i < len(from); i += 3 {
			to[i], to[i+1], to[i+2] = f(from[i], from[i+1], from[i+2])
		}
	})
	return out, err
}

// Normalise stretches each channel so that its values reach from 0 to 255; a channel of one value stays as it is.
func Normalise(ctx context.Context, m Image) (Image, error) {
	low, high := [3]int{255, 255, 255}, [3]int{}
	for i, v := range m.Pixels {
		low[i%3], high[i%3] = min(low[i%3], int(v)), max(high[i%3], int(v))
	}
	stretch := func(c int, v byte) byte {
		if high[c] <= low[c] {
			return v
		}
		return byte((255*(int(v)-low[c]) + (high[c]-low[c])/2) / (high[c] - low[c]))
	}
	return perPixel(ctx, m, func(r, g, b byte) (byte, byte, byte) {
		return stretch(0, r), stretch(1, g), stretch(2, b)
	})
}

// Sobel operators (Sobel and Feldman 1968) and the usual sharpening of 5 less the four neighbours, row after row.
var (
	sobelX  = [9]int{-1, 0, 1, -2, 0, 2, -1, 0, 1}
	sobelY  = [9]int{-1, -2, -1, 0, 0, 0, 1, 2, 1}
	sharpen = [9]int{0, -1, 0, -1, 5, -1, 0, -1, 0}
)

// Edges gives, channel by channel, |Gx| + |Gy| of the Sobel operators, at most 255. Pixels beyond the edges count as
// the nearest one inside.
func Edges(ctx context.Context, m Image) (Image, error) {
	return convolve(ctx, m, func(n *[9]int) int { return abs(dot(n, &sobelX)) + abs(dot(n, &sobelY)) })
}

// Sharpen adds to each pixel what it differs from its four neighbours, clamped to 0 to 255. Pixels beyond the edges
// count as the nearest one inside.
func Sharpen(ctx context.Context, m Image) (Image, error) {
	return convolve(ctx, m, func(n *[9]int) int { return dot(n, &sharpen) })
}

// convolve computes each channel of each pixel from itself and its eight neighbours.
func convolve(ctx context.Context, m Image, f func(neighbours *[9]int) int) (Image, error) {
	out := New(m.Width, m.Height)
	err := rows(ctx, m.Height, func(y int) {
		lines := [3][]byte{m.Row(max(y-1, 0)), m.Row(y), m.Row(min(y+1, m.Height-1))}
		row := out.Row(y)
		var n [9]int
		for x := range m.Width {
			left, right := 3*max(x-1, 0), 3*min(x+1, m.Width-1)
			for c := range 3 {
				for i, line := range lines {
					n[3*i], n[3*i+1], n[3*i+2] = int(line[left+c]), int(line[3*x+c]), int(line[right+c])
				}
				row[3*x+c] = clamp(f(&n))
			}
		}
	})
	return out, err
}

func dot(a, b *[9]int) int {
	s := 0
	for i, v := range a {
		s += v * b[i]
	}
	return s
}

func abs(v int) int { return max(v, -v) }

func clamp(v int) byte { return byte(min(max(v, 0), 255)) }

// Resize scales to width × height by bilinear interpolation between pixel centres, in 1/256 of a pixel. An image
// without pixels becomes black.
func Resize(ctx context.Context, m Image, width, height int) (Image, error) {
	out := New(width, height)
	if len(m.Pixels) == 0 {
		return out, nil
	}
	err := rows(ctx, height, func(y int) {
		top, bottom, down := between(y, height, m.Height)
		upper, lower, row := m.Row(top), m.Row(bottom), out.Row(y)
		for x := range width {
			left, right, along := between(x, width, m.Width)
			for c := range 3 {
				a := int(upper[3*left+c])*(256-along) + int(upper[3*right+c])*along
				b := int(lower[3*left+c])*(256-along) + int(lower[3*right+c])*along
				row[3*x+c] = byte((a*(256-down) + b*down + 1<<15) >> 16)
			}
		}
	})
	return out, err
}

// between finds the two of old pixels around the centre of pixel i of size, and how far on towards the second one it
// lies, in 1/256.
func between(i, size, old int) (first, second, weight int) {
	at := ((2*i+1)*old*128)/size - 128
	at = min(max(at, 0), 256*(old-1))
	first = at / 256
	return first, min(first+1, old-1), at % 256
}

// Mean is the rounded mean of two images of one size.
func Mean(ctx context.Context, a, b Image) (Image, error) {
	out := New(a.Width, a.Height)
	err := rows(ctx, a.Height, func(y int) {
		ra, rb, row := a.Row(y), b.Row(y), out.Row(y)
		for i := range row {
			row[i] = byte((int(ra[i]) + int(rb[i]) + 1) / 2)
		}
	})
	return out, err
}
