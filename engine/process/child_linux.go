package process

import (
	"os"
	"slices"
	"strconv"
	"syscall"
	"unsafe"
)

// awaitEnd waits for the end of a process, calls atEnd while its number is still its own, and reaps it.
func awaitEnd(child *os.Process, atEnd func()) (*os.ProcessState, error) {
	const byPID = 1    // P_PID of waitid(2)
	var info [128]byte // a siginfo_t
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, byPID, uintptr(child.Pid), uintptr(unsafe.Pointer(&info)),
			syscall.WEXITED|syscall.WNOWAIT, 0, 0)
		if errno != syscall.EINTR {
			break // an error is one of Wait too
		}
	}
	atEnd()
	return child.Wait()
}

// groupRuns is whether a process of a group runs. One that has ended stays in its group until it is reaped, for which some
// init processes need seconds, and which those of many containers never do.
func groupRuns(leader int) bool {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return true // as far as is known
	}
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			return false
		}
		p, err := readStat(pid)
		return err == nil && p.group == leader && p.state != 'Z' && p.state != 'X'
	})
}
