package bounded_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
)

func TestText(t *testing.T) {
	require.Equal(t, "é", bounded.Text("é"))
	require.Equal(t, "a\uFFFDb", bounded.Text("a\xffb"))
	for n := range 5 {
		for _, part := range []string{"€", "a\xff", "a"} {
			got := bounded.Text(strings.Repeat("x", n) + strings.Repeat(part, records.MaxText))
			require.LessOrEqual(t, len(got), records.MaxText)
			require.Greater(t, len(got), records.MaxText-utf8.UTFMax)
			require.True(t, utf8.ValidString(got))
		}
	}
}

func TestLines(t *testing.T) {
	require.Equal(t, "a\nb", bounded.Lines("a", "", "b"))
	require.Empty(t, bounded.Lines())
	require.Len(t, bounded.Lines(strings.Repeat("x", records.MaxText), "y"), records.MaxText)
}
