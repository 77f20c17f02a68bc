//go:build unix

package python

import (
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/process"
)

func TestRecycle(t *testing.T) {
	p := newPool(t, func(c *Config) { c.Recycle = 3 })
	pids := map[string]int{}
	for range 7 {
		v, _, err := p.try(t, "pid")
		require.NoError(t, err)
		pids[string(v.Data)]++
	}
	assert.ElementsMatch(t, []int{3, 3, 1}, slices.Collect(maps.Values(pids)))
	assert.EqualValues(t, 3, p.Counts().Started)
}

// TestMaxMemory replaces an interpreter that keeps memory, not one that has needed it.
func TestMaxMemory(t *testing.T) {
	p := newPool(t, func(c *Config) { c.MaxMemory = 200 << 20 })
	for _, c := range []struct {
		function string
		live     int
	}{{"peak", 1}, {"grow", 0}} {
		_, used, err := p.try(t, c.function, 300<<20)
		require.NoError(t, err)
		assert.Greater(t, used.PeakMemory, int64(300<<20))
		assert.Equal(t, c.live, p.Counts().Idle)
	}
}

func TestIdle(t *testing.T) {
	p := newPool(t, func(c *Config) { c.Idle = time.Millisecond })
	_, _, err := p.try(t, "nothing")
	require.NoError(t, err)
	waitFor(t, func() bool { return p.Counts().Live == 0 })
	_, _, err = p.try(t, "nothing")
	require.NoError(t, err)
	assert.EqualValues(t, 2, p.Counts().Started)
}

func TestManyCallers(t *testing.T) {
	p := newPool(t, func(c *Config) { c.Max = 3 })
	var callers sync.WaitGroup
	for i := range 10 {
		callers.Go(func() {
			for k := range 20 {
				v, _, err := p.try(t, "add", i, k)
				assert.NoError(t, err)
				assert.Equal(t, encode(t, i+k), v)
			}
		})
	}
	callers.Wait()
	assert.LessOrEqual(t, p.Counts().Started, int64(3))
}

// TestUsage compares what is reported with what the function measured itself.
func TestUsage(t *testing.T) {
	p := newPool(t, nil)
	_, used, err := p.try(t, "burn", 0.2)
	require.NoError(t, err)
	assert.InDelta(t, 0.2, (used.User + used.System).Seconds(), 0.02)
	_, used, err = p.try(t, "burn_child", 0.2)
	require.NoError(t, err)
	assert.InDelta(t, 0.2, (used.User + used.System).Seconds(), 0.1)
	_, base, err := p.try(t, "peak", 1)
	require.NoError(t, err)
	_, used, err = p.try(t, "peak", 100<<20)
	require.NoError(t, err)
	assert.InDelta(t, 100<<20, used.PeakMemory-base.PeakMemory, 10<<20)
	_, after, err := p.try(t, "burn", 0.002)
	require.NoError(t, err)
	assert.Less(t, after.PeakMemory, used.PeakMemory-50<<20, "a peak is that of one call")
}

func TestStartErrors(t *testing.T) {
	p := newPool(t, func(c *Config) { c.Interpreter = "/no/python3" })
	_, _, err := p.try(t, "nothing")
	var start *process.StartError
	require.ErrorAs(t, err, &start)
	p = newPool(t, func(c *Config) { c.Interpreter = "/bin/false" })
	_, _, err = p.try(t, "nothing")
	var lost *LostError
	require.ErrorAs(t, err, &lost)
	assert.Equal(t, 1, lost.Result.ExitCode)
	p = newPool(t, func(c *Config) { c.Preimport, c.StartTimeout = []string{"sleepy"}, 50*time.Millisecond })
	_, _, err = p.try(t, "nothing")
	require.ErrorContains(t, err, "was not ready within 50ms")
	p = newPool(t, func(c *Config) { c.Preimport = []string{"nomodule", "json"} })
	_, _, err = p.try(t, "nothing")
	require.NoError(t, err, "the calls that need it report it")
}

func TestConfig(t *testing.T) {
	_, err := New(Config{})
	require.ErrorContains(t, err, "Package is nil")
	_, err = New(Config{Package: os.DirFS("."), Max: -1})
	require.EqualError(t, err, "python: Max is -1, must be at least 0")
	p := newPool(t, nil)
	for _, c := range []Call{{}, {Module: "work"}, {Function: "f"}, {Module: "m", Function: strings.Repeat("f", math.MaxUint16)}} {
		_, _, err = p.Call(t.Context(), c)
		assert.ErrorContains(t, err, "python: the ")
	}
}

func TestClosed(t *testing.T) {
	p := newPool(t, nil)
	_, _, err := p.try(t, "nothing")
	require.NoError(t, err)
	p.stop()
	_, _, err = p.try(t, "nothing")
	require.ErrorIs(t, err, ErrClosed)
	_, err = os.Stat(p.folder)
	require.ErrorIs(t, err, os.ErrNotExist)
	bad, err := New(Config{Package: os.DirFS("/nowhere")})
	require.NoError(t, err)
	require.Error(t, bad.Run(t.Context()))
	_, _, err = bad.Call(t.Context(), Call{Module: "m", Function: "f"})
	require.ErrorIs(t, err, ErrClosed)
}

// TestWarm: interpreters that were started ahead answer the calls that follow, and no more are started than may be.
func TestWarm(t *testing.T) {
	p := newPool(t, func(c *Config) { c.Max = 2 })
	started, err := p.Warm(t.Context(), 5)
	require.NoError(t, err)
	require.Equal(t, 2, started)
	require.Equal(t, Counts{Live: 2, Idle: 2, Started: 2}, p.Counts())
	_, _, err = p.try(t, "echo", 2)
	require.NoError(t, err)
	require.EqualValues(t, 2, p.Counts().Started)
	started, err = p.Warm(t.Context(), 5)
	require.NoError(t, err)
	require.Zero(t, started)

	missing := newPool(t, func(c *Config) { c.Interpreter = "no-such-python" })
	_, err = missing.Warm(t.Context(), 1)
	var start *process.StartError
	require.ErrorAs(t, err, &start)
}
