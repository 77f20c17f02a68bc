package process

import (
	"os"
	"syscall"
)

// newPipe makes a pipe for what a command prints. os.Pipe would prepare the command's end for this process too, which only
// hands it on: twice as many system calls, and another thread wakes up because one can write to it.
func newPipe() (ours, theirs *os.File, err error) {
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC); err != nil {
		return nil, nil, os.NewSyscallError("pipe2", err)
	}
	theirs = os.NewFile(uintptr(ends[1]), "|1") // which blocks
	if err := syscall.SetNonblock(ends[0], true); err != nil {
		_, _ = syscall.Close(ends[0]), theirs.Close()
		return nil, nil, os.NewSyscallError("setnonblock", err)
	}
	return os.NewFile(uintptr(ends[0]), "|0"), theirs, nil
}
