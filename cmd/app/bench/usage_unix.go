//go:build unix

package bench

import (
	"syscall"
	"time"
)

// processorTime is what the process has used so far, in all its threads.
func processorTime() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
