//go:build unix

package environment

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/filelock"
)

// mustFail prepares a spec and returns how that failed; nothing may be left that is used.
func mustFail(t *testing.T, dir string, spec Spec) *FailedError {
	t.Helper()
	var failed *FailedError
	var seen states
	var last Progress
	_, err := open(t, dir).Prepare(t.Context(), spec, func(p Progress) { seen.add(p); last = p })
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, states{Preparing, Failed}, seen)
	assert.Contains(t, last.Line, failed.Reason)
	assert.Contains(t, err.Error(), "demo cannot be prepared: "+failed.Reason)
	entries, err := open(t, dir).List()
	require.NoError(t, err)
	for _, e := range entries {
		assert.Equal(t, Failed, e.State)
		assert.Equal(t, failed.Reason, e.Reason)
		assert.Zero(t, e.Bytes)
	}
	return failed
}

// TestFailures: each cause is said in one line, and the installer's last lines are with it.
func TestFailures(t *testing.T) {
	long(t)
	python := needPython(t)
	wheels := t.TempDir()
	sha := wheel{name: "base", version: "1.0"}.write(t, wheels)
	wheel{name: "future", version: "1.0", requires: ">=3.99"}.write(t, wheels)
	wrong := strings.Repeat("0", 64)
	cases := []struct {
		name   string
		spec   Spec
		reason string
	}{
		{"no such package", requirements(wheels, "base", "absent==2.0"), "no distribution of absent==2.0 was found"},
		{"no such version", requirements(wheels, "base==9"), "no distribution of base==9 was found"},
		{
			"a hash that differs", requirements(wheels, "base==1.0 --hash=sha256:"+wrong),
			fmt.Sprintf("the hash of base==1.0 differs: expected sha256 %s, got %s", wrong, sha),
		},
		{
			"a hash that is missing", requirements(wheels, "base==1.0 --hash=sha256:"+sha, "future==1.0"),
			"future==1.0 has no hash, expected one as others have",
		},
		{
			"a package for a later Python", requirements(wheels, "future"),
			fmt.Sprintf("future requires Python >=3.99, and this one is %s", python.Version),
		},
		{"no requirements", requirements(wheels, "???"), "Invalid requirement: '???'"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			failed := mustFail(t, t.TempDir(), c.spec)
			assert.Contains(t, failed.Reason, c.reason)
			assert.NotEmpty(t, failed.Lines)
			assert.Contains(t, failed.Error(), "\n  "+failed.Lines[0])
		})
	}
	t.Run("added meanwhile", func(t *testing.T) {
		dir := t.TempDir()
		mustFail(t, dir, requirements(wheels, "late"))
		wheel{name: "late", version: "1.0"}.write(t, wheels)
		e, err := open(t, dir).Prepare(t.Context(), requirements(wheels, "late"), nil)
		require.NoError(t, err)
		e.Release()
	})
}

// TestInterpreters: one that does not fit, that is missing, or that is none is an error before anything is made.
func TestInterpreters(t *testing.T) {
	p := needPython(t)
	text := filepath.Join(t.TempDir(), "python")
	require.NoError(t, os.WriteFile(text, []byte("#!/bin/sh\necho no\n"), 0o700))
	for _, c := range []struct{ name, python, path, want string }{
		{"too old", ">=3.99", os.Getenv("PATH"), "Python >=3.99 is wanted, and the PATH has only " + p.Version},
		{"too new", "<3", os.Getenv("PATH"), "Python <3 is wanted, and the PATH has only " + p.Version},
		{"none", "", t.TempDir(), "there is no python3 on the PATH, expected one"},
		{"no such path", "/nowhere/python", "", "/nowhere/python"},
		{"another program", text, os.Getenv("PATH"), text + " does not answer as a Python does"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("PATH", c.path)
			s, err := Open(dir)
			require.NoError(t, err)
			spec := requirements(t.TempDir())
			spec.Python = c.python
			_, err = s.Prepare(t.Context(), spec, nil)
			require.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, "environment: demo: ")
			entries, err := s.List()
			require.NoError(t, err)
			assert.Empty(t, entries)
		})
	}
	t.Run("by version and path", func(t *testing.T) {
		s := open(t, t.TempDir())
		for _, wanted := range []string{p.Version, p.Path, fmt.Sprintf("%d.%d", p.version[0], p.version[1]), ">=3,!=3.0.*"} {
			found, err := s.tools.python(t.Context(), wanted)
			require.NoError(t, err)
			assert.Equal(t, p, found, wanted)
		}
	})
}

// TestFailureIsShared: those who wait for a preparation get its failure, and do not try one after the other.
func TestFailureIsShared(t *testing.T) {
	long(t)
	needPython(t)
	wheels, dir := t.TempDir(), t.TempDir()
	spec := requirements(wheels, "absent")
	s := open(t, dir)
	plan, err := s.tools.plan(t.Context(), spec)
	require.NoError(t, err)

	lock, err := s.lock(plan.key, filelock.Exclusive)
	require.NoError(t, err)
	var all sync.WaitGroup
	var waiting sync.WaitGroup
	for range 4 {
		waiting.Add(1)
		all.Go(func() {
			var seen states
			_, err := open(t, dir).Prepare(t.Context(), spec, func(p Progress) {
				if len(seen) == 0 {
					waiting.Done()
				}
				seen.add(p)
			})
			var failed *FailedError
			assert.ErrorAs(t, err, &failed)
			assert.Equal(t, states{Waiting, Failed}, seen)
		})
	}
	waiting.Wait()
	j := &job{plan: plan, store: s}
	require.Error(t, j.build(t.Context()))
	require.NoError(t, lock.Close())
	all.Wait()
}

// TestCauses: what installers print that this machine may not have.
func TestCauses(t *testing.T) {
	p := &plan{python: interpreter{Version: "3.11.2"}}
	for _, c := range []struct{ printed, want string }{
		{"x\nERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n", "the disk is full: No space left on device"},
		{"npm error code ENOSPC\nnpm error syscall write\nnpm error nospc ENOSPC: no space left on device, write\n", "the disk is full: ENOSPC"},
		{"ERROR: Could not install packages due to an OSError: [Errno 27] File too large: 'a'\n", "a file cannot grow any more: File too large"},
		{"ERROR: Package 'a' requires a different Python: 3.11.2 not in '>=3.12'", "a requires Python >=3.12, and this one is 3.11.2"},
		{"npm error code EUSAGE\nnpm error\nnpm error `npm ci` can only install with files in sync.\n", "`npm ci` can only install with files in sync. (EUSAGE)"},
		{"npm ERR! code EINTEGRITY\nnpm ERR! sha512-a integrity checksum failed\n", "a hash differs: sha512-a integrity checksum failed"},
		{"Resolved 3 packages\nerror: Failed to parse `uv.lock`\n  Caused by: TOML parse error\n", "Failed to parse `uv.lock`"},
		{"something else\nends here\n\n", "tool: exit status 1: ends here"},
		{"", "tool: exit status 1"},
	} {
		got := p.reason(&installerError{program: "tool", ending: "exit status 1", tail: c.printed})
		assert.Equal(t, c.want, got)
	}
}

// TestMarksOfOthers: what a store cannot read is no environment.
func TestMarksOfOthers(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	key := Key(strings.Repeat("a", 32))
	folder := string(key) + attemptMark + "X"
	require.NoError(t, os.Mkdir(filepath.Join(dir, folder), 0o700))
	good := mark{Version: markVersion, Key: key, Store: dir, Folder: folder}
	ready := func(m mark) bool {
		data, err := json.Marshal(m)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(s.markPath(key), data, 0o600))
		_, ok := s.readMark(key)
		return ok
	}
	require.True(t, ready(good))
	for name, change := range map[string]func(*mark){
		"a later format":     func(m *mark) { m.Version++ },
		"another key":        func(m *mark) { m.Key = "b" },
		"another store":      func(m *mark) { m.Store += "2" },
		"a folder that went": func(m *mark) { m.Folder += "2" },
	} {
		m := good
		change(&m)
		assert.False(t, ready(m), name)
	}
	require.NoError(t, os.WriteFile(s.markPath(key), []byte("{"), 0o600))
	_, ok := s.readMark(key)
	assert.False(t, ok)
}
