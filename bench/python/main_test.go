package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/bench/internal/script"
)

const system = "/usr/bin/python3"

func needPython(t *testing.T, modules string) {
	t.Helper()
	if exec.Command(system, "-c", "import "+modules).Run() != nil {
		t.Skipf("%s has no %s", system, modules)
	}
}

func TestUnknownFlagsAndParts(t *testing.T) {
	require.ErrorContains(t, run(t.Context(), []string{"-nothing"}, &bytes.Buffer{}), "nothing")
	require.ErrorContains(t, run(t.Context(), []string{"-part", "all"}, &bytes.Buffer{}), "expected call, command or graphs")
	require.ErrorContains(t, run(t.Context(), []string{"-rounds", "0"}, &bytes.Buffer{}), "expected at least 1")
}

func TestGoals(t *testing.T) {
	var lines []contestLine
	for _, work := range []string{"tree", "gemm"} {
		for way, wall := range map[string]float64{ours: 2, distributed: 20, "dask threads": 1, "futures threads": 0.5} {
			lines = append(lines, contestLine{Way: way, Work: work, Size: 4, Tasks: 7, Wall: wall})
		}
	}
	lines = append(lines, contestLine{Way: processes, Work: "tree", Size: 4, Error: "PicklingError"})
	goals := contestGoals(lines)
	require.Len(t, goals, 2, "those of what was measured")
	require.Equal(t, "met     tree 4, tasks a second / dask distributed: 10, goal >= 8", goals[0].String())
	require.Equal(t, "MISSED  gemm, time / that of Dask's quickest: 2, goal <= 1.1", goals[1].String())
	require.Empty(t, contestGoals(nil))
	var out strings.Builder
	require.NoError(t, printContest(&out, lines))
	require.Regexp(t, `tree 4, dask processes +PicklingError`, out.String())
	require.Regexp(t, `tree 4, dask distributed +7 +20000.0 +2857142.9 +10.00 x`, out.String())
}

// TestMeasures measures everything in small; each way has to give the same results as the others.
func TestMeasures(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a service, and schedulers with their processes")
	}
	needPython(t, "numpy")
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-quick", "-rounds", "1"}, &out))
	for _, text := range []string{"a call / a bare pipe", "gemm 256, dagscope", "fan 200, futures processes"} {
		require.Contains(t, out.String(), text)
	}
}

// TestResultsAreCompared: a way that gives something else ends the contest.
func TestResultsAreCompared(t *testing.T) {
	needPython(t, "sys")
	wrong := `
import contest, ways, work
class Way:
    def __init__(self, name, more): self.name, self.more = name, more
    def task(self, function, *args): return function(*args)
    def run(self, result): return result + self.more
work.WORK["checked"] = lambda task, size: (task(abs, size), 1, None)
print([*contest.contest(1, "checked", 3, [Way("a", 0), Way("b", 0)])] and "{}")
list(contest.contest(1, "checked", 3, [Way("a", 0), Way("b", 1)]))
`
	files := append([]script.File{{Name: "wrong.py", Text: wrong}}, contestFiles()...)
	packages, err := filepath.Abs("../../python")
	require.NoError(t, err)
	_, err = script.Run[contestLine](t.Context(), system, files, []string{"PYTHONPATH=" + packages})
	require.ErrorContains(t, err, "checked 3: b gives 4, expected 3")
}
