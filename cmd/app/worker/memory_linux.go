package worker

import (
	"bytes"
	"fmt"
	"os"
	"runtime/debug"
	"syscall"
)

// limitMemory makes the kernel refuse this process and its children more memory than the limit. A Go program then ends with
// the stack of the allocation, which is more helpful than a kill. The limit is on private writable memory (RLIMIT_DATA in
// getrlimit(2)): RLIMIT_AS would include what the runtime reserves and never touches. Where cgo is linked in, it counts the
// whole stack of each thread, usually 8 MiB; so near the limit a process may also end because a thread cannot be had. The
// garbage collector runs more often above four fifths of the limit.
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

// fits checks that the process has less memory than the limit, because otherwise its next allocation would end it.
func fits(limit Size) error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil // the next allocation fails
	}
	_, rest, _ := bytes.Cut(status, []byte("\nVmData:"))
	var kib int64
	if _, err := fmt.Fscan(bytes.NewReader(rest), &kib); err == nil && kib >= int64(limit>>10) {
		return fmt.Errorf("--memory: this process has %d MiB already, expected less than the limit; a program built with -race cannot be limited",
			kib>>10)
	}
	return nil
}
