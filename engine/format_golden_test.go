package engine_test

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
)

// What is stored must stay readable: a change of one of these bytes has to raise the format's version, keep
// reading the old one, and be described on its page.
func TestFormatsStayAsTheyAre(t *testing.T) {
	value, err := engine.TypeOf[[]int32]().Append(nil, []int32{1, -2})
	require.NoError(t, err)
	require.Equal(t, "0101075b5d696e743332"+"0102"+"01000000feffffff", hex.EncodeToString(value))
	text, err := engine.TypeOf[pair]().Append(nil, pair{1, -2, "n"})
	require.NoError(t, err)
	require.Equal(t, "010310"+hex.EncodeToString([]byte("engine_test.pair"))+"00"+"a3614101614221646e6f7465616e", hex.EncodeToString(text))
	steps := engine.AppendSteps(nil, []engine.Step{
		{Seq: 7, Kind: engine.RunStarted, Node: engine.NoNode, Became: engine.NoNode, Readied: []engine.NodeID{3, 5, 7}},
		{
			Seq: 8, Kind: engine.AttemptEnded, Outcome: engine.OutcomeOK, Location: engine.LocationStored, Announced: true,
			Node: 3, Attempt: 2, Worker: 1, Slot: 2, Ready: 10, Claimed: 300, Fetch: 4, Started: 310, Ended: 400, Updated: 401,
			OutputBytes: 9, StoredBytes: 12, Became: 8, Readied: []engine.NodeID{8}, Delay: 3,
		},
	})
	require.Equal(t, goldenSteps, hex.EncodeToString(steps))
	shape := fanOutGraph(t).AppendShape(nil)
	require.Equal(t, goldenShape, hex.EncodeToString(shape))
	graph, apart, err := fanOutGraph(t).AppendGraph(nil)
	require.NoError(t, err)
	require.Empty(t, apart)
	require.Equal(t, goldenGraph, hex.EncodeToString(graph))
	require.Equal(t, []engine.NodeFlags{4, 16, 32}, []engine.NodeFlags{engine.ReadsOuter, engine.Kept, engine.Gathers})
}

const (
	goldenSteps = "0102070402818080808aa00286828cc8fbce11020001010202010102020201020304000101020108d80414080006005a000109060203020400020c03"
	goldenGraph = "01020003696e74010004047570746f000680c0cbacf622000001000106646f75626c65000680c0cbacf622000001000003616464000680c0cbacf6220000020000000373756d000680c0cbacf62200000101000100000f010103696e74000200000000000000020200030100000002010200010001010901000403010309"
	goldenShape = "0104047570746f000680c0cbacf62200000103696e74055b5d696e7406646f75626c65000680c0cbacf62200000103696e7403696e7403616464000680c0cbacf62200000203696e7403696e7403696e740373756d000680c0cbacf622000001055b5d696e7403696e7403696e740200000201010003000103010401020030000000000101010202000001020001020404"
)
