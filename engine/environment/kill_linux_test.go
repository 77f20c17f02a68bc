package environment

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestKills: a process is killed at any moment of a preparation. Whatever it leaves, nothing half-made is ever used, the
// installers end with it, and the next process prepares as if nothing had been.
func TestKills(t *testing.T) {
	needPython(t)
	kills := 10
	switch {
	case os.Getenv("DAGSCOPE_LONG") != "":
		kills = 50
	case testing.Short():
		kills = 3
	}
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	wheels, dir := t.TempDir(), t.TempDir()
	writeKilledWheels(t, wheels)
	begun := time.Now()
	prepareUntil(t, dir, wheels, 0)
	whole := time.Since(begun)
	s := open(t, dir)
	verify(t, s, wheels)
	_, err := s.Prune(t.Context(), 0)
	require.NoError(t, err)

	halves, tries := 0, 0
	for ; halves < kills; tries++ {
		require.Less(t, tries, 10*kills, "most kills come too late")
		prepareUntil(t, dir, wheels, time.Duration(rng.Int64N(int64(whole))))
		awaitInstallers(t, dir)
		if verify(t, s, wheels) {
			_, err := s.Prune(t.Context(), 0)
			require.NoError(t, err)
		} else {
			halves++
		}
	}
	t.Logf("%d of %d kills were in mid-preparation, which takes %s", halves, tries, whole.Round(time.Millisecond))
	e, err := s.Prepare(t.Context(), killed(wheels), nil)
	require.NoError(t, err)
	e.Release()
	require.True(t, verify(t, s, wheels))
	left, err := s.attempts(e.Key)
	require.NoError(t, err)
	assert.Len(t, left, 1, "what the killed ones left is gone")
}

// writeKilledWheels writes packages with enough files that installing them takes a while.
func writeKilledWheels(t *testing.T, dir string) {
	t.Helper()
	files := map[string]string{}
	for i := range 200 {
		files[fmt.Sprintf("large/part%d.py", i)] = fmt.Sprintf("value = %d\n", i)
	}
	wheel{name: "base", version: "1.0"}.write(t, dir)
	wheel{name: "top", version: "1.5", needs: []string{"base"}, program: true}.write(t, dir)
	wheel{name: "large", version: "1.0", files: files}.write(t, dir)
}

// prepareUntil runs a process that prepares, and kills it after a while from the beginning of the preparation; 0 lets it
// end.
func prepareUntil(t *testing.T, dir, wheels string, after time.Duration) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "prepare", dir, wheels)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan())
	require.Equal(t, string(Preparing), lines.Text())
	if after == 0 {
		require.True(t, lines.Scan())
		require.Equal(t, string(Ready), lines.Text())
		require.NoError(t, cmd.Wait())
		return
	}
	time.Sleep(after) // a real process needs real time
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
}

// verify checks that the environment, if it counts as ready, is whole: it is compared file by file with the list that
// each package brings of itself. It reports whether it counts as ready.
func verify(t *testing.T, s *Store, wheels string) bool {
	t.Helper()
	key, err := s.Key(t.Context(), killed(wheels))
	require.NoError(t, err)
	e, err := s.take(key)
	require.NoError(t, err)
	if e == nil {
		return false
	}
	defer e.Release()
	assert.Equal(t, "1.5", ask(t, e, "top"))
	assert.Equal(t, "203", ask(t, e, "python", "-c", `
import importlib.metadata as m, os
files = [f for name in ("base", "top", "large") for f in m.files(name) if str(f).endswith(".py")]
assert all(os.path.getsize(f.locate()) == f.size for f in files)
print(len(files))`))
	return true
}

// awaitInstallers waits until no process works in the folder any more: those of a killed process are killed by the kernel,
// which takes them a moment.
func awaitInstallers(t *testing.T, dir string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		left := processesIn(t, dir)
		if len(left) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			require.Empty(t, left, "processes that outlive the one that started them")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// processesIn are the command lines of processes whose working folder is in a folder.
func processesIn(t *testing.T, dir string) []string {
	t.Helper()
	found := map[string]bool{}
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	require.NoError(t, err)
	for _, link := range links {
		if cwd, err := os.Readlink(link); err == nil && strings.HasPrefix(cwd, dir+string(filepath.Separator)) {
			command, _ := os.ReadFile(filepath.Join(filepath.Dir(link), "cmdline"))
			found[strings.ReplaceAll(string(command), "\x00", " ")] = true
		}
	}
	return slices.Collect(maps.Keys(found))
}
