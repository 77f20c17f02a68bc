package backend_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
)

// TestCloseWaits: what a call uses is released once, after the call has ended, and later calls are refused.
func TestCloseWaits(t *testing.T) {
	var c backend.Calls
	require.NoError(t, c.Begin(t.Context()))
	var ended atomic.Bool
	var released atomic.Int32
	var closing sync.WaitGroup
	for range 2 {
		closing.Go(func() {
			assert.NoError(t, c.Close(func() error {
				assert.True(t, ended.Load(), "a call is under way")
				released.Add(1)
				return nil
			}))
			assert.Equal(t, int32(1), released.Load(), "a second Close waits for the first")
		})
	}
	for range 1000 {
		runtime.Gosched() // so that Close has begun
	}
	ended.Store(true)
	c.End()
	closing.Wait()
	require.ErrorIs(t, c.Begin(t.Context()), metricsstore.ErrClosed)
	gone, leave := context.WithCancel(t.Context())
	leave()
	require.ErrorIs(t, c.Begin(gone), context.Canceled)
}

func TestCloseFails(t *testing.T) {
	var c backend.Calls
	cause := errors.New("cause")
	require.ErrorIs(t, c.Close(func() error { return cause }), cause)
	require.NoError(t, c.Close(func() error { return cause }))
}

func TestRefused(t *testing.T) {
	assert.True(t, backend.Refused(backend.NotFound("r")))
	assert.True(t, backend.Refused(fmt.Errorf("wrapped: %w", backend.TooLarge("a block", 1<<30))))
	for _, err := range []error{nil, metricsstore.ErrCorrupt, metricsstore.ErrClosed, metricsstore.ErrUnavailable, errors.New("disk")} {
		assert.False(t, backend.Refused(err), err)
	}
}
