package redis

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// prefixes counts those that were given out.
var prefixes atomic.Int64

// prefix gives one that no other test of this process has, with characters that mean something in patterns.
func prefix() string { return fmt.Sprintf("test[%d]*:", prefixes.Add(1)) }

// open opens a store under a prefix and closes it when the test ends.
func open(t testing.TB, client goredis.UniversalClient, prefix string) *Store {
	t.Helper()
	s, err := New(Config{Client: client, Prefix: prefix})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// began is when the runs of the tests started.
func began() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func header(run record.RunID) metricsstore.Header {
	return metricsstore.Header{
		Info: record.RunInfo{
			ID: run, Workflow: "w", Policy: record.FailFast, Upload: "periodic=2s", SubmittedAt: began(), StartedAt: began(),
		},
		Status: record.Running,
	}
}
