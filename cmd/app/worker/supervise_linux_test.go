package worker

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/redistest"
)

// childrenOf lists the living children of a process.
func childrenOf(t *testing.T, parent int) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	var children []int
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // state, parent, …
		if fields[0] == "Z" || fields[1] != strconv.Itoa(parent) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		require.NoError(t, err)
		children = append(children, pid)
	}
	return children
}

// alive reports whether a process exists and is not a zombie.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// heirs are the processes that tasks have left running, as they printed.
func heirs(stderr *printed) []int {
	var pids []int
	for line := range strings.Lines(stderr.String()) {
		var pid int
		if n, _ := fmt.Sscanf(line, "heir %d", &pid); n == 1 {
			pids = append(pids, pid)
		}
	}
	return pids
}

// TestSupervisedDeaths: a task that takes its process down is given up after three, and the record of each attempt
// reports how it died.
func TestSupervisedDeaths(t *testing.T) {
	server := redistest.Start(t)
	args := []string{"--children", "2", "--name", "machine"}
	if !raceEnabled {
		args = append(args, "--memory", "256MiB")
	}
	p := start(t, server, args...)
	e, kept := submitter(t, server, nil)
	for _, c := range []struct {
		how, signal    string
		code           int
		message, stack string
	}{
		{how: "exit", code: 7, message: "exited with code 7", stack: "famous last words"},
		{how: "panic", code: 2, message: "panic: in a goroutine", stack: "goroutine "},
		{how: "kill", signal: "killed", message: "ended by the signal: killed"},
		{how: "memory", code: 2, message: "(out of|cannot allocate) memory|pthread_create failed", stack: "runtime"},
		{how: "grandchild", code: 1, message: "exited with code 1", stack: "heir "},
	} {
		t.Run(c.how, func(t *testing.T) {
			if raceEnabled && c.how == "memory" {
				t.Skip("the race detector's own memory would count")
			}
			began := time.Now()
			r := submit(t, e, "deadly", map[string]string{"how": c.how})
			_, err := wait(t, r)
			var failed *engine.RunError
			require.ErrorAs(t, err, &failed)
			require.NotNil(t, failed.First)
			assert.Equal(t, record.PoisonError, failed.First.Kind)
			assert.Less(t, time.Since(began), 14*time.Second, "no lease had to run out")
			died := kept.of(t, r, record.WorkerLostError)
			require.Len(t, died, 3)
			for _, d := range died {
				assert.Equal(t, "die", d.Task)
				assert.Equal(t, c.code, d.ExitCode)
				assert.Equal(t, c.signal, d.Signal)
				assert.Regexp(t, c.message, d.Message)
				assert.Contains(t, d.Stack, c.stack)
				assert.Regexp(t, `^machine:\d+$`, d.Worker)
			}
		})
	}
	v, err := wait(t, submit(t, e, "squares", nil))
	require.NoError(t, err)
	assert.Equal(t, 285, v, "the machine works on")
	var left []int
	require.Eventually(t, func() bool {
		left = childrenOf(t, p.cmd.Process.Pid)
		return len(left) == 2
	}, patience, 10*time.Millisecond, "both are started again")
	grandchildren := heirs(&p.stderr)
	assert.Len(t, grandchildren, 3)
	left = append(left, grandchildren...)
	assert.Zero(t, p.stops())
	for _, pid := range left {
		assert.False(t, alive(pid), "process %d is left", pid)
	}
}

// TestSupervisorThatIsKilled: its children end, and other workers continue the run.
func TestSupervisorThatIsKilled(t *testing.T) {
	server := redistest.Start(t)
	p := start(t, server, "--children", "2")
	e, _ := submitter(t, server, nil)
	r := submit(t, e, "squares", map[string]string{"n": "30", "ms": "50"})
	require.Eventually(t, func() bool { return r.Progress().Done >= 4 }, patience, 5*time.Millisecond)
	children := childrenOf(t, p.cmd.Process.Pid)
	require.Len(t, children, 2)
	require.NoError(t, p.cmd.Process.Kill())
	p.ends()
	for _, pid := range children {
		require.Eventually(t, func() bool { return !alive(pid) }, patience, 10*time.Millisecond)
	}
	other := start(t, server)
	v, err := wait(t, r)
	require.NoError(t, err)
	assert.Equal(t, 8555, v)
	assert.Zero(t, other.stops())
}

func TestSecondSignalKillsChildren(t *testing.T) {
	server := redistest.Start(t)
	p := start(t, server, "--children", "1")
	e, _ := submitter(t, server, nil)
	r := submit(t, e, "squares", map[string]string{"n": "1", "ms": "600000"})
	require.Eventually(t, func() bool { return r.Progress().Running == 1 }, patience, 5*time.Millisecond)
	children := childrenOf(t, p.cmd.Process.Pid)
	require.Len(t, children, 1)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.over:
		require.FailNow(t, "it did not wait for what it executes")
	case <-time.After(300 * time.Millisecond):
	}
	began := time.Now()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	assert.Equal(t, 128+int(syscall.SIGTERM), p.ends())
	assert.Less(t, time.Since(began), 2*KillTime)
	assert.False(t, alive(children[0]))
}

func TestMemoryLimitIsForEachProcess(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector's own memory would count")
	}
	server := redistest.Start(t)
	p := start(t, server, "--memory", "256MiB")
	e, _ := submitter(t, server, nil)
	submit(t, e, "deadly", map[string]string{"how": "memory"})
	assert.Equal(t, 2, p.ends())
	assert.Regexp(t, "(out of|cannot allocate) memory|pthread_create failed", p.stderr.String(), "rarely it is a thread that has no room")
}

// TestMemoryLimitThatIsTooLate: a process that already has more memory than its limit reports that, instead of failing at random.
func TestMemoryLimitThatIsTooLate(t *testing.T) {
	assert.ErrorContains(t, fits(4096), "expected less than the limit")
	assert.NoError(t, fits(1<<62))
}

func TestChildWithoutParent(t *testing.T) {
	cmd := exec.Command(os.Args[0], "--redis", "redis://127.0.0.1:1", "--child")
	cmd.Env = append(os.Environ(), roleVariable+"=worker")
	out, err := cmd.CombinedOutput()
	var ended *exec.ExitError
	require.ErrorAs(t, err, &ended)
	assert.Equal(t, exitUsage, ended.ExitCode())
	assert.Contains(t, string(out), "--child is only for processes started by --children")
}
