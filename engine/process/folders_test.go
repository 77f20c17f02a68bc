//go:build unix

package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func openFolders(t *testing.T, dir string) *Folders {
	t.Helper()
	f, err := OpenFolders(dir)
	require.NoError(t, err)
	return f
}

func TestFolders(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "work")
	folders := openFolders(t, dir)
	one, err := folders.New("run 7/../täsk " + strings.Repeat("x", 100))
	require.NoError(t, err)
	two, err := folders.New("")
	require.NoError(t, err)
	again, err := folders.New("")
	require.NoError(t, err)
	assert.NotEqual(t, two.Path, again.Path)
	assert.Equal(t, folders.path, filepath.Dir(one.Path))
	assert.True(t, strings.HasPrefix(filepath.Base(one.Path), "run-7-..-t-sk-xxx"), one.Path)
	assert.LessOrEqual(t, len(filepath.Base(one.Path)), 64)
	info, err := os.Stat(one.Path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())

	require.NoError(t, os.WriteFile(one.Path+"/result", []byte("1"), 0o600))
	kept, err := one.Keep()
	require.NoError(t, err)
	assert.Equal(t, kept, one.Path)
	require.NoError(t, two.Remove())
	require.NoError(t, two.Remove())
	assert.NoDirExists(t, two.Path)
	require.NoError(t, folders.Close())
	assert.FileExists(t, kept+"/result")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "only those that are kept")
	require.NoError(t, openFolders(t, dir).Close())
	assert.FileExists(t, kept+"/result")
	require.NoError(t, one.Remove())
	assert.NoDirExists(t, kept)
}

// TestFoldersOfTheDeadAreRemoved, but not those of processes that live, nor what is not ours.
func TestFoldersOfTheDeadAreRemoved(t *testing.T) {
	dir := t.TempDir()
	lines := newLineLog()
	c := played(t, "folder", dir)
	c.Lines = lines.add
	p, err := Start(t.Context(), c)
	require.NoError(t, err)
	path := strings.TrimSuffix(lines.await(t, "made "), " <nil>")
	require.NoError(t, os.MkdirAll(dir+"/other/files", 0o700))
	require.NoError(t, os.Mkdir(dir+"/unfinished", 0o700))

	require.NoError(t, openFolders(t, dir).Close())
	assert.DirExists(t, path, "its process lives")
	require.NoError(t, p.Signal(syscall.SIGKILL))
	_, err = p.Wait()
	require.EqualError(t, err, "ended by the signal: killed")
	assert.DirExists(t, path)
	require.NoError(t, openFolders(t, dir).Close())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	assert.Equal(t, "other", entries[0].Name())
}

// TestFoldersOpenedAtOnce: one must not take the other for dead.
func TestFoldersOpenedAtOnce(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				folders, err := OpenFolders(dir)
				if !assert.NoError(t, err) {
					return
				}
				f, err := folders.New("x")
				assert.NoError(t, err)
				assert.DirExists(t, f.Path)
				assert.NoError(t, folders.Close())
			}
		})
	}
	all.Wait()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

func TestUnwritableFoldersAreRemoved(t *testing.T) {
	if os.Getuid() == 0 {
		withoutRights(t, "TestUnwritableFoldersAreRemoved")
		return
	}
	folders := openFolders(t, t.TempDir())
	f, err := folders.New("x")
	require.NoError(t, err)
	outside := t.TempDir()
	require.NoError(t, os.MkdirAll(f.Path+"/a/b", 0o700))
	require.NoError(t, os.WriteFile(f.Path+"/a/b/c", nil, 0o400))
	require.NoError(t, os.Symlink(outside, f.Path+"/a/link"))
	require.NoError(t, os.Chmod(f.Path+"/a/b", 0o500))
	require.NoError(t, os.Chmod(f.Path+"/a", 0))
	require.NoError(t, os.Chmod(outside, 0o555))
	require.NoError(t, f.Remove())
	info, err := os.Stat(outside)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o555), info.Mode().Perm(), "a link is not followed")
	require.NoError(t, folders.Close())
}

// withoutRights runs a test of this program as a user who may not do everything.
func withoutRights(t *testing.T, name string) {
	t.Helper()
	const user = 65534 // who owns nothing, on all systems
	self, err := os.Executable()
	require.NoError(t, err)
	program, err := os.ReadFile(self)
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "dagscope-test-")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	require.NoError(t, os.Chown(dir, user, user))
	require.NoError(t, os.WriteFile(dir+"/test", program, 0o755))
	c := exec.Command(dir+"/test", "-test.run=^"+name+"$", "-test.v")
	c.Dir, c.Env = dir, []string{"TMPDIR=" + dir}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	out, err := c.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Contains(t, string(out), "--- PASS: "+name)
}
