package spark_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/spark"
)

// BenchmarkRead reads real logs, for a profiler; make bench-import measures large ones.
func BenchmarkRead(b *testing.B) {
	for _, name := range []string{samples[1], samples[6]} {
		b.Run(name, func(b *testing.B) {
			f := file(name, sample(b, name))
			b.SetBytes(f.Size)
			b.ReportAllocs()
			for b.Loop() {
				_, err := spark.New().Read(context.Background(), []records.File{f})
				require.NoError(b, err)
			}
		})
	}
}
