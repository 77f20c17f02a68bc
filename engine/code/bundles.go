package code

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/filelock"
)

const (
	// bundleAge is after how long without a use an unpacked bundle is removed, by any process with the same folder.
	bundleAge = 7 * 24 * time.Hour
	// maxBundles bounds those that are kept of the ones that no process uses: the ones used last.
	maxBundles = 100
	// bundleCheck is how often a process looks for those that may leave.
	bundleCheck = 10 * time.Minute
	// holdBundle is how long after its last use a process keeps a bundle from leaving: interpreters that have its folder in
	// their paths have ended then.
	holdBundle = 2 * poolIdle
	// halfBundle begins the names of folders that are being made or removed.
	halfBundle = "half-"
)

// bundles are the files of bundles, unpacked once for each process and content. They stay for later processes until they
// have not been used for long. Since graphs have their bundles, one that has left is unpacked again when it is needed.
//
// The time of a folder is that of its last use. A process has a shared lock on each folder that it uses, and removes only
// those of which it gets an exclusive one; where files cannot be locked, none is removed.
type bundles struct {
	dir string

	mu   sync.Mutex                 // held while one is unpacked
	held map[string]*unpackedBundle // by hash; guarded by mu
}

// unpackedBundle is the folder with the files of a bundle, which nothing may change.
type unpackedBundle struct {
	folder string
	lock   *os.File
	users  int       // attempts that have not ended; guarded by bundles.mu
	used   time.Time // by the last attempt that began or ended; guarded by bundles.mu
}

// use returns the files of a bundle, which the caller leaves at its end. The files of a hash are checked once while they are
// held, so a bundle that claims the hash of another gets the files of that. What failed is tried again.
func (s *bundles) use(b *Bundle) (*unpackedBundle, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.held[b.Hash]
	if f == nil {
		var err error
		if f, err = s.hold(b); err != nil {
			return nil, err
		}
		if s.held == nil {
			s.held = map[string]*unpackedBundle{}
		}
		s.held[b.Hash] = f
	}
	f.users++
	f.used = time.Now()
	return f, nil
}

func (s *bundles) leave(f *unpackedBundle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.users--
	f.used = time.Now()
}

// hold unpacks a bundle unless it is there, and keeps it from being removed.
func (s *bundles) hold(b *Bundle) (*unpackedBundle, error) {
	sum, err := b.sum()
	if err != nil {
		return nil, err
	}
	if sum != b.Hash {
		return nil, engine.NoRetry(fmt.Errorf("code: a bundle has the hash %.12s, expected %.12s", sum, b.Hash))
	}
	for folder := filepath.Join(s.dir, sum); ; {
		if err := s.unpack(b, folder); err != nil {
			if errors.Is(err, errTaken) {
				continue
			}
			return nil, err
		}
		lock, err := lockFolder(folder, filelock.Shared)
		switch {
		case err == nil:
			now := time.Now()
			_ = os.Chtimes(folder, now, now) // it would only be removed sooner
			return &unpackedBundle{folder: folder, lock: lock}, nil
		case !errors.Is(err, filelock.ErrLocked) && !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("code: %w", err)
		} // else another process removes it at this moment
	}
}

// errTaken: another process has removed a folder that was being made.
var errTaken = errors.New("code: a folder was removed while it was made")

// unpack puts the files of a bundle into a folder, unless they are in it. It has a lock on the folder that it makes, or
// another process could take that for one that was left, and remove some of its files while it gets its name.
func (s *bundles) unpack(b *Bundle, folder string) error {
	if isUnpacked(b.Files, folder) {
		return nil
	}
	if err := os.RemoveAll(folder); err != nil { // a task has changed it
		return fmt.Errorf("code: %w", err)
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("code: %w", err)
	}
	half, err := os.MkdirTemp(s.dir, halfBundle)
	if err != nil {
		return fmt.Errorf("code: %w", err)
	}
	lock, err := lockFolder(half, filelock.Shared)
	switch {
	case errors.Is(err, filelock.ErrLocked) || errors.Is(err, fs.ErrNotExist):
		return errTaken
	case err != nil:
		return fmt.Errorf("code: %w", err)
	case lock != nil:
		defer func() { _ = lock.Close() }()
	}
	if len(b.Files) > 0 {
		err = Unpack(b.Files, half)
	}
	if err == nil {
		err = os.Rename(half, folder)
	}
	if _, there := os.Stat(folder); err != nil && there == nil { // another process was faster
		return os.RemoveAll(half)
	}
	if err != nil {
		_ = os.RemoveAll(half) // the error says more
	}
	return err
}

// run removes bundles that may leave, at once and from time to time until ctx ends.
func (s *bundles) run(ctx context.Context) {
	for check := time.NewTicker(bundleCheck); ; {
		now := time.Now()
		s.release(now.Add(-holdBundle))
		_ = s.prune(now) // what is left is tried again, here or by another process
		select {
		case <-check.C:
		case <-ctx.Done():
			check.Stop()
			s.release(time.Now())
			return
		}
	}
}

// release lets go of the bundles that no attempt has used since a moment.
func (s *bundles) release(since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for hash, f := range s.held {
		if f.users > 0 || f.used.After(since) {
			continue
		}
		_ = os.Chtimes(f.folder, f.used, f.used) // as above
		if f.lock != nil {
			_ = f.lock.Close()
		}
		delete(s.held, hash)
	}
}

// prune removes folders that no process uses and that were last used too long ago, or before maxBundles others. The error is
// of the first that cannot be removed.
func (s *bundles) prune(now time.Time) error {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var all []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.IsDir() { // otherwise another process has removed it
			all = append(all, info)
		}
	}
	slices.SortFunc(all, func(x, y fs.FileInfo) int { return y.ModTime().Compare(x.ModTime()) })
	var first error
	for i, info := range all {
		if i >= maxBundles || info.ModTime().Before(now.Add(-bundleAge)) {
			first = cmp.Or(first, removeUnused(s.dir, info.Name()))
		}
	}
	return first
}

// removeUnused removes a folder that no process uses. It gets another name first, so that one that is found is whole.
func removeUnused(dir, name string) error {
	path := filepath.Join(dir, name)
	lock, err := lockFolder(path, filelock.Exclusive)
	if errors.Is(err, filelock.ErrLocked) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || lock == nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	gone := path
	if !strings.HasPrefix(name, halfBundle) {
		gone = filepath.Join(dir, halfBundle+name)
		if err := os.Rename(path, gone); err != nil {
			return err
		}
	}
	return os.RemoveAll(gone)
}

// lockFolder locks a folder; the error wraps fs.ErrNotExist if another process has removed it meanwhile. The result is nil
// where files cannot be locked.
func lockFolder(path string, how func(*os.File) error) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err = how(f); err == nil {
		err = filelock.StillNamed(f)
	}
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, nil
	}
	return nil, err
}
