package code

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sealed is a bundle with one file.
func sealed(t *testing.T, text string) *Bundle {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.txt"), []byte(text), 0o600))
	files, err := Pack(dir, []string{"a.txt"})
	require.NoError(t, err)
	b := &Bundle{Files: files}
	require.NoError(t, b.Seal())
	return b
}

func requireText(t *testing.T, want, folder string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(folder, "a.txt"))
	require.NoError(t, err)
	require.Equal(t, want, string(got))
}

// TestOldBundlesLeave: a bundle stays while an attempt uses it, for a while after that, and as long as another process has
// used it lately. One that has left is unpacked again.
func TestOldBundlesLeave(t *testing.T) {
	ours := &bundles{dir: t.TempDir()}
	other := &bundles{dir: ours.dir}
	b := sealed(t, "old")
	used, err := ours.use(b)
	require.NoError(t, err)
	half := filepath.Join(ours.dir, halfBundle+"1")
	require.NoError(t, os.Mkdir(half, 0o700))
	later := time.Now().Add(bundleAge + time.Hour)
	clean := func(s *bundles) {
		t.Helper()
		s.release(later.Add(-holdBundle))
		require.NoError(t, s.prune(later))
	}

	require.NoError(t, ours.prune(time.Now()))
	require.DirExists(t, half, "another process may be unpacking")
	clean(other)
	require.NoDirExists(t, half)
	requireText(t, "old", used.folder)
	clean(ours)
	requireText(t, "old", used.folder)

	ours.leave(used)
	ours.release(time.Now().Add(-holdBundle))
	clean(other)
	requireText(t, "old", used.folder)
	ours.release(later)
	require.NoError(t, other.prune(time.Now()))
	requireText(t, "old", used.folder)
	clean(other)
	entries, err := os.ReadDir(ours.dir)
	require.NoError(t, err)
	require.Empty(t, entries)

	again, err := ours.use(b)
	require.NoError(t, err)
	requireText(t, "old", again.folder)
	ours.leave(again)
	ours.release(later)
}

// TestManyBundlesLeave: of those that nobody uses, the ones used last stay.
func TestManyBundlesLeave(t *testing.T) {
	s := &bundles{dir: t.TempDir()}
	now := time.Now()
	for i := range maxBundles + 3 {
		path := filepath.Join(s.dir, fmt.Sprintf("%03d", i))
		require.NoError(t, os.Mkdir(path, 0o700))
		at := now.Add(-time.Duration(i) * time.Minute)
		require.NoError(t, os.Chtimes(path, at, at))
	}
	require.NoError(t, s.prune(now))
	entries, err := os.ReadDir(s.dir)
	require.NoError(t, err)
	require.Len(t, entries, maxBundles)
	require.Equal(t, fmt.Sprintf("%03d", maxBundles-1), entries[maxBundles-1].Name())
}

// TestBundlesInUseAndPruned: a process that begins to use a bundle while others remove it has its files.
func TestBundlesInUseAndPruned(t *testing.T) {
	dir, b := t.TempDir(), sealed(t, "text")
	done := make(chan struct{})
	pruned := make(chan struct{})
	go func() {
		defer close(pruned)
		for other := (&bundles{dir: dir}); ; {
			select {
			case <-done:
				return
			default:
				_ = other.prune(time.Now().Add(2 * bundleAge)) // what is being made leaves too
			}
		}
	}()
	for range 100 {
		s := &bundles{dir: dir}
		used, err := s.use(b)
		require.NoError(t, err)
		requireText(t, "text", used.folder)
		s.leave(used)
		s.release(time.Now().Add(time.Second))
	}
	close(done)
	<-pruned
}
