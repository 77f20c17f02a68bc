package embedded

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/internal/testkit/metricsstoretest"
	"github.com/dagscope/dagscope/metricsstore"
)

// open opens a folder for a test without power cuts.
func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{Dir: dir, Durability: Each, KeepLive: true, noSync: true})
	require.NoError(t, err)
	return s
}

func TestStore(t *testing.T) {
	dirs := map[metricsstore.Store]string{}
	metricsstoretest.Test(t, metricsstoretest.Backend{
		Open: func(t testing.TB) metricsstore.Store {
			dir := t.TempDir()
			s := open(t, dir)
			dirs[s] = dir
			return s
		},
		Reopen: func(t testing.TB, s metricsstore.Store) metricsstore.Store {
			require.NoError(t, s.Close())
			again := open(t, dirs[s])
			dirs[again] = dirs[s]
			return again
		},
	})
}

// TestClient: a client behaves as its owner does, although what it begins is written to logs.
func TestClient(t *testing.T) {
	t.Parallel()
	dirs := map[metricsstore.Store]string{}
	client := func(t testing.TB, dir string) metricsstore.Store {
		s := open(t, dir)
		require.False(t, s.Owns())
		dirs[s] = dir
		return s
	}
	metricsstoretest.Test(t, metricsstoretest.Backend{
		Open: func(t testing.TB) metricsstore.Store {
			dir := t.TempDir()
			owner := open(t, dir)
			t.Cleanup(func() { require.NoError(t, owner.Close()) })
			return client(t, dir)
		},
		Reopen: func(t testing.TB, s metricsstore.Store) metricsstore.Store {
			require.NoError(t, s.Close())
			return client(t, dirs[s])
		},
	})
}
