package dag_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

// named is the graph of enginetest.FanOutGraph with names.
func named(t testing.TB, names ...string) *dag.Graph {
	t.Helper()
	g, err := enginetest.FanOutGraph(t).WithNames(names)
	require.NoError(t, err)
	return g
}

func TestNamesTravelWithTheShape(t *testing.T) {
	bare := enginetest.FanOutGraph(t)
	g := named(t, "raw", "", "", "", "raw orders", "", "", "raw items", "")
	require.Equal(t, bare.Hash(), g.Hash(), "names are no part of the structure")
	require.Empty(t, bare.Name(0), "the graph itself is as it was")
	decoded, err := dag.DecodeShape(g.AppendShape(nil))
	require.NoError(t, err)
	for _, g := range []*dag.Graph{g, decoded} {
		require.Equal(t, 8, g.Named())
		n := dag.NewNumbering(g)
		_, err := n.Expand(2, 2, dag.Limits{})
		require.NoError(t, err)
		var labels []string
		for id := range n.Nodes() {
			if node := dag.NodeID(id); n.IsTask(node) {
				identity := n.Identity(n.Locate(node))
				require.Equal(t, g.Name(node), identity.Name)
				labels = append(labels, identity.Label())
			}
		}
		require.Equal(t, []string{"raw", "sum", "raw orders", "add[0]", "double[1]", "raw items"}, labels)
		require.Empty(t, g.Name(dag.NoNode))
	}
}

func TestAShapeWithoutNamesIsOfVersion1(t *testing.T) {
	bare := enginetest.FanOutGraph(t).AppendShape(nil)
	require.Equal(t, bare, named(t).AppendShape(nil))
	require.Equal(t, bare, named(t, "", "").AppendShape(nil))
	g, err := named(t, "raw").WithNames(nil)
	require.NoError(t, err)
	require.Equal(t, bare, g.AppendShape(nil))
}

func TestNamesAreBounded(t *testing.T) {
	g := enginetest.FanOutGraph(t)
	longest := strings.Repeat("x", dag.MaxName)
	_, err := g.WithNames([]string{longest + "x"})
	require.ErrorIs(t, err, dag.ErrInvalidGraph)
	require.ErrorContains(t, err, "node 0 has 201 bytes")
	many := make([]string, dag.MaxNames/dag.MaxName+1)
	for i := range many {
		many[i] = longest
	}
	_, err = g.WithNames(many)
	require.ErrorIs(t, err, dag.ErrInvalidGraph)

	names := func(encoded ...byte) []byte {
		b := g.AppendShape(nil)
		b[0] = 2
		return append(b, encoded...)
	}
	repeated := append([]byte{1, 0, 200, 1}, longest...)
	for name, b := range map[string][]byte{
		"cut off":         names(1, 0, 3, 'r', 'a'),
		"nothing before":  names(1, 1, 0),
		"more than there": names(2, 0, 1, 'r', 2, 0),
		"more than bytes": names(100, 0, 0),
		"too long":        names(append([]byte{1, 0, 201, 1}, longest+"x"...)...),
	} {
		_, err := dag.DecodeShape(b)
		require.ErrorIs(t, err, codec.ErrMalformed, name)
	}
	_, err = dag.DecodeShape(names(repeated...))
	require.NoError(t, err)
	// 170,000 names of 3 bytes each, which stand for 200.
	bomb := append([]byte{0x90, 0xb0, 0x0a, 0, 200, 1}, longest...)
	bomb = append(bomb, strings.Repeat("\xc8\x01\x00", 169_999)...)
	_, err = dag.DecodeShape(names(bomb...))
	require.ErrorIs(t, err, codec.ErrMalformed)
	require.ErrorContains(t, err, "at most 200 and 33554432")
}
