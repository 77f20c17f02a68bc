package worker

import (
	"bytes"
	"fmt"
	"os"
	"runtime/debug"
	"syscall"
)

// limitMemory has the kernel refuse this process, and each that it starts, more memory than this. A Go program then
// ends with the stack of whatever asked for it, which tells more than a kill. What counts is writable memory of its own
// (RLIMIT_DATA in getrlimit(2)): RLIMIT_AS would count what the runtime reserves and never touches. The collector works
// harder from four fifths on.
func limitMemory(limit Size) error {
	if err := fits(limit); err != nil {
		return err
	}
	most := uint64(limit)
	if err := syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
		return fmt.Errorf("--memory: %w", err)
	}
	debug.SetMemoryLimit(int64(limit / 5 * 4))
	return nil
}

// fits checks that the process does not have as much already, or whatever it does next would end it.
func fits(limit Size) error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil // the kernel will tell
	}
	_, rest, _ := bytes.Cut(status, []byte("\nVmData:"))
	var kib int64
	if _, err := fmt.Fscan(bytes.NewReader(rest), &kib); err == nil && kib >= int64(limit>>10) {
		return fmt.Errorf("--memory: this process has %d MiB already, expected less than the limit; what is built with -race cannot be bounded",
			kib>>10)
	}
	return nil
}
