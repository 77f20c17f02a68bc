package environment

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/filelock"
)

// Entry is an environment in a store, or a preparation that failed or was interrupted.
type Entry struct {
	Key     Key           `json:"key"`
	Name    string        `json:"name"`
	Kind    Kind          `json:"kind"`
	State   State         `json:"state"` // Preparing, Ready or Failed
	Tool    string        `json:"tool"`  // interpreter with its version, such as Python 3.11.2
	Dir     string        `json:"dir"`   // empty of one that failed
	Bytes   int64         `json:"bytes"`
	Created time.Time     `json:"created"` // when it was ready, or failed; zero before
	Used    time.Time     `json:"used"`    // when a process last asked for it; zero if none did
	Took    time.Duration `json:"took_ns"`
	InUse   bool          `json:"in_use"` // a process has not released it
	Reason  string        `json:"reason"` // of one that failed
}

var entryName = regexp.MustCompile(`^([0-9a-f]{32})[.-]`)

// List returns what a store holds, the last created first. Files that are not the store's are ignored.
func (s *Store) List() ([]Entry, error) {
	keys, err := s.keys()
	if err != nil {
		return nil, err
	}
	entries := []Entry{}
	for _, key := range keys {
		lock, err := s.lock(key, filelock.Exclusive)
		if err != nil && !errors.Is(err, filelock.ErrLocked) {
			return nil, err
		}
		e, ok := s.entry(key, lock == nil)
		if lock != nil {
			_ = lock.Close() // ends the lock; nothing is written to it
		}
		if ok {
			entries = append(entries, e)
		}
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return b.Created.Compare(a.Created) })
	return entries, nil
}

// keys are those that the store has any file of.
func (s *Store) keys() ([]Key, error) {
	files, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("environment: the store cannot be read: %w", err)
	}
	keys := map[Key]bool{}
	for _, f := range files {
		if m := entryName.FindStringSubmatch(f.Name()); m != nil {
			keys[Key(m[1])] = true
		}
	}
	return slices.Sorted(maps.Keys(keys)), nil
}

// entry describes what the store has of a key, which another process has locked or not. It is false for nothing but a
// lock file.
func (s *Store) entry(key Key, locked bool) (Entry, bool) {
	if m, ok := s.readMark(key); ok {
		e := Entry{
			Key: key, Name: m.Name, Kind: m.Kind, State: Ready, Tool: m.Tool, Dir: filepath.Join(s.dir, m.Folder), Bytes: m.Bytes,
			Created: m.Created, Took: m.Took, InUse: locked,
		}
		if info, err := os.Stat(s.markPath(key)); err == nil {
			e.Used = info.ModTime()
		}
		return e, true
	}
	if folders, _ := s.attempts(key); len(folders) > 0 {
		e := Entry{Key: key, State: Failed, Reason: "its preparation was interrupted"}
		if locked {
			e.State, e.Reason, e.Dir = Preparing, "", filepath.Join(s.dir, folders[len(folders)-1])
		}
		for _, f := range folders {
			size, _ := folderSize(filepath.Join(s.dir, f)) // files come and go
			e.Bytes += size
		}
		return e, true
	}
	if f := s.readFailure(key); f != nil {
		return Entry{Key: key, Name: f.Name, Kind: f.Kind, State: Failed, Created: f.Time, Reason: f.Reason}, true
	}
	return Entry{}, false
}

// Prune removes the environments that no process has asked for in the time given, 0 for all, unless a process has not
// released them; what killed preparations left; and what is kept of failures. It returns what it removed. On an error,
// which names the path, the rest is removed all the same.
func (s *Store) Prune(ctx context.Context, unused time.Duration) ([]Entry, error) {
	if unused < 0 {
		return nil, fmt.Errorf("environment: unused is %s, expected at least 0s", unused)
	}
	keys, err := s.keys()
	removed := []Entry{}
	for _, key := range keys {
		if ctx.Err() != nil {
			return removed, errors.Join(err, context.Cause(ctx))
		}
		e, ok, failed := s.pruneKey(key, unused)
		if err = errors.Join(err, failed); ok {
			removed = append(removed, e)
		}
	}
	return removed, err
}

// pruneKey removes what the store has of one key if that is not needed, and reports whether it did.
func (s *Store) pruneKey(key Key, unused time.Duration) (Entry, bool, error) {
	lock, err := s.lock(key, filelock.Exclusive)
	if errors.Is(err, filelock.ErrLocked) {
		return Entry{}, false, nil // it is used, or prepared
	}
	if err != nil {
		return Entry{}, false, err
	}
	defer func() { _ = lock.Close() }() // ends the lock; nothing is written to it
	e, ok := s.entry(key, false)
	if ok && e.State == Ready && time.Since(e.Used) < unused {
		return Entry{}, false, nil
	}
	// The mark first, so that nothing half removed is used; the lock last, see lock.
	for _, path := range []string{s.markPath(key), s.markPath(key) + newSuffix, s.failurePath(key), s.failurePath(key) + newSuffix} {
		if failed := os.Remove(path); !errors.Is(failed, os.ErrNotExist) {
			err = errors.Join(err, failed)
		}
	}
	if err == nil {
		err = s.removeAttempts(key)
	}
	if err == nil {
		err = os.Remove(lock.Name())
	}
	if err != nil {
		return Entry{}, false, fmt.Errorf("environment: %s cannot be removed: %w", key, err)
	}
	return e, ok, nil
}
