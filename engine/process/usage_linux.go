package process

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

// snapshot returns what a running process has used, with the children that it waited for.
func snapshot(pid int) (Usage, error) {
	u := unknownUsage()
	stat, err := readStat(pid)
	if err != nil {
		return u, err
	}
	u.User, u.System = splitTime(cpuTime(pid), stat.user, stat.system)
	u.User += stat.childUser
	u.System += stat.childSystem
	u.PeakMemory = memoryOf(pid).peak
	readBytes(&u, pid)
	return u, nil
}

// resetPeak begins the peak of memory of a process again with what it uses now.
func resetPeak(pid int) error {
	return os.WriteFile("/proc/"+strconv.Itoa(pid)+"/clear_refs", []byte("5"), 0)
}

// readBytes sets how many bytes a process read and wrote, which is known until it is reaped.
func readBytes(u *Usage, pid int) {
	text, err := readFile("/proc/" + strconv.Itoa(pid) + "/io")
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

// stat is what /proc/PID/stat says. Its times are multiples of tick.
type stat struct {
	state                  byte
	group                  int
	user, system           time.Duration
	childUser, childSystem time.Duration // of children that it waited for
}

// tick is the unit of times there, which is the same on all machines (USER_HZ).
const tick = 10 * time.Millisecond

// readStat reads /proc/PID/stat, see proc_pid_stat(5).
func readStat(pid int) (stat, error) {
	text, err := readFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return stat{}, err
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:]) // the name before may have spaces
	if len(fields) < 15 {
		return stat{}, errors.New("process: /proc/PID/stat has too few fields")
	}
	number := func(i int) int {
		n, _ := strconv.Atoi(string(fields[i]))
		return n
	}
	times := func(i int) time.Duration { return time.Duration(number(i)) * tick }
	return stat{
		state: fields[0][0], group: number(2),
		user: times(11), system: times(12), childUser: times(13), childSystem: times(14),
	}, nil
}

// cpuTime returns the time that all threads of a process have run, in nanoseconds where stat has ticks; 0 if unknown.
func cpuTime(pid int) time.Duration {
	const scheduled = 2                 // CPUCLOCK_SCHED of the kernel
	clock := int32(^pid)<<3 | scheduled // what clock_getcpuclockid(3) returns
	var t syscall.Timespec
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(clock), uintptr(unsafe.Pointer(&t)), 0); errno != 0 {
		return 0
	}
	return time.Duration(t.Nano())
}

// splitTime divides a total like the ticks, which it replaces if it is known.
func splitTime(total, user, system time.Duration) (time.Duration, time.Duration) {
	if total == 0 {
		return user, system
	}
	if user+system == 0 {
		return total, 0
	}
	s := time.Duration(float64(total) * float64(system) / float64(user+system))
	return total - s, s
}

// readFile reads a small file of the kernel. os.ReadFile makes three times as many system calls, since it prepares to wait
// for data.
func readFile(path string) ([]byte, error) {
	file, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer syscall.Close(file)
	for text := make([]byte, 0, 2048); ; text = slices.Grow(text, cap(text)) {
		for len(text) < cap(text) {
			n, err := syscall.Read(file, text[len(text):cap(text)])
			if err != nil && err != syscall.EINTR {
				return nil, &os.PathError{Op: "read", Path: path, Err: err}
			}
			if n == 0 && err == nil {
				return text, nil
			}
			text = text[:len(text)+max(0, n)]
		}
	}
}
