package redis

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/internal/testkit/sharedtest"
)

// TestMalformedCommitsSayWhy: the client gives the reason why it refuses a commit; scripts only report a number that is
// not the next one, from which readReplies sees that a commit overtook another.
func TestMalformedCommitsSayWhy(t *testing.T) {
	b, _ := open(t)
	b.clock = func() int64 { return 1 }
	m, err := sharedtest.NewMachine(t.Context(), b, "r", ledger.Config{Nodes: 1, Tasks: 1, Sinks: 1, Policy: record.FailFast, Roots: []ledger.Grant{{Node: 0, Class: 1}}}, func(int64) {})
	require.NoError(t, err)
	_, err = m.Apply(t.Context(), ledger.Open{Session: "s", Lease: 1000})
	require.NoError(t, err)
	for _, c := range []struct {
		commit ledger.Commit
		why    string
	}{
		{ledger.Commit{Number: 5}, "the number is not that of the next commit"},
		{ledger.Commit{Number: 1, Want: -1}, "a number is negative"},
		{ledger.Commit{Number: 1, Started: []dag.NodeID{7}}, "is not as the operation says"},
	} {
		c.commit.Session, c.commit.Lease = "s", 1000
		r, err := m.Apply(t.Context(), c.commit)
		require.NoError(t, err)
		assert.Equal(t, ledger.Malformed, r.Verdict)
		assert.Contains(t, r.Why, c.why)
	}
}
