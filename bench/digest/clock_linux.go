package digest

import (
	"syscall"
	"time"
	"unsafe"
)

// cpuTime is the CPU time that this thread has taken.
func cpuTime() time.Duration {
	const threadCPUTime = 3 // CLOCK_THREAD_CPUTIME_ID of clock_gettime(2)
	var now syscall.Timespec
	_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, threadCPUTime, uintptr(unsafe.Pointer(&now)), 0)
	if errno != 0 {
		panic("bench: clock_gettime must know CLOCK_THREAD_CPUTIME_ID: " + errno.Error())
	}
	return time.Duration(now.Nano())
}
