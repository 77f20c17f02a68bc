package wfformat

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/wfformat"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// lanesOfAWorker is how many lanes a worker of a run can have.
const lanesOfAWorker = 1 << 16

// compile makes a run of an instance.
func compile(in *wfformat.Instance) (*records.Recording, error) {
	run, err := runOf(in)
	if err != nil {
		return nil, err
	}
	return records.Compile(run, records.Origin{Digest: in.Hash})
}

// document is a 1.5 recording of the given tasks; executed may be "".
func document(tasks, executed string) string {
	if executed != "" {
		executed = `, "execution": {"makespanInSeconds": 1, "executedAt": "2024-01-01T00:00:00Z", "tasks": [` + executed + `]}`
	}
	return `{"name": "n", "schemaVersion": "1.5", "workflow": {"specification": {"tasks": [` + tasks + `]}` + executed + `}}`
}

func ids(n int) string {
	var s []string
	for i := range n {
		s = append(s, fmt.Sprintf(`{"id": "t%d"}`, i))
	}
	return strings.Join(s, ",")
}

func timed(n int, seconds float64) string {
	var s []string
	for i := range n {
		s = append(s, fmt.Sprintf(`{"id": "t%d", "runtimeInSeconds": %g}`, i, seconds))
	}
	return strings.Join(s, ",")
}

func parseFile(t testing.TB, name string) *wfformat.Instance {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	in, err := wfformat.Parse(bytes.NewReader(data))
	require.NoError(t, err, name)
	return in
}

// collection lists the recordings of the public collection, if they are available.
func collection(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "..", "shared", "wfinstances", "*.json"))
	require.NoError(t, err)
	if len(files) == 0 {
		t.Skip("there is no ../shared/wfinstances next to the repository")
	}
	return files
}
