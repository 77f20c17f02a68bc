package redistest_test

import (
	"context"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/internal/testkit/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRestartOnTheSamePort(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"without a log all is lost", nil, ""},
		{"with a log all is kept", []string{"--appendonly", "yes", "--appendfsync", "always"}, "v"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := redistest.Start(t, tt.args...)
			url := s.URL()
			c := s.Client(t)
			require.NoError(t, c.Set(t.Context(), "k", "v", 0).Err())
			s.Kill()
			_, err := net.Dial("tcp", s.Addresses()[0])
			require.Error(t, err)
			s.Restart()
			assert.Equal(t, url, s.URL())
			got, err := s.Client(t).Get(t.Context(), "k").Result()
			if tt.want == "" {
				require.ErrorIs(t, err, redis.Nil)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestClusterHasThreeMasters(t *testing.T) {
	s := redistest.Cluster(t)
	c := s.Client(t)
	for _, key := range []string{"a", "b", "c", "d", "e", "f"} { // in slots of all three
		require.NoError(t, c.Set(t.Context(), key, key, 0).Err())
	}
	var masters atomic.Int32
	require.NoError(t, c.(*redis.ClusterClient).ForEachMaster(t.Context(), func(context.Context, *redis.Client) error {
		masters.Add(1)
		return nil
	}))
	assert.Equal(t, int32(3), masters.Load())
	s.Kill()
	s.Restart()
	require.ErrorIs(t, s.Client(t).Get(t.Context(), "a").Err(), redis.Nil)
}

func TestSlowlogHasEveryServer(t *testing.T) {
	const limit = 2 * time.Millisecond
	s := redistest.Start(t, "--slowlog-log-slower-than", strconv.FormatInt(limit.Microseconds(), 10))
	assert.Empty(t, s.Slowlog())
	require.NoError(t, s.Client(t).Eval(t.Context(), "for i = 1, 1e7 do end return 1", nil).Err(), "tens of milliseconds")
	require.Len(t, s.Slowlog(), 1)
	assert.GreaterOrEqual(t, s.Slowlog()[0].Duration, limit)
	s.ResetSlowlog()
	assert.Empty(t, s.Slowlog())
}

func TestFreezeAndThaw(t *testing.T) {
	s := redistest.Start(t)
	c := redis.NewClient(&redis.Options{Addr: s.Addresses()[0], ReadTimeout: 50 * time.Millisecond, MaxRetries: -1})
	defer func() { _ = c.Close() }()
	s.Freeze()
	require.Error(t, c.Ping(t.Context()).Err())
	s.Thaw()
	require.NoError(t, c.Ping(t.Context()).Err())
}

// dial gives a client that neither repeats nor hides anything.
func dial(t *testing.T, url string) *redis.Client {
	options, err := redis.ParseURL(url)
	require.NoError(t, err)
	options.MaxRetries = -1
	options.ReadTimeout = 100 * time.Millisecond
	c := redis.NewClient(options)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestProxyLosesAReplyAfterTheRequestTookEffect(t *testing.T) {
	s := redistest.Start(t)
	p := redistest.NewProxy(t, s)
	c := dial(t, p.URL())
	require.NoError(t, c.Ping(t.Context()).Err())
	p.LoseReplies(1, "counter")
	require.Error(t, c.Incr(t.Context(), "counter").Err())
	assert.Equal(t, 1, p.Lost())
	got, err := c.Get(t.Context(), "counter").Int()
	require.NoError(t, err)
	assert.Equal(t, 1, got)
}

func TestProxySwallowsDelaysAndCuts(t *testing.T) {
	s := redistest.Start(t)
	p := redistest.NewProxy(t, s)
	c := dial(t, p.URL())
	require.NoError(t, c.Ping(t.Context()).Err())
	p.Swallow(true)
	require.Error(t, c.Incr(t.Context(), "n").Err())
	p.Swallow(false)
	_, err := c.Get(t.Context(), "n").Result()
	require.ErrorIs(t, err, redis.Nil, "what was swallowed never came to the server")

	p.Delay(20 * time.Millisecond)
	begin := time.Now()
	require.NoError(t, c.Ping(t.Context()).Err())
	assert.GreaterOrEqual(t, time.Since(begin), 20*time.Millisecond)
	p.Delay(0)

	pubsub := c.Subscribe(t.Context(), "news")
	defer func() { _ = pubsub.Close() }()
	_, err = pubsub.Receive(t.Context())
	require.NoError(t, err)
	p.Cut()
	_, err = pubsub.ReceiveTimeout(t.Context(), time.Second)
	require.Error(t, err)
	require.NoError(t, c.Ping(t.Context()).Err(), "a new connection is served")
}
