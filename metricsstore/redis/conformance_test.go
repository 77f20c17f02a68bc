package redis

import (
	"context"
	"flag"
	"testing"

	"github.com/stretchr/testify/require"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/internal/testkit/metricsstoretest"
	"github.com/dagscope/dagscope/internal/testkit/redistest"
	"github.com/dagscope/dagscope/metricsstore"
)

func TestStore(t *testing.T) { conformance(t, redistest.Start(t).Client(t), looseAtRead) }

// TestMergingStore merges the roll-ups of each run before they are read.
func TestMergingStore(t *testing.T) { conformance(t, redistest.Start(t).Client(t), 1) }

// TestCluster runs fewer random operations than TestStore: each is some round trips to three servers.
func TestCluster(t *testing.T) {
	checks := flag.Lookup("rapid.checks").Value
	before := checks.String()
	require.NoError(t, checks.Set("25"))
	defer func() { require.NoError(t, checks.Set(before)) }()
	conformance(t, redistest.Cluster(t).Client(t), 1)
}

func conformance(t *testing.T, client goredis.UniversalClient, mergeAt int) {
	openMerging := func(t testing.TB, prefix string) *Store {
		s := open(t, client, prefix)
		s.mergeAt = mergeAt
		return s
	}
	metricsstoretest.Test(t, metricsstoretest.Backend{
		Open: func(t testing.TB) metricsstore.Store {
			s := openMerging(t, prefix())
			// Earlier stores are closed, and Check visits all keys of the server.
			require.NoError(t, s.eachMaster(t.Context(), func(ctx context.Context, master goredis.UniversalClient) error {
				return master.FlushAll(ctx).Err()
			}))
			return s
		},
		Reopen: func(t testing.TB, s metricsstore.Store) metricsstore.Store {
			require.NoError(t, s.Close())
			return openMerging(t, s.(*Store).cfg.Prefix)
		},
	})
}
