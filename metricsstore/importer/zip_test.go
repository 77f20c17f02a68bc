package importer_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"hash/crc32"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore/importer"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// zipped is a zip file with entries of the content that say that they have a size.
func zipped(t *testing.T, content string, sizes ...uint64) []byte {
	t.Helper()
	var packed, out bytes.Buffer
	f, err := flate.NewWriter(&packed, flate.BestSpeed)
	require.NoError(t, err)
	_, err = f.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	z := zip.NewWriter(&out)
	for i, size := range sizes {
		entry, err := z.CreateRaw(&zip.FileHeader{
			Name: string(rune('a'+i)) + ".json", Method: zip.Deflate, CRC32: crc32.ChecksumIEEE([]byte(content)),
			CompressedSize64: uint64(packed.Len()), UncompressedSize64: size,
		})
		require.NoError(t, err)
		_, err = entry.Write(packed.Bytes())
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return out.Bytes()
}

// TestZipFilesAreBoundedAsAWhole: entries that are not too large by themselves are, if all of them together are.
func TestZipFilesAreBoundedAsAWhole(t *testing.T) {
	const gib = 1 << 30
	for _, sizes := range [][]uint64{{6 * gib, 6 * gib, 6 * gib}, {17 * gib}, {1 << 63, 1 << 63}} {
		var d importer.Drop
		require.ErrorIs(t, d.AddStream("a.zip", bytes.NewReader(zipped(t, recording, sizes...))), importer.ErrTooLarge)
		require.NoError(t, d.Close())
	}
}

// TestZipEntriesHaveTheSizeThatTheySay: what an entry has beyond that is not read.
func TestZipEntriesHaveTheSizeThatTheySay(t *testing.T) {
	i, err := importer.New(importer.Config{Store: memory.New()})
	require.NoError(t, err)
	for size, want := range map[uint64]error{uint64(len(recording)): nil, uint64(len(recording) - 1): importer.ErrFile} {
		var d importer.Drop
		require.NoError(t, d.AddStream("a.zip", bytes.NewReader(zipped(t, recording, size))))
		results, err := i.Import(t.Context(), &d)
		require.NoError(t, err)
		require.Len(t, results, 1)
		require.ErrorIs(t, results[0].Err, want, "%v", results[0].Err)
		require.NoError(t, d.Close())
	}
}
