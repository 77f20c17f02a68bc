package embedded

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/internal/testkit/metricsstoretest"
	"github.com/dagscope/dagscope/metricsstore"
)

// open opens a folder for a test that does not pull the plug.
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

// TestGuest: a guest behaves as its holder does, although what it begins goes through the inbox.
func TestGuest(t *testing.T) {
	dirs := map[metricsstore.Store]string{}
	guest := func(t testing.TB, dir string) metricsstore.Store {
		s := open(t, dir)
		require.False(t, s.Holds())
		dirs[s] = dir
		return s
	}
	metricsstoretest.Test(t, metricsstoretest.Backend{
		Open: func(t testing.TB) metricsstore.Store {
			dir := t.TempDir()
			holder := open(t, dir)
			t.Cleanup(func() { require.NoError(t, holder.Close()) })
			return guest(t, dir)
		},
		Reopen: func(t testing.TB, s metricsstore.Store) metricsstore.Store {
			require.NoError(t, s.Close())
			return guest(t, dirs[s])
		},
	})
}
