//go:build linux

package embedded

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

func bigRow(n int) metricsstore.Batch {
	return metricsstore.Batch{Details: []metricsstore.DetailRow{{
		DetailKey: metricsstore.DetailKey{Node: dag.NodeID(n)}, Data: noise(100_000 + n),
	}}}
}

// fillDisk records until no file can grow any more, then continues once they can again.
func fillDisk(dir string, run record.RunID) error {
	ctx := context.Background()
	signal.Ignore(syscall.SIGXFSZ)
	s, err := Open(ctx, Config{Dir: dir})
	if err != nil {
		return err
	}
	if err := s.Begin(ctx, header(run, time.Now()), graph(3).AppendShape(nil)); err != nil {
		return err
	}
	fmt.Println("begun", s.Owns())
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	small := limit
	small.Cur = 3 << 20
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		return err
	}
	n, failures := 0, 0
	for failures < 3 {
		if err := s.Append(ctx, run, bigRow(n)); err != nil {
			if failures++; !strings.Contains(err.Error(), "file too large") || !strings.Contains(err.Error(), dir) {
				return fmt.Errorf("expected path and cause: %w", err)
			}
			continue
		}
		n++
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	for range 5 {
		if err := s.Append(ctx, run, bigRow(n)); err != nil {
			return err
		}
		n++
	}
	fmt.Println("kept", n)
	if err := s.Close(); err != nil {
		return err
	}
	fmt.Println("closed", 0)
	return nil
}

// TestFullDisk: a full disk is reported with path and cause, loses nothing, and ends.
func TestFullDisk(t *testing.T) {
	for _, held := range []bool{true, false} {
		t.Run(fmt.Sprintf("owner %t", held), func(t *testing.T) {
			dir := t.TempDir()
			var owner *Store
			if !held {
				owner = recorderStore(t, dir)
			}
			p := start(t, "full", dir, "r")
			p.end()
			require.Empty(t, p.failed)
			require.True(t, p.closed)
			require.Equal(t, held, p.held)
			require.Greater(t, p.kept, uint64(12))
			s := owner
			if held {
				s = recorderStore(t, dir)
			}
			require.Eventually(t, func() bool {
				r, err := s.Run(t.Context(), "r")
				return err == nil && r.Status.Final()
			}, 10*time.Second, 10*time.Millisecond)
			rows, err := s.Details(t.Context(), "r", metricsstore.DetailKey{}, 0)
			require.NoError(t, err)
			require.Len(t, rows, int(p.kept))
			for n := range rows {
				assert.True(t, bytes.Equal(bigRow(n).Details[0].Data, rows[n].Data), n)
			}
			require.NoError(t, s.Check(t.Context()))
			require.NoError(t, s.Close())
		})
	}
}

// TestFullDiskAtWork: whatever a process was doing when the disk got full, it says so, and everything that was
// recorded before is kept.
func TestFullDiskAtWork(t *testing.T) {
	data := trialStore(t)
	rng := rand.New(rand.NewPCG(8, seed()))
	for _, job := range slices.Sorted(maps.Keys(crashJobs())) {
		t.Run(job, func(t *testing.T) {
			c := newCrash(t, job, data)
			disk := smallDisk(t, 4*int64(len(c.data)))
			full := 0
			for range crashRounds() {
				dir := c.begin(disk)
				filler := filepath.Join(disk, "filler")
				fill(t, filler, rng.Int64N(int64(len(c.data))*3/2)>>rng.IntN(12)) // some jobs need little
				for range 2 {                                                     // the second time with what the first has left
					cmd := c.start(dir)
					if cmd.Wait() != nil {
						full++
						require.Contains(t, fmt.Sprint(cmd.Stdout), "no space left on device")
						require.Contains(t, fmt.Sprint(cmd.Stdout), dir)
					}
				}
				require.NoError(t, os.Remove(filler))
				c.check(dir)
			}
			t.Logf("%d of %d times the disk was full", full, 2*crashRounds())
		})
	}
}

// smallDisk mounts a disk of so many bytes.
func smallDisk(t *testing.T, size int64) string {
	t.Helper()
	dir := t.TempDir()
	options := fmt.Sprintf("size=%d", size)
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("no small disk can be mounted, which takes root: %v %s", err, out)
	}
	t.Cleanup(func() {
		out, err := exec.Command("umount", dir).CombinedOutput()
		assert.NoError(t, err, "%s", out)
	})
	return dir
}

// fill writes a file until so many bytes are free.
func fill(t *testing.T, path string, free int64) {
	t.Helper()
	var disk syscall.Statfs_t
	require.NoError(t, syscall.Statfs(filepath.Dir(path), &disk))
	size := int64(disk.Bavail)*disk.Bsize - free
	require.NoError(t, os.WriteFile(path, make([]byte, max(size, 0)), 0o600))
}

// TestReadOnlyFolder: the error names the folder and the cause, whichever file is the first.
func TestReadOnlyFolder(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("nothing is read-only for root")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o500))
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	for _, sub := range []string{"", "below"} {
		_, err := Open(t.Context(), Config{Dir: filepath.Join(dir, sub)})
		require.ErrorIs(t, err, os.ErrPermission)
		assert.ErrorContains(t, err, filepath.Join(dir, sub))
	}
}
