package memory_test

import (
	"testing"

	"github.com/dagscope/dagscope/internal/testkit/metricsstoretest"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

func TestStore(t *testing.T) {
	metricsstoretest.Test(t, metricsstoretest.Backend{
		Open: func(testing.TB) metricsstore.Store { return memory.New() },
	})
}
