package redis

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/internal/testkit/ledgertest"
	"github.com/dagscope/dagscope/internal/testkit/redistest"
	"github.com/dagscope/dagscope/internal/testkit/sharedtest"
)

// long says that the tests that take minutes were requested.
func long() bool { return os.Getenv("DAGSCOPE_LONG") == "1" }

// differ plays operations to the scripts and to the model, and expects the same replies, states and logs.
func differ(t *testing.T, b *Backend, c ledgertest.Config) {
	t.Helper()
	runs := 0
	played, err := ledgertest.Differ(t.Context(), func(config ledger.Config) (ledgertest.Machine, error) {
		runs++
		var now int64
		b.clock = func() int64 { return now }
		id := record.RunID(fmt.Sprintf("r%d-%d", c.Seed, runs))
		m, err := sharedtest.NewMachine(t.Context(), b, id, config, func(at int64) { now = at })
		if b.nodesPerCall < nodesPerCall {
			return unlogged{m, m}, err
		}
		return m, err
	}, c)
	require.NoError(t, err)
	t.Logf("seed %d: %d runs, longest %d, verdicts %v, applied %v, ended %v", c.Seed, played.Runs, played.Longest, played.Verdicts, played.Ops, played.Ended)
}

func TestScriptsAgreeWithTheModel(t *testing.T) {
	seeds, ops := uint64(2), 4000
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

// The claims of a dead session are released node by node, in as many calls, and the result equals the model's; only the
// log has more entries.
func TestScriptsAgreeWithTheModelInParts(t *testing.T) {
	b, _ := open(t)
	b.nodesPerCall = 1
	differ(t, b, ledgertest.Config{Seed: 11, Ops: 2000, Every: 5})
}

func TestScriptsAgreeWithTheModelInACluster(t *testing.T) {
	s := redistest.Cluster(t)
	differ(t, New(dial(t, s.URL())), ledgertest.Config{Seed: 7, Ops: 1000, Every: 10})
}

// Scripts and model agree when very many consumers find that one input is lost.
func TestScriptsAgreeWithTheModelOnCrowds(t *testing.T) {
	const consumers = ledger.MaxAwaited + 20
	config := ledger.Config{Nodes: consumers + 2, Tasks: consumers + 2, Sinks: consumers + 2, Policy: record.Continue}
	for i := range consumers + 2 {
		config.Roots = append(config.Roots, ledger.Grant{Node: dag.NodeID(i)})
	}
	b, _ := open(t)
	now := int64(0)
	b.clock = func() int64 { return now }
	m, err := sharedtest.NewMachine(t.Context(), b, "r", config, func(at int64) { now = at })
	require.NoError(t, err)
	model, _ := ledger.New(config)
	apply := func(op ledger.Op) ledger.Reply {
		t.Helper()
		want, _ := model.Apply(op)
		got, err := m.Apply(t.Context(), op)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got))
		require.NoError(t, model.Check())
		return want
	}
	number := uint64(0)
	commit := func(at int64, outcome record.Outcome, ended ...dag.NodeID) []ledger.Claim {
		t.Helper()
		number++
		c := ledger.Commit{Now: at, Session: "s", Number: number, Lease: 1e12, Want: consumers + 2, Classes: []ledger.Class{0, ledger.EngineClass}}
		for _, id := range ended {
			c.Ends = append(c.Ends, ledger.End{Node: id, Outcome: outcome, Task: true, Sink: true})
		}
		return apply(c).Claims
	}
	apply(ledger.Open{Session: "s", Lease: 1e12})
	claims := commit(1, record.OutcomeOK)
	commit(2, record.OutcomeOK, 0, 1)
	for i, c := range claims[2:] {
		lost := []ledger.Life{{Node: 0, Task: true, Sink: true}}
		if i%3 == 0 {
			lost = append(lost, ledger.Life{Node: 1, Task: true, Sink: true})
		}
		apply(ledger.Invalidate{Now: 3, Session: "s", Consumer: c.Node, Since: c.Since, Lost: lost})
	}
	require.Len(t, commit(4, record.OutcomeOK), 2)
	require.NotEmpty(t, model.Retries, "those that are too many")
	require.NotEmpty(t, commit(5, record.OutcomeFailed, 0), "those that await nothing else")
	require.NotEmpty(t, commit(6, record.OutcomeOK, 1), "those that await both")
	for at := int64(ledger.LookAgain); model.Counts.Claims < consumers; at += 10 {
		commit(at, record.OutcomeOK)
	}
	s, err := m.Snapshot(t.Context())
	require.NoError(t, err)
	require.Equal(t, ledgertest.Dump(model), ledgertest.Dump(s))
}
