package python

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// unpackPackage writes the package below a folder, in one that is named after its content, unless that is there; or into a
// temporary one if the folder is "", which remove removes.
func unpackPackage(from fs.FS, folder string) (unpacked string, remove func(), err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("python: the package cannot be unpacked: %w", err)
		}
	}()
	if folder == "" {
		if unpacked, err = os.MkdirTemp("", "dagscope-python-"); err != nil {
			return "", nil, err
		}
		remove = func() { _ = os.RemoveAll(unpacked) }
		if err = os.CopyFS(unpacked, from); err != nil {
			remove()
		}
		return unpacked, remove, err
	}
	name, err := contentName(from)
	if err != nil {
		return "", nil, err
	}
	unpacked = filepath.Join(folder, name)
	return unpacked, func() {}, unpackOnce(from, unpacked)
}

// unpackOnce writes a folder that is complete if it exists: several processes may do this at the same time.
func unpackOnce(from fs.FS, to string) error {
	if _, err := os.Stat(to); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	draft, err := os.MkdirTemp(filepath.Dir(to), ".draft-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(draft) }()
	if err := errors.Join(os.Chmod(draft, 0o755), os.CopyFS(draft, from)); err != nil {
		return err
	}
	if err := os.Rename(draft, to); err != nil {
		if _, isThere := os.Stat(to); isThere != nil {
			return err
		}
	}
	return nil
}

// contentName names a tree of files after what is in it.
func contentName(tree fs.FS) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(tree, path)
		fmt.Fprintf(sum, "%q %d\n%s", path, len(content), content)
		return err
	})
	return "dagscope-" + hex.EncodeToString(sum.Sum(nil)[:8]), err
}
