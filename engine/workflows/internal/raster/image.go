// Package raster holds images as plain values that can travel between tasks, reads them from PNG, JPEG and GIF
// files, and filters them with integer arithmetic, so that a result is the same on every machine, pixel by pixel.
//
// No filter modifies its input, each costs a small constant per pixel whatever its radius, and all of them look at
// their context every few rows and return its cause when it is done.
//
// Caveats: transparency is dropped and colours have eight bits a channel; an image above 64 million pixels is
// refused before it is decoded, because a small file can claim any size.
package raster

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // so that image.Decode knows the format, like the next one
	_ "image/jpeg"
	"image/png"
)

// maxPixels bounds what Decode accepts: 192 MB of pixels.
const maxPixels = 64 << 20

// Image is Width × Height pixels, row after row from the top, each red, green and blue in three bytes. It may be
// shared: treat it as read-only once it is made. The images without pixels are valid.
type Image struct {
	Width, Height int
	Pixels        []byte
}

// New returns a black image.
func New(width, height int) Image {
	return Image{Width: width, Height: height, Pixels: make([]byte, 3*width*height)}
}

// Row is row y; it shares memory with m.
func (m Image) Row(y int) []byte { return m.Pixels[3*y*m.Width : 3*(y+1)*m.Width] }

// Decode reads a PNG, JPEG or GIF file of at least one and at most 64 million pixels.
func Decode(data []byte) (Image, error) {
	config, format, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return Image{}, fmt.Errorf("it is not an image, expected a PNG, JPEG or GIF file: %w", err)
	}
	if config.Width < 1 || config.Height < 1 || config.Width > maxPixels/config.Height {
		return Image{}, fmt.Errorf("the image has %d × %d pixels, expected 1 to %d in all", config.Width, config.Height, maxPixels)
	}
	decoded, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return Image{}, fmt.Errorf("the image is damaged, expected a complete %s file: %w", format, err)
	}
	at := decoded.Bounds().Min
	m := New(config.Width, config.Height)
	for y := range m.Height {
		row := m.Row(y)
		for x := range m.Width {
			c := color.NRGBAModel.Convert(decoded.At(at.X+x, at.Y+y)).(color.NRGBA)
			row[3*x], row[3*x+1], row[3*x+2] = c.R, c.G, c.B
		}
	}
	return m, nil
}

// PNG encodes m as a PNG file. m must have pixels.
func (m Image) PNG() ([]byte, error) {
	out := image.NewNRGBA(image.Rect(0, 0, m.Width, m.Height))
	for i := range m.Width * m.Height {
		copy(out.Pix[4*i:], m.Pixels[3*i:3*i+3])
		out.Pix[4*i+3] = 255
	}
	var b bytes.Buffer
	if err := png.Encode(&b, out); err != nil {
		return nil, fmt.Errorf("encode an image of %d × %d pixels: %w", m.Width, m.Height, err)
	}
	return b.Bytes(), nil
}

// Crop copies the width × height pixels whose upper left one is (x, y); they have to lie inside.
func (m Image) Crop(x, y, width, height int) Image {
	out := New(width, height)
	for i := range height {
		copy(out.Row(i), m.Row(y + i)[3*x:3*(x+width)])
	}
	return out
}

// PasteTo copies m into dst, in place, with m's upper left pixel at (x, y); it has to fit.
func PasteTo(dst, m Image, x, y int) {
	for i := range m.Height {
		copy(dst.Row(y + i)[3*x:3*(x+m.Width)], m.Row(i))
	}
}

// Border adds a black frame of the given width on each side.
func (m Image) Border(width int) Image {
	out := New(m.Width+2*width, m.Height+2*width)
	PasteTo(out, m, width, width)
	return out
}

// rows calls f for each row and stops when ctx is done.
func rows(ctx context.Context, height int, f func(y int)) error {
	for y := range height {
		if y%16 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		f(y)
	}
	return nil
}
