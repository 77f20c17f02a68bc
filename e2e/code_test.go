package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/internal/testkit/pythontest"
)

// codeReport is what the command run prints as JSON.
type codeReport struct {
	Run     string `json:"run"`
	Status  string `json:"status"`
	Tasks   int    `json:"tasks"`
	Done    int    `json:"done"`
	Retries int    `json:"retries"`
	Result  any    `json:"result"`
	Error   *struct{ Message string }
}

// example is the path of an example.
func example(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "examples", name))
	require.NoError(t, err)
	return path
}

// secretFile makes a file with a secret.
func secretFile(t *testing.T, secret string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte(secret+"\n"), 0o600))
	return path
}

// TestPipelinesOnWorkers: pipelines give the same on three workers as in one process, and workers execute nothing that is
// not signed with their secret.
func TestPipelinesOnWorkers(t *testing.T) {
	pythontest.Find(t)
	secret := secretFile(t, "0123456789abcdef0123")
	f := newFleet(t, 3, "--accept-code", "--secret-file", secret, "--code-dir", filepath.Join(t.TempDir(), "code"))
	f.work() // takes no code
	for _, pipeline := range [][]string{{"words.yaml", "--set", "chunks=40"}, {"lines.yaml", "--set", "pattern=*.md", "--set", "folder=" + filepath.Dir(filepath.Dir(example(t, "lines.yaml")))}} {
		args := append([]string{"run", example(t, pipeline[0])}, pipeline[1:]...)
		var alone, shared codeReport
		newUser(t).json(&alone, args...)
		f.json(&shared, append(args, "--redis", f.server.URL(), "--secret-file", secret)...)
		require.Equal(t, "succeeded", shared.Status)
		require.NotNil(t, alone.Result)
		require.Equal(t, alone.Result, shared.Result)
		require.Equal(t, alone.Tasks, shared.Done)
		require.Zero(t, shared.Retries)
	}
	words := example(t, "words.yaml")
	o := f.run("run", words, "--redis", f.server.URL())
	require.Equal(t, 2, o.code)
	require.Contains(t, o.stderr, "expected --secret-file")
	o = f.run("run", words, "--redis", f.server.URL(), "--secret-file", secretFile(t, "another secret than theirs"))
	require.Equal(t, 1, o.code)
	require.Contains(t, o.stdout, "not signed with this worker's secret")
	f.endWorkers()
}

// TestKilledWorkerAndInterpreter: a worker is killed while it executes code, and an interpreter of another one; the tasks
// are executed again, and what was lost is said.
func TestKilledWorkerAndInterpreter(t *testing.T) {
	pythontest.Find(t)
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("slow.yaml", `
params: {started: ""}
steps:
  wait:
    foreach: [0, 1, 2, 3, 4, 5, 6, 7]
    python: slow:wait
    retries: 3
    with: ["${{ item }}", "${{ params.started }}"]
`)
	write("slow.py", `
import os, pathlib, time

def wait(i, started):
    """The first attempts of 0 and 1 do not end by themselves."""
    mark = pathlib.Path(started) / str(i)
    if i < 2 and not mark.exists():
        mark.write_text(f"{os.getppid()} {os.getpid()}")
        time.sleep(600)
    return i * i
`)
	secret := secretFile(t, "0123456789abcdef0123")
	f := newFleet(t, 3, "--accept-code", "--secret-file", secret, "--code-dir", filepath.Join(t.TempDir(), "code"), "--lease", "2s")
	started := t.TempDir()
	run := f.start("run", filepath.Join(dir, "slow.yaml"), "--set", "started="+started, "--redis", f.server.URL(), "--secret-file", secret, "--json")
	pids := func(i string) []string {
		var text []byte
		until(t, patience, func() bool {
			text, _ = os.ReadFile(filepath.Join(started, i))
			return strings.Contains(string(text), " ")
		})
		return strings.Fields(string(text))
	}
	first, second := pids("0"), pids("1")
	for _, p := range f.workers {
		if strconv.Itoa(p.cmd.Process.Pid) == first[0] {
			p.kill()
		}
	}
	if second[0] != first[0] { // else its interpreter ends with its worker
		require.NoError(t, exec.Command("kill", "-9", second[1]).Run())
	}
	o := run.wait()
	require.Equal(t, 0, o.code, o.stderr)
	var report codeReport
	o.json(t, &report)
	require.Equal(t, "succeeded", report.Status)
	require.Equal(t, []any{0.0, 1.0, 4.0, 9.0, 16.0, 25.0, 36.0, 49.0}, report.Result)
}

// TestResourcesOfSteps: a command that takes more memory than it declares is killed and says so, and a step that needs more
// than there is, is refused.
func TestResourcesOfSteps(t *testing.T) {
	u := newUser(t)
	file := filepath.Join(t.TempDir(), "needs.yaml")
	write := func(resources string) {
		text := "steps:\n  fat: {run: 'head -c 300000000 /dev/zero | tail -c 250000000 | wc -c', resources: " + resources + "}\n"
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	write("{cpu: 0.5, memory: 64MiB}")
	o := u.run("run", file)
	require.Equal(t, 1, o.code)
	require.Contains(t, o.stdout+o.stderr, "out of memory, its limit is 64 MiB")
	write("{cpu: 99}")
	o = u.run("run", file)
	require.Equal(t, 2, o.code)
	require.Contains(t, o.stderr, "a call of fat needs 99 processors")
	require.Len(t, u.runs(), 1, "what is refused leaves no record")
	write("{cpu: 1, memory: 1GiB}")
	var report codeReport
	u.json(&report, "run", file)
	require.Equal(t, "succeeded", report.Status)
}
