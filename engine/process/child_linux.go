package process

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"syscall"
	"unsafe"
)

// attributes puts a command into a group of its own, and has the kernel kill it when the thread that started it ends, as it
// does with this process.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

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

// readBytes sets how many bytes a process read and wrote, which is known until it is reaped.
func readBytes(u *Usage, pid int) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/io")
	if err != nil {
		return
	}
	for line := range bytes.Lines(text) {
		name, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(": "))
		n, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil {
			continue
		}
		switch string(name) {
		case "rchar":
			u.ReadBytes = n
		case "wchar":
			u.WrittenBytes = n
		}
	}
}

// groupRuns is whether a process of a group runs. One that has ended stays in its group until it is reaped, for which some
// init processes need seconds, and which those of many containers never do.
func groupRuns(leader int) bool {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return true // as far as is known
	}
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			return false // no process, or it has ended
		}
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]) // state, parent, group; a name may have spaces
		return len(fields) > 2 && string(fields[2]) == strconv.Itoa(leader) && fields[0][0] != 'Z' && fields[0][0] != 'X'
	})
}
