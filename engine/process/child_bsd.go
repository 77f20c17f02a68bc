//go:build unix && !linux

package process

import (
	"os"
	"syscall"
)

// attributes puts a command into a group of its own.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// awaitEnd waits for the end of a process, reaps it, and calls atEnd. Its number, by which its group is killed then, is not
// given again within moments.
func awaitEnd(child *os.Process, atEnd func()) (*os.ProcessState, error) {
	state, err := child.Wait()
	atEnd()
	return state, err
}

// groupRuns is true: only the signal 0 says more here.
func groupRuns(int) bool { return true }
