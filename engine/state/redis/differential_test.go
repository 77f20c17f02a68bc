package redis

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/protocol/ledger"
	"github.com/dagscope/dagscope/engine/protocol/ledger/ledgertest"
	"github.com/dagscope/dagscope/engine/state/redis/redistest"
	"github.com/dagscope/dagscope/engine/state/shared/sharedtest"
)

// long: the tests that take minutes were asked for.
func long() bool { return os.Getenv("DAGSCOPE_LONG") == "1" }

// differ plays operations to the scripts and to the model, and expects the same replies, states and logs.
func differ(t *testing.T, b *Backend, c ledgertest.Config) {
	t.Helper()
	runs := 0
	played, err := ledgertest.Differ(t.Context(), func(config ledger.Config) (ledgertest.Machine, error) {
		runs++
		var now int64
		b.clock = func() int64 { return now }
		id := engine.RunID(fmt.Sprintf("r%d-%d", c.Seed, runs))
		m, err := sharedtest.NewMachine(t.Context(), b, id, config, func(at int64) { now = at })
		if b.atOnce < atOnce {
			return unlogged{m, m}, err
		}
		return m, err
	}, c)
	require.NoError(t, err)
	t.Logf("seed %d: %d runs, longest %d, verdicts %v, applied %v, ended %v", c.Seed, played.Runs, played.Longest, played.Verdicts, played.Ops, played.Ended)
}

func TestScriptsAgreeWithTheModel(t *testing.T) {
	seeds, ops := uint64(4), 5000
	if long() {
		seeds, ops = 100, 10_000
	}
	b, server := open(t)
	for seed := range seeds {
		differ(t, b, ledgertest.Config{Seed: seed + 1, Ops: ops, Every: 5})
		require.NoError(t, server.Client(t).FlushDB(context.Background()).Err())
	}
}

// unlogged hides the log of a machine.
type unlogged struct {
	ledgertest.Machine
	ledgertest.Reviser
}

// What a session leaves behind comes to others one by one, in as many calls, and yet as the model says; only the log has
// more entries.
func TestScriptsAgreeWithTheModelInParts(t *testing.T) {
	b, _ := open(t)
	b.atOnce = 1
	differ(t, b, ledgertest.Config{Seed: 11, Ops: 5000, Every: 5})
}

func TestScriptsAgreeWithTheModelInACluster(t *testing.T) {
	s := redistest.Cluster(t)
	differ(t, New(dial(t, s.URL())), ledgertest.Config{Seed: 7, Ops: 1000, Every: 10})
}
