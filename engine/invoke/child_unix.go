//go:build unix

package invoke

import (
	"os"
	"runtime"
	"syscall"
	"time"
)

// supported: this system has what a Supervisor needs.
const supported = true

const terminate = syscall.SIGTERM

// killGroup kills the processes of a group, if there are any.
func killGroup(leader int) { _ = syscall.Kill(-leader, syscall.SIGKILL) }

// orphanWait is how long the orphans of a killed group are waited for: a busy machine takes its time to end them.
const orphanWait = 2 * time.Second

// reapGroup asks how the orphans of a killed group have ended, which are this process's where it is the first one of a
// container, or has asked for them: nobody else would, and they would be listed for ever.
func reapGroup(leader int) {
	for end := time.Now().Add(orphanWait); time.Now().Before(end); {
		pid, err := syscall.Wait4(-leader, nil, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR, pid > 0:
		case err != nil:
			return // there are none
		default:
			time.Sleep(time.Millisecond)
		}
	}
}

// duplicate opens once more what a number stands for.
func duplicate(file int) (*os.File, error) {
	syscall.ForkLock.RLock() // else a program that is started now would get it
	defer syscall.ForkLock.RUnlock()
	other, err := syscall.Dup(file)
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	syscall.CloseOnExec(other)
	return os.NewFile(uintptr(other), "board"), nil
}

// keepFromHeirs sees to it that programs which this process starts do not get the file.
func keepFromHeirs(file int) { syscall.CloseOnExec(file) }

// ending tells how a process ended: by a code, or by a signal.
func ending(state *os.ProcessState) (code int, signal string) {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 0, status.Signal().String()
	}
	return state.ExitCode(), ""
}

// peakMemory is in bytes, 0 where it is not known.
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
