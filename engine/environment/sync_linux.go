package environment

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncDisk waits until everything on the file system of a folder is on disk. An environment has thousands of files, for
// each of which a call of its own would wait once. Space that the file system had promised and does not have is an
// error here.
func syncDisk(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(os.NewSyscallError("syncfs", unix.Syncfs(int(f.Fd()))), f.Close())
}
