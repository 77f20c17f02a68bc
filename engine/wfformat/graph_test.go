package wfformat

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
)

func TestWorkflowTravels(t *testing.T) {
	checkTravel(t, filepath.Join("testdata", "diamond.json"))
}

func TestWorkflowCollectionTravels(t *testing.T) {
	for _, name := range collection(t) {
		t.Run(filepath.Base(name), func(t *testing.T) { checkTravel(t, name) })
	}
}

// checkTravel runs a recording in a process that finds its functions only by name.
func checkTravel(t *testing.T, name string) {
	t.Helper()
	g := graphOf(t, name, map[string]string{"time_scale": "0"})
	wire, constants, err := g.AppendGraph(nil)
	require.NoError(t, err)
	require.Empty(t, constants, "no task says more than 16 KiB")
	got, err := dag.DecodeGraph(wire, func(string) ([]byte, error) { return nil, errors.New("there is none") }, Workflow().Dynamic)
	require.NoError(t, err)
	require.Equal(t, g.Hash(), got.Hash())
	require.Equal(t, g.AppendShape(nil), got.AppendShape(nil))
	checkRun(t, got, parseFile(t, name))
}
