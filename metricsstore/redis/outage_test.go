package redis

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/redistest"
	"github.com/dagscope/dagscope/metricsstore"
)

// TestRestart: a server with an append-only file is killed under writers and comes back. Calls wait for it, and nothing
// that was acknowledged is lost.
func TestRestart(t *testing.T) {
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	client := server.Client(t)
	s := open(t, client, prefix())
	const writers, each = 3, 40
	var group sync.WaitGroup
	half := make(chan struct{}, writers)
	for w := range writers {
		id := record.RunID(fmt.Sprint("r", w))
		require.NoError(t, s.Begin(t.Context(), header(id), []byte("shape")))
		group.Go(func() {
			for i := range uint64(each) {
				if i == each/2 {
					half <- struct{}{}
				}
				b := metricsstore.Batch{Blocks: []metricsstore.Block{block(2*i+1, 2*i+2)}, Details: many()[i : i+1]}
				assert.NoError(t, s.Append(t.Context(), id, b))
			}
		})
	}
	<-half
	server.Kill()
	server.Restart()
	group.Wait()
	before := read(t, s)
	for i := range before.Runs {
		assert.Equal(t, uint64(2*each), before.Runs[i].Steps)
		assert.Equal(t, each, before.Runs[i].Details)
	}
	assert.Len(t, before.Runs, writers)
	server.Kill()
	server.Restart()
	assert.Empty(t, difference(before, read(t, s)))
	require.NoError(t, s.Check(t.Context()))
}

// throughProxy is a client whose connections a test can disturb.
func throughProxy(t *testing.T, server *redistest.Server) (*redistest.Proxy, *goredis.Client) {
	proxy := redistest.NewProxy(t, server)
	options, err := goredis.ParseURL(proxy.URL())
	require.NoError(t, err)
	options.ReadTimeout = 500 * time.Millisecond
	client := goredis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	return proxy, client
}

// TestConnectionsAreCut: connections are cut again and again while calls are under way, and replies are lost of calls
// that took effect. Each call succeeds, and all of them together do what they would have done undisturbed.
func TestConnectionsAreCut(t *testing.T) {
	server := redistest.Start(t)
	proxy, client := throughProxy(t, server)
	disturbed, quiet := open(t, client, prefix()), open(t, server.Client(t), prefix())
	ctx, stop := context.WithCancel(t.Context())
	var cutting sync.WaitGroup
	cutting.Go(func() {
		for ctx.Err() == nil {
			proxy.Cut()
			time.Sleep(3 * time.Millisecond) // a real connection needs real time
		}
	})
	for _, s := range []*Store{disturbed, quiet} {
		for i := range 8 {
			run := record.RunID(fmt.Sprint("r", i))
			if i == 4 && s == disturbed {
				stop()
				cutting.Wait()
				proxy.LoseReplies(20, "evalsha")
			}
			prepare(t, s, run, true)
			require.NoError(t, s.Append(t.Context(), run, metricsstore.Batch{Blocks: []metricsstore.Block{block(10, 11)}, Details: many()}))
			a := archive(run, 2, rollup(run, "f", "three"))
			a.Blocks = []metricsstore.Block{block(1, 9)}
			require.NoError(t, s.Archive(t.Context(), run, a))
		}
		require.NoError(t, s.Delete(t.Context(), "r0"))
		require.NoError(t, s.Delete(t.Context(), "r5"))
	}
	assert.Positive(t, proxy.Lost())
	plain := open(t, server.Client(t), disturbed.cfg.Prefix)
	assert.Empty(t, difference(read(t, quiet), read(t, plain)))
	require.NoError(t, plain.Check(t.Context()))
	assert.Equal(t, index(t, quiet), index(t, plain), "nothing was left over")
	stop()
}

// TestCallsEnd: while Redis does not answer, a call ends with its context, and with the store.
func TestCallsEnd(t *testing.T) {
	server := redistest.Start(t)
	proxy, client := throughProxy(t, server)
	s := open(t, client, prefix())
	require.NoError(t, s.Begin(t.Context(), header("r"), nil))
	proxy.Swallow(true)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err := s.Run(ctx, "r")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	ended := make(chan error, 1)
	begun := make(chan struct{})
	go func() {
		close(begun)
		ended <- s.Append(context.Background(), "r", metricsstore.Batch{Blocks: []metricsstore.Block{block(1, 1)}})
	}()
	<-begun
	require.NoError(t, s.Close())
	require.ErrorIs(t, <-ended, metricsstore.ErrClosed)
	assert.True(t, waiter(s.Changed("r")), "after close")
}

// TestErrorsThatStay are reported at once.
func TestErrorsThatStay(t *testing.T) {
	server := redistest.Start(t)
	client := server.Client(t)
	s := open(t, client, prefix())
	prepare(t, s, "r", true)
	before := read(t, s)
	require.NoError(t, client.ConfigSet(t.Context(), "maxmemory", "1").Err())
	for _, call := range cutCalls() {
		if call.name != "append" && call.name != "archive again" && call.name != "append a lot" {
			continue
		}
		err := call.call(t.Context(), s, "r")
		require.ErrorContains(t, err, "OOM", call.name)
	}
	require.NoError(t, client.ConfigSet(t.Context(), "maxmemory", "0").Err())
	assert.Empty(t, difference(before, read(t, s)), "nothing was kept of it")
	require.NoError(t, s.Check(t.Context()))
	require.NoError(t, client.Close())
	_, err := s.Run(t.Context(), "r")
	require.ErrorIs(t, err, goredis.ErrClosed)
}
