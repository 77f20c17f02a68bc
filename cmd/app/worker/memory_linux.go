package worker

import (
	"fmt"
	"runtime/debug"
	"syscall"
)

// limitMemory has the kernel refuse this process, and each that it starts, more memory than this. A Go program then
// ends with the stack of whatever asked for it, which tells more than a kill. What counts is writable memory of its own
// (RLIMIT_DATA in getrlimit(2)): RLIMIT_AS would count what the runtime reserves and never touches. The collector works
// harder from four fifths on.
func limitMemory(limit Size) error {
	bytes := uint64(limit)
	if err := syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: bytes, Max: bytes}); err != nil {
		return fmt.Errorf("--memory: %w", err)
	}
	debug.SetMemoryLimit(int64(limit / 5 * 4))
	return nil
}
