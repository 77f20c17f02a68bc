package codec_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/codec"
)

// TestExceedsEnds: a value that contains itself, twice at each level, exceeds any limit, and Exceeds finds that out
// quickly.
func TestExceedsEnds(t *testing.T) {
	type tree []tree
	self := make(tree, 2)
	self[0], self[1] = self, self
	require.True(t, codec.Exceeds(self, 1000))
	type ring struct{ Next *ring }
	r := &ring{}
	r.Next = r
	require.True(t, codec.Exceeds(r, 1<<40))
}

// large says of itself how many bytes it takes, which its field does not show.
type large struct{ self *large }

func (large) AppendShape(dst []int) []int          { return dst }
func (large) RawBytes() int64                      { return 1000 }
func (large) AppendRaw(dst []byte) ([]byte, error) { return dst, nil }

func TestExceeds(t *testing.T) {
	type matrix struct{ Data []float64 }
	for _, c := range []struct {
		name  string
		value any
		bytes int64
	}{
		{"nothing", nil, 0},
		{"number", 7, 8},
		{"string", "12345", 5},
		{"bytes", make([]byte, 100), 1 + 100},
		{"numbers", make([]float64, 100), 1 + 800},
		{"strings", []string{"123", "4567"}, 1 + 7},
		{"map of matrices", map[string][]matrix{"a": {{make([]float64, 10)}, {make([]float64, 5)}}}, 1 + 1 + 2 + 120},
		{"shaped", []large{{}, {&large{}}}, 1 + 2000},
		{"pointer", &matrix{make([]float64, 2)}, 1 + 1 + 16},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.False(t, codec.Exceeds(c.value, c.bytes))
			if c.bytes > 0 {
				require.True(t, codec.Exceeds(c.value, c.bytes-1))
			}
		})
	}
}
