package process

import (
	"fmt"
	"os"
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

func TestNothingIsLeftWhenThisProcessIsKilled(t *testing.T) {
	lines := newLineLog()
	c := played(t, "run", "sh", "-c", `echo "command $$"; exec sleep 1000`)
	c.Lines = lines.add
	p, err := Start(t.Context(), c)
	require.NoError(t, err)
	command := number(t, lines.await(t, "command "))
	assert.True(t, lives(command))
	require.NoError(t, p.Signal(syscall.SIGKILL)) // not its group: the command has one of its own
	_, err = p.Wait()
	require.EqualError(t, err, "ended by the signal: killed")
	requireEnds(t, command)
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
