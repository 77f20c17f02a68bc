package e2e

import (
	"bytes"
	"encoding/json"
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
	runPythonClient(t, pythontest.Find(t), filepath.Join(t.TempDir(), "data"), false)
}

// TestPythonClientOnRedis: the same program has the same done by three workers, with an array of 64 MiB that one makes and
// others read.
func TestPythonClientOnRedis(t *testing.T) {
	python := pythontest.FindNumpy(t)
	secret := secretFile(t, "0123456789abcdef0123")
	f := newFleet(t, 3, "--accept-code", "--secret-file", secret, "--code-dir", filepath.Join(t.TempDir(), "code"))
	f.serves("--secret-file", secret)
	runPythonClient(t, python, f.data, true)
	f.endWorkers()
}

// runPythonClient runs client.py on a data folder, and compares what it says.
func runPythonClient(t *testing.T, python, data string, hasArrays bool) {
	t.Helper()
	cmd := exec.Command(python, "-B", "client.py", data, t.TempDir())
	want := map[string]any{
		"nested": map[string]any{"first": []any{9, map[string]any{"k": []any{16, 5}}}, "second": []any{0, 1, 4}},
		"inner":  []any{[]any{}, []any{0}, []any{0, 1}, []any{0, 1, 4}},
		"chains": []any{true, true, true, true}, "flaky": "third", "error": "LookupError: nothing here",
	}
	if hasArrays {
		cmd.Args = append(cmd.Args, "arrays")
		want["arrays"] = []any{true, true}
	}
	cmd.Dir = "testdata"
	pkg, err := filepath.Abs(filepath.Join("..", "python"))
	require.NoError(t, err)
	cmd.Env = append(os.Environ(), "DAGSCOPE_BIN="+program(t), "PYTHONPATH="+pkg)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s%s", out, &stderr)
	expected, err := json.Marshal(want)
	require.NoError(t, err)
	require.JSONEq(t, string(expected), string(out))
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
