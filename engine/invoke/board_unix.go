//go:build unix

package invoke

import (
	"os"
	"syscall"
)

// mapShared maps a file into memory, shared with all processes that map it.
func mapShared(file *os.File, size int) ([]byte, error) {
	memory, err := syscall.Mmap(int(file.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	return memory, os.NewSyscallError("mmap", err)
}

func unmap(memory []byte) error { return os.NewSyscallError("munmap", syscall.Munmap(memory)) }
