//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package filelock

import (
	"errors"
	"os"
	"syscall"
)

// Exclusive locks an open file against all others, or fails with ErrLocked. A shared lock that the file has is replaced;
// other processes may get a lock in between.
func Exclusive(f *os.File) error { return lock(f, syscall.LOCK_EX) }

// Shared locks an open file against exclusive locks, or fails with ErrLocked. An exclusive lock that the file has is
// replaced; other processes may get a lock in between.
func Shared(f *os.File) error { return lock(f, syscall.LOCK_SH) }

// Unlock releases a lock that closing the file would not, because the file is mapped.
func Unlock(f *os.File) { _ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }

func lock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return ErrLocked
		case !errors.Is(err, syscall.EINTR):
			return &os.PathError{Op: "lock", Path: f.Name(), Err: err}
		}
	}
}
