//go:build !unix

package process

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

const reapWait = 0

func attributes() *syscall.SysProcAttr { return nil }

func startProgram(program string, args []string, attr *os.ProcAttr) (*os.Process, error) {
	return os.StartProcess(program, args, attr)
}

// program searches the PATH of this process: how names are completed is known to the standard library alone.
func (c *Command) program() (string, error) {
	path, err := exec.LookPath(c.Args[0])
	if err != nil {
		return "", &StartError{Program: c.Args[0], Err: err}
	}
	return path, nil
}

func (c *Command) diagnose(_ string, err error) error {
	info, problem := os.Stat(c.Dir)
	if c.Dir != "" && problem != nil {
		return fmt.Errorf("its working folder: %w", problem)
	}
	if c.Dir != "" && !info.IsDir() {
		return fmt.Errorf("its working folder %s is no folder", c.Dir)
	}
	return err
}

// KillGroup does nothing: there are no process groups.
func KillGroup(int) {}

// ReapGroup does nothing.
func ReapGroup(int) {}

// killGroup kills the process alone.
func killGroup(leader *os.Process) { _ = leader.Kill() }

// terminateGroup kills the process: it cannot be asked to end.
func terminateGroup(leader *os.Process) { _ = leader.Kill() }

func awaitGroup(int, time.Duration) {}

func awaitEnd(child *os.Process, atEnd func()) (*os.ProcessState, error) {
	state, err := child.Wait()
	atEnd()
	return state, err
}

// Ending returns the exit code of a process; there are no signals.
func Ending(state *os.ProcessState) (code int, signal string) { return state.ExitCode(), "" }

// PeakMemory is unknown.
func PeakMemory(*os.ProcessState) int64 { return -1 }

func addTimes(u *Usage, state *os.ProcessState) {
	u.User, u.System = state.UserTime(), state.SystemTime()
}

// guard does nothing: no command is killed when this process ends.
var guard guardian

type guardian struct{}

func (guardian) add(int) {}

func (guardian) remove(int) {}
