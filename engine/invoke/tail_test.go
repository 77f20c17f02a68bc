package invoke

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine/record"
)

func TestTailKeepsTheEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var kept tail
		var all strings.Builder
		for i := range rapid.IntRange(0, 12).Draw(t, "writes") {
			p := strings.Repeat(string(rune('a'+i)), rapid.IntRange(0, record.MaxEvidence*3/2).Draw(t, "bytes"))
			all.WriteString(p)
			n, err := kept.Write([]byte(p))
			require.NoError(t, err)
			require.Equal(t, len(p), n)
			require.LessOrEqual(t, len(kept.buf), 2*record.MaxEvidence)
		}
		want := all.String()
		want = want[max(0, len(want)-record.MaxEvidence):]
		assert.True(t, want == kept.String(), "expected the last %d bytes", record.MaxEvidence)
	})
}

func TestLastWords(t *testing.T) {
	for _, c := range []struct{ name, stderr, want string }{
		{"nothing", "", ""},
		{"other lines", "a\nnot a panic: b\n", ""},
		{"a panic", "x\npanic: boom\n\ngoroutine 1 [running]:\n", "panic: boom"},
		{"the last one", "panic: told by user code\r\nfatal error: all goroutines are asleep - deadlock!", "fatal error: all goroutines are asleep - deadlock!"},
		{"a long one", "panic: " + strings.Repeat("x", 1000) + "\nmore", "panic: " + strings.Repeat("x", lastWordsMax-7)},
		{"before many stacks", "panic: boom\n" + strings.Repeat("goroutine\n", record.MaxEvidence), "panic: boom"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, most := range []int{1, 7, len(c.stderr)} { // output arrives in pieces of any size
				var kept tail
				for piece := range slices.Chunk([]byte(c.stderr), max(1, most)) {
					_, err := kept.Write(piece)
					require.NoError(t, err)
				}
				assert.Equal(t, c.want, kept.lastWords(), "in pieces of %d", most)
			}
		})
	}
}

func BenchmarkTail(b *testing.B) {
	var kept tail
	text := []byte(strings.Repeat(strings.Repeat("words ", 12)+"\n", 450))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		_, _ = kept.Write(text)
	}
}
