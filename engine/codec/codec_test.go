package codec_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine/codec"
)

type (
	celsius float64
	title   string
	switchy bool
	vector  []float64
	pair    struct {
		A, B int
		Note string `cbor:"note,omitempty"`
	}
	mixed struct {
		Name   string
		Data   []byte
		Blocks [][]float64
		By     map[string]pair
		Nested *mixed
		When   time.Time
		Big    *big.Int
		Fixed  [3]uint16
		After  time.Duration
		hidden int `cbor:"-"`
	}
	// wild has any shape and no bytes.
	wild []int
	// matrix defines its own encoding.
	matrix struct {
		rows, cols int
		data       []float64
	}
)

func (m matrix) AppendShape(dst []int) []int { return append(dst, m.rows, m.cols) }

func (m matrix) RawBytes() int64 { return 8 * int64(len(m.data)) }

func (m matrix) AppendRaw(dst []byte) ([]byte, error) { return codec.AppendNumbers(dst, m.data), nil }

func (m *matrix) DecodeRaw(shape []int, raw []byte) error {
	data, err := codec.DecodeNumbers[float64](raw)
	if err != nil {
		return err
	}
	if len(shape) != 2 || len(data) > 0 && shape[0] > len(data) || shape[0]*shape[1] != len(data) {
		return fmt.Errorf("shape %v with %d values, expected rows and columns", shape, len(data))
	}
	*m = matrix{shape[0], shape[1], data}
	return nil
}

func (w wild) AppendShape(dst []int) []int { return append(dst, w...) }

func (wild) RawBytes() int64 { return 0 }

func (wild) AppendRaw(dst []byte) ([]byte, error) { return dst, nil }

func (w *wild) DecodeRaw(shape []int, _ []byte) error {
	*w = append(wild(nil), shape...)
	return nil
}

// liar says one size and appends another.
type liar struct{ matrix }

func (liar) RawBytes() int64 { return 1 }

func roundTrip[T any](t require.TestingT, v T) {
	kind := codec.TypeOf[T]()
	require.NoError(t, kind.Err())
	b, err := kind.Append([]byte("before"), v)
	require.NoError(t, err)
	require.Equal(t, "before", string(b[:6]))
	again, err := kind.Append(nil, v)
	require.NoError(t, err)
	require.Equal(t, again, b[6:], "one encoding for one value")
	out, err := kind.Decode(again)
	require.NoError(t, err)
	for i := range again {
		again[i] = 0xff // what was decoded must not share memory with the source
	}
	require.Empty(t, cmp.Diff(v, out.(T), cmp.Exporter(func(reflect.Type) bool { return true }), cmp.Comparer(func(a, b *big.Int) bool {
		return (a == nil) == (b == nil) && (a == nil || a.Cmp(b) == 0)
	})))
}

func TestValuesRoundTrip(t *testing.T) {
	t.Run("scalars", func(t *testing.T) {
		roundTrip(t, true)
		roundTrip(t, "grüße\x00\xff")
		roundTrip(t, math.MinInt)
		roundTrip(t, int8(-3))
		roundTrip(t, int16(-300))
		roundTrip(t, int32(math.MinInt32))
		roundTrip(t, int64(math.MaxInt64))
		roundTrip(t, uint(math.MaxUint))
		roundTrip(t, uint8(255))
		roundTrip(t, uint16(65535))
		roundTrip(t, uint32(math.MaxUint32))
		roundTrip(t, uint64(math.MaxUint64))
		roundTrip(t, float32(1.5))
		roundTrip(t, math.Inf(-1))
		roundTrip(t, math.Copysign(0, -1))
	})
	t.Run("named", func(t *testing.T) {
		roundTrip(t, celsius(36.6))
		roundTrip(t, title("x"))
		roundTrip(t, switchy(true))
		roundTrip(t, vector{1, 2})
		roundTrip(t, vector(nil))
		roundTrip(t, 3*time.Second)
		roundTrip(t, json.RawMessage(`{}`))
	})
	t.Run("slices", func(t *testing.T) {
		roundTrip(t, []byte{0, 1, 255})
		roundTrip(t, []byte{})
		roundTrip(t, []byte(nil))
		roundTrip(t, []int{-1, 0, math.MaxInt})
		roundTrip(t, []int8{-1, 1})
		roundTrip(t, []int16{-1, 1})
		roundTrip(t, []int32{-1, 1})
		roundTrip(t, []int64{-1, 1})
		roundTrip(t, []uint{1, math.MaxUint})
		roundTrip(t, []uint16{1, 65535})
		roundTrip(t, []uint32{1, math.MaxUint32})
		roundTrip(t, []uint64{1, math.MaxUint64})
		roundTrip(t, []float32{1.5, -2})
		roundTrip(t, []float64{})
		roundTrip(t, []time.Duration{1, 2})
		roundTrip(t, []bool{true, false})
		roundTrip(t, [][]int{{1}, nil, {}})
	})
	t.Run("structures", func(t *testing.T) {
		when := time.Date(2024, 2, 29, 12, 0, 0, 123456789, time.UTC)
		roundTrip(t, pair{1, -2, "n"})
		roundTrip(t, map[string]int{"b": 1, "a": 2})
		roundTrip(t, map[int][]string{1: {"x"}, -1: nil})
		roundTrip(t, when)
		roundTrip(t, &pair{A: 1})
		roundTrip(t, struct{}{})
		roundTrip(t, mixed{
			Name: "\xff", Data: []byte{1}, Blocks: [][]float64{{1, math.Inf(1)}}, By: map[string]pair{"k": {A: 1}},
			Nested: &mixed{Name: "in"}, When: when, Big: big.NewInt(-7), Fixed: [3]uint16{1, 2, 3}, After: time.Second,
		})
		roundTrip(t, make([]pair, 200_000))
	})
	t.Run("shaped", func(t *testing.T) {
		roundTrip(t, matrix{2, 3, []float64{1, 2, 3, 4, 5, 6}})
		roundTrip(t, matrix{0, 5, []float64{}})
	})
}

func TestFieldsThatTheTagLeavesOut(t *testing.T) {
	kind := codec.TypeOf[mixed]()
	b, err := kind.Append(nil, mixed{Name: "n", hidden: 5})
	require.NoError(t, err)
	v, err := kind.Decode(b)
	require.NoError(t, err)
	require.Equal(t, mixed{Name: "n"}, v)
}

func TestRandomValuesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		roundTrip(t, rapid.SliceOf(rapid.Int64()).Draw(t, "int64s"))
		roundTrip(t, rapid.SliceOf(rapid.Float32()).Draw(t, "float32s"))
		roundTrip(t, rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		roundTrip(t, rapid.MapOf(rapid.String(), rapid.SliceOf(rapid.Int16())).Draw(t, "map"))
		roundTrip(t, rapid.Make[pair]().Draw(t, "struct"))
	})
}

func TestNaNKeepsItsBits(t *testing.T) {
	odd := math.Float64frombits(0x7ff8_0000_0000_beef)
	for _, kind := range []*codec.Type{codec.TypeOf[float64](), codec.TypeOf[celsius]()} {
		var v any = odd
		if kind == codec.TypeOf[celsius]() {
			v = celsius(odd)
		}
		b, err := kind.Append(nil, v)
		require.NoError(t, err)
		require.Equal(t, []byte{0xef, 0xbe, 0, 0, 0, 0, 0xf8, 0x7f}, b[len(b)-8:])
	}
}

func TestNilIsTheZeroValue(t *testing.T) {
	checkNil[int](t, 8)
	checkNil[string](t, 0)
	checkNil[[]float64](t, 0)
	checkNil[vector](t, 0)
	checkNil[pair](t, codec.UnknownSize)
	checkNil[map[string]int](t, codec.UnknownSize)
}

func checkNil[T any](t *testing.T, size int64) {
	t.Helper()
	kind := codec.TypeOf[T]()
	require.Equal(t, size, kind.Size(nil))
	b, err := kind.Append(nil, nil)
	require.NoError(t, err)
	v, err := kind.Decode(b)
	require.NoError(t, err)
	var zero T
	require.Equal(t, any(zero), v)
}

func TestNilIsTheZeroValueOfShapedTypes(t *testing.T) {
	kind := codec.TypeOf[matrix]()
	require.Zero(t, kind.Size(nil))
	b, err := kind.Append(nil, nil)
	require.NoError(t, err)
	v, err := kind.Decode(b)
	require.NoError(t, err)
	require.Equal(t, matrix{data: []float64{}}, v)
}

func TestSizeIsThatOfTheRawPart(t *testing.T) {
	cases := []struct {
		kind *codec.Type
		v    any
		want int64
	}{
		{codec.TypeOf[bool](), true, 1},
		{codec.TypeOf[int](), 5, 8},
		{codec.TypeOf[int16](), int16(5), 2},
		{codec.TypeOf[celsius](), celsius(1), 8},
		{codec.TypeOf[string](), "grüße", 7},
		{codec.TypeOf[title](), title("abc"), 3},
		{codec.TypeOf[[]byte](), []byte{1, 2}, 2},
		{codec.TypeOf[[]int32](), []int32{1, 2}, 8},
		{codec.TypeOf[vector](), vector{1, 2}, 16},
		{codec.TypeOf[matrix](), matrix{1, 2, []float64{1, 2}}, 16},
		{codec.TypeOf[pair](), pair{}, codec.UnknownSize},
		{codec.TypeOf[[]string](), []string{"a"}, codec.UnknownSize},
	}
	for _, c := range cases {
		require.Equal(t, c.want, c.kind.Size(c.v), c.kind.Name())
		require.Zero(t, testing.AllocsPerRun(10, func() { c.kind.Size(c.v) }), c.kind.Name())
		if c.want == codec.UnknownSize {
			continue
		}
		b, err := c.kind.Append(nil, c.v)
		require.NoError(t, err)
		require.Less(t, int64(len(b))-c.want, int64(64), "little but the raw part is written")
	}
}

func FuzzDecodeValue(f *testing.F) {
	kinds := []*codec.Type{
		codec.TypeOf[bool](), codec.TypeOf[int](), codec.TypeOf[string](), codec.TypeOf[[]float64](),
		codec.TypeOf[vector](), codec.TypeOf[matrix](), codec.TypeOf[mixed](), codec.TypeOf[map[string][]pair](),
	}
	for i, v := range []any{
		true, 7, "text",
		[]float64{1, 2},
		vector{3},
		matrix{1, 2, []float64{1, 2}},
		mixed{Name: "n", Nested: &mixed{}, Blocks: [][]float64{{1}}},
		map[string][]pair{"a": {{1, 2, "n"}}},
	} {
		b, err := kinds[i].Append(nil, v)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, kind := range kinds {
			v, err := kind.Decode(src)
			if err != nil {
				require.True(t, errors.Is(err, codec.ErrMalformed) || errors.Is(err, codec.ErrUnknownVersion))
				continue
			}
			b, err := kind.Append(nil, v)
			if err == nil { // decoding refuses a time zone that text cannot express
				_, err = kind.Decode(b)
				require.NoError(t, err)
			}
		}
	})
}

func BenchmarkSize(b *testing.B) {
	type point struct{ X, Y int }
	for _, c := range []struct {
		name string
		kind *codec.Type
		v    any
	}{
		{"int", codec.TypeOf[int](), 5},
		{"floats", codec.TypeOf[[]float64](), []float64{1}},
		{"string", codec.TypeOf[string](), "x"},
		{"struct", codec.TypeOf[point](), point{}},
		{"matrix", codec.TypeOf[matrix](), matrix{1, 1, []float64{1}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.kind.Size(c.v)
			}
		})
	}
}

func BenchmarkTypeOf(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		codec.TypeOf[[]float64]()
	}
}

func BenchmarkValues(b *testing.B) {
	floats := make([]float64, 1<<17)
	for i := range floats {
		floats[i] = float64(i) / 3
	}
	kind := codec.TypeOf[[]float64]()
	encoded, err := kind.Append(nil, floats)
	require.NoError(b, err)
	b.Run("append MiB", func(b *testing.B) {
		b.SetBytes(1 << 20)
		for b.Loop() {
			_, _ = kind.Append(encoded[:0], floats)
		}
	})
	b.Run("decode MiB", func(b *testing.B) {
		b.SetBytes(1 << 20)
		for b.Loop() {
			_, _ = kind.Decode(encoded)
		}
	})
}
