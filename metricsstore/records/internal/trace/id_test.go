package trace_test

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/metricsstore/records/internal/trace"
)

func TestIDsInAllSpellings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")
		want := trace.ID(raw)
		digits := hex.EncodeToString(raw)
		for _, text := range []string{
			digits, strings.ToUpper(digits), base64.StdEncoding.EncodeToString(raw), base64.URLEncoding.EncodeToString(raw),
		} {
			require.Equal(t, want, trace.ParseID(text), text)
		}
		span := trace.SpanID(raw[:8])
		require.Equal(t, span, trace.ParseSpanID(base64.StdEncoding.EncodeToString(raw[:8])))
		require.Equal(t, span, trace.ParseSpanID(span.String()))
		require.Equal(t, want, trace.ParseID(want.String()))
	})
}

func TestIDsOfOtherLengths(t *testing.T) {
	require.Equal(t, trace.SpanID{7: 0x12, 6: 3}, trace.ParseSpanID("312"), "without leading zeros")
	require.Equal(t, "0600000000000312", trace.ParseID("0600000000000312").String(), "64 bits have 16 digits")
	for _, text := range []string{"", "0", "xyz", strings.Repeat("1", 33), "!!!!!!!!!!!!!!!!!!!!!!==", strings.Repeat("0", 32)} {
		require.Zero(t, trace.ParseID(text), text)
	}
}
