package metricsstore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dagscope/dagscope/metricsstore"
)

func TestPrices(t *testing.T) {
	used := metricsstore.Used{CPUNS: int64(90 * time.Minute), MemoryByteS: 2 << 30 * 3600}
	assert.InDelta(t, 1.5*0.04+2*0.005, metricsstore.Prices{CPUHour: 0.04, GiBHour: 0.005}.Cost(used), 1e-12)
	assert.Zero(t, metricsstore.Prices{}.Cost(used))
}
