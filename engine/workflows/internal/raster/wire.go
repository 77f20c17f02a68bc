package raster

import (
	"fmt"
)

// AppendShape implements codec.Shaped: an image travels as width and height, then its pixels as they are.
func (m Image) AppendShape(dst []int) []int { return append(dst, m.Width, m.Height) }

// RawBytes implements codec.Shaped.
func (m Image) RawBytes() int64 { return int64(len(m.Pixels)) }

// AppendRaw implements codec.Shaped.
func (m Image) AppendRaw(dst []byte) ([]byte, error) { return append(dst, m.Pixels...), nil }

// DecodeRaw implements codec.ShapedDecoder.
func (m *Image) DecodeRaw(shape []int, raw []byte) error {
	if len(shape) != 2 {
		return fmt.Errorf("an image of %d dimensions, expected 2", len(shape))
	}
	width, height := shape[0], shape[1]
	fits := width >= 0 && height >= 0 && (height == 0 || width <= len(raw)/3/height) && len(raw) == 3*width*height
	if !fits {
		return fmt.Errorf("%d bytes, expected 3 for each of %d × %d pixels", len(raw), width, height)
	}
	*m = Image{Width: width, Height: height, Pixels: append(make([]byte, 0, len(raw)), raw...)}
	return nil
}
