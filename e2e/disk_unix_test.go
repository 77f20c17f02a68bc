//go:build unix

package e2e

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// nobody is a user without rights, by the number that it has everywhere.
const nobody = 65534

// TestReadOnlyFolder: a folder that cannot be written gives exit code 3, and nothing in it changes. For root every
// folder can be written, so there the program runs as another user.
func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	// Others cannot enter the folders that tests get.
	dir, err := os.MkdirTemp("", "dagscope-e2e-readonly-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	u := newUser(t)
	u.data = filepath.Join(dir, "data")
	u.ok("run", "chain", "--set", "k=5")
	before := u.ok("runs", "--json")
	require.NoError(t, os.Chmod(dir, 0o755))
	require.NoError(t, os.Chmod(databaseOf(u), 0o444))
	require.NoError(t, os.Chmod(u.data, 0o555))
	if os.Geteuid() == 0 {
		u.as = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		if out, err := exec.Command(program(t), "version").CombinedOutput(); err != nil {
			t.Skipf("the program cannot run here: %v %s", err, out)
		}
	}
	for _, args := range [][]string{{"run", "chain"}, {"demo"}, {"import", chains(1, 1, 1).file(t)}} {
		o := u.run(args...)
		assert.Equal(t, 3, o.code, "%v: %s%s", args, o.stdout, o.stderr)
		assert.Contains(t, o.stderr, "permission denied", "%v", args)
		assert.Contains(t, o.stderr, u.data, "%v", args)
	}
	u.as = nil
	require.NoError(t, os.Chmod(u.data, 0o700))
	require.NoError(t, os.Chmod(databaseOf(u), 0o600))
	assert.Equal(t, before, u.ok("runs", "--json"))
	u.ok("check")
}

// TestFullDisk: a run for which there is no room fails with exit code 3 and says so; a run during which the disk fills up
// ends and says how much of it was kept, and what was recorded before is whole. With room everything works again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	u.data = filepath.Join(smallDisk(t), "data")
	u.ok("run", "chain", "--set", "k=5")
	before := u.runs()
	filler := filepath.Join(filepath.Dir(u.data), "filler")

	const full = "no space left on device"
	fill(t, filler, 0)
	o := u.run("run", "chain", "--set", "k=3")
	assert.Equal(t, 3, o.code, "%s%s", o.stdout, o.stderr)
	assert.Contains(t, o.stderr, full)

	require.NoError(t, os.Remove(filler))
	fill(t, filler, 192<<10) // enough to begin
	o = u.run("run", "wfformat", "--json", "--set", "file="+chains(20, 500, 0).file(t))
	assert.Equal(t, 3, o.code, o.stderr)
	var got report
	o.json(t, &got)
	assert.Equal(t, []any{"succeeded", 10_000, false}, []any{got.Status, got.Done, got.Records.Complete})
	assert.Less(t, got.Records.StepsKept+got.Records.DetailsKept, got.Records.Steps+got.Records.Details)
	assert.Contains(t, got.Records.Problem, full)

	require.NoError(t, os.Remove(filler))
	u.ok("check")
	after := u.runs()
	for id, row := range before {
		assert.Equal(t, row, after[id], "the run before")
		u.ranOnce(id, 5)
	}
	u.ok("run", "chain", "--set", "k=3")
	u.ok("check")
}

// smallDisk mounts a disk of two megabytes.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=2m,mode=0777", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("no small disk can be mounted, which takes root: %v %s", err, out)
	}
	t.Cleanup(func() {
		out, err := exec.Command("umount", dir).CombinedOutput()
		assert.NoError(t, err, "%s", out)
	})
	return dir
}

// fill writes a file until the disk is full and then leaves so many bytes free.
func fill(t *testing.T, path string, free int64) {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	size := int64(0)
	for page := make([]byte, 4096); ; size += int64(len(page)) {
		if _, err := f.Write(page); err != nil {
			var full *fs.PathError
			require.ErrorAs(t, err, &full)
			require.True(t, errors.Is(err, syscall.ENOSPC), "%v", err)
			break
		}
	}
	require.Greater(t, size, free)
	require.NoError(t, f.Truncate(size-free))
}
