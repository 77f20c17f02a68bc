package environment

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Ends of names in the folder of a store, after a key; see FORMAT.md.
const (
	lockSuffix    = ".lock"
	markSuffix    = ".json"
	failureSuffix = ".failed.json"
	newSuffix     = ".new"
	attemptMark   = "-" // between the key and the rest of the name of an environment's folder
)

// markVersion is the version of the format of marks.
const markVersion = 1

// mark says that an environment is complete, and what it is.
type mark struct {
	Version int           `json:"version"`
	Key     Key           `json:"key"`
	Name    string        `json:"name"`
	Kind    Kind          `json:"kind"`
	Store   string        `json:"store"`  // path of the store in which it was made
	Folder  string        `json:"folder"` // its name in the store
	Tool    string        `json:"tool"`   // interpreter with its version
	Bytes   int64         `json:"bytes"`
	Created time.Time     `json:"created"`
	Took    time.Duration `json:"took_ns"`
}

func (s *Store) markPath(key Key) string    { return filepath.Join(s.dir, string(key)+markSuffix) }
func (s *Store) failurePath(key Key) string { return filepath.Join(s.dir, string(key)+failureSuffix) }

// readMark returns the mark of a key if its environment is ready: a store that was moved has none, since programs of an
// environment name the folder that they are in.
func (s *Store) readMark(key Key) (mark, bool) {
	var m mark
	data, err := os.ReadFile(s.markPath(key))
	if err != nil || json.Unmarshal(data, &m) != nil {
		return m, false
	}
	ready := m.Version == markVersion && m.Key == key && m.Store == s.dir && exists(filepath.Join(s.dir, m.Folder))
	return m, ready
}

// writeNamed writes a file as JSON that has its name only once it is on disk as a whole.
func writeNamed(path string, v any) (err error) {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path+newSuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(path+newSuffix, path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", path, err)
	}
	return nil
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
