package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/internal/testkit/pythontest"
)

// TestPythonClient runs a Python program that starts a service on a folder of its own, submits graphs of its functions and
// compares what comes back with the same computed by Python.
func TestPythonClient(t *testing.T) {
	python := pythontest.Find(t)
	folder := t.TempDir()
	cmd := exec.Command(python, "client.py", filepath.Join(folder, "data"), t.TempDir())
	cmd.Dir = "testdata"
	pkg, err := filepath.Abs(filepath.Join("..", "python"))
	require.NoError(t, err)
	cmd.Env = append(os.Environ(), "DAGSCOPE_BIN="+program(t), "PYTHONPATH="+pkg, "PYTHONDONTWRITEBYTECODE=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s%s", out, &stderr)
	require.JSONEq(t, `{
		"nested": {"first": [9, {"k": [16, 5]}], "second": [0, 1, 4]},
		"inner": [[], [0], [0, 1], [0, 1, 4]],
		"chains": [true, true, true, true],
		"flaky": "third",
		"error": "LookupError: nothing here"
	}`, string(out))
}

// TestGraphsOfPython: graphs give what plain Python gives, arrays and dataclasses too; each attempt knows its CPU time, runs
// are cancelled, and a client without the key is refused.
func TestGraphsOfPython(t *testing.T) {
	t.Parallel()
	runPython(t, pythontest.FindNumpy(t), "graphs.py", `Ran \d\d tests`)
}

// TestPackagesOfPython: tasks have the packages that their graph asks for, which are prepared once for all processes.
func TestPackagesOfPython(t *testing.T) {
	t.Parallel()
	runPython(t, pythontest.FindVenv(t), "packages.py", `Ran 2 tests`)
}

// runPython runs a program of testdata that tests the package dagscope, and checks that it says so.
func runPython(t *testing.T, python, name, says string) {
	t.Helper()
	file, err := filepath.Abs(filepath.Join("testdata", name))
	require.NoError(t, err)
	packages, err := filepath.Abs("../python")
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), python, "-B", "-W", "error", file)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "DAGSCOPE_BIN="+program(t), "PYTHONPATH="+packages, "GORACE=atexit_sleep_ms=0")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Regexp(t, says, string(out))
}
