//go:build unix

package environment

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// module packs a module as npm does, puts it into a folder and returns its integrity.
func module(t *testing.T, dir, name string) string {
	t.Helper()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	w := tar.NewWriter(z)
	for _, f := range []struct{ name, text string }{
		{"package/package.json", fmt.Sprintf(`{"name": %q, "version": "1.0.0", "main": "index.js", "bin": {%q: "run.js"}}`, name, name)},
		{"package/index.js", "module.exports = 42\n"},
		{"package/run.js", "#!/usr/bin/env node\nconsole.log('runs')\n"},
	} {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.text))}))
		_, err := w.Write([]byte(f.text))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	require.NoError(t, os.WriteFile(filepath.Join(dir, name+"-1.0.0.tgz"), packed.Bytes(), 0o600))
	sum := sha512.Sum512(packed.Bytes())
	return "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
}

// modules writes a project with one packed module next to it, as npm install does, and returns its folder.
func modules(t *testing.T, integrity func(string) string) string {
	t.Helper()
	dir := t.TempDir()
	sum := integrity(module(t, dir, "dep"))
	app := filepath.Join(dir, "app")
	require.NoError(t, os.Mkdir(app, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(app, packageFile),
		[]byte(`{"name": "app", "version": "1.0.0", "dependencies": {"dep": "file:../dep-1.0.0.tgz"}}`), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(app, packageLockFile), fmt.Appendf(nil, `{
  "name": "app", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
  "packages": {
    "": {"name": "app", "version": "1.0.0", "dependencies": {"dep": "file:../dep-1.0.0.tgz"}},
    "node_modules/dep": {"version": "1.0.0", "resolved": "file:../dep-1.0.0.tgz", "integrity": %q, "bin": {"dep": "run.js"}}
  }
}`, sum), 0o600))
	return app
}

// npmStore is a store whose npm uses neither a network nor the user's cache.
func npmStore(t *testing.T) *Store {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	t.Setenv("npm_config_offline", "true")
	s, err := Open(t.TempDir())
	require.NoError(t, err)
	for _, tool := range []string{"node", "npm"} {
		if _, ok := s.tools.look(tool); !ok {
			t.Skip(tool + " is needed")
		}
	}
	return s
}

// TestModules: a packed module is installed with its program, and found from any folder.
func TestModules(t *testing.T) {
	s := npmStore(t)
	spec, err := Read(modules(t, func(sum string) string { return sum }))
	require.NoError(t, err)
	var seen states
	e, err := s.Prepare(t.Context(), spec, seen.add)
	require.NoError(t, err)
	defer e.Release()
	assert.Equal(t, states{Preparing, Ready}, seen)
	assert.Equal(t, "42", ask(t, e, "node", "-p", "require('dep')"))
	assert.Equal(t, "runs", ask(t, e, "dep"))
	assert.Empty(t, e.Python())
	entries, err := s.List()
	require.NoError(t, err)
	require.Len(t, entries, 1)
	assert.Contains(t, entries[0].Tool, "Node.js ")
}

// TestModulesFail: a hash that differs, and a lock that does not fit package.json.
func TestModulesFail(t *testing.T) {
	s := npmStore(t)
	wrong := sha512.Sum512(nil)
	spec, err := Read(modules(t, func(string) string { return "sha512-" + base64.StdEncoding.EncodeToString(wrong[:]) }))
	require.NoError(t, err)
	_, err = s.Prepare(t.Context(), spec, nil)
	var failed *FailedError
	require.ErrorAs(t, err, &failed)
	assert.Contains(t, failed.Reason, "a hash differs: ")

	apart, err := Read(modules(t, func(sum string) string { return sum }))
	require.NoError(t, err)
	dir := filepath.Dir(apart.Name)
	module(t, dir, "other")
	apart.Files[packageFile] = []byte(strings.NewReplacer(`"dep"`, `"other"`, "dep-1", "other-1").Replace(string(apart.Files[packageFile])))
	_, err = s.Prepare(t.Context(), apart, nil)
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "package.json and its lock are not in sync: Missing: other@1.0.0 from lock file", failed.Reason)
	assert.NotContains(t, failed.Error(), "npm error Options:")
}

// TestWithoutNode: the error names what is missing, before anything is made.
func TestWithoutNode(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	s, err := Open(t.TempDir())
	require.NoError(t, err)
	spec, err := Read(modules(t, func(sum string) string { return sum }))
	require.NoError(t, err)
	_, err = s.Prepare(t.Context(), spec, nil)
	require.ErrorContains(t, err, "there is no node on the PATH, expected Node.js")
}
