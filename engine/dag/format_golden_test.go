package dag_test

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

// What is stored must stay readable: a change of one of these bytes has to raise the format's version, keep
// reading the old one, and be described on its page.
func TestFormatsStayAsTheyAre(t *testing.T) {
	shape := enginetest.FanOutGraph(t).AppendShape(nil)
	require.Equal(t, goldenShape, hex.EncodeToString(shape))
	require.Equal(t, "02"+goldenShape[2:]+goldenNames, hex.EncodeToString(named(t, "raw", "", "raw_orders", "raw_items").AppendShape(nil)))
	graph, apart, err := enginetest.FanOutGraph(t).AppendGraph(nil)
	require.NoError(t, err)
	require.Empty(t, apart)
	require.Equal(t, goldenGraph, hex.EncodeToString(graph))
	require.Equal(t, []dag.NodeFlags{4, 16, 32}, []dag.NodeFlags{dag.ReadsOuter, dag.Kept, dag.Gathers})
}

const (
	goldenNames = "0400037261770000000a7261775f6f7264657273" + "04056974656d73"
	goldenGraph = "01020003696e74010004047570746f000680c0cbacf622000001000106646f75626c65000680c0cbacf622000001000003616464000680c0cbacf6220000020000000373756d000680c0cbacf62200000101000100000f010103696e74000200000000000000020200030100000002010200010001010901000403010309"
	goldenShape = "0104047570746f000680c0cbacf62200000103696e74055b5d696e7406646f75626c65000680c0cbacf62200000103696e7403696e7403616464000680c0cbacf62200000203696e7403696e7403696e740373756d000680c0cbacf622000001055b5d696e7403696e7403696e740200000201010003000103010401020030000000000101010202000001020001020404"
)
