package spark_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/spark"
)

const rolledFolder = "spark/eventlog_v2_spark-bcec39f6201b42b9925124595baad260/"

// samples are the real logs.
var samples = []string{
	"spark/spark-2.2.3.zstd",
	"spark/spark-3.1.1-resubmitted-tail.zstd",
	"spark/spark-3.1.1-taskstart-with-finish.jsonl",
	"spark/spark-3.1.1-truncated.jsonl",
	"spark/spark-3.2.1-aqe-skipped-stages.zstd",
	"spark/spark-4.1.0-app-attempt-1.zstd",
	"spark/spark-4.1.0-app-attempt-2.zstd",
	"spark/spark-4.1.0-failures-skipped-stages.zstd",
	rolledFolder + "events_1_spark-bcec39f6201b42b9925124595baad260",
}

// file is a file of a drop.
func file(path string, content []byte) records.File {
	return records.File{
		Path: path, Part: spark.New().Sniff(path, content), Size: int64(len(content)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
	}
}

// events is a file of a drop with a line for each event.
func events(path string, lines ...string) records.File {
	return file(path, []byte(strings.Join(lines, "\n")+"\n"))
}

// sample reads a real file, decompressed.
func sample(t testing.TB, name string) []byte {
	t.Helper()
	return droptest.Load(t, strings.Split(name, "/")...)
}

func read(t testing.TB, files ...records.File) []*records.Run {
	t.Helper()
	return droptest.Read(t, spark.New(), files...)
}

// one reads a drop that is one run.
func one(t testing.TB, files ...records.File) *records.Run {
	t.Helper()
	runs := read(t, files...)
	require.Len(t, runs, 1)
	return runs[0]
}

// noted is how often a run notes something, 0 if it does not.
func noted(run *records.Run, text string) int64 {
	for _, n := range run.Notes {
		if strings.Contains(n.Text, text) {
			return n.Count
		}
	}
	return 0
}
