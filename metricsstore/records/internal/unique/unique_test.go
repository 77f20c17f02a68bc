package unique_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore/records/internal/unique"
)

func TestID(t *testing.T) {
	n := unique.Names{}
	for _, c := range [][2]string{{"a", "a"}, {"a (2)", "a (2)"}, {"a", "a (3)"}, {"a", "a (4)"}, {"a (2)", "a (2) (2)"}, {"", ""}, {"", " (2)"}} {
		require.Equal(t, c[1], n.ID(c[0]))
	}
}
