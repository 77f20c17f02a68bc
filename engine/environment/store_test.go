//go:build unix

package environment

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/filelock"
	"github.com/dagscope/dagscope/internal/testkit/pythontest"
)

// open opens a store in a folder.
func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	require.NoError(t, err)
	return s
}

// needPython makes an interpreter that can make virtual environments the first on the PATH.
func needPython(t *testing.T) interpreter {
	t.Helper()
	t.Setenv("PATH", filepath.Dir(pythontest.FindVenv(t))+string(os.PathListSeparator)+os.Getenv("PATH"))
	p, err := open(t, t.TempDir()).tools.python(t.Context(), "")
	require.NoError(t, err)
	return p
}

// long skips a test of several preparations, each of which takes a second or more, where only short ones are wanted.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes several preparations")
	}
}

// ask runs a program in an environment and returns what it printed.
func ask(t *testing.T, e *Environment, args ...string) string {
	t.Helper()
	env := e.Env([]string{"PATH=" + os.Getenv("PATH")})
	cmd := exec.Command("env", args...) // env searches in the PATH that it gets
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.TrimSpace(string(out))
}

// states collects the states of a preparation, each once.
type states []State

func (s *states) add(p Progress) {
	if n := len(*s); n == 0 || (*s)[n-1] != p.State {
		*s = append(*s, p.State)
	}
}

// TestRequirements: packages and their programs are there, nothing else is, and a second call prepares nothing.
func TestRequirements(t *testing.T) {
	p := needPython(t)
	wheels := t.TempDir()
	wheel{name: "base", version: "2.0"}.write(t, wheels)
	wheel{name: "base", version: "3.0"}.write(t, wheels)
	wheel{name: "top", version: "1.5", needs: []string{"base<3"}, program: true}.write(t, wheels)
	dir := t.TempDir()
	spec := requirements(wheels, "top")
	others := t.TempDir()
	wheel{name: "top", version: "9.9"}.write(t, others)
	t.Setenv("PIP_FIND_LINKS", others) // the folder of the spec is the only one

	var first states
	e, err := open(t, dir).Prepare(t.Context(), spec, first.add)
	require.NoError(t, err)
	defer e.Release()
	assert.Equal(t, states{Preparing, Ready}, first)
	assert.Equal(t, "1.5", ask(t, e, "top"), "its program, by the PATH")
	assert.Equal(t, "2.0", ask(t, e, e.Python(), "-c", "import base; print(base.version)"))
	assert.Equal(t, e.venv(), ask(t, e, "python", "-c", "import sys; print(sys.prefix)"))
	assert.Equal(t, p.Version, ask(t, e, "python", "-c", "import platform; print(platform.python_version())"))
	assert.Positive(t, e.Bytes)
	assert.NoDirExists(t, filepath.Join(e.Dir, tmpDir))

	var second states
	again, err := open(t, dir).Prepare(t.Context(), spec, second.add)
	require.NoError(t, err)
	defer again.Release()
	assert.Equal(t, states{Ready}, second)
	assert.Equal(t, e.Dir, again.Dir)
}

// TestKey: everything that changes what is installed changes the key, and nothing else does.
func TestKey(t *testing.T) {
	needPython(t)
	s := open(t, t.TempDir())
	wheels := t.TempDir()
	wheel{name: "base", version: "1.0"}.write(t, wheels)
	key := func(spec Spec) Key {
		k, err := s.Key(t.Context(), spec)
		require.NoError(t, err)
		assert.Regexp(t, "^[0-9a-f]{32}$", k)
		return k
	}
	spec := requirements(wheels, "base")
	first := key(spec)
	renamed := spec
	renamed.Name = "another"
	assert.Equal(t, first, key(renamed))
	other, err := Open(t.TempDir())
	require.NoError(t, err)
	elsewhere, err := other.Key(t.Context(), spec)
	require.NoError(t, err)
	assert.Equal(t, first, elsewhere, "in another store")

	assert.NotEqual(t, first, key(requirements(wheels, "base ")), "another file")
	assert.NotEqual(t, key(requirements("", "base")), key(requirements(t.TempDir(), "base")), "no folder of wheels, and an empty one")
	more := requirements(wheels, "base")
	more.Files["more.txt"] = []byte{}
	assert.NotEqual(t, first, key(more), "another file")
	wheel{name: "base", version: "1.0", program: true}.write(t, wheels)
	assert.NotEqual(t, first, key(spec), "another wheel of the same name")
}

// TestOneAtATime: many ask for the same at once, and one prepares it.
func TestOneAtATime(t *testing.T) {
	long(t)
	needPython(t)
	wheels, dir := t.TempDir(), t.TempDir()
	wheel{name: "base", version: "1.0"}.write(t, wheels)
	spec := requirements(wheels, "base")
	var all sync.WaitGroup
	var mu sync.Mutex
	var seen []states
	for range 8 {
		all.Go(func() {
			var mine states
			e, err := open(t, dir).Prepare(t.Context(), spec, mine.add)
			if assert.NoError(t, err) {
				e.Release()
			}
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, mine)
		})
	}
	all.Wait()
	prepared := 0
	for _, s := range seen {
		assert.Equal(t, Ready, s[len(s)-1])
		for _, state := range s {
			if state == Preparing {
				prepared++
			}
		}
	}
	assert.Equal(t, 1, prepared)
}

// TestLock: of many that lock, and remove the lock file as Prune does, one at a time has the lock of the name.
func TestLock(t *testing.T) {
	s := open(t, t.TempDir())
	key := Key(strings.Repeat("a", 32))
	var all sync.WaitGroup
	var holders, turns atomic.Int64
	for range 8 {
		all.Go(func() {
			for turn := 0; turn < 300; {
				lock, err := s.lock(key, filelock.Exclusive)
				if errors.Is(err, filelock.ErrLocked) {
					runtime.Gosched()
					continue
				}
				if !assert.NoError(t, err) {
					return
				}
				assert.Equal(t, int64(1), holders.Add(1))
				turns.Add(1)
				holders.Add(-1)
				if turn++; turn%2 == 0 {
					assert.NoError(t, os.Remove(lock.Name())) // others may have the lock of the name from here on
				}
				assert.NoError(t, lock.Close())
			}
		})
	}
	all.Wait()
	assert.Equal(t, int64(2400), turns.Load())
}

// TestCancel: a preparation that is cut off returns the cause at once and leaves nothing.
func TestCancel(t *testing.T) {
	needPython(t)
	wheels, dir := t.TempDir(), t.TempDir()
	wheel{name: "base", version: "1.0"}.write(t, wheels)
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	var seen states
	_, err := open(t, dir).Prepare(ctx, requirements(wheels, "base"), func(p Progress) {
		seen.add(p)
		if p.State == Preparing {
			entries, err := open(t, dir).List()
			assert.NoError(t, err)
			if assert.Len(t, entries, 1) {
				assert.Equal(t, []any{p.Key, Preparing}, []any{entries[0].Key, entries[0].State})
			}
			cancel(cause)
		}
	})
	require.ErrorIs(t, err, cause)
	assert.Equal(t, states{Preparing, Failed}, seen)
	entries, err := open(t, dir).List()
	require.NoError(t, err)
	assert.Empty(t, entries)
}

// TestPrune: what is used stays, what was not used for long goes, and so does what is left of interrupted preparations.
func TestPrune(t *testing.T) {
	long(t)
	needPython(t)
	wheels, dir := t.TempDir(), t.TempDir()
	wheel{name: "base", version: "1.0"}.write(t, wheels)
	wheel{name: "other", version: "1.0"}.write(t, wheels)
	s := open(t, dir)
	used, err := s.Prepare(t.Context(), requirements(wheels, "base"), nil)
	require.NoError(t, err)
	unused, err := s.Prepare(t.Context(), requirements(wheels, "other"), nil)
	require.NoError(t, err)
	unused.Release()
	left := filepath.Join(dir, strings.Repeat("0", 32)+attemptMark+"LEFT")
	require.NoError(t, os.Mkdir(left, 0o700))
	foreign := filepath.Join(dir, "notes")
	require.NoError(t, os.Mkdir(foreign, 0o700))

	entries, err := s.List()
	require.NoError(t, err)
	require.Len(t, entries, 3)
	assert.Equal(t, []Key{unused.Key, used.Key}, []Key{entries[0].Key, entries[1].Key})
	assert.Equal(t, []bool{false, true, false}, []bool{entries[0].InUse, entries[1].InUse, entries[2].InUse})
	assert.Equal(t, []State{Ready, Ready, Failed}, []State{entries[0].State, entries[1].State, entries[2].State})

	removed, err := s.Prune(t.Context(), time.Hour)
	require.NoError(t, err)
	require.Len(t, removed, 1, "only the left-over")
	assert.NoDirExists(t, left)
	assert.DirExists(t, unused.Dir)

	removed, err = s.Prune(t.Context(), 0)
	require.NoError(t, err)
	require.Len(t, removed, 1)
	assert.Equal(t, unused.Key, removed[0].Key)
	assert.NoDirExists(t, unused.Dir)
	assert.Equal(t, "1.0", ask(t, used, "python", "-c", "import base; print(base.version)"))

	used.Release()
	_, err = s.Prune(t.Context(), 0)
	require.NoError(t, err)
	names, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, names, 1, "nothing else is left")
	assert.Equal(t, "notes", names[0].Name())
}

// TestMoved: programs of an environment name their folder, so that a store which was moved prepares again.
func TestMoved(t *testing.T) {
	long(t)
	needPython(t)
	wheels, dir := t.TempDir(), filepath.Join(t.TempDir(), "store")
	wheel{name: "base", version: "1.0", program: true}.write(t, wheels)
	e, err := open(t, dir).Prepare(t.Context(), requirements(wheels, "base"), nil)
	require.NoError(t, err)
	e.Release()
	require.NoError(t, os.Rename(dir, dir+"2"))
	var seen states
	e, err = open(t, dir+"2").Prepare(t.Context(), requirements(wheels, "base"), seen.add)
	require.NoError(t, err)
	defer e.Release()
	assert.Equal(t, states{Preparing, Ready}, seen)
	assert.Equal(t, "1.0", ask(t, e, "base"))
	left, err := open(t, dir+"2").attempts(e.Key)
	require.NoError(t, err)
	assert.Len(t, left, 1, "the one that cannot be used is gone")
}
