package layout

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
)

// counted is a cache that counts what it computes; a large graph waits for gate, if it is set.
func counted(n int, gate chan struct{}) (*Cache, *atomic.Int32) {
	var computed atomic.Int32
	c := NewCache(n)
	c.compute = func(g *dag.Graph) *Layout {
		computed.Add(1)
		if gate != nil && !isSmall(g) {
			<-gate
		}
		return Compute(g)
	}
	return c, &computed
}

func TestCacheComputesOnceForAll(t *testing.T) {
	g, same := chain(t, 2_000), chain(t, 2_000)
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		c, computed := counted(4, gate)
		impatient, leave := context.WithCancelCause(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			l, err := c.Get(impatient, g)
			require.Nil(t, l)
			require.ErrorIs(t, err, errors.ErrUnsupported)
		})
		got := make([]*Layout, 20)
		for i := range got {
			all.Go(func() {
				l, err := c.Get(t.Context(), []*dag.Graph{g, same}[i%2])
				require.NoError(t, err)
				got[i] = l
			})
		}
		synctest.Wait()
		leave(errors.ErrUnsupported) // the first caller leaves, the computation continues
		synctest.Wait()
		close(gate)
		all.Wait()
		c.Wait()
		require.EqualValues(t, 1, computed.Load())
		for _, l := range got {
			require.Same(t, got[0], l)
		}
	})
}

func TestCacheContinuesWhenNoOneWaits(t *testing.T) {
	g := chain(t, 2_000)
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		c, computed := counted(4, gate)
		ended, end := context.WithCancel(t.Context())
		end()
		_, err := c.Get(ended, g)
		require.ErrorIs(t, err, context.Canceled)
		close(gate)
		c.Wait()
		l, err := c.Get(ended, g) // known: it need not wait
		require.NoError(t, err)
		require.Len(t, l.Scopes[0].Y, 2_000)
		require.EqualValues(t, 1, computed.Load())
	})
}

func TestCacheAnswersSmallGraphsWhileLargeOnesTakeLong(t *testing.T) {
	large := []*dag.Graph{chain(t, 2_000), chain(t, 2_001), chain(t, 2_002)}
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		c, computed := counted(10, gate)
		for _, g := range large {
			go func() { _, _ = c.Get(t.Context(), g) }()
		}
		synctest.Wait()
		require.EqualValues(t, atOnce, computed.Load(), "the third waits for its turn")
		ended, end := context.WithCancel(t.Context())
		end()
		l, err := c.Get(ended, chain(t, 7))
		require.NoError(t, err)
		require.Equal(t, 7, l.Scopes[0].Columns)
		close(gate)
		c.Wait()
	})
}

func TestCacheForgetsTheOldest(t *testing.T) {
	c, computed := counted(2, nil)
	get := func(tasks int32) {
		_, err := c.Get(t.Context(), chain(t, tasks))
		require.NoError(t, err)
	}
	for _, tasks := range []int32{1, 2, 1, 3, 1} { // 3 pushes 2 out, since 1 was used later
		get(tasks)
	}
	require.EqualValues(t, 3, computed.Load())
	get(2)
	require.EqualValues(t, 4, computed.Load())
	get(60_000) // counts for several, pushes all others out and stays
	get(60_000)
	require.EqualValues(t, 5, computed.Load())
	require.Len(t, c.known, 1)
	get(1)
	require.EqualValues(t, 6, computed.Load())
	require.Len(t, c.known, 1)
	require.Equal(t, 1, c.weight)
}

func TestCacheSurvivesAPanic(t *testing.T) {
	c := NewCache(2)
	compute := c.compute
	c.compute = func(*dag.Graph) *Layout { panic("at the disco") }
	for _, g := range []*dag.Graph{chain(t, 3), chain(t, 3_000)} {
		_, err := c.Get(t.Context(), g)
		require.ErrorContains(t, err, "at the disco")
	}
	c.Wait()
	c.compute = compute
	l, err := c.Get(t.Context(), chain(t, 3))
	require.NoError(t, err)
	require.Equal(t, 3, l.Scopes[0].Columns)
}
