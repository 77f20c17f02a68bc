package record_test

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// What is stored must stay readable: a change of one of these bytes has to raise the format's version, keep
// reading the old one, and be described on its page.
func TestFormatStaysAsItIs(t *testing.T) {
	steps := record.AppendSteps(nil, []record.Step{
		{Seq: 7, Kind: record.RunStarted, Node: dag.NoNode, Became: dag.NoNode, Readied: []dag.NodeID{3, 5, 7}},
		{
			Seq: 8, Kind: record.AttemptEnded, Outcome: record.OutcomeOK, Location: record.LocationStored, Announced: true,
			Node: 3, Attempt: 2, Worker: 1, Slot: 2, Ready: 10, Claimed: 300, Fetch: 4, Started: 310, Ended: 400, Updated: 401,
			OutputBytes: 9, StoredBytes: 12, Became: 8, Readied: []dag.NodeID{8}, Delay: 3,
		},
	})
	require.Equal(t, goldenSteps, hex.EncodeToString(steps))
}

const goldenSteps = "0102070402818080808aa00286828cc8fbce11020001010202010102020201020304000101020108d80414080006005a000109060203020400020c03"
