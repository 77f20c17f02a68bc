//go:build unix

package worker

import (
	"syscall"
	"time"
)

// usage is what the process has used so far.
type usage struct {
	cpu         time.Duration
	memoryBytes int64 // its peak
}

func readUsage() usage {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return usage{}
	}
	return usage{cpu: time.Duration(r.Utime.Nano() + r.Stime.Nano()), memoryBytes: int64(r.Maxrss) * 1024}
}
