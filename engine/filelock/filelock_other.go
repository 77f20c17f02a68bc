//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package filelock

import (
	"errors"
	"os"
)

// Exclusive fails: this platform has no flock.
func Exclusive(f *os.File) error { return unsupported(f) }

// Shared fails: this platform has no flock.
func Shared(f *os.File) error { return unsupported(f) }

// Unlock does nothing.
func Unlock(*os.File) {}

func unsupported(f *os.File) error {
	return &os.PathError{Op: "lock", Path: f.Name(), Err: errors.ErrUnsupported}
}
