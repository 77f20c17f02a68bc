//go:build unix

package invoke

import (
	"os"
	"syscall"
)

// supported is whether this system has what a Supervisor needs.
const supported = true

const terminate = syscall.SIGTERM

// duplicate duplicates a file descriptor.
func duplicate(file int) (*os.File, error) {
	syscall.ForkLock.RLock() // a program that is started now would inherit it
	defer syscall.ForkLock.RUnlock()
	other, err := syscall.Dup(file)
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	syscall.CloseOnExec(other)
	return os.NewFile(uintptr(other), "board"), nil
}

// closeOnExec keeps programs that this process starts from inheriting a descriptor.
func closeOnExec(file int) { syscall.CloseOnExec(file) }
