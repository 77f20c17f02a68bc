package code

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/process"
)

// bundles are the files of bundles, unpacked once for each process and content. They stay for later processes.
type bundles struct {
	dir string

	mu      sync.Mutex        // held while one is unpacked
	folders map[string]string // by hash; guarded by mu
}

// unpacked returns the folder with the files of a bundle, which nothing may change. The files of a hash are checked once,
// so a bundle that claims the hash of another gets the files of that. What failed is tried again.
func (s *bundles) unpacked(b *Bundle) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if folder, ok := s.folders[b.Hash]; ok {
		return folder, nil
	}
	folder, err := s.unpack(b)
	if err != nil {
		return "", err
	}
	if s.folders == nil {
		s.folders = map[string]string{}
	}
	s.folders[b.Hash] = folder
	return folder, nil
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

// workFolders are the working folders of commands, opened when one first needs them.
type workFolders struct {
	dir string

	mu   sync.Mutex
	kept *process.Folders // nil until it was opened; guarded by mu
}

// open opens them, again if that failed before.
func (f *workFolders) open() (*process.Folders, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.kept != nil {
		return f.kept, nil
	}
	var err error
	f.kept, err = process.OpenFolders(f.dir)
	return f.kept, err
}
