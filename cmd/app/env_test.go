package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/environment"
	"github.com/dagscope/dagscope/internal/testkit/pythontest"
)

// needVenv makes an interpreter that can make environments the first on the PATH.
func needVenv(t *testing.T) {
	t.Helper()
	t.Setenv("PATH", filepath.Dir(pythontest.FindVenv(t))+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// TestEnv: an environment is prepared, found again, listed and removed. Without requirements it needs no packages.
func TestEnv(t *testing.T) {
	needVenv(t)
	w := newWorld(t)
	t.Setenv("DAGSCOPE_ENV_DIR", "")
	assert.Contains(t, w.ok("env", "list"), "there are no environments in "+filepath.Join(w.dir, environmentsDir))
	assert.Contains(t, w.ok("env", "prune"), "0 environments and what was left of 0 failed preparations are removed")
	assert.NoDirExists(t, w.dir, "questions create nothing")

	file := filepath.Join(t.TempDir(), "requirements.txt")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	o := w.run("env", "prepare", file, "--find-links", t.TempDir())
	assert.Equal(t, exitOK, o.code, o.stderr)
	assert.Contains(t, o.stderr, file+" is preparing\n")
	assert.Contains(t, o.stdout, file+" is ready after ")
	assert.Contains(t, w.ok("env", "prepare", file), file+" is ready after ", "without a folder of wheels it is another one")
	o = w.run("env", "prepare", file)
	assert.Contains(t, o.stdout, file+" was ready: "+filepath.Join(w.dir, environmentsDir))
	assert.Empty(t, o.stderr)

	var prepared struct{ Environments []preparedJSON }
	w.json(&prepared, "env", "prepare", file)
	require.Len(t, prepared.Environments, 1)
	p := prepared.Environments[0]
	assert.False(t, p.Prepared)
	assert.FileExists(t, p.Python)
	var list struct{ Environments []environment.Entry }
	w.json(&list, "env", "list")
	require.Len(t, list.Environments, 2)
	assert.Equal(t, p.Key, list.Environments[0].Key)
	assert.Regexp(t, string(p.Key)[:12]+` +ready +python-requirements +Python 3\S+ +[\d.]+ .iB +20`, w.ok("env", "list"))

	assert.Contains(t, w.ok("env", "prune"), "0 environments and what was left of 0 failed preparations are removed", "they are new")
	var pruned struct{ Removed []environment.Entry }
	w.json(&pruned, "env", "prune", "--older-than", "0s")
	assert.Len(t, pruned.Removed, 2)
	assert.NoDirExists(t, p.Dir)
}

// TestEnvElsewhere: --env-dir is used instead of the data folder, and a folder without lock files is used as it is.
func TestEnvElsewhere(t *testing.T) {
	w := newWorld(t)
	store, folder := filepath.Join(t.TempDir(), "store"), t.TempDir()
	t.Setenv("DAGSCOPE_ENV_DIR", store)
	assert.Equal(t, folder+" is used as it is: "+folder+"\n", w.ok("env", "prepare", folder))
	assert.DirExists(t, store)
	assert.NoDirExists(t, w.dir)
}

// TestEnvFails: the exit code says whether the command line or the preparation is at fault, and the message why.
func TestEnvFails(t *testing.T) {
	needVenv(t)
	w := newWorld(t)
	t.Setenv("DAGSCOPE_ENV_DIR", "")
	dir := t.TempDir()
	file := filepath.Join(dir, "requirements.txt")
	require.NoError(t, os.WriteFile(file, []byte("absent==1.0\n"), 0o600))
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"env"}, exitUsage, `expected one of "list", "prepare", "prune"`},
		{[]string{"env", "prepare"}, exitUsage, "dagscope env prepare: expected \"<path> ...\"; see dagscope env prepare --help"},
		{[]string{"env", "prepare", filepath.Join(dir, "no.txt")}, exitUsage, "no.txt: no such file"},
		{[]string{"env", "prepare", file, "--python", "new"}, exitUsage, `the wanted Python is "new", expected a version such as 3.11`},
		{[]string{"env", "prepare", dir, "--python", ">=3.99"}, exitFailed, "Python >=3.99 is wanted, and the PATH has only 3."},
		{[]string{"env", "prune", "--older-than=-1s"}, exitUsage, "--older-than is -1s, expected 0s or more"},
	} {
		o := w.run(c.args...)
		assert.Equal(t, c.code, o.code, c.args)
		assert.Contains(t, o.stderr, c.want, c.args)
	}
	o := w.run("env", "prepare", file, "--find-links", dir)
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "cannot be prepared: no distribution of absent==1.0 was found\n  ")
	assert.Contains(t, w.ok("env", "list"), " failed: no distribution of absent==1.0 was found\n")
	assert.Equal(t, "0 environments and what was left of 1 failed preparation are removed, which took 0 B\n", w.ok("env", "prune"))
}
