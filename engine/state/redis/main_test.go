package redis

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/engine/state/redis/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// dial opens a test's server as its users do.
func dial(t testing.TB, url string) *Connection {
	t.Helper()
	c, err := Dial(context.Background(), DialConfig{URL: url, Prefix: "test:"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// open starts a server and gives a back end to it.
func open(t testing.TB, args ...string) (*Backend, *redistest.Server) {
	t.Helper()
	s := redistest.Start(t, args...)
	return New(dial(t, s.URL())), s
}
