//go:build unix

package bench

import (
	"syscall"
	"time"
)

// ProcessorTime is what this process has used of processors so far, in all its threads.
func ProcessorTime() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
