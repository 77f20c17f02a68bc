//go:build unix

package invoke

import (
	"os"
	"syscall"
)

// mapShared maps a file into memory, so that whatever is written is seen by all who do the same.
func mapShared(file *os.File, size int) ([]byte, error) {
	memory, err := syscall.Mmap(int(file.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	return memory, os.NewSyscallError("mmap", err)
}

func unmap(memory []byte) error { return os.NewSyscallError("munmap", syscall.Munmap(memory)) }
