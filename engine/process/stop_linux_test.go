package process

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCommandOutlivesTheThreadThatAskedForIt: the kernel kills a command when the thread that started it ends.
func TestCommandOutlivesTheThreadThatAskedForIt(t *testing.T) {
	theirs, ours, err := os.Pipe()
	require.NoError(t, err)
	defer theirs.Close()
	c := shell("read line; echo $line")
	c.Stdin = theirs
	var p *Process
	thread := onOwnThread(func() { p, err = Start(t.Context(), c) })
	require.NoError(t, err)
	requireThreadEnds(t, thread)
	_, err = ours.WriteString("alive\n")
	require.NoError(t, err)
	require.NoError(t, ours.Close())
	result, err := p.Wait()
	require.NoError(t, err)
	assert.Equal(t, "alive\n", result.Tail)
}

// TestNothingIsLeftWhenThisProcessIsKilled: neither the command, which the kernel kills, nor what it started.
func TestNothingIsLeftWhenThisProcessIsKilled(t *testing.T) {
	withoutGroups(t) // otherwise the killed process and all below it are killed here
	lines := newLineLog()
	c := played(t, "run", "sh", "-c", `sleep 1000 & echo "child $!"; echo "command $$"; sleep 1000`)
	c.Lines = lines.add
	p, err := Start(t.Context(), c)
	require.NoError(t, err)
	child, command := number(t, lines.await(t, "child ")), number(t, lines.await(t, "command "))
	assert.True(t, lives(command))
	assert.True(t, lives(child))
	require.NoError(t, p.Signal(syscall.SIGKILL)) // not its group: the command has one of its own
	_, err = p.Wait()
	require.EqualError(t, err, "ended by the signal: killed")
	requireEnds(t, command)
	requireEnds(t, child)
}

// TestGuardianThatWasKilled is replaced, and knows all commands.
func TestGuardianThatWasKilled(t *testing.T) {
	g := guardian{cgroup: func() string { return "" }}
	leader := func() *exec.Cmd {
		c := exec.Command("sleep", "1000")
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		require.NoError(t, c.Start())
		return c
	}
	first, second, third := leader(), leader(), leader()
	g.add(first.Process.Pid)
	g.add(second.Process.Pid)
	shell := g.shell
	require.NoError(t, shell.Kill())
	requireEnds(t, shell.Pid)
	g.add(third.Process.Pid)
	g.remove(first.Process.Pid)
	assert.NotEqual(t, shell, g.shell)
	require.NoError(t, g.pipe.Close()) // as if this process had ended
	require.EqualError(t, second.Wait(), "signal: killed")
	require.EqualError(t, third.Wait(), "signal: killed")
	assert.True(t, lives(first.Process.Pid))
	require.NoError(t, first.Process.Kill())
	_ = first.Wait()
	_, err := g.shell.Wait()
	require.NoError(t, err)
}

// TestOutputHeldOpenOutsideTheGroup: without a cgroup, such a process is neither found nor waited for.
func TestOutputHeldOpenOutsideTheGroup(t *testing.T) {
	leave := func(t *testing.T) int {
		lines := newLineLog()
		c := shell(`setsid sh -c 'echo "left $$"; exec sleep 1000' & while ! [ -e done ]; do sleep 0.01; done`)
		c.Lines, c.Dir = lines.add, t.TempDir()
		p, err := Start(t.Context(), c)
		require.NoError(t, err)
		left := number(t, lines.await(t, "left "))
		require.NoError(t, os.WriteFile(c.Dir+"/done", nil, 0o600))
		_, err = p.Wait()
		require.NoError(t, err)
		return left
	}
	t.Run("without a cgroup", func(t *testing.T) {
		withoutGroups(t)
		left := leave(t)
		assert.True(t, lives(left))
		require.NoError(t, syscall.Kill(left, syscall.SIGKILL))
	})
	t.Run("with a cgroup", func(t *testing.T) {
		requireGroups(t)
		requireEnds(t, leave(t))
	})
}

// withoutGroups is for tests of what happens where no cgroup can be made.
func withoutGroups(t *testing.T) {
	t.Helper()
	had := groups
	groups = func() *groupFolder { return nil }
	t.Cleanup(func() { groups = had })
}

// requireGroups skips a test where no cgroup can be made.
func requireGroups(t *testing.T) {
	t.Helper()
	if groups() == nil {
		t.Skip("this process may not make a cgroup of version 2")
	}
}

// onOwnThread calls do on a thread that ends afterwards, and returns its number.
func onOwnThread(do func()) int {
	number := make(chan int)
	go func() {
		runtime.LockOSThread() // and no unlocking: the thread ends with the goroutine
		if syscall.Gettid() == os.Getpid() {
			number <- onOwnThread(do) // the first thread does not end, and while it is locked this is another one
			return
		}
		do()
		number <- syscall.Gettid()
	}()
	return <-number
}

func requireThreadEnds(t *testing.T, id int) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", id))
		return os.IsNotExist(err)
	}, patience, time.Millisecond)
}
