package process

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOwnCgroup(t *testing.T) {
	const (
		unified = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
		hybrid  = "35 25 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
		part    = "41 31 0:38 /a/b /mnt rw - cgroup2 cgroup2 rw\n"
		root    = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
	)
	for _, c := range []struct{ name, mounts, self, want string }{
		{"a service", root + unified, "0::/system.slice/dagscope.service\n", "/sys/fs/cgroup/system.slice/dagscope.service"},
		{"a container", root + unified, "0::/\n", "/sys/fs/cgroup"},
		{"both versions", root + hybrid, "4:memory:/x\n1:cpu:/\n0::/y\n", "/sys/fs/cgroup/unified/y"},
		{"a part of the tree", part, "0::/a/b/c\n", "/mnt/c"},
		{"another part of the tree", part, "0::/a\n", ""},
		{"a similar name", part, "0::/a/bc\n", ""},
		{"none", root, "0::/\n", ""},
		{"version 1 alone", root + unified, "4:memory:/x\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ownCgroup(c.mounts, c.self)
			assert.Equal(t, c.want, got)
			assert.Equal(t, c.want == "", err != nil)
		})
	}
}

// TestOldGroupsAreRemoved, but not those of processes that live.
func TestOldGroupsAreRemoved(t *testing.T) {
	requireGroups(t)
	parent := groups().path
	old := filepath.Join(parent, groupPrefix+"old")
	require.NoError(t, os.MkdirAll(old+"/1/"+groupPrefix+"nested/1", 0o755))
	used := filepath.Join(parent, groupPrefix+"used")
	require.NoError(t, os.Mkdir(used, 0o755))
	lock, err := lockFolder(used)
	require.NoError(t, err)
	p, err := Start(t.Context(), shell("sleep 1000"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(old+"/1/cgroup.procs", []byte(strconv.Itoa(p.PID())), 0))

	removeOldGroups(parent)
	assert.NoDirExists(t, old)
	assert.DirExists(t, used)
	_, err = p.Wait()
	require.EqualError(t, err, "ended by the signal: killed")
	require.NoError(t, lock.Close())
	removeOldGroups(parent)
	assert.NoDirExists(t, used)
}

// TestCgroupsAreUsedAgain, or removed.
func TestCgroupsAreUsedAgain(t *testing.T) {
	requireGroups(t)
	busy, err := Run(t.Context(), shell("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; exit 1"))
	require.Error(t, err)
	before := cgroups(t)
	short, err := Run(t.Context(), Command{Args: []string{"true"}, Env: testEnv()})
	require.NoError(t, err)
	_, err = Run(t.Context(), Command{Args: []string{"/no/such"}})
	require.Error(t, err)
	assert.Equal(t, before, cgroups(t))
	assert.Less(t, 2*(short.Usage.User+short.Usage.System), busy.Usage.User+busy.Usage.System)
	if groups().memory {
		assert.Empty(t, before)
	}
}

// cgroups are the names of those of commands.
func cgroups(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(groups().path)
	require.NoError(t, err)
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}
