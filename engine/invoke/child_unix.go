//go:build unix

package invoke

import (
	"os"
	"runtime"
	"syscall"
	"time"
)

// supported is whether this system has what a Supervisor needs.
const supported = true

const terminate = syscall.SIGTERM

// killGroup kills all processes of a group.
func killGroup(leader int) { _ = syscall.Kill(-leader, syscall.SIGKILL) }

// orphanWait is how long reapGroup waits for the orphans of a killed group to end, which takes long on a busy machine.
const orphanWait = 2 * time.Second

// reapGroup waits for the orphans of a killed group. They are children of this process if it is the init process of a
// container or a child subreaper; without a wait they would stay zombies.
func reapGroup(leader int) {
	for end := time.Now().Add(orphanWait); time.Now().Before(end); {
		pid, err := syscall.Wait4(-leader, nil, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR, pid > 0:
		case err != nil:
			return // none are left, or none are children of this process
		default:
			time.Sleep(time.Millisecond)
		}
	}
}

// duplicate duplicates a file descriptor.
func duplicate(file int) (*os.File, error) {
	syscall.ForkLock.RLock() // a program that is started now would inherit it
	defer syscall.ForkLock.RUnlock()
	other, err := syscall.Dup(file)
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	syscall.CloseOnExec(other)
	return os.NewFile(uintptr(other), "board"), nil
}

// closeOnExec keeps programs that this process starts from inheriting a descriptor.
func closeOnExec(file int) { syscall.CloseOnExec(file) }

// ending returns how a process ended: with an exit code, or by a signal.
func ending(state *os.ProcessState) (code int, signal string) {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 0, status.Signal().String()
	}
	return state.ExitCode(), ""
}

// peakMemory returns the largest resident set of a process in bytes, 0 if unknown.
func peakMemory(state *os.ProcessState) int64 {
	used, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return int64(used.Maxrss)
	}
	return int64(used.Maxrss) << 10
}
