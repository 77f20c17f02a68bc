package importer_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore/importer"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// importNamed imports one file by its name.
func importNamed(t testing.TB, name string, content []byte) importer.Result {
	var drop importer.Drop
	defer func() { require.NoError(t, drop.Close()) }()
	err := drop.AddStream(name, bytes.NewReader(content))
	require.NoError(t, err)
	results, err := newImporter(t, memory.New()).Import(t.Context(), &drop)
	require.NoError(t, err)
	require.Len(t, results, 1)
	return results[0]
}

// TestCompressions reads files that lz4 1.9.4, brotli 1.0.9 and lz4-java 1.8.0 made: they are the run that the plain file is,
// and no file that was cut off is one. Old frames of LZ4 have no end mark, but one block in this file.
func TestCompressions(t *testing.T) {
	plain := importNamed(t, "recording", []byte(recording))
	require.NoError(t, plain.Err)
	names, err := filepath.Glob("testdata/recording*")
	require.NoError(t, err)
	require.Len(t, names, 6)
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			content, err := os.ReadFile(name)
			require.NoError(t, err)
			got := importNamed(t, name, content)
			require.NoError(t, got.Err)
			require.Equal(t, plain.Run.Info.ID, got.Run.Info.ID)
			require.Equal(t, plain.Run.Counts, got.Run.Counts)
			for at := range len(content) {
				require.ErrorIs(t, importNamed(t, name, content[:at]).Err, importer.ErrFile, "cut at %d", at)
			}
			err = importNamed(t, name, content[:len(content)-9]).Err
			require.ErrorContains(t, err, "and cannot be unpacked (unexpected EOF), expected a whole file")
		})
	}
}

// TestBrotliIsNamed: brotli has no magic number, so its name says it, unless the content is of another kind.
func TestBrotliIsNamed(t *testing.T) {
	content, err := os.ReadFile("testdata/recording.br")
	require.NoError(t, err)
	require.ErrorContains(t, importNamed(t, "recording", content).Err, "it begins with")
	require.NoError(t, importNamed(t, "recording.br", packed(t, []byte(recording))).Err)
	require.ErrorContains(t, importNamed(t, "recording.br", []byte(recording)).Err, "compressed by brotli and cannot be unpacked")
}

// TestCompressedInProgress: the log that Spark is writing has a compression without an end.
func TestCompressedInProgress(t *testing.T) {
	log := strings.Join([]string{
		`{"Event":"SparkListenerLogStart","Spark Version":"4.1.0"}`,
		`{"Event":"SparkListenerApplicationStart","App Name":"app","App ID":"app-1","Timestamp":1796101600000,"User":"u"}`,
		`{"Event":"SparkListenerStageSubmitted","Stage Info":{"Stage ID":0,"Stage Attempt ID":0,"Stage Name":"count","Number of Tasks":1,"RDD Info":[],"Parent IDs":[],"Submission Time":1796101600100}}`,
		`{"Event":"SparkListenerTaskStart","Stage ID":0,"Stage Attempt ID":0,"Task Info":{"Task ID":0,"Index":0,"Attempt":0,"Launch Time":1796101600200,"Executor ID":"driver","Host":"h"}}`, "",
	}, "\n")
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b)
	require.NoError(t, err)
	_, err = z.Write([]byte(log))
	require.NoError(t, err)
	require.NoError(t, z.Flush())
	content := b.Bytes()
	got := importNamed(t, "app-1.zstd.inprogress", content)
	require.NoError(t, got.Err)
	require.NotEmpty(t, got.Run.Info.Origin.Incomplete)
	require.EqualValues(t, 1, got.Run.Counts.Tasks)
	require.ErrorContains(t, importNamed(t, "app-1.zstd", content).Err, "expected a whole file")
	for at := range len(content) {
		if err := importNamed(t, "app-1.zstd.inprogress", content[:at]).Err; err != nil {
			require.ErrorIs(t, err, importer.ErrFile)
		}
	}
}
