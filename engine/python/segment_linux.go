package python

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// seals keep the size and the bytes of a segment as they are, for all who have its descriptor.
const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE

// createMemory creates a file in memory.
func createMemory() (*os.File, error) {
	fd, err := unix.MemfdCreate("dagscope", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	return os.NewFile(uintptr(fd), "segment"), nil
}

func seal(file *os.File) error {
	_, err := unix.FcntlInt(file.Fd(), unix.F_ADD_SEALS, seals)
	return os.NewSyscallError("fcntl", err)
}

// checkSealed refuses a file that another process could still change or shorten, which would kill a reader that has
// mapped it.
func checkSealed(file *os.File) error {
	has, err := unix.FcntlInt(file.Fd(), unix.F_GET_SEALS, 0)
	if err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	if has&seals != seals {
		return fmt.Errorf("the seals %#x, expected %#x", has, seals)
	}
	return nil
}
