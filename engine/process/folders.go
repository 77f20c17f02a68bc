package process

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dagscope/dagscope/engine/filelock"
)

const (
	lockName = "lock" // in the folder of a process
	keptName = "kept" // next to those, for folders that are kept
)

// Folders makes private working folders for commands: dir/PROCESS/NAME-RANDOM. Each process that uses dir has a folder of
// its own there with a lock, which ends with the process, so that the next one can remove what a killed one left. Its
// methods are safe for concurrent use.
type Folders struct {
	dir  string
	path string
	lock *os.File // nil where files cannot be locked; then nothing is removed for others
}

// OpenFolders creates dir if it is missing, and removes the folders of processes that have ended. The error is of the file
// system.
func OpenFolders(dir string) (*Folders, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := removeOldFolders(dir); err != nil {
		return nil, err
	}
	for {
		f := &Folders{dir: dir, path: filepath.Join(dir, rand.Text())}
		if err := os.Mkdir(f.path, 0o700); err != nil {
			return nil, err
		}
		err := f.takeLock()
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, filelock.ErrLocked) {
			return nil, errors.Join(err, os.RemoveAll(f.path))
		} // else another process was faster, and took it for one that was left
	}
}

// takeLock locks the folder of this process.
func (f *Folders) takeLock() error {
	lock, err := os.OpenFile(filepath.Join(f.path, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	switch err = filelock.Exclusive(lock); {
	case errors.Is(err, errors.ErrUnsupported):
		return lock.Close()
	case err == nil:
		err = filelock.StillNamed(lock)
	}
	if err != nil {
		return errors.Join(err, lock.Close())
	}
	f.lock = lock
	return nil
}

// removeOldFolders removes the folders of processes that have ended.
func removeOldFolders(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() && e.Name() != keptName {
			if err := removeOldFolder(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeOldFolder removes the folder of a process, unless the process lives.
func removeOldFolder(path string) error {
	lock, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		_ = os.Remove(path) // which it made at last, or makes now, as it will notice; or it is not ours
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	switch err := filelock.Exclusive(lock); {
	case errors.Is(err, filelock.ErrLocked), errors.Is(err, errors.ErrUnsupported):
		return nil
	case err != nil:
		return err
	}
	return removeWithLock(path)
}

// removeWithLock removes the folder of a process, the lock at last, so that a part is not left for ever.
func removeWithLock(path string) error {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // its process has removed it
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != lockName {
			if err := removeAll(filepath.Join(path, e.Name())); err != nil {
				return err
			}
		}
	}
	return os.RemoveAll(path)
}

// Close removes all folders that were not kept. No command may use one any more.
func (f *Folders) Close() error {
	err := removeWithLock(f.path)
	if f.lock != nil {
		err = errors.Join(err, f.lock.Close())
	}
	return err
}

// Folder is the working folder of one command, which only this user may read.
type Folder struct {
	Path string // absolute
	dir  string
}

// New makes an empty folder. The name is for people; characters that a file name should not have become dashes.
func (f *Folders) New(name string) (*Folder, error) {
	name = strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '_', r == '-':
			return r
		default:
			return '-'
		}
	}, name)
	path := filepath.Join(f.path, name[:min(len(name), maxFolderName)]+"-"+rand.Text())
	if err := os.Mkdir(path, 0o700); err != nil {
		return nil, err
	}
	return &Folder{Path: path, dir: f.dir}, nil
}

// maxFolderName leaves room for the random part, and for the path of a Unix socket in the folder, which is at most 108 bytes.
const maxFolderName = 32

// Remove removes the folder with all that is in it, also what the command has made unwritable. A folder that does not exist
// is no error.
func (f *Folder) Remove() error { return removeAll(f.Path) }

// Keep moves the folder to where it stays until it is removed by hand, and returns its new path.
func (f *Folder) Keep() (string, error) {
	kept := filepath.Join(f.dir, keptName)
	if err := os.MkdirAll(kept, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(kept, filepath.Base(f.Path))
	if err := os.Rename(f.Path, path); err != nil {
		return "", err
	}
	f.Path = path
	return path, nil
}

// removeAll removes a tree, if necessary after making its folders writable.
func removeAll(path string) error {
	if os.RemoveAll(path) == nil {
		return nil
	}
	_ = filepath.WalkDir(path, func(path string, e fs.DirEntry, err error) error {
		if e == nil || !e.IsDir() {
			return nil
		}
		if err == nil { // before its entries are read
			return os.Chmod(path, 0o700)
		}
		return nil
	})
	if err := os.RemoveAll(path); err != nil {
		return fmt.Errorf("a working folder is not removed: %w", err)
	}
	return nil
}
