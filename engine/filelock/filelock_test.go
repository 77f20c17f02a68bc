//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package filelock

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWhoExcludesWhom: exclusive locks exclude all others, shared ones exclude exclusive ones, and closing ends a lock.
func TestWhoExcludesWhom(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		require.NoError(t, err)
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	a, b, c := open(), open(), open()
	require.NoError(t, Exclusive(a))
	require.ErrorIs(t, Exclusive(b), ErrLocked)
	require.ErrorIs(t, Shared(b), ErrLocked)

	require.NoError(t, Shared(a), "replaces the exclusive one")
	require.NoError(t, Shared(b))
	require.ErrorIs(t, Exclusive(c), ErrLocked)
	require.ErrorIs(t, Exclusive(b), ErrLocked, "a is in the way")

	Unlock(a)
	require.NoError(t, b.Close())
	require.NoError(t, Exclusive(c))
}

func TestErrorNamesTheFile(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "lock"))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	for _, lock := range []func(*os.File) error{Exclusive, Shared} {
		assert.ErrorContains(t, lock(f), f.Name())
	}
}

func TestStillNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder")
	require.NoError(t, os.Mkdir(path, 0o700))
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, StillNamed(f))
	require.NoError(t, os.Rename(path, path+".old"))
	require.ErrorIs(t, StillNamed(f), fs.ErrNotExist)
	require.NoError(t, os.Mkdir(path, 0o700))
	require.ErrorIs(t, StillNamed(f), fs.ErrNotExist, "another folder has the name")
}
