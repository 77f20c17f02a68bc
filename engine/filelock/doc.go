// Package filelock lets processes agree on who may use something that is named by a file. A lock belongs to an open
// file, so that goroutines which open the file twice exclude each other as processes do.
//
// A lock ends when its file is closed or its process dies, however it dies; none is ever left over. Nothing here waits:
// a caller that wants to has its own deadline and its own pace. A call costs one system call.
//
// Caveats: locks bind only those who ask for them. A file that is mapped stays locked after Close until it is unmapped,
// unless Unlock is called. A file that is removed while others wait for it is locked by its last holders only: whoever
// removes lock files has to check after locking that the name still belongs to the file (StillNamed). Network file systems may lock
// within one machine only. On platforms without flock every call fails with an error that is errors.ErrUnsupported.
package filelock

import (
	"errors"
	"io/fs"
	"os"
)

// ErrLocked means that another open file has a lock that excludes the one asked for.
var ErrLocked = errors.New("filelock: locked by another process")

// StillNamed checks that the name of an open file or folder is still its own; the error wraps fs.ErrNotExist if it was
// removed, or made anew, since it was opened.
func StillNamed(f *os.File) error {
	open, err := f.Stat()
	if err != nil {
		return err
	}
	named, err := os.Stat(f.Name())
	if err != nil {
		return err
	}
	if !os.SameFile(open, named) {
		return fs.ErrNotExist
	}
	return nil
}
