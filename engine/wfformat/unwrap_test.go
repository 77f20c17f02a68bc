package wfformat

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUnwrap(t *testing.T) {
	plain := document(ids(1), timed(1, 1))
	packed := func(s string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := z.Write([]byte(s))
		require.NoError(t, err)
		require.NoError(t, z.Close())
		return b.String()
	}
	want, err := Parse(strings.NewReader(plain))
	require.NoError(t, err)
	mark := string(byteOrderMark)
	for name, document := range map[string]string{"mark": mark + plain, "gzip": packed(plain), "gzip and mark": packed(mark + plain)} {
		got, err := Parse(strings.NewReader(document))
		require.NoError(t, err, name)
		require.Equal(t, want, got, name)
	}
	for name, document := range map[string]string{"cut off": packed(plain)[:100], "damaged": packed(plain)[:30] + packed(plain)[31:], "no gzip": "\x1f\x8b\x00\x00"} {
		_, err := Parse(strings.NewReader(document))
		require.ErrorIs(t, err, ErrInvalid, name)
		require.ErrorContains(t, err, "gzip", name)
	}
	for name, mark := range map[string]string{"little endian": "\xff\xfe{\x00", "big endian": "\xfe\xff\x00{"} {
		_, err := Parse(strings.NewReader(mark))
		require.ErrorIs(t, err, ErrInvalid, name)
		require.ErrorContains(t, err, "it is in UTF-16, as its byte order mark says, expected UTF-8", name)
	}
	for name, document := range map[string]string{"two marks": mark + mark + plain, "only a mark": mark, "one byte": "\x1f"} {
		_, err := Parse(strings.NewReader(document))
		require.ErrorIs(t, err, ErrInvalid, name)
	}
}
