package raster

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/gif"
	"image/jpeg"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// images draws small images, some without pixels.
func images() *rapid.Generator[Image] {
	return rapid.Custom(func(t *rapid.T) Image {
		m := New(rapid.IntRange(0, 11).Draw(t, "width"), rapid.IntRange(0, 11).Draw(t, "height"))
		copy(m.Pixels, rapid.SliceOfN(rapid.Byte(), len(m.Pixels), len(m.Pixels)).Draw(t, "pixels"))
		return m
	})
}

// at is channel c of the pixel nearest to (x, y).
func (m Image) at(x, y, c int) float64 {
	x, y = min(max(x, 0), m.Width-1), min(max(y, 0), m.Height-1)
	return float64(m.Pixels[3*(y*m.Width+x)+c])
}

// each computes an image value by value.
func each(width, height int, f func(x, y, c int) float64) Image {
	m := New(width, height)
	for i := range m.Pixels {
		v := f(i/3%width, i/3/width, i%3)
		m.Pixels[i] = byte(math.Min(math.Max(v, 0), 255))
	}
	return m
}

// TestFilters compares each filter with its definition, value by value.
func TestFilters(t *testing.T) {
	ctx := t.Context()
	rapid.Check(t, func(t *rapid.T) {
		m := images().Draw(t, "image")
		before := bytes.Clone(m.Pixels)
		radius := rapid.IntRange(0, 13).Draw(t, "radius")
		same := func(name string, got Image, err error, want func(x, y, c int) float64) {
			require.NoError(t, err, name)
			require.Equal(t, each(m.Width, m.Height, want), got, name)
			require.Equal(t, before, m.Pixels, "%s modifies its input", name)
		}
		got, err := Blur(ctx, m, radius)
		same("blur", got, err, func(x, y, c int) float64 { return blurred(m, x, y, c, radius) })
		got, err = Grayscale(ctx, m)
		same("grayscale", got, err, func(x, y, _ int) float64 {
			return math.Floor((299*m.at(x, y, 0)+587*m.at(x, y, 1)+114*m.at(x, y, 2))/1000 + 0.5)
		})
		got, err = Sepia(ctx, m)
		same("sepia", got, err, func(x, y, c int) float64 {
			w := [3][3]float64{{393, 769, 189}, {349, 686, 168}, {272, 534, 131}}[c]
			return math.Floor((w[0]*m.at(x, y, 0) + w[1]*m.at(x, y, 1) + w[2]*m.at(x, y, 2)) / 1000)
		})
		got, err = Normalise(ctx, m)
		same("normalise", got, err, func(x, y, c int) float64 { return normalised(m, x, y, c) })
		got, err = Edges(ctx, m)
		same("edges", got, err, func(x, y, c int) float64 { return sobel(m, x, y, c) })
		got, err = Sharpen(ctx, m)
		same("sharpen", got, err, func(x, y, c int) float64 {
			return 5*m.at(x, y, c) - m.at(x-1, y, c) - m.at(x+1, y, c) - m.at(x, y-1, c) - m.at(x, y+1, c)
		})
		other, err := Grayscale(ctx, m)
		require.NoError(t, err)
		got, err = Mean(ctx, m, other)
		same("mean", got, err, func(x, y, c int) float64 { return math.Floor((m.at(x, y, c) + other.at(x, y, c) + 1) / 2) })
	})
}

func blurred(m Image, x, y, c, radius int) float64 {
	n, sum := 0.0, 0.0
	for j := max(0, y-radius); j <= min(m.Height-1, y+radius); j++ {
		for i := max(0, x-radius); i <= min(m.Width-1, x+radius); i++ {
			n, sum = n+1, sum+m.at(i, j, c)
		}
	}
	return math.Floor(sum/n + 0.5)
}

func normalised(m Image, x, y, c int) float64 {
	low, high := 255.0, 0.0
	for i := range m.Width * m.Height {
		low, high = math.Min(low, m.at(i%m.Width, i/m.Width, c)), math.Max(high, m.at(i%m.Width, i/m.Width, c))
	}
	if low == high {
		return low
	}
	return math.Floor(255*(m.at(x, y, c)-low)/(high-low) + 0.5)
}

func sobel(m Image, x, y, c int) float64 {
	gx := m.at(x+1, y-1, c) + 2*m.at(x+1, y, c) + m.at(x+1, y+1, c) - m.at(x-1, y-1, c) - 2*m.at(x-1, y, c) - m.at(x-1, y+1, c)
	gy := m.at(x-1, y+1, c) + 2*m.at(x, y+1, c) + m.at(x+1, y+1, c) - m.at(x-1, y-1, c) - 2*m.at(x, y-1, c) - m.at(x+1, y-1, c)
	return math.Abs(gx) + math.Abs(gy)
}

// TestResize compares with interpolation in floating point; 1/256 of a pixel is the resolution.
func TestResize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := images().Draw(t, "image")
		width, height := rapid.IntRange(0, 25).Draw(t, "new width"), rapid.IntRange(0, 25).Draw(t, "new height")
		got, err := Resize(context.Background(), m, width, height)
		require.NoError(t, err)
		require.Equal(t, []int{width, height, 3 * width * height}, []int{got.Width, got.Height, len(got.Pixels)})
		if len(m.Pixels) == 0 {
			return
		}
		same, err := Resize(context.Background(), m, m.Width, m.Height)
		require.NoError(t, err)
		require.Equal(t, m, same)
		for i, v := range got.Pixels {
			x := (float64(i/3%width)+0.5)*float64(m.Width)/float64(width) - 0.5
			y := (float64(i/3/width)+0.5)*float64(m.Height)/float64(height) - 0.5
			require.InDelta(t, bilinear(m, x, y, i%3), float64(v), 0.5+2*255/256.0+1e-9)
		}
	})
}

func bilinear(m Image, x, y float64, c int) float64 {
	x, y = math.Min(math.Max(x, 0), float64(m.Width-1)), math.Min(math.Max(y, 0), float64(m.Height-1))
	i, j := int(x), int(y)
	fx, fy := x-float64(i), y-float64(j)
	return (m.at(i, j, c)*(1-fx)+m.at(i+1, j, c)*fx)*(1-fy) + (m.at(i, j+1, c)*(1-fx)+m.at(i+1, j+1, c)*fx)*fy
}

func TestCropBorderPaste(t *testing.T) {
	m := each(4, 3, func(x, y, c int) float64 { return float64(100*c + 10*y + x + 1) })
	cut := m.Crop(1, 1, 2, 2)
	require.Equal(t, each(2, 2, func(x, y, c int) float64 { return m.at(x+1, y+1, c) }), cut)
	framed := cut.Border(1)
	require.Equal(t, each(4, 4, func(x, y, c int) float64 {
		if x == 0 || x == 3 || y == 0 || y == 3 {
			return 0
		}
		return cut.at(x-1, y-1, c)
	}), framed)
	require.Equal(t, New(8, 11), New(0, 3).Border(4), "a strip without width keeps its height")
}

func TestDone(t *testing.T) {
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	m := New(3, 3)
	for name, f := range map[string]func(context.Context, Image) (Image, error){
		"grayscale": Grayscale, "sepia": Sepia, "normalise": Normalise, "edges": Edges, "sharpen": Sharpen,
		"blur":   func(ctx context.Context, m Image) (Image, error) { return Blur(ctx, m, 1) },
		"resize": func(ctx context.Context, m Image) (Image, error) { return Resize(ctx, m, 2, 2) },
		"mean":   func(ctx context.Context, m Image) (Image, error) { return Mean(ctx, m, m) },
	} {
		_, err := f(ctx, m)
		require.ErrorIs(t, err, cause, name)
	}
}

func TestDecode(t *testing.T) {
	m := each(7, 5, func(x, y, c int) float64 { return float64(30*x + 10*y + c) })
	file, err := m.PNG()
	require.NoError(t, err)
	back, err := Decode(file)
	require.NoError(t, err)
	require.Equal(t, m, back)

	var b bytes.Buffer
	gray := image.NewGray(image.Rect(3, 4, 9, 8)) // bounds that do not start at 0
	gray.SetGray(3, 4, struct{ Y uint8 }{200})
	require.NoError(t, gif.Encode(&b, gray, nil))
	back, err = Decode(b.Bytes())
	require.NoError(t, err)
	require.Equal(t, []int{6, 4}, []int{back.Width, back.Height})
	require.Equal(t, back.Pixels[0], back.Pixels[1])
	require.InDelta(t, 200, float64(back.Pixels[0]), 8, "the palette of the format is coarse")
	require.Zero(t, back.Pixels[3])
	b.Reset()
	require.NoError(t, jpeg.Encode(&b, gray, nil))
	back, err = Decode(b.Bytes())
	require.NoError(t, err)
	require.Equal(t, []int{6, 4}, []int{back.Width, back.Height})
}

func TestDecodeRefuses(t *testing.T) {
	file, err := New(7, 5).PNG()
	require.NoError(t, err)
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"nothing", nil, "expected a PNG, JPEG or GIF file"},
		{"text", []byte("text"), "expected a PNG, JPEG or GIF file"},
		{"half", file[:len(file)/2+8], "expected a complete png file"},
		{"a claim of a size", claimed(file, 1<<16, 1<<15), "expected 1 to 67108864 in all"},
	} {
		_, err := Decode(c.data)
		require.ErrorContains(t, err, c.want, c.name)
	}
}

// claimed writes another size into the header of a PNG.
func claimed(file []byte, width, height uint32) []byte {
	out := bytes.Clone(file)
	binary.BigEndian.PutUint32(out[16:], width)
	binary.BigEndian.PutUint32(out[20:], height)
	binary.BigEndian.PutUint32(out[29:], crc32.ChecksumIEEE(out[12:29]))
	return out
}

func FuzzDecode(f *testing.F) {
	file, err := each(3, 2, func(x, y, c int) float64 { return float64(x + y + c) }).PNG()
	require.NoError(f, err)
	f.Add(file)
	f.Add([]byte("GIF89a"))
	f.Add([]byte("\xff\xd8\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		config, _, err := image.DecodeConfig(bytes.NewReader(data))
		if err == nil && config.Width > 1<<20/max(config.Height, 1) {
			return // valid, and too slow to look at
		}
		m, err := Decode(data)
		if err == nil {
			require.Len(t, m.Pixels, 3*m.Width*m.Height)
			require.NotEmpty(t, m.Pixels)
		}
	})
}
