package importer_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore/memory"
)

// TestSumsOfHugeNumbers: sums stop at the largest number, and do not become negative.
func TestSumsOfHugeNumbers(t *testing.T) {
	table := "name,start,end,bytes\na,1796000000,1796000005,9000000000000000000\nb,1796000001,1796000003,9000000000000000000\n"
	result := importOne(t, newImporter(t, memory.New()), []byte(table))
	require.NoError(t, result.Err)
	require.Positive(t, result.Run.Counts.OutputBytes)
}
