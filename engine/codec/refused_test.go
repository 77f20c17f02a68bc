package codec_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/codec"
)

func TestTypesWithoutCodec(t *testing.T) {
	type node struct{ Next *node }
	type deep struct {
		List []map[string]struct{ Value any }
	}
	type withError struct{ Err error }
	type secret struct{ Kept, lost int }
	type embedsSecret struct{ secret }
	type private struct{ Shown int }
	type embeds struct{ private }
	type embedsPointer struct{ *private }
	type tagged struct {
		_    struct{} `cbor:",toarray"`
		Skip any      `json:"-"`
		A    int
	}
	cases := []struct {
		kind *codec.Type
		want string // empty if there is a codec
	}{
		{codec.TypeOf[any](), "interface {} is an interface"},
		{codec.TypeOf[error](), "error is an interface"},
		{codec.TypeOf[[]any](), "[]interface {}[] is the interface interface {}"},
		{codec.TypeOf[deep](), "codec_test.deep.List[][].Value is the interface"},
		{codec.TypeOf[withError](), "Err is the interface error"},
		{codec.TypeOf[map[string]fmt.Stringer](), "is the interface fmt.Stringer"},
		{codec.TypeOf[chan int](), "chan int is of type chan int"},
		{codec.TypeOf[func()](), "func() is of type func()"},
		{codec.TypeOf[[]complex128](), "complex128"},
		{codec.TypeOf[struct{ C <-chan int }](), ".C is of type <-chan int"},
		{codec.TypeOf[secret](), "secret.lost is unexported"},
		{codec.TypeOf[embedsSecret](), "secret.lost is unexported"},
		{codec.TypeOf[embedsPointer](), "private is unexported"},
		{codec.TypeOf[[]matrix](), "rows is unexported"},
		{codec.TypeOf[node](), ""},
		{codec.TypeOf[embeds](), ""},
		{codec.TypeOf[tagged](), ""},
		{codec.TypeOf[map[[2]int]pair](), ""},
	}
	for _, c := range cases {
		if c.want == "" {
			require.NoError(t, c.kind.Err())
			continue
		}
		require.ErrorContains(t, c.kind.Err(), c.want)
		_, err := c.kind.Append(nil, nil)
		require.Equal(t, c.kind.Err(), err)
		_, err = c.kind.Decode([]byte{1})
		require.Equal(t, c.kind.Err(), err)
	}
	_, err := codec.TypeOf[secret]().Append(nil, secret{Kept: 1, lost: 2})
	require.Error(t, err)
	roundTrip(t, embedsOf(3))
	require.PanicsWithValue(t, "engine: function bad: "+codec.TypeOf[any]().Err().Error(), func() {
		engine.Func0("bad", func(context.Context) (any, error) { return nil, nil })
	})
}

// embedsOf returns a value whose embedded struct has an unexported name and exported fields.
func embedsOf(n int) struct{ inner } { return struct{ inner }{inner{n}} }

type inner struct{ Shown int }

func TestMalformedValues(t *testing.T) {
	ints := codec.TypeOf[[]int32]()
	good, err := ints.Append(nil, []int32{1, 2})
	require.NoError(t, err)
	alter := func(at int, b byte) []byte {
		c := append([]byte(nil), good...)
		c[at] = b
		return c
	}
	shapeAt := 3 + len("[]int32")
	cases := []struct {
		name string
		kind *codec.Type
		src  []byte
		is   error
		want string
	}{
		{"empty", ints, nil, codec.ErrMalformed, "too early"},
		{"version", ints, alter(0, 9), codec.ErrUnknownVersion, "version 9, expected 1"},
		{"codec", ints, alter(1, 3), codec.ErrMalformed, "codec 3, expected 1"},
		{"type", codec.TypeOf[[]uint32](), good, codec.ErrMalformed, "type []int32, expected []uint32"},
		{"name too long", ints, alter(2, 0x7f), codec.ErrMalformed, "length of a text is 127"},
		{"dimensions", ints, alter(shapeAt, 9), codec.ErrMalformed, "9 dimensions"},
		{"no shape", ints, append(alter(shapeAt, 0)[:shapeAt+1], 0, 0, 0), codec.ErrMalformed, "shape [] with 3 bytes"},
		{"length", ints, alter(shapeAt+1, 3), codec.ErrMalformed, "shape [3] with 8 bytes"},
		{"cut off", ints, good[:len(good)-1], codec.ErrMalformed, "7 bytes"},
		{"bool", codec.TypeOf[bool](), []byte("\x01\x01\x04bool\x00\x02"), codec.ErrMalformed, "expected 00 or 01"},
		{"scalar", codec.TypeOf[int](), []byte("\x01\x01\x03int\x00\x02"), codec.ErrMalformed, "1 bytes, expected 8"},
		{"cbor", codec.TypeOf[[]string](), []byte("\x01\x03\x08[]string\x00\x9b\x7f\xff\xff\xff\xff\xff\xff\xff"), codec.ErrMalformed, "[]string"},
		{"unknown field", codec.TypeOf[struct{ A int }](), structWithB(t), codec.ErrMalformed, "unknown field"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.kind.Decode(c.src)
			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// structWithB encodes a struct under the name of another one.
func structWithB(t *testing.T) []byte {
	b, err := codec.TypeOf[struct{ B int }]().Append(nil, struct{ B int }{1})
	require.NoError(t, err)
	return []byte(strings.Replace(string(b), "struct { B int }", "struct { A int }", 1))
}

func TestWrongTypeIsRefused(t *testing.T) {
	_, err := codec.TypeOf[int]().Append(nil, "text")
	require.ErrorContains(t, err, "string is encoded as int")
	_, err = codec.TypeOf[liar]().Append(nil, liar{matrix{1, 1, []float64{1}}})
	require.ErrorContains(t, err, "gave 8 bytes, expected the 1 of RawBytes")
	roundTrip(t, wild{0, math.MaxInt32, 2, 3, 4, 5, 6, 7})
	kept, err := codec.TypeOf[wild]().Append([]byte("x"), make(wild, 9))
	require.ErrorContains(t, err, "9 dimensions, at most 8")
	require.Equal(t, "x", string(kept))
	_, err = codec.TypeOf[wild]().Append(nil, wild{-1})
	require.ErrorContains(t, err, "no dimension below 0 or above 2147483647")
	_, err = codec.TypeOf[wild]().Append(nil, wild{math.MaxInt32 + 1})
	require.ErrorContains(t, err, "no dimension below 0 or above 2147483647")
}
