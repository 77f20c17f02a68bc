package record

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dagscope/dagscope/engine/codec"
)

func TestResultText(t *testing.T) {
	type point struct {
		X    float64 `json:"x"`
		Y    float32
		Note string `json:"note,omitempty"`
		Gone int    `json:"-"`
	}
	nan := math.NaN()
	for want, v := range map[string]any{
		`55`:                     55,
		`null`:                   (*int)(nil),
		`"NaN"`:                  nan,
		`"Infinity"`:             math.Inf(1),
		`[1,"NaN","-Infinity"]`:  []float64{1, nan, math.Inf(-1)},
		`{"a":["NaN"],"b":null}`: map[string][]float64{"a": {nan}, "b": nil},
		`{"NaN":1}`:              map[float64]int{nan: 1},
		`[{"Y":0.5,"x":"NaN"}]`:  []*point{{X: nan, Y: 0.5}},
		`{"x":1,"Y":"text"}`: struct {
			X int `json:"x"`
			Y string
		}{1, "text"},
		`(a chan int, which JSON cannot hold)`: make(chan int),
	} {
		assert.Equal(t, want, ResultText(v))
	}
	type loop struct {
		Next *loop
		X    float64
	}
	endless := &loop{X: nan}
	endless.Next = endless
	assert.True(t, strings.HasPrefix(ResultText(endless), `{"Next":{"Next":`))
}

// TestKeepResult: every result has a text, and one that is too large says so.
func TestKeepResult(t *testing.T) {
	for _, c := range []struct {
		size    int
		encoded bool
		want    string
	}{
		{10, true, `"xxxxxxxxxx"`},
		{100_000, true, "(a string of 100013 bytes, too large to be shown)"},
		{2 << 20, false, "(a string of more than 1 MiB, too large to be kept)"},
	} {
		var end RunEnd
		end.Keep(codec.TypeOf[string](), strings.Repeat("x", c.size))
		assert.Equal(t, c.want, end.ResultText)
		assert.Equal(t, c.encoded, end.Result != nil)
		assert.Equal(t, "string", end.ResultType)
	}
}
