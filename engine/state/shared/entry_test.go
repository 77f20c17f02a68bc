package shared

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

// TestProgressCountsRunning: what was announced runs until it ends, be it a task or an expansion, or until its run ends.
func TestProgressCountsRunning(t *testing.T) {
	n := dag.NewNumbering(enginetest.FanOutGraph(t))
	c := newCounts()
	take := func(kind record.StepKind, node dag.NodeID, want int) {
		t.Helper()
		c.take(&record.Step{Kind: kind, Node: node, Attempt: 1, Outcome: record.OutcomeOK}, n)
		require.Equal(t, want, c.progress().Running)
	}
	take(record.RunStarted, 0, 0)
	take(record.AttemptStarted, 0, 1)
	take(record.AttemptStarted, 2, 2)
	take(record.FanOutExpanded, 2, 1)
	take(record.AttemptEnded, 0, 0)
	take(record.AttemptStarted, 1, 1)
	take(record.RunFinished, 0, 0)
	take(record.AttemptStarted, 1, 1)
	take(record.RunStarted, 0, 0)
}
