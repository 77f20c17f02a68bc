package main

import (
	"bytes"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRun asks all about a small history: run compares their answers.
func TestRun(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("there is no redis-server")
	}
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-runs", "40", "-rounds", "1"}, &out))
	for _, name := range []string{"embedded", "redis", "sqlite"} {
		assert.Contains(t, out.String(), name)
	}
}

func TestDiffers(t *testing.T) {
	a, b := answer{}, answer{}
	for i := range functions {
		for _, m := range metrics {
			c := cell{string(rune('a' + i)), m}
			a[c], b[c] = figures{2, []float64{100, 200}}, figures{2, []float64{100, 200}}
		}
	}
	worst, err := a.differs(b)
	require.NoError(t, err)
	assert.Zero(t, worst)
	one := cell{"a", metrics[0]}
	b[one] = figures{2, []float64{100, 210}}
	worst, err = a.differs(b)
	require.NoError(t, err)
	assert.InDelta(t, 0.05, worst, 1e-12)
	b[one] = figures{3, []float64{100, 200}}
	_, err = a.differs(b)
	require.ErrorContains(t, err, "3 values, expected 2")
	delete(b, one)
	_, err = a.differs(b)
	require.ErrorContains(t, err, "95 cells, expected 96")
}
