// Package recordstest has the laws that every reader of records and every run made of a record has to keep, for the
// tests of the formats.
//
// Laws hold a run that Compile has made to what the reader reported: each task once, no lane with two attempts at a
// time, causes before effects. Cuts reads a file cut at many places, where the result must be an error or a run that
// says it is incomplete.
//
// Costs: Cuts reads the file once for each place.
//
// Caveats: only tests may import it.
package recordstest

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// sniffed is how much of a file Sniff is given, as by the importer.
const sniffed = 64 << 10

// Skipper is the part of testing.TB that Real needs.
type Skipper interface {
	require.TestingT
	Skipf(format string, args ...any)
}

// Real returns the content of a real record, decompressed. name is relative to the folder of records next to the
// repository; depth is how many folders below the repository the test is. The test is skipped if there is none.
func Real(t Skipper, depth int, name string) []byte {
	path := filepath.Join(strings.Repeat("../", depth+1), "shared", "traces", name)
	raw, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		t.Skipf("there is no %s next to the repository", name)
	}
	require.NoError(t, err)
	content, err := io.ReadAll(unpacked(t, raw))
	require.NoError(t, err)
	return content
}

func unpacked(t require.TestingT, raw []byte) io.Reader {
	switch {
	case bytes.HasPrefix(raw, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(bytes.NewReader(raw))
		require.NoError(t, err)
		return z
	case bytes.HasPrefix(raw, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(bytes.NewReader(raw), zstd.WithDecoderConcurrency(1))
		require.NoError(t, err)
		return z
	}
	return bytes.NewReader(raw)
}

// File is a file with this content, as the importer passes it to format.
func File(format records.Format, path string, content []byte) records.File {
	return records.File{
		Path: path, Part: format.Sniff(path, content[:min(len(content), sniffed)]), Size: int64(len(content)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
	}
}
