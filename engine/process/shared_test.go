//go:build unix

package process

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// play is what this program does as a command of a test.
func play(role string, args []string) {
	switch role {
	case "run": // the arguments as a command, until this process is killed
		_, err := Run(context.Background(), Command{Args: args, Env: testEnv(), Stdout: os.Stdout})
		fmt.Fprintln(os.Stderr, err)
	case "folder": // in the one of the argument, until this process is killed
		folders, err := OpenFolders(args[0])
		if err == nil {
			f, problem := folders.New("x")
			fmt.Println("made", f.Path, problem)
		}
		<-time.After(time.Hour)
	case "touch": // as many MiB, until the end of the input
		touch(args[0])
		fmt.Println("touched", ownPeak())
		_, _ = io.Copy(io.Discard, os.Stdin)
	case "release": // as many MiB, once they were touched
		fmt.Println("released", syscall.Munmap(touch(args[0])))
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
}

// touch returns as many MiB that are used, outside the heap, which is several times as large with a race detector.
func touch(mib string) []byte {
	size, err := strconv.Atoi(mib)
	if err != nil {
		panic(err)
	}
	memory, err := syscall.Mmap(-1, 0, size<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic(err)
	}
	for i := 0; i < len(memory); i += os.Getpagesize() {
		memory[i] = 1
	}
	return memory
}

// played is a command that plays a role.
func played(t *testing.T, role string, args ...string) Command {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	return Command{Args: append([]string{program, "play:" + role}, args...), Env: testEnv()}
}

// shell is a command that executes a script.
func shell(script string, args ...string) Command {
	return Command{Args: append([]string{"sh", "-c", script, "sh"}, args...), Env: testEnv()}
}

func testEnv() []string { return Environment([]string{"PATH"}, nil) }

// lineLog keeps the lines of a command, and waits for them.
type lineLog struct {
	mu    sync.Mutex
	lines []Line
	more  chan struct{} // closed and made again with each line
}

func newLineLog() *lineLog { return &lineLog{more: make(chan struct{})} }

func (l *lineLog) add(line Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	close(l.more)
	l.more = make(chan struct{})
}

func (l *lineLog) all() []Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines
}

// await returns the rest of the first line that begins so.
func (l *lineLog) await(t *testing.T, prefix string) string {
	t.Helper()
	deadline := time.After(patience)
	for {
		l.mu.Lock()
		lines, more := l.lines, l.more
		l.mu.Unlock()
		for _, line := range lines {
			if rest, ok := strings.CutPrefix(line.Text, prefix); ok {
				return rest
			}
		}
		select {
		case <-more:
		case <-deadline:
			require.FailNow(t, "no such line", "expected one that begins with %q, got %v", prefix, lines)
		}
	}
}

// patience is how long tests wait for what has to happen soon.
const patience = 30 * time.Second

// requireEnds waits for the end of a process that is no child of this one.
func requireEnds(t *testing.T, pid int) {
	t.Helper()
	require.Eventually(t, func() bool { return !lives(pid) }, patience, time.Millisecond, "process %d still lives", pid)
}

// lives is whether a process runs; a zombie does not.
func lives(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return syscall.Kill(pid, 0) == nil && !os.IsNotExist(err)
	}
	return !strings.HasPrefix(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " Z")
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(text))
	require.NoError(t, err)
	return n
}
