package process

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestTailKeepsTheEnd(t *testing.T) {
	const size = 1000
	rapid.Check(t, func(t *rapid.T) {
		kept := NewTail(size)
		var all strings.Builder
		for i := range rapid.IntRange(0, 12).Draw(t, "writes") {
			p := strings.Repeat(string(rune('a'+i)), rapid.IntRange(0, size*3/2).Draw(t, "bytes"))
			all.WriteString(p)
			n, err := kept.Write([]byte(p))
			require.NoError(t, err)
			require.Equal(t, len(p), n)
			require.LessOrEqual(t, len(kept.buf), 2*size)
		}
		want := all.String()
		want = want[max(0, len(want)-size):]
		assert.True(t, want == kept.String(), "expected the last %d bytes", size)
	})
}
