//go:build unix

package python

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLost(t *testing.T) {
	p := newPool(t, func(c *Config) { c.Grace = 100 * time.Millisecond })
	for _, c := range []struct {
		function string
		args     []any
		text     string
		check    func(e *LostError)
	}{
		{"leave", []any{3}, "exited with code 3 after ", func(e *LostError) {
			assert.Equal(t, 3, e.Result.ExitCode)
			assert.Equal(t, "bye\n", e.Result.Stderr)
			assert.True(t, strings.HasSuffix(e.Error(), ": bye"), e.Error())
		}},
		{"crash", nil, "ended by the signal: segmentation fault", func(e *LostError) {
			assert.Contains(t, e.Result.Stderr, "work.py\", line ", "faulthandler says where")
		}},
		{"kill", nil, "ended by the signal: killed", func(*LostError) {}},
		{"close_all", nil, "a function has closed the descriptors", func(*LostError) {}},
	} {
		_, _, err := p.try(t, c.function, c.args...)
		var lost *LostError
		require.ErrorAs(t, err, &lost, c.function)
		assert.Contains(t, err.Error(), c.text)
		assert.Positive(t, lost.PID)
		c.check(lost)
		_, _, err = p.try(t, "nothing")
		require.NoError(t, err, "the next call has a new interpreter")
	}
	assert.EqualValues(t, 4, p.Counts().Lost)
}

// TestRudeFunctions calls functions that an interpreter survives.
func TestRudeFunctions(t *testing.T) {
	p := newPool(t, nil)
	for _, c := range []struct {
		function string
		want     any
	}{
		{"fork", 0},
		{"fork_fail", 1},
		{"close_low", 1},
		{"read_stdin", ""},
		{"close_stdout", nil},
		{"print_something", nil},
		{"multi", []int{0, 1, 4}},
		{"nothing", nil},
	} {
		v, _, err := p.try(t, c.function)
		require.NoError(t, err, c.function)
		assert.Equal(t, encode(t, c.want), v, c.function)
	}
	assert.EqualValues(t, 1, p.Counts().Started)
}

// TestCancel cancels a function that ignores the interrupt, and one that waits for a child which does.
func TestCancel(t *testing.T) {
	p := newPool(t, func(c *Config) { c.Grace = 100 * time.Millisecond })
	for _, function := range []string{"wait_deaf", "wait_child"} {
		begun := p.cancel(t, function)
		text, err := os.ReadFile(begun)
		require.NoError(t, err)
		if len(text) > 0 {
			pid := int(text[0]) | int(text[1])<<8 | int(text[2])<<16
			waitFor(t, func() bool { return syscall.Kill(pid, 0) != nil })
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := p.Call(ctx, Call{Module: "work", Function: "nothing"})
	require.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, p.Counts().Lost)
}

// TestIdleDeath kills an interpreter that has nothing to do: no call notices.
func TestIdleDeath(t *testing.T) {
	p := newPool(t, nil)
	v, _, err := p.try(t, "pid")
	require.NoError(t, err)
	var pid int
	require.NoError(t, cbor.Unmarshal(v.Data, &pid))
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	waitFor(t, func() bool { return p.Counts().Live == 0 })
	_, _, err = p.try(t, "nothing")
	require.NoError(t, err)
	assert.Zero(t, p.Counts().Lost)
}

// TestInterrupt cancels a function that ends on its own when it is interrupted.
func TestInterrupt(t *testing.T) {
	p := newPool(t, func(c *Config) { c.Grace = time.Hour })
	begun := p.cancel(t, "wait_politely")
	_, err := os.Stat(begun + ".end")
	require.NoError(t, err)
}

// cancel calls a function and cancels the call when the function has written the file whose path is returned.
func (p testPool) cancel(t *testing.T, function string) (begun string) {
	t.Helper()
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	begun = filepath.Join(t.TempDir(), "begun")
	go func() {
		waitFor(t, func() bool { _, err := os.Stat(begun); return err == nil })
		cancel(why)
	}()
	_, _, err := p.Call(ctx, Call{Module: "work", Function: function, Values: []Value{encode(t, begun)}})
	require.ErrorIs(t, err, why, function)
	return begun
}
