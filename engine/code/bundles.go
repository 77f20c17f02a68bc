package code

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/dagscope/dagscope/engine"
)

// bundles are the files of bundles, unpacked once for each process and content. They stay for later processes.
type bundles struct {
	dir string

	mu      sync.Mutex
	folders map[string]*unpacking // by hash; guarded by mu
}

// unpacking is one bundle being unpacked, or unpacked.
type unpacking struct {
	once   sync.Once
	folder string
	err    error
}

// unpacked returns the folder with the files of a bundle, which nothing may change. The files of a hash are checked once,
// so a bundle that claims the hash of another gets the files of that.
func (s *bundles) unpacked(b *Bundle) (string, error) {
	s.mu.Lock()
	u := s.folders[b.Hash]
	if u == nil {
		u = &unpacking{}
		if s.folders == nil {
			s.folders = map[string]*unpacking{}
		}
		s.folders[b.Hash] = u
	}
	s.mu.Unlock()
	u.once.Do(func() { u.folder, u.err = s.unpack(b) })
	return u.folder, u.err
}

func (s *bundles) unpack(b *Bundle) (string, error) {
	sum, err := b.sum()
	if err != nil {
		return "", err
	}
	if sum != b.Hash {
		return "", engine.NoRetry(fmt.Errorf("code: a bundle has the hash %.12s, expected %.12s", sum, b.Hash))
	}
	folder := filepath.Join(s.dir, sum)
	if isUnpacked(b.Files, folder) {
		return folder, nil
	}
	if err := os.RemoveAll(folder); err != nil { // a task has changed it
		return "", fmt.Errorf("code: %w", err)
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return "", fmt.Errorf("code: %w", err)
	}
	half, err := os.MkdirTemp(s.dir, "half-")
	if err != nil {
		return "", fmt.Errorf("code: %w", err)
	}
	if len(b.Files) > 0 {
		err = Unpack(b.Files, half)
	}
	if err == nil {
		err = os.Rename(half, folder)
	}
	if _, there := os.Stat(folder); err != nil && there == nil { // another process was faster
		return folder, os.RemoveAll(half)
	}
	if err != nil {
		_ = os.RemoveAll(half) // the error says more
		return "", err
	}
	return folder, nil
}
